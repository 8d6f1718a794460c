"""Mutants of streams that are well-formed: wrong counts, reasons, indices, pieces and times."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from conformance.detection.mutants.events import Sent, sent
from conformance.detection.mutants.maker import Maker
from conformance.detection.mutants.mutant import Mutant, with_request, with_sent
from conformance.judge.answer import read
from conformance.probe.exchange import Chunk, Exchange

LONG_TEXT = " ".join(["word"] * 120)


def streams(make: Maker) -> Iterator[Mutant]:
    exchange, events = make.answer.exchange, sent(make.answer)
    used = make.answer.message["usage"]
    yield make.made("a start that counts nothing", _late(make), "usage.start-counted")
    yield make.made(
        "a start that counts more", make.started(output_tokens=used["output_tokens"] + 50), "usage.cumulative"
    )
    other = make.usage(input_tokens=used["input_tokens"] + 1)
    yield make.made("another input at the end", other, "usage.start-agrees", note=True)
    yield make.made("a final reason at the start", make.named(stop_reason="end_turn"), "stream.start-stop")
    yield make.made(
        "content at the start", make.named(content=[{"type": "text", "text": "Hi"}]), "stream.start-content"
    )
    yield make.made(
        "no message at the start",
        make.events(lambda n, d: {"type": n} if n == "message_start" else d),
        "stream.start-message",
    )
    final = next(data for name, data in events if name == "message_delta")
    first = final | {"delta": final["delta"] | {"stop_reason": "pause_turn"}}
    place = [name for name, _ in events].index("message_delta")
    twice = [*events[:place], ("message_delta", first), *events[place:]]
    yield make.made("two reasons", with_sent(exchange, twice), "stream.one-stop-reason")
    more = {"output_tokens": final["usage"]["output_tokens"] + 50}
    shrinking = [*events[:place], ("message_delta", final | {"usage": more}), *events[place:]]
    yield make.made("output that shrinks", with_sent(exchange, shrinking), "usage.cumulative")
    errors: list[tuple[str, Any]] = [
        ("of unknown type", {"type": "oops", "message": "x"}),
        ("without a sentence", {"type": "api_error"}),
        ("as a string", "Overloaded"),
        ("missing", None),
    ]
    for slug, error in errors:
        wrong = [*events[:2], ("error", {"type": "error", "error": error})]
        yield make.made(f"an error event {slug}", with_sent(exchange, wrong), "error.event")
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    yield make.made("an error as first event", with_sent(exchange, [("error", overloaded)]), "error.before-stream")
    yield make.made(
        "an error after the stop", with_sent(exchange, [*events, ("error", overloaded)]), "stream.stop-last"
    )
    yield make.made("a ping of another form", with_sent(exchange, [("ping", {}), *events]), "stream.ping")
    yield from _indices(make)
    if make.answer.text:
        yield from _pieces(make)


def _late(make: Maker) -> Exchange:
    used = make.answer.message["usage"]
    nothing = {
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": None,
    }

    def change(name: str, data: Any) -> Any:
        if name == "message_start":
            return data | {"message": data["message"] | {"usage": data["message"]["usage"] | nothing}}
        return (
            data | {"usage": data["usage"] | {"input_tokens": used["input_tokens"]}}
            if name == "message_delta"
            else data
        )

    return make.events(change)


def _indices(make: Maker) -> Iterator[Mutant]:
    """The indices of all events shifted, spread, exchanged, or left out."""
    changes: list[tuple[str, Callable[[int], Any], bool, str]] = [
        ("from 1", lambda index: index + 1, False, "stream.index"),
        ("with gaps", lambda index: index * 2, True, "stream.index"),
        ("all 0", lambda _: 0, True, "stream.index"),
        ("as strings", str, False, "stream.index-integer"),
        ("backwards", lambda index: -index, True, "stream.index"),
    ]
    for slug, change, several, law in changes:
        if len(make.kinds) < (2 if several else 1):
            continue

        def changed(_: str, data: Any, change: Callable[[int], Any] = change) -> Any:
            return data | {"index": change(data["index"])} if "index" in data else data

        yield make.made(f"indices {slug}", make.events(changed), law)
    if make.kinds:
        bare = make.events(lambda _, data: {key: value for key, value in data.items() if key != "index"})
        yield make.made("no indices", bare, "stream.index-integer")
    if any(data["index"] for name, data in sent(make.answer) if name == "content_block_delta"):
        deltas = make.events(lambda name, data: data | {"index": 0} if name == "content_block_delta" else data)
        yield make.made("all deltas to block 0", deltas, "stream.delta-open")


def _pieces(make: Maker) -> Iterator[Mutant]:
    """Text that comes in wrong pieces, or at wrong times."""
    events = sent(make.answer)
    place = next(n for n, (_, data) in enumerate(events) if data.get("delta", {}).get("type") == "text_delta")
    index = events[place][1]["index"]

    def text(*pieces: str) -> Exchange:
        deltas: Sent = [
            (
                "content_block_delta",
                {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}},
            )
            for piece in pieces
        ]
        kept = [
            (name, data)
            for name, data in events[place:]
            if not (data.get("index") == index and data.get("delta", {}).get("type") == "text_delta")
        ]
        return with_sent(make.answer.exchange, [*events[:place], *deltas, *kept])

    yield make.made(
        "all of the text each time", text("One", "One two", "One two three", "One two three four"), "stream.delta-adds"
    )
    yield make.made(
        "each piece of text twice", text("One", "One", " two", " two", " three", " three"), "stream.delta-adds"
    )
    long = text(*(f"{word} " for word in LONG_TEXT.split()))
    waited = replace(long, chunks=(Chunk(2.5, long.body),), finished=2.5)
    yield make.made("all at once, and late", with_request(waited, max_tokens=4096), "stream.incremental")
    half = len(long.body) // 2
    silent = replace(long, chunks=(Chunk(0.1, long.body[:half]), Chunk(90.0, long.body[half:])), finished=90.0)
    yield make.made("a long silence", with_request(silent, max_tokens=4096), "stream.keep-alive")


def inputs(make: Maker) -> Iterator[Mutant]:
    """The input of tools, brought in wrong pieces."""

    def pieces(change: Callable[[str, int], str]) -> Exchange:
        number = -1

        def changed(name: str, data: Any) -> Any:
            nonlocal number
            if name != "content_block_delta" or data["delta"].get("type") != "input_json_delta":
                return data
            number += 1
            return data | {"delta": data["delta"] | {"partial_json": change(data["delta"]["partial_json"], number)}}

        return make.events(changed)

    sofar: list[str] = []

    def accumulated(piece: str, _: int) -> str:
        sofar.append(piece)
        return "".join(sofar)

    for slug, change in (
        ("the last brace missing", lambda piece, _: piece.removesuffix("}")),
        ("the last brace twice", lambda piece, _: piece + "}" if piece.endswith("}") else piece),
        ("all of the input each time", accumulated),
        ("each piece twice", lambda piece, _: piece * 2),
        ("an input that is an array", lambda _, number: "" if number else "[]"),
        ("an input that is a string of JSON", lambda _, number: "" if number else '"{}"'),
        ("an input of single quotes", lambda piece, _: piece.replace('"', "'")),
        ("an input of null", lambda _, number: "" if number else "null"),
    ):
        changed = pieces(change)
        if read(changed, "stream").message != make.answer.message:  # some inputs have nothing that could be changed so
            yield make.made(slug, changed, "tools.input-json")
