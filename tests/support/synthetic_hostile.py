"""A run whose endpoint wrote dangerous text wherever it has a say."""

import json
from pathlib import Path

from synthetic_surface import case_of, catalog, surface

from conformance.judge.finding import Finding, Violation
from conformance.judge.witness import Testimony
from conformance.runs.evidence import (
    Evidence,
    Mark,
    RecordedAnswer,
    RecordedRequest,
    Text,
    exchange_id,
)
from conformance.runs.evidence_store import EvidenceWriter
from conformance.runs.log import (
    CaseRow,
    EndRow,
    JudgedNeed,
    LogWriter,
    ReadinessRow,
    RunRow,
    SuiteInfo,
    TargetInfo,
)
from conformance.words import Mode

HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=2</script>",
    "<!--<script>",
    "<img src=x onerror=window.hacked=3>",
    '"><svg onload=window.hacked=4>',
    "javascript:window.hacked=5",
    "{{ 7*7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "\x00\x01\x1b[31mred\x7f\u2028\u2029\ufffe",
    "]]><!DOCTYPE x>",
    "|`*_[x](javascript:window.hacked=6)![](http://127.0.0.1:9/x.png)",
    "__proto__",
)


def hostile_run(folder: Path, megabytes: float = 5.0) -> Path:
    """A run whose endpoint wrote dangerous text wherever it has a say."""
    evil = " ".join(HOSTILE)
    rows = surface(40)
    questions = catalog(rows)
    target = TargetInfo(name="ollama", version=evil, base_url=f"http://127.0.0.1:1/{HOSTILE[3]}", model=evil)
    kept = EvidenceWriter(folder)
    with LogWriter(folder) as log:
        log.write(
            RunRow(
                suite=SuiteInfo("0.1.0", "00"),
                target=target,
                capabilities={},
                options={},
                profile=None,
                expectations_sha256="",
                command=f"conformance run --model '{evil}'",
                started="2026-11-20T09:00:00Z",
            )
        )
        log.write(questions)
        for number, row in enumerate(rows):
            text = HOSTILE[number % len(HOSTILE)]
            mode: Mode = "json" if number % 2 else "stream"
            name = exchange_id(case_of(row.id), mode, 1)
            kept.write(_hostile_evidence(case_of(row.id), mode, text, megabytes if number == 0 else 0))
            at = ("/text", "event/0/data", f"/{text}", f"header/{text}", text)[number % 5]
            log.write(
                CaseRow(
                    case=case_of(row.id),
                    case_sha256="0" * 64,
                    mode=mode,
                    kind="obligation",
                    surface=row.id,
                    touches=[],
                    level="must",
                    verdict="broken",
                    status="new",
                    reason=text,
                    findings=[
                        Finding(
                            id="effect:0",
                            key=text,
                            level="must",
                            at=at,
                            expected={"equals": "x"},
                            observed={text: [text, None, {"a": evil}]},
                            exchange=name,
                        )
                    ],
                    marks=[],
                    attempts=1,
                    sdk="misreads",
                    seconds=0.1,
                    exchanges=[name],
                )
            )
        log.write(
            ReadinessRow(
                profile="claude-code",
                client=evil,
                verdict="not ready",
                needs=[JudgedNeed(id=evil, level="blocks", verdict="broken", says=evil, meets=evil, question=evil)],
                timing={evil: 1.0},
                warnings=[evil],
            )
        )
        log.write(EndRow(finished="2026-11-20T09:01:00Z", counts={"broken": len(rows)}, complete=True, exit=1))
    kept.close()
    return folder


def _hostile_evidence(case: str, mode: Mode, text: str, megabytes: float) -> Evidence:
    long = text * int(megabytes * 1_000_000 / len(text))
    chunks = [
        Text(text=f'event: {text}\ndata: {{"type": "message_start", "text": {json.dumps(text + long)}}}\n\n', at=0.1),
        Text(base64="/v7/wyi7", at=0.2),
        Text(text=f"data: {text}\n\n", at=0.3),
    ]
    if mode == "json":
        chunks = [
            Text(
                text=json.dumps(
                    {
                        "content": [{"type": "text", "text": text + long, text: text}],
                        "__proto__": {"x": text},
                        text: text,
                    }
                ),
                at=0.1,
            )
        ]
    return Evidence(
        id=exchange_id(case, mode, 1),
        case=case,
        mode=mode,
        attempt=1,
        observation=text,
        request=RecordedRequest(
            "POST",
            f"http://127.0.0.1:1/{text}",
            [("content-type", "application/json"), ("x-note", text)],
            Text(text=json.dumps({"text": text, "quote": 'it\'s "so" $HOME `id`'})),
        ),
        answer=RecordedAnswer(
            outcome="complete",
            status=200,
            http_version="HTTP/1.1",
            headers=[(text, text), ("content-type", text)],
            chunks=chunks,
            started=0.0,
            first_byte=0.1,
            finished=0.4,
            detail=text,
            notes=[text],
        ),
        witness=Testimony("misreads", text),
        marks=[Mark(rule="message.required-keys", violation=Violation(f"/{text}", text, text, text))],
    )
