"""Mutants of answers that belong together: the two modes of a case, the turns of a conversation."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.detection.mutants.events import Sent, sent
from conformance.detection.mutants.mutant import Mutant, with_header, with_json, with_sent
from conformance.judge.answer import read
from conformance.judge.rules.usage import total_input
from conformance.probe.exchange import Exchange


def mutants_of_pair(plain: Exchange, streamed: Exchange) -> Iterator[Mutant]:
    """The JSON answer and the stream of one case, where the stream says something else."""
    answer = read(streamed, "stream")
    message, events = read(plain, "json").message, sent(answer)
    kinds = [block.get("type") for block in message["content"]]

    def made(slug: str, one: Exchange, other: Exchange, *aim: str) -> Mutant:
        return Mutant(
            id=f"pair: {slug}", sentence=slug, exchanges=(one, other), mode="stream", relation="pair", aim=aim
        )

    if not kinds:
        return
    if len(set(kinds)) > 1 and kinds[0] != "thinking":  # turned round, that breaks a rule of its own
        turned = with_json(plain, message | {"content": message["content"][::-1]})
        yield made("blocks in another order", turned, streamed, "parity.block-order")
    if kinds == ["text"] and answer.text:
        if len(streamed_pieces(events)) > 1 and not message["content"][0].get("citations"):
            yield made("text in many blocks", plain, with_sent(streamed, _split(events)), "parity.text-blocks")
        for slug, sign in (("a replacement character", "\ufffd"), ("several replacement characters", "\ufffd\ufffd")):
            hurt = with_json(plain, message | {"content": [message["content"][0] | {"text": sign + answer.text}]})
            yield made(f"{slug} in JSON", hurt, streamed, "parity.characters")
            yield made(f"{slug} in the stream", plain, with_sent(streamed, _hurt(events, sign)), "parity.characters")
        dearer = with_json(plain, message | {"usage": message["usage"] | {"output_tokens": 99}})
        yield made("another count of output", dearer, streamed, "parity.output-tokens")
    weighed = (total_input(message["usage"]) or 0) * 2 + 20
    dearer = with_json(plain, message | {"usage": message["usage"] | {"input_tokens": weighed}})
    yield made("another count of input", dearer, streamed, "parity.input-tokens")
    if "thinking" in kinds:
        bare = [{key: value for key, value in block.items() if key != "thinking"} for block in message["content"]]
        thoughtless = with_json(plain, message | {"content": bare})
        yield made("a field in the stream only", thoughtless, streamed, "parity.block-fields")
    if kinds.count("tool_use") == 1 and any(block.get("input") for block in message["content"]):
        called = [
            block | {"input": {key: [value] for key, value in block["input"].items()}} if "input" in block else block
            for block in message["content"]
        ]
        yield made(
            "an input of another form", with_json(plain, message | {"content": called}), streamed, "parity.tool-input"
        )


def streamed_pieces(events: Sent) -> list[dict[str, Any]]:
    """The deltas that bring text."""
    return [data["delta"] for _, data in events if data.get("delta", {}).get("type") == "text_delta"]


def _hurt(events: Sent, sign: str) -> Sent:
    """The same events with a sign before the first piece of text."""
    first = next(number for number, (_, data) in enumerate(events) if data.get("delta", {}).get("type") == "text_delta")
    name, data = events[first]
    delta = data["delta"] | {"text": sign + data["delta"]["text"]}
    return [*events[:first], (name, data | {"delta": delta}), *events[first + 1 :]]


def _split(events: Sent) -> Sent:
    """Each piece of text in a block of its own."""
    pieces = streamed_pieces(events)
    blocks: Sent = []
    for index, delta in enumerate(pieces):
        for name, more in (
            ("content_block_start", {"content_block": {"type": "text", "text": ""}}),
            ("content_block_delta", {"delta": delta}),
            ("content_block_stop", {}),
        ):
            blocks.append((name, {"type": name, "index": index, **more}))
    first = next(number for number, (name, _) in enumerate(events) if name == "content_block_start")
    return [*events[:first], *blocks, *[one for one in events[first:] if not one[0].startswith("content_block")]]


def mutants_of_conversation(exchanges: Sequence[Exchange]) -> Iterator[Mutant]:
    """Two JSON answers of one conversation, where the second repeats what it must not."""
    first, second = exchanges[0], exchanges[-1]
    one, two = (json.loads(exchange.body) for exchange in (first, second))

    def made(slug: str, other: Any, *aim: str, note: bool = False) -> Mutant:
        return Mutant(
            id=f"conversation: {slug}",
            sentence=slug,
            exchanges=(first, with_json(second, other)),
            mode="json",
            relation="conversation",
            aim=aim,
            note=note,
        )

    yield made("a message id again", two | {"id": one["id"]}, "conversation.message-ids-unique", note=True)
    same_request = with_header(second, "request-id", first.header("request-id"))
    yield Mutant(
        id="conversation: a request-id again",
        sentence="a request-id again",
        exchanges=(first, same_request),
        mode="json",
        relation="conversation",
        aim=("conversation.request-ids-unique",),
    )
    calls = [[block for block in message["content"] if block["type"] == "tool_use"] for message in (one, two)]
    if all(calls):
        again = [
            block | {"id": calls[0][0]["id"]} if block["type"] == "tool_use" else block for block in two["content"]
        ]
        yield made("a tool id again", two | {"content": again}, "conversation.tool-ids-unique")
    thoughts = [[block for block in message["content"] if block["type"] == "thinking"] for message in (one, two)]
    if all(thoughts):
        signature = thoughts[0][0]["signature"]
        same = [block | {"signature": signature} if block["type"] == "thinking" else block for block in two["content"]]
        yield made("one signature for all", two | {"content": same}, "conversation.signatures-differ", note=True)
    if first.request.body == second.request.body:
        double = two | {"usage": two["usage"] | {"cache_read_input_tokens": two["usage"]["input_tokens"] + 50}}
        yield made("cached input counted twice", double, "conversation.same-input")
