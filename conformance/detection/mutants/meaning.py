"""Mutants that are well-formed and contradict themselves or their request."""

from collections.abc import Iterator
from typing import Any

from conformance.detection.mutants.events import Sent, sent
from conformance.detection.mutants.maker import Maker
from conformance.detection.mutants.mutant import Mutant, with_json, with_request, with_sent
from conformance.detection.mutants.pieces import inputs, streams
from conformance.judge.answer import Answer
from conformance.judge.rules.content import citations_in_place
from conformance.probe.exchange import Exchange

FOREIGN_REASONS = (
    "stop",
    "length",
    "tool_calls",
    "function_call",
    "content_filter",
    "eos",
    "STOP",
    "complete",
    "END_TURN",
    "",
)


def meanings(answer: Answer) -> Iterator[Mutant]:
    """Everything that this answer can be made to say wrongly."""
    make = Maker(answer)
    yield from _reasons(make)
    yield from _counts(make)
    yield from _names(make)
    if answer.text:
        yield from _texts(make)
    if "tool_use" in make.kinds:
        yield from _calls(make)
    if "server_tool_use" in make.kinds:
        unasked = with_request(answer.exchange, tools=[])
        yield make.made("a server tool that was not offered", unasked, "tools.server-call-asked")
    if "thinking" in make.kinds:
        yield from _thoughts(make)
    if citations_in_place.check(answer) is not None:
        yield from _citations(make)
    if answer.in_events:
        yield from streams(make)


def _citations(make: Maker) -> Iterator[Mutant]:
    cited = [citation for block in make.answer.blocks for citation in block.get("citations") or []]
    moved = [citation | {"start_char_index": citation["end_char_index"]} for citation in cited]
    if not make.answer.in_events:
        yield make.made("a citation elsewhere", make.blocks("text", citations=moved), "message.citations-in-place")
        return
    twice = make.blocks("text", citations=cited)
    yield make.made("citations at the start of their block too", twice, "stream.citations-once")


def _reasons(make: Maker) -> Iterator[Mutant]:
    reason, calls = make.answer.message.get("stop_reason"), "tool_use" in make.kinds
    for foreign in FOREIGN_REASONS:
        yield make.made(f"stop_reason {foreign!r}", make.ending(stop_reason=foreign), "message.stop-reason")
    if calls and reason == "tool_use":
        yield make.made("end_turn after a tool call", make.ending(stop_reason="end_turn"), "tools.reason-given")
        ended = with_request(make.ending(stop_reason="stop_sequence", stop_sequence="HALT"), stop_sequences=["HALT"])
        yield make.made("stop_sequence after a tool call", ended, "tools.reason-given")
    if not calls:
        yield make.made(
            "tool_use without a call", make.ending(stop_reason="tool_use", stop_sequence=None), "tools.reason-earned"
        )
    if reason == "end_turn":
        yield make.made(
            "stop_sequence with another reason", make.ending(stop_sequence="HALT"), "message.stop-sequence-agrees"
        )
        yield make.made(
            "stop_sequence unasked", make.ending(stop_reason="stop_sequence"), "message.stop-sequence-agrees"
        )
        limit = with_request(make.ending(stop_reason="max_tokens"), max_tokens=1000)
        if "thinking" not in make.kinds:
            yield make.made("max_tokens far from the limit", limit, "usage.limit-reached")
        details = {"type": "refusal", "category": None, "explanation": None}
        yield make.made("stop_details without a refusal", make.ending(stop_details=details), "message.stop-details")
        yield make.made("stop_details a string", make.ending(stop_details="refusal"), "message.optional-keys")
    if reason == "stop_sequence":
        yield make.made("a stop sequence of another", make.ending(stop_sequence="STOP"), "message.stop-sequence-agrees")
        yield make.made("the stop sequence null", make.ending(stop_sequence=None), "message.stop-sequence-agrees")


