"""Run folders made from the types of the log, so that the report can be tested without asking anybody.

Each folder is what `conformance run --out` leaves, for made-up servers: one that is right, several versions of one that
has gaps, one that translates. `many_runs` makes the big report.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthetic_exchanges import Gap, Letters, evidence, gaps_of
from synthetic_surface import case_of, catalog, surface

from conformance.judge.finding import ABSENT, Finding
from conformance.runs.evidence import (
    exchange_id,
)
from conformance.runs.evidence_store import EvidenceWriter, pack_evidence
from conformance.runs.log import (
    CaseRow,
    EndRow,
    JudgedNeed,
    LogWriter,
    NeedLevel,
    ObedienceRow,
    ReadinessRow,
    ReadinessVerdict,
    RowInfo,
    RuleInfo,
    RuleRow,
    RunRow,
    SuiteInfo,
    TargetInfo,
)
from conformance.words import Mode


def make_run(
    folder: Path,
    *,
    name: str = "reference",
    version: str = "0.1.0",
    model: str = "scripted",
    rows: Sequence[RowInfo] | None = None,
    simulated: bool = False,
    started: str = "2026-11-20T09:00:00Z",
    complete: bool = True,
    base_url: str = "http://127.0.0.1:11434",
    with_evidence: bool = True,
    obeyed: tuple[int, int] = (60, 60),
    gaps: dict[str, Gap] | None = None,
    changed_questions: frozenset[str] = frozenset(),
) -> Path:
    """Writes one run folder and gives its path."""
    rows = surface() if rows is None else rows
    questions = catalog(rows)
    owned = {rule.surface: rule for rule in questions.rules}
    target = TargetInfo(name=name, version=version, base_url=base_url, model=model, simulated=simulated)
    gaps = gaps_of(name, version) if gaps is None else gaps
    letters = Letters(f"{name}{version}{model}")
    counts: dict[str, int] = {}
    statuses = set()
    kept = EvidenceWriter(folder)
    with LogWriter(folder) as log:
        log.write(
            RunRow(
                suite=SuiteInfo("0.1.0", hashlib.sha256(b"cases").hexdigest()),
                target=target,
                capabilities={"tools": True, "vision": False},
                options={"concurrency": 4, "attempts": 1, "timeout": 300},
                profile=None,
                expectations_sha256=hashlib.sha256(name.encode()).hexdigest(),
                command=f"conformance run --target {name} --model {model}",
                started=started,
            )
        )
        log.write(questions)
        for row in rows:
            if row.id in owned or row.unasked is not None:
                continue
            for mode in ("json", "stream") if not row.id.startswith(("endpoint", "validation")) else ("json",):
                made = _case_row(
                    kept, row, mode, gaps.get(row.id), letters, target, with_evidence, row.id in changed_questions
                )
                counts[made.verdict] = counts.get(made.verdict, 0) + 1
                statuses.add(made.status)
                log.write(made)
        for rule in questions.rules:
            law = _law_row(kept, rule, gaps.get(rule.id), letters, target, with_evidence)
            counts[law.verdict] = counts.get(law.verdict, 0) + 1
            statuses.add(law.status)
            log.write(law)
        log.write(ObedienceRow(*obeyed))
        log.write(_readiness(gaps))
        if complete:
            code = 1 if statuses & {"regression", "new", "improvement"} else 0
            log.write(EndRow(finished=started.replace("09:00", "09:02"), counts=counts, complete=True, exit=code))
    kept.close()
    pack_evidence(folder)
    return folder


def _case_row(
    kept: EvidenceWriter,
    row: RowInfo,
    mode: Mode,
    gap: Gap | None,
    letters: Letters,
    target: TargetInfo,
    with_evidence: bool,
    changed: bool,
) -> CaseRow:
    case = case_of(row.id)
    verdict, status, at, expected, observed = gap or ("supported", "as-expected", "", "", "")
    name = exchange_id(case, mode, 1)
    asked = verdict not in ("not-applicable", "not-run")
    if asked and with_evidence:
        kept.write(evidence(case, mode, 1, letters, target, gap))
    found = (
        [
            Finding(
                id="effect:0",
                key=f"effect:0 {row.id} {mode} {at or '/'} value",
                level="must",
                at=at,
                expected=expected,
                observed=observed,
                exchange=name,
            )
        ]
        if at
        else []
    )
    marks = (
        [
            Finding(
                id="message.stop-sequence-present",
                key="message.stop-sequence-present messages json /stop_sequence missing",
                level="must",
                at="/stop_sequence",
                expected="null or a string",
                observed=ABSENT,
                exchange=name,
            )
        ]
        if target.name == "ollama" and mode == "json" and asked
        else []
    )
    reasons = {
        "ignored": "accepted, but without effect",
        "refused": "declined with HTTP 404",
        "broken": "what the answer owes is contradicted",
        "inconclusive": "no failure arose inside a stream",
        "not-applicable": "the target declares no web_search",
        "partial": "refused, but not as the API refuses",
        "not-run": "budget spent",
    }
    return CaseRow(
        case=case,
        case_sha256=hashlib.sha256(f"{case}{changed}".encode()).hexdigest(),
        mode=mode,
        kind="obligation",
        surface=row.id,
        touches=[],
        level=row.weight,
        verdict=verdict,
        status=status,
        reason=reasons.get(verdict, ""),
        findings=found,
        marks=marks,
        attempts=1 if asked else 0,
        sdk="accepts" if asked else None,
        seconds=letters.seconds(0.02, 0.6),
        exchanges=[name] if asked else [],
        expected_by=GROUNDS.get(status, ""),
        drift=row.id == "request.tools.parallel" and verdict == "broken",
        shape=_shape(row.id, target) if asked else None,
    )


def _shape(row: str, target: TargetInfo) -> dict[str, Any]:
    """The shape of an answer: that of one row has a key more since a version."""
    newer = row == "request.stop_sequences" and (target.version or "") >= "0.30"
    return {"status": 200, "body": {"stop_sequence": "null", **({"speed": "string"} if newer else {})}}


def _law_row(
    kept: EvidenceWriter, rule: RuleInfo, gap: Gap | None, letters: Letters, target: TargetInfo, with_evidence: bool
) -> RuleRow:
    verdict, status, at, expected, observed = gap or ("supported", "as-expected", "", "", "")
    mode: Mode = "stream" if "event/" in at else "json"
    name = exchange_id(f"messages.{rule.id}", mode, 1)
    found: list[Finding] = []
    if gap and verdict in ("broken", "partial"):
        if with_evidence:
            kept.write(evidence(f"messages.{rule.id}", mode, 1, letters, target, None, rule.id))
        found = [
            Finding(
                id=rule.id,
                key=f"{rule.id} messages {mode} {at} missing",
                level=rule.level,
                at=at,
                expected=expected,
                observed=observed,
                n=41,
                exchange=name,
            )
        ]
    return RuleRow(
        rule=rule.id,
        surface=rule.surface,
        level=rule.level,
        verdict=verdict,
        status=status,
        seen=118,
        violations=41 if found else 0,
        findings=found,
        expected_by="",
    )


def _readiness(gaps: dict[str, Gap]) -> ReadinessRow:
    needs: tuple[tuple[str, NeedLevel, str], ...] = (
        ("stream.index", "blocks", "Text and tool calls are mixed up."),
        ("endpoint.count_tokens", "degrades", "/context sends 14 extra requests, and its numbers are guesses."),
        ("request.tools.parallel", "degrades", "Files are read one at a time."),
    )
    missing = [
        JudgedNeed(id=row, level=level, verdict=gaps[row][0], says=row, meets=meets, question=case_of(row))
        for row, level, meets in needs
        if row in gaps
    ]
    verdict: ReadinessVerdict = (
        "not ready" if any(need.level == "blocks" for need in missing) else "ready with limits" if missing else "ready"
    )
    return ReadinessRow(
        profile="claude-code",
        client="Claude Code 2.1.214",
        verdict=verdict,
        needs=missing,
        timing={"first_event_seconds": 0.412, "longest_silence_seconds": 1.9, "limit_seconds": 300},
    )


GROUNDS = {
    "documented-gap": "https://docs.ollama.com/api/anthropic-compatibility: listed as not supported",
    "disputed": "The makers: The result is kept. (exchange 7). The suite: The API refuses it.",
}
"""Status to what a row says of why it was expected."""
OLLAMA_VERSIONS = ("0.14.0", "0.15.6", "0.18.0", "0.23.4", "0.30.0", "0.32.2", "0.33.0", "0.40.12")


def a_few_runs(folder: Path, *, with_evidence: bool = True) -> list[Path]:
    """The reference endpoint, one gateway, and six versions of a simulated server."""
    asked = [("reference", "0.1.0"), ("litellm", "1.106.2"), *(("ollama", version) for version in OLLAMA_VERSIONS[2:])]
    return [
        make_run(
            folder / f"{name}-{version}",
            name=name,
            version=version,
            simulated=name == "ollama",
            with_evidence=with_evidence,
        )
        for name, version in asked
    ]


def many_runs(folder: Path, runs: int = 30, rows: int = 400) -> list[Path]:
    """The big report: so many runs of so many rows, each with its evidence."""
    asked = surface(rows)
    made = []
    for number in range(runs):
        name = ("ollama", "litellm", "reference")[number % 3]
        version = OLLAMA_VERSIONS[number // 3 % 8] if name == "ollama" else f"1.{100 + number}.0"
        made.append(
            make_run(
                folder / f"run-{number:02}",
                name=name,
                version=version,
                rows=asked,
                simulated=name == "ollama",
                model=f"scripted-{number}",
            )
        )
    return made
