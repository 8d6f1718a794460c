"""Ways to change a request or an answer without touching what made it: shared by faults, variants and likenesses."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Piece
from conformance.scripted.anthropic.call import Call


def on_body(change: Callable[[dict[str, Any]], object]) -> Callable[[Call], Call]:
    """A stage that changes the request's JSON object; requests without one pass."""

    def request(call: Call) -> Call:
        document = call.document
        if not isinstance(document, dict):
            return call
        copied = msgspec.json.decode(call.body)
        change(copied)
        return call if copied == document else replace(call, body=msgspec.json.encode(copied))

    return request


def forget(value: Any, key: str) -> None:
    """Take a key out of every object inside a value."""
    if isinstance(value, dict):
        value.pop(key, None)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner in inside:
        forget(inner, key)


def with_document(answer: Answer, document: Any) -> Answer:
    """The answer with another JSON body."""
    body = msgspec.json.encode(document)
    headers = tuple((name, str(len(body)) if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, headers=headers, pieces=(Piece(body, answer.pieces[0].at if answer.pieces else 0.0),))


def document_of(answer: Answer) -> Any:
    """The JSON body of an answer."""
    return msgspec.json.decode(answer.body)


def plain_answer(text: str, status: int, content_type: str = "text/plain; charset=utf-8") -> Answer:
    body = text.encode()
    headers = (("content-type", content_type), ("content-length", str(len(body))))
    return Answer(status=status, headers=headers, pieces=(Piece(body),))


def rewritten(answer: Answer, write: Callable[[Any, bool], str]) -> Answer:
    """The answer with every JSON document in it written anew."""
    if answer.is_stream:
        pieces = []
        for piece in answer.pieces:
            head, data = piece.data.decode().rstrip("\n").split("data: ", 1)
            pieces.append(replace(piece, data=f"{head}data: {write(json.loads(data), True)}\n\n".encode()))
        return replace(answer, pieces=tuple(pieces))
    if answer.header("content-type") != "application/json" or not answer.pieces:
        return answer
    return with_body(answer, write(json.loads(answer.body), False).encode())


def with_body(answer: Answer, body: bytes) -> Answer:
    """The answer with another body, its length corrected."""
    headers = tuple((name, str(len(body)) if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, headers=headers, pieces=(Piece(body, answer.pieces[0].at if answer.pieces else 0.0),))