def _counts(make: Maker) -> Iterator[Mutant]:
    used = make.answer.message["usage"]
    limit = make.asked["max_tokens"]
    yield make.made("more than max_tokens", make.usage(output_tokens=limit + 1), "usage.within-max-tokens")
    yield make.made("no input", make.usage(input_tokens=0, cache_creation_input_tokens=0), "usage.input-counted")
    if "server_tool_use" not in make.kinds:  # what a search finds is input, too
        beyond = with_request(make.usage(input_tokens=2**31), messages=[{"role": "user", "content": "Say hello."}])
        yield make.made("more input than there is text", beyond, "usage.input-possible")
    if make.answer.in_events:
        yield make.made("a start of no output", make.started(output_tokens=None), "usage.output-tokens")
    yield make.made("a service tier of another", make.usage(service_tier="gold"), "usage.labels")
    yield make.made("cache counters as text", make.usage(cache_read_input_tokens="0"), "usage.counters")
    parts = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    wrong = make.usage(cache_creation_input_tokens=8, cache_creation=parts)
    yield make.made("a cache that does not add up", wrong, "usage.cache-creation-sum")
    thought = make.usage(output_tokens_details={"thinking_tokens": used["output_tokens"] + 1})
    yield make.made("more thinking than output", thought, "usage.thinking-within-output")
    if make.answer.message.get("stop_reason") in ("end_turn", "tool_use"):
        yield make.made("no output", make.usage(output_tokens=0), "usage.output-counted")
    if make.kinds:
        yield make.made("an empty answer that ended", _emptied(make), "usage.output-counted")


def _emptied(make: Maker) -> Exchange:
    whole = {"stop_reason": "end_turn", "stop_sequence": None}
    if not make.answer.in_events:
        counted = make.answer.json["usage"] | {"output_tokens": 0}
        return with_json(make.answer.exchange, make.answer.json | whole | {"content": [], "usage": counted})
    kept: Sent = [(name, data) for name, data in sent(make.answer) if "content_block" not in name]
    ended = [
        (
            name,
            data | {"delta": data["delta"] | whole, "usage": {"output_tokens": 0}} if name == "message_delta" else data,
        )
        for name, data in kept
    ]
    return with_sent(make.answer.exchange, ended)


def _names(make: Maker) -> Iterator[Mutant]:
    yield make.made("another model", make.named(model="gpt-oss"), "message.model-echo", note=True)
    yield make.made("a foreign message id", make.named(id="chatcmpl-1"), "message.id-form", note=True)
    yield make.made("an extra key", make.named(timings={"ms": 1}), "message.known-keys", note=True)
    yield make.made("role model", make.named(role="model"), "message.role")
    yield make.made("type chat.completion", make.named(type="chat.completion"), "message.type")
    if not make.answer.in_events and "" not in (block.get("text") for block in make.answer.blocks):
        block = {"type": "audio", "data": ""}
        content = with_json(make.answer.exchange, make.answer.json | {"content": [*make.answer.json["content"], block]})
        yield make.made("a block of unknown type", content, "message.known-blocks", note=True)


def _texts(make: Maker) -> Iterator[Mutant]:
    if "thinking" not in make.kinds:
        on = {"type": "enabled", "budget_tokens": 1024}
        for says, text in (("think tags", "<think>so</think>Hi"), ("the end of a think tag", "so\n</think>\n\nHi")):
            yield make.made(says, with_request(make.saying(text), thinking=on), "message.no-thinking-in-text")
    yield make.made("a control token", make.saying("Hi<|im_end|>"), "message.no-control-tokens")
    yield make.made("an end of sequence", make.saying("Hi</s>"), "message.no-control-tokens")
    stopped = with_request(make.saying("one HALT two"), stop_sequences=["HALT"])
    yield make.made("a stop sequence ignored", stopped, "message.stop-sequence-excluded")
    tool = {"name": "lookup", "input_schema": {"type": "object"}}
    if "tool_use" not in make.kinds and make.asked.get("tool_choice", {}).get("type") != "none":
        for number, text in enumerate(PRINTED):
            printed = with_request(make.saying(text), tools=[tool])
            yield make.made(f"a tool call as text {number}", printed, "tools.not-as-text")
    if not make.answer.in_events:
        content = [{"type": "text", "text": ""}, *make.answer.json["content"]]
        spurious = with_json(make.answer.exchange, make.answer.json | {"content": content})
        yield make.made("a spurious empty text", spurious, "message.no-empty-text")


