"""Mutants of JSON answers: each key of each object changed."""

import json
from collections.abc import Iterator
from typing import Any

from conformance.detection.mutants.fields import BATCHES, COUNT, ENVELOPE, FILES, MESSAGE, MODELS, Field, field_at
from conformance.detection.mutants.mutant import Mutant, with_body, with_json
from conformance.detection.mutants.values import Path, Wrong, places, put, wrong_values
from conformance.judge.answer import Answer

FIELDS: dict[str, tuple[Field, ...]] = {
    "message": MESSAGE,
    "count": COUNT,
    "models": MODELS,
    "model": MODELS,
    "batches": BATCHES,
    "files": FILES,
    "error": ENVELOPE,
}
OPAQUE = frozenset({"/tool_use/input", "_tool_result/content", "/server_tool_use/input", "/capabilities"})
"""Places whose inside is free."""
UNKNOWN_KEY = "unknown keys may appear in any object"
NOTED = {"message": ("message.known-keys",), "count": ("count.only-tokens",)}
"""Scopes of answers where a key too many is noted."""
ORDER = "the order of keys says nothing"


def value_mutants(answer: Answer) -> Iterator[Mutant]:
    """Each key of each object of a JSON answer, done wrong in every way that its type allows."""
    fields, whole = FIELDS[answer.scope], answer.json
    for place, path, value in places(whole, OPAQUE):
        field = field_at(fields, place)
        if field is None or not (field.aim or field.legal):
            continue
        for wrong in wrong_values(value):
            shorter = isinstance(path[-1], int) and wrong.slug == "missing"  # of a list, that is another answer
            if not shorter and wrong.slug not in field.skips:
                yield _mutant(answer, place, field, wrong, put(whole, path, wrong.value))


def _mutant(answer: Answer, place: str, field: Field, wrong: Wrong, whole: Any) -> Mutant:
    return made(answer, place, field, wrong.slug, with_json(answer.exchange, whole))


def made(answer: Answer, place: str, field: Field, slug: str, exchange: Any) -> Mutant:
    """A mutant whose field has a wrong value of this kind."""
    return Mutant(
        id=f"{answer.scope}: {place} {slug}",
        sentence=f"{place} is {SAID.get(slug, slug)}",
        exchanges=(exchange,),
        mode=answer.mode,
        aim=() if slug in field.legal else field.aim,
        note=slug in field.notes,
        equivalent=field.legal.get(slug, ""),
    )


SAID = {
    "type": "of another type",
    "object": "an object",
    "string": "a string",
    "boolean": "true",
    "fraction": "a fraction",
    "zero": "0",
}


def object_mutants(answer: Answer) -> Iterator[Mutant]:
    """Objects with a key too many, with a key twice, and with their keys in another order."""
    whole = answer.json
    objects: list[tuple[str, Path]] = [
        ("", ()),
        *(
            (place, path)
            for place, path, one in places(whole, OPAQUE)
            if isinstance(one, dict) and not place.endswith(tuple(OPAQUE))
        ),
    ]
    for place, path in objects:
        holder = whole
        for key in path:
            holder = holder[key]
        extended = put(whole, path, holder | {"x_vendor": {"extra": 1}}) if path else whole | {"x_vendor": {"extra": 1}}
        yield Mutant(
            id=f"{answer.scope}: {place} extra key",
            sentence=f"{place or 'the answer'} has a key that nobody knows",
            exchanges=(with_json(answer.exchange, extended),),
            mode=answer.mode,
            aim=() if place else NOTED.get(answer.scope, ()),
            note=not place and answer.scope in NOTED,
            equivalent="" if not place and answer.scope in NOTED else UNKNOWN_KEY,
        )
    yield Mutant(
        id=f"{answer.scope}: keys reversed",
        sentence="the keys come in another order",
        exchanges=(with_json(answer.exchange, dict(reversed(whole.items()))),),
        mode=answer.mode,
        equivalent=ORDER,
    )
    for key in whole:
        repeated = f'{{"{key}": null, '.encode() + json.dumps(whole).encode()[1:]
        yield Mutant(
            id=f"{answer.scope}: /{key} twice",
            sentence=f"{key} stands twice, first null and then right",
            exchanges=(with_body(answer.exchange, repeated),),
            mode=answer.mode,
            aim=("http.unique-keys",),
        )


def contradictions(answer: Answer) -> Iterator[Mutant]:
    """A batch of which one thing belies another."""
    batch = answer.json
    if "data" in batch:
        return
    counts, long_ago = batch["request_counts"], "2000-01-01T00:00:00Z"
    canceled = {"request_counts": counts | {"canceled": 1}, "cancel_initiated_at": None}
    wrong: dict[str, dict[str, Any]] = {"expires before it begins": {"expires_at": long_ago}}
    wrong["canceled by nobody"] = canceled
    if batch["processing_status"] == "ended":
        wrong["ends before it begins"] = {"ended_at": long_ago}
        wrong["in process after its end"] = {"request_counts": counts | {"processing": 1}}
    for slug, values in wrong.items():
        yield Mutant(
            id=f"batches: {slug}",
            sentence=slug,
            exchanges=(with_json(answer.exchange, batch | values),),
            mode=answer.mode,
            aim=("batches.consistent",),
        )
