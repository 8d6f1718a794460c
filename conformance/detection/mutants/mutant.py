"""A mutant: a correct exchange with one thing wrong, and the rules that may rightly say so."""

import json
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from conformance.judge.answer import Answer
from conformance.probe.exchange import Chunk, Exchange
from conformance.words import Mode

Relation = Literal["answer", "pair", "conversation"]


class Mutant(Struct, frozen=True, kw_only=True):
    """One thing done wrong to a correct exchange, or to several that belong together."""

    id: str
    """The same for the same change at the same place, whatever exchange it was made in."""
    sentence: str
    exchanges: tuple[Exchange, ...]
    mode: Mode
    relation: Relation = "answer"
    aim: tuple[str, ...] = ()
    """The rules that may rightly kill it."""
    note: bool = False
    """Legal by the sources, or a matter of taste: the aim may note it, and nothing may kill it."""
    equivalent: str = ""
    """Why no rule can tell it from a correct answer."""

    @property
    def exchange(self) -> Exchange:
        """The changed exchange: the last one, where there are several."""
        return self.exchanges[-1]


def mutant_of(
    answer: Answer, slug: str, exchange: Exchange, *aim: str, equivalent: str = "", note: bool = False
) -> Mutant:
    """The mutant of an answer that is this exchange instead."""
    return Mutant(
        id=f"{answer.scope}: {slug}",
        sentence=slug,
        exchanges=(exchange,),
        mode=answer.mode,
        aim=aim,
        equivalent=equivalent,
        note=note,
    )


def with_body(exchange: Exchange, body: bytes) -> Exchange:
    """The exchange with another body, which arrives when the old one did, and whose length is the one announced."""
    at = exchange.chunks[-1].at if exchange.chunks else exchange.finished
    length = str(len(body))
    headers = tuple((name, length if name == "content-length" else value) for name, value in exchange.headers)
    return replace(exchange, headers=headers, chunks=(Chunk(at, body),))


def with_json(exchange: Exchange, value: Any) -> Exchange:
    return with_body(exchange, json.dumps(value, ensure_ascii=False).encode())


def with_header(exchange: Exchange, name: str, value: str | None) -> Exchange:
    """The exchange with a response header of this value; None leaves it out."""
    others = tuple(header for header in exchange.headers if header[0] != name)
    return replace(exchange, headers=others if value is None else (*others, (name, value)))


def with_request(exchange: Exchange, **changes: Any) -> Exchange:
    """The exchange as the answer to a request with these keys; None leaves a key out."""
    asked = json.loads(exchange.request.body) | changes
    body = json.dumps({key: value for key, value in asked.items() if value is not None}).encode()
    return replace(exchange, request=replace(exchange.request, body=body))


def with_sent(exchange: Exchange, events: list[tuple[str, Any]]) -> Exchange:
    """The exchange with these events, each a name and its data."""
    return with_body(exchange, b"".join(frame(name, data) for name, data in events))


def frame(name: str, data: Any) -> bytes:
    """One event on the wire."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