PRINTED = (
    '{"name": "lookup", "arguments": {"q": 1}}',
    '<tool_call>{"name": "lookup", "arguments": {}}</tool_call>',
    '[TOOL_CALLS][{"name": "lookup"}]',
    "<function=lookup>{}</function>",
    '```json\n{"tool": "lookup", "input": {}}\n```',
)


def _calls(make: Maker) -> Iterator[Mutant]:
    call = next(block for block in make.answer.blocks if block["type"] == "tool_use")
    forced = with_request(make.blocks("tool_use", name="rm_rf"), tool_choice={"type": "any"})
    yield make.made("an undeclared tool", forced, "tools.name-declared")
    if make.kinds.count("tool_use") == 1:
        yield make.made("a foreign tool id", make.blocks("tool_use", id="call_0"), "tools.id-form", note=True)
    history = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "1"}]},
    ]
    yield make.made("the id of an earlier turn", with_request(make.answer.exchange, messages=history), "tools.id-fresh")
    if make.kinds.count("tool_use") > 1:
        yield make.made("one id for all", make.blocks("tool_use", id="toolu_1"), "tools.id-unique")
        single = with_request(make.answer.exchange, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
        yield make.made("parallel calls where they are off", single, "tools.parallel-obeyed")
    none = with_request(make.answer.exchange, tool_choice={"type": "none"})
    yield make.made("a call where there must be none", none, "tools.none-obeyed")
    picky = {
        "type": "object",
        "properties": {"zip": {"type": "string"}},
        "required": ["zip"],
        "additionalProperties": False,
    }
    for strict, aim in ((True, "tools.input-strict"), (False, "tools.input-schema")):
        tools = [
            {"name": one["name"], "strict": strict, "input_schema": picky}
            for one in make.answer.blocks
            if "name" in one
        ]
        invalid = with_request(make.answer.exchange, tools=tools)
        yield make.made(f"an input that its schema forbids, strict {strict}", invalid, aim, note=not strict)
    if make.answer.in_events:
        yield from inputs(make)
    else:
        yield make.made("an input as a string", make.blocks("tool_use", input='{"city": "Paris"}'), "tools.input")


def _thoughts(make: Maker) -> Iterator[Mutant]:
    off = with_request(make.answer.exchange, thinking={"type": "disabled"})
    yield make.made("thinking where it is disabled", off, "thinking.off")
    if not make.answer.in_events:
        yield make.made("no signature", make.blocks("thinking", signature=None), "thinking.signature")
        yield make.made("a blank signature", make.blocks("thinking", signature=""), "thinking.signature-filled")
        later = with_json(
            make.answer.exchange, make.answer.json | {"content": [*reversed(make.answer.json["content"])]}
        )
        if make.kinds == ["thinking", "text"]:
            yield make.made("thinking after text", later, "thinking.first", note=True)
            thought, said = make.answer.json["content"]
            between = with_json(make.answer.exchange, make.answer.json | {"content": [said, thought, said]})
            yield make.made("thinking between texts", between, "thinking.first", note=True)
        return

    def signed(name: str, data: Any, value: str) -> Any:
        signature = name == "content_block_delta" and data["delta"].get("type") == "signature_delta"
        return data | {"delta": data["delta"] | {"signature": value}} if signature else data

    yield make.made(
        "a blank signature", make.events(lambda name, data: signed(name, data, "")), "thinking.signature-filled"
    )
