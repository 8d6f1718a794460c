"""Mutants of an answer on its way down: what the upstream said, in one document or in chunks, is heard otherwise."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.gateway.hearing import Chunk
from conformance.scripted.mutants.changes import changes
from conformance.scripted.mutants.mutant import Mutant, bent, would_bend
from conformance.scripted.mutants.places import Path, Place, places, spots

Documents = list[Any]
Bending = Callable[[Documents], Documents | None]
"""The documents of an answer made into others; None where nothing is changed."""

DATA = "data:"
REASONS = ("stop", "length", "tool_calls", "content_filter")
"""What the upstream may give as the reason why it ended; the type of a chunk takes any word."""
WORDS = ("choices", "*", "delta", "content")
WHICH: dict[str, slice] = {"": slice(None), ":first": slice(1), ":last": slice(-1, None)}
"""Of the pieces of a stream."""


def downward() -> Iterator[Mutant]:
    for place in map(_with_reasons, places(Chunk)):
        in_pieces = "delta" in place.path and "content.*" not in place.name
        for change in changes(place):
            for where, which in WHICH.items() if in_pieces else [("", slice(None))]:
                says = f"{place.name}{where.replace(':', ', the ')} of the answer {change.says}"
                yield _mutant(
                    f"down:{change.name}:{place.name}{where}",
                    says,
                    partial(bent, path=place.path, change=change, which=which),
                    partial(would_bend, path=place.path, change=change, which=which),
                    place.path,
                )
    for path in _said():
        for name, (says, move) in MOVES.items():
            for where, which in list(WHICH.items())[1:]:
                bending: Bending = partial(_moved, path=path, move=move, which=which)
                yield _mutant(
                    f"down:chunk-{name}:{'.'.join(path)}{where}",
                    f"the {where[1:]} chunk with {'.'.join(path)} {says}",
                    bending,
                    partial(_bends, bending),
                    path,
                )


def _with_reasons(place: Place) -> Place:
    return msgspec.structs.replace(place, values=REASONS) if place.path[-1] == "finish_reason" else place


def _said() -> list[Path]:
    """What one chunk of a stream may bring."""
    paths = [place.path for place in places(Chunk)]
    words = [path for path in paths if path[:3] == ("choices", "*", "delta") and len(path) == len(WORDS)]
    return list(dict.fromkeys([*words, ("choices", "*", "finish_reason"), ("usage",)]))


def _lost(documents: Documents, at: int) -> None:
    del documents[at]


def _doubled(documents: Documents, at: int) -> None:
    documents.insert(at, documents[at])


def _later(documents: Documents, at: int) -> None:
    documents.insert(at + 1, documents.pop(at))


def _first(documents: Documents, at: int) -> None:
    documents.insert(0, documents.pop(at))


def _last(documents: Documents, at: int) -> None:
    documents.append(documents.pop(at))


def _cut_after(documents: Documents, at: int) -> None:
    del documents[at + 1 :]


MOVES: dict[str, tuple[str, Callable[[Documents, int], None]]] = {
    "lost": ("is lost", _lost),
    "doubled": ("is heard twice", _doubled),
    "later": ("is heard after the next one", _later),
    "first": ("is heard before all others", _first),
    "last": ("is heard after all others", _last),
    "cut-after": ("is the last one that is heard", _cut_after),
}


def _moved(
    documents: Documents, *, path: Path, move: Callable[[Documents, int], None], which: slice
) -> Documents | None:
    found = [number for number, document in enumerate(documents) if _holds(document, path)][which]
    if not found:
        return None
    changed = list(documents)
    for at in found:
        move(changed, at)
    return changed if changed != documents else None


def _holds(document: Any, path: Path) -> bool:
    return any(holder[key] not in ("", []) for holder, key in spots(document, path))


def _bends(bending: Bending, documents: Documents) -> bool:
    return bending(documents) is not None


def _mutant(name: str, says: str, bending: Bending, bends: Callable[[Documents], bool], path: Path) -> Mutant:
    return Mutant(
        id=name,
        says=says,
        hooks=Hooks(lines=partial(_rewritten, bending)),
        bends=bends,
        path=path,
    )


def _rewritten(bending: Bending, lines: list[str]) -> list[str]:
    """The lines of an event stream, or the one that is the whole answer, with what its documents became."""
    documents = documents_of(lines)
    changed = bending(documents)
    if changed is None:
        return lines
    if not _in_events(lines):
        return [json.dumps(changed[0])] if changed else [""]
    data = [f"{DATA} {json.dumps(document)}" for document in changed]
    return [*data, *(line for line in lines if line.removeprefix(DATA).strip() == "[DONE]")]


def _in_events(lines: list[str]) -> bool:
    return any(line.startswith(DATA) for line in lines)


def documents_of(lines: list[str]) -> Documents:
    texts = [line.removeprefix(DATA) for line in lines if line.startswith(DATA)] if _in_events(lines) else lines
    found = []
    for text in texts:
        try:
            found.append(msgspec.json.decode(text))
        except msgspec.DecodeError:
            continue
    return found
