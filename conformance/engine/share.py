"""Makes a copy of a run that may be given away, and proves that it says the same: both are judged again."""

import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.load import Catalog
from conformance.engine.records import added
from conformance.engine.rejudge import rejudge
from conformance.judge.finding import Finding
from conformance.judge.wire import decode
from conformance.runs.evidence import Evidence, exchange_of
from conformance.runs.evidence_store import EvidenceStore, EvidenceWriter, pack_evidence
from conformance.runs.log import CaseRow, RuleRow, RunLog, pack_log, read_log
from conformance.runs.masking import Candidate, Masked, Masks, candidates
from conformance.runs.sharing import is_kept, shared_evidence, shared_log

TAG = re.compile(r":[A-Za-z0-9._-]+$")
"""What Ollama calls a tag: it says which of the variants, and no name."""

Said = tuple[str, tuple[str, ...]]
"""What a row says: its verdict, and what is wrong."""


class Shared(Struct, frozen=True, kw_only=True):
    """The contents of a shared copy of a run, and whether its verdicts are the same."""

    masked: tuple[Masked, ...]
    kept_headers: tuple[str, ...]
    left_out: tuple[str, ...]
    """Names of the endpoint's headers that the copy lacks."""
    rows: int
    """How many were judged again."""
    different: tuple[str, ...]
    """Rows that say something else than those of the run; empty where the copy is as good as the run."""


def share(log: RunLog, catalog: Catalog, out: Path, masks: Masks, *, packaged: Collection[str]) -> Shared:
    """Writes the copy into `out`, a packed log and packed evidence. Nothing is sent anywhere."""
    store = EvidenceStore(log.folder)
    headers: Counter[str] = Counter()
    writer = EvidenceWriter(out)
    for name in store:
        evidence = store.read(name)
        headers.update(name for name, _ in evidence.answer.headers)
        writer.write(shared_evidence(evidence, masks))
    writer.close()
    pack_evidence(out)
    copied = shared_log(log, masks, packaged=packaged)
    rejudge(replace(copied, folder=out), catalog, out)
    with tempfile.TemporaryDirectory() as folder:
        own = replace(log, run=replace(log.run, options=_without_baseline(log)))
        rejudge(own, catalog, Path(folder))
        before = _said(read_log(Path(folder)))
    after = _said(read_log(out))
    pack_log(out)
    return Shared(
        masked=tuple(masks.made.values()),
        kept_headers=tuple(sorted(filter(is_kept, headers))),
        left_out=tuple(sorted(name for name in headers if not is_kept(name))),
        rows=len(after),
        different=tuple(sorted(row for row in before.keys() | after.keys() if before.get(row) != after.get(row))),
    )


def _without_baseline(log: RunLog) -> dict[str, object]:
    """The options without the run that this one was compared with, which may be gone: it turns no verdict."""
    return {name: value for name, value in log.run.options.items() if name != "baseline"}


def _said(log: RunLog) -> dict[str, Said]:
    """What each row says."""
    rows: list[tuple[str, CaseRow | RuleRow]] = [(f"{row.case}[{row.mode}]", row) for row in log.cases]
    rows += [(row.rule, row) for row in log.rules]
    return {name: (row.verdict, tuple(sorted(map(_what, row.findings)))) for name, row in rows}


def _what(finding: Finding) -> str:
    """Which rule or effect, and what is wrong: the key without the path, which may quote the endpoint."""
    words = finding.key.split(" ")
    return f"{words[0]} {words[-1]}"


def models_of(log: RunLog) -> list[str]:
    """The names of models that a run knows: the one that was asked, and those that the endpoint lists; no tags."""
    names = [log.run.target.model]
    store = EvidenceStore(log.folder)
    for evidence in (store.read(name) for name in store if name.startswith("models.")):
        document = decode(exchange_of(evidence).body)
        entries = document.get("data") if isinstance(document, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                names += [entry[key] for key in ("id", "display_name") if isinstance(entry.get(key), str)]
    return list(dict.fromkeys(TAG.sub("", name) for name in names if name))


def own_words(log: RunLog) -> set[Candidate]:
    """What looks private in the requests and was said by the suite first: no earlier answer of the attempt holds it."""
    own: set[Candidate] = set()
    store = EvidenceStore(log.folder)
    places = sorted((_Place.of(store.read(name)) for name in store), key=lambda place: (place.attempt, place.started))
    heard: set[Candidate] = set()
    for before, place in zip([None, *places], places, strict=False):
        if before is None or before.attempt != place.attempt:
            heard = set()
        own |= place.asked - heard
        heard |= place.answered
    return own - candidates(msgspec.json.encode(added(log)))


class _Place(Struct, frozen=True):
    """A place in one exchange that looks private."""

    attempt: tuple[str, str, int]
    started: float
    asked: set[Candidate]
    answered: set[Candidate]

    @classmethod
    def of(cls, evidence: Evidence) -> "_Place":
        exchange = exchange_of(evidence)
        return cls(
            attempt=(evidence.case, evidence.mode, evidence.attempt),
            started=exchange.started,
            asked=candidates(exchange.request.body, *_said_in(exchange.request.headers), exchange.request.url.encode()),
            answered=candidates(exchange.body, *_said_in(exchange.headers)),
        )


def _said_in(headers: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    return (value.encode("utf-8", "surrogatepass") for _, value in headers)
