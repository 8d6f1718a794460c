"""Packs the details and the evidence of a matrix, so that a big page stays small and still opens from disk.

A pack is a JSON array, deflated, in base64; the page unpacks one when a cell that needs it is opened. Documents that
are alike stand next to each other in a pack, where deflate finds them. When the evidence of all cells would make the
page too big, that of what is unexpected comes first, then that of every finding, then the rest of the newest runs, then
that of the others; the page names each exchange that it leaves out.
"""

import base64
import codecs
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from conformance.report.matrix import UNEXPECTED, Column, Judged, Matrix
from conformance.runs.evidence import Evidence, RecordedAnswer, Text, as_bytes
from conformance.runs.evidence_store import EvidenceError, EvidenceStore

PACK = 256 * 1024
"""Bytes of JSON in one pack: unpacked in some milliseconds."""

TEXT_LIMIT = 64 * 1024
"""Characters of one body that the page shows; the evidence has the rest."""

EVIDENCE_BUDGET = 1_500_000
"""Bytes that all packs of evidence may take in the page."""

MOST_EXCHANGES = 6000
"""Exchanges that one page reads, so that a report of any size is written within seconds."""

Place = tuple[int, int]
"""A pack, and a position in it."""


def packed(documents: Sequence[Any]) -> str:
    """Documents as one pack."""
    return _packed([msgspec.json.encode(document) for document in documents])


def unpacked(pack: str) -> Any:
    """The content of a pack."""
    return msgspec.json.decode(zlib.decompress(base64.b64decode(pack)))


def pack_evidence(matrix: Matrix, budget: int = EVIDENCE_BUDGET) -> tuple[list[str], dict[tuple[int, str], Place]]:
    """The packs, and where each exchange stands: (column, id) to its place. Reads no more than fits."""
    packs: list[str] = []
    places: dict[tuple[int, str], Place] = {}
    waiting: list[tuple[tuple[int, str], bytes]] = []
    size = 0
    spent = 0
    stores = [_store(column.log.folder) for column in matrix.columns]
    for key in _by_importance(matrix):
        if key in places:
            continue
        if len(places) == MOST_EXCHANGES:
            break
        document = _document(stores[key[0]], key[1])
        if document is None:
            continue
        places[key] = (len(packs), len(waiting))
        waiting.append((key, document))
        size += len(document)
        if size >= PACK:
            packs.append(_packed([document for _, document in waiting]))
            spent += len(packs[-1])
            waiting, size = [], 0
            if spent >= budget:
                break
    if waiting:
        packs.append(_packed([document for _, document in waiting]))
    return packs, places


def _by_importance(matrix: Matrix) -> Iterator[tuple[int, str]]:
    """Every exchange of the matrix as (column, id), the ones that readers need most first; some come twice."""
    judged = [
        (number, column, row, answer)
        for row in (row.id for row in matrix.rows)
        for number, column in enumerate(matrix.columns)
        if row in column.cells
        for answer in column.cells[row].judged
    ]
    for number, _, _, answer in judged:
        if answer.status in UNEXPECTED:
            yield from _exchanges(number, answer)
    for number, _, _, answer in judged:
        if answer.findings or answer.verdict not in ("supported", "not-applicable"):
            yield from _exchanges(number, answer)
    newest = _newest(matrix.columns)
    for wanted in (True, False):
        for number, _, _, answer in judged:
            if (number in newest) is wanted:
                yield from _exchanges(number, answer)


def _newest(columns: Sequence[Column]) -> set[int]:
    """The last column of each target."""
    return set({column.log.run.target.name: number for number, column in enumerate(columns)}.values())


def _exchanges(number: int, answer: Judged) -> Iterable[tuple[int, str]]:
    yield from ((number, finding.exchange) for finding in answer.findings if finding.exchange)
    yield from ((number, path) for path in getattr(answer, "exchanges", ()))


def _store(folder: Path) -> EvidenceStore | None:
    """The evidence of a run; None where there is none that can be read, for a page is due all the same."""
    try:
        return EvidenceStore(folder)
    except (EvidenceError, OSError):
        return None


def _document(store: EvidenceStore | None, name: str) -> bytes | None:
    """An exchange as the page reads it; None where it is missing or unreadable."""
    if store is None or name not in store:
        return None
    try:
        return msgspec.json.encode(_shown(store.read(name)))
    except (EvidenceError, ValueError):
        return None


def _shown(evidence: Evidence) -> dict[str, Any]:
    request, answer = evidence.request, evidence.answer
    body, cut = _text([request.body])
    return {
        "mode": evidence.mode,
        "attempt": evidence.attempt,
        "step": evidence.step,
        "observation": evidence.observation,
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "body": "".join(text for _, text in body),
            "cut": cut,
            "base64": request.body.base64,
        },
        "answer": _shown_answer(answer),
        "sdk": [evidence.witness.verdict, evidence.witness.detail] if evidence.witness else None,
        "marks": [{"rule": mark.rule, **msgspec.to_builtins(mark.violation)} for mark in evidence.marks],
    }


def _shown_answer(answer: RecordedAnswer) -> dict[str, Any]:
    chunks, cut = _text(answer.chunks)
    return {
        "outcome": answer.outcome,
        "status": answer.status,
        "http": answer.http_version,
        "headers": answer.headers,
        "chunks": chunks,
        "cut": cut,
        "binary": any(chunk.base64 is not None for chunk in answer.chunks),
        "first": _milliseconds(answer.first_byte),
        "finished": _milliseconds(answer.finished),
        "detail": answer.detail,
        "notes": answer.notes,
    }


def _text(chunks: Iterable[Text]) -> tuple[list[tuple[float | None, str]], int]:
    """Chunks as text with their times in milliseconds, and how many bytes were left out.

    A character that two chunks share belongs to the later one; bytes that are not UTF-8 become U+FFFD.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    shown: list[tuple[float | None, str]] = []
    room, cut = TEXT_LIMIT, 0
    pending = False
    for chunk in chunks:
        if chunk.text is not None and not pending:
            text = chunk.text
        else:
            text = decoder.decode(as_bytes(chunk))
            pending = bool(decoder.getstate()[0])
        if len(text) > room:
            cut += len(text[room:].encode())
            text = text[:room]
        room -= len(text)
        if text or not cut:
            shown.append((_milliseconds(chunk.at), text))
    if pending and room:
        shown.append((shown[-1][0], decoder.decode(b"", final=True)))
    return shown, cut


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _packed(documents: Sequence[bytes]) -> str:
    return base64.b64encode(zlib.compress(b"[" + b",".join(documents) + b"]", 9)).decode()


_DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)


def content_of(page: str) -> tuple[str, dict[str, Any]]:
    """The page without its data, and its data with every pack unpacked: equal for two pages that say the same."""
    found = _DATA.search(page)
    if found is None:
        raise ValueError("this is no page of a report: it has no data")
    data: dict[str, Any] = json.loads(found[2])
    for packs in ("details", "evidence"):
        data[packs] = [unpacked(pack) for pack in data[packs]]
    return _DATA.sub(r"\1\3", page), data
