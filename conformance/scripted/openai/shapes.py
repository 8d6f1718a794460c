"""The shapes in which servers of this wire send an answer, by the name that `Shape: NAME.` asks for.

Each changes the chunks of a stream, the whole completion object, or both; what is said stays the same, but for words
that a shape needs to have something beside a call. OpenAI, Azure, vLLM, Gemini, Mistral, DeepSeek and OpenRouter each
send some of them.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

Object = dict[str, Any]
Chunks = list[Object]
"""Chunk objects in order, the final one with its finish_reason before the one with the usage."""

REFUSAL = "I cannot help with that."
SPOKEN = "Sure."
AFTER = "Done."
THOUGHT = "let me think"
LETTERS = 'Is <b> a "C"?\n\n  No, Grüße: 世界 & co.'
"""A thought of which each sign can be lost."""


class Shape(Struct, frozen=True):
    """One legal way to send an answer; None changes nothing."""

    says: str
    stream: Callable[[Chunks], Chunks] | None = None
    whole: Callable[[Object], Object] | None = None
    comment: bytes = b""
    """A line of the event stream that is sent before each event."""
    done: bool = True
    """Whether `[DONE]` ends the stream."""


def _choice(chunk: Object) -> Object:
    choices = chunk["choices"]
    return dict(choices[0]) if choices else {}


def _with(chunk: Object, **changes: Any) -> Object:
    """The chunk with another choice; `delta` and `finish_reason` are its keys."""
    return {**chunk, "choices": [{**_choice(chunk), **changes}]}


def _delta(chunk: Object) -> Object:
    return dict(_choice(chunk).get("delta") or {})


def _calls(chunk: Object) -> list[Object]:
    return list(_delta(chunk).get("tool_calls") or [])


def _finishes(chunk: Object) -> bool:
    return _choice(chunk).get("finish_reason") is not None


def _message(whole: Object, **changes: Any) -> Object:
    choice = whole["choices"][0]
    return {**whole, "choices": [{**choice, "message": {**choice["message"], **changes}}]}


def _finish(whole: Object, reason: str | None) -> Object:
    return {**whole, "choices": [{**whole["choices"][0], "finish_reason": reason}]}


def _whole_calls(chunks: Chunks) -> list[Object]:
    """The calls of a stream, each put together from its pieces."""
    calls: dict[int, Object] = {}
    for chunk in chunks:
        for piece in _calls(chunk):
            known = calls.get(piece["index"])
            if known is None:
                calls[piece["index"]] = {**piece, "function": dict(piece["function"])}
            else:
                known["function"]["arguments"] += piece["function"]["arguments"]
    return list(calls.values())


def _recast(chunks: Chunks, calls: Callable[[list[Object]], list[Object]]) -> Chunks:
    """The stream with other deltas in the place of its calls."""
    found = _whole_calls(chunks)
    if not found:
        return chunks
    kept = [chunk for chunk in chunks if not _calls(chunk)]
    at = next(at for at, chunk in enumerate(kept) if _finishes(chunk))
    model = next(chunk for chunk in chunks if _calls(chunk))
    return [*kept[:at], *(_with(model, delta=delta) for delta in calls(found)), *kept[at:]]


def _begun(call: Object, arguments: str = "") -> Object:
    return {**call, "function": {**call["function"], "arguments": arguments}}


def _rest(call: Object, arguments: str) -> Object:
    return {"index": call["index"], "function": {"arguments": arguments}}


def _whole_each(calls: list[Object]) -> list[Object]:
    return [{"tool_calls": [call]} for call in calls]


def _text_and_call(calls: list[Object]) -> list[Object]:
    return [{"content": f"{SPOKEN} ", "tool_calls": calls[:1]}, *_whole_each(calls[1:])]


def _break_and_call(calls: list[Object]) -> list[Object]:
    return [{"content": "\n", "tool_calls": calls[:1]}, *_whole_each(calls[1:])]


def _text_beside_arguments(calls: list[Object]) -> list[Object]:
    deltas: list[Object] = []
    for number, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        said = {"content": f"\n{AFTER}"} if number == len(calls) - 1 else {}
        deltas += [
            {"tool_calls": [_begun(call)]},
            {"tool_calls": [_rest(call, arguments[:-1])]},
            {**said, "tool_calls": [_rest(call, arguments[-1:])]},
        ]
    return deltas


def _interleaved(calls: list[Object]) -> list[Object]:
    begun = [{"tool_calls": [_begun(call)]} for call in calls]
    return [*begun, *({"tool_calls": [_rest(call, call["function"]["arguments"])]} for call in calls)]


def _text_after(calls: list[Object]) -> list[Object]:
    return [*_whole_each(calls), {"content": AFTER}]


def _without(key: str) -> Callable[[list[Object]], list[Object]]:
    return lambda calls: _whole_each([{name: value for name, value in call.items() if name != key} for call in calls])


def _as_object(call: Object) -> Object:
    import msgspec

    arguments = msgspec.json.decode(call["function"]["arguments"] or "{}")
    return {**call, "function": {**call["function"], "arguments": arguments}}


def _as_objects(calls: list[Object]) -> list[Object]:
    return _whole_each([_as_object(call) for call in calls])


def _emptied(call: Object) -> Object:
    """A call without a key in its input, which says so by an empty text; any other as it is."""
    return _begun(call, "" if call["function"]["arguments"] == "{}" else call["function"]["arguments"])


def _no_arguments(calls: list[Object]) -> list[Object]:
    return _whole_each([_emptied(call) for call in calls])


def _of_calls(change: Callable[[Object], Object]) -> Callable[[Object], Object]:
    def whole(document: Object) -> Object:
        calls = document["choices"][0]["message"].get("tool_calls")
        return _message(document, tool_calls=[change(call) for call in calls]) if calls else document

    return whole


def _last_joined(chunks: Chunks) -> Chunks:
    """The last delta comes together with the finish_reason."""
    at = next(at for at, chunk in enumerate(chunks) if _finishes(chunk))
    if at == 0:
        return chunks
    end = {key: value for key, value in _choice(chunks[at]).items() if key != "delta"}
    return [*chunks[: at - 1], _with(chunks[at - 1], **end), *chunks[at + 1 :]]


def _ended(reason: str | None) -> Callable[[Chunks], Chunks]:
    return lambda chunks: [_with(chunk, finish_reason=reason) if _finishes(chunk) else chunk for chunk in chunks]


def _has_calls(chunks: Chunks) -> bool:
    return any(map(_calls, chunks))


def _stops_with_call(chunks: Chunks) -> Chunks:
    return _ended("stop")(chunks) if _has_calls(chunks) else chunks


def _stops_whole(document: Object) -> Object:
    return _finish(document, "stop") if document["choices"][0]["message"].get("tool_calls") else document


def _usage_chunk(chunks: Chunks) -> Object | None:
    return next((chunk for chunk in chunks if chunk.get("usage") and not chunk["choices"]), None)


def _usage_with_finish(chunks: Chunks) -> Chunks:
    usage = _usage_chunk(chunks)
    if usage is None:
        return chunks
    kept = [chunk for chunk in chunks if chunk is not usage]
    return [{**chunk, "usage": usage["usage"]} if _finishes(chunk) else chunk for chunk in kept]


def _usage_everywhere(chunks: Chunks) -> Chunks:
    usage = _usage_chunk(chunks)
    if usage is None:
        return chunks
    total = usage["usage"]
    running = [{**total, "completion_tokens": min(at, total["completion_tokens"])} for at in range(len(chunks))]
    return [
        chunk if chunk is usage else {**chunk, "usage": count} for chunk, count in zip(chunks, running, strict=True)
    ]


def _without_usage(chunks: Chunks) -> Chunks:
    return [{k: v for k, v in chunk.items() if k != "usage"} for chunk in chunks if chunk is not _usage_chunk(chunks)]


def _cached(usage: Object) -> Object:
    """All but one of the prompt's tokens were read from the cache."""
    details = {**usage.get("prompt_tokens_details", {}), "cached_tokens": usage["prompt_tokens"] - 1}
    return {**usage, "prompt_tokens_details": details}


def _reasoning(key: str, own: str = THOUGHT) -> tuple[Callable[[Chunks], Chunks], Callable[[Object], Object]]:
    """Reasoning under one name, whether it was asked for or not: the model's own, or this one."""
    names = ("reasoning", "reasoning_content")

    def stream(chunks: Chunks) -> Chunks:
        thoughts = [_delta(chunk).get("reasoning_content") for chunk in chunks]
        if any(thoughts):
            return [_with(chunk, delta=_renamed(_delta(chunk))) if chunk["choices"] else chunk for chunk in chunks]
        words = [_with(chunks[0], delta={key: word}) for word in (own[:6], own[6:])]
        return [chunks[0], *words, *chunks[1:]]

    def _renamed(delta: Object) -> Object:
        return {(key if name in names else name): value for name, value in delta.items()}

    def whole(document: Object) -> Object:
        message = document["choices"][0]["message"]
        thought = message.get("reasoning_content") or own
        kept = {name: value for name, value in message.items() if name not in names}
        return {**document, "choices": [{**document["choices"][0], "message": {**kept, key: thought}}]}

    return stream, whole


def _nulls(chunks: Chunks) -> Chunks:
    empty = {"content": None, "tool_calls": None, "refusal": None}
    filled = [
        _with(chunk, delta={**empty, **_delta(chunk)} if at else {"role": "assistant", "content": None})
        if chunk["choices"]
        else chunk
        for at, chunk in enumerate(chunks)
    ]
    return [filled[0], _with(filled[0], delta=empty), *filled[1:]]


def _no_choices_first(chunks: Chunks) -> Chunks:
    return [{**chunks[0], "choices": [], "prompt_filter_results": []}, *chunks]


def _parts(text: str, thinking: str = "") -> list[Object]:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": thinking}]}] if thinking else []
    return [*thought, *([{"type": "text", "text": text}] if text else [])]


def _content_parts(chunks: Chunks) -> Chunks:
    def recast(chunk: Object) -> Object:
        delta = _delta(chunk)
        thinking = delta.pop("reasoning_content", "")
        if thinking or delta.get("content"):
            delta["content"] = _parts(delta.get("content") or "", thinking)
        return _with(chunk, delta=delta) if chunk["choices"] else chunk

    return [recast(chunk) for chunk in chunks]


def _whole_parts(document: Object) -> Object:
    message = document["choices"][0]["message"]
    parts = _parts(message["content"] or "", message.get("reasoning_content") or "")
    return _message(document, content=parts, reasoning_content=None) if parts else document


def _refusing(chunks: Chunks) -> Chunks:
    end = [chunk for chunk in chunks if _finishes(chunk) or not chunk["choices"]]
    first = _with(chunks[0], delta={"role": "assistant", "content": None, "refusal": ""})
    words = [_with(first, delta={"refusal": word}) for word in (REFUSAL[:8], REFUSAL[8:])]
    return [first, *words, *_ended("stop")(end)]


def _whole_refusal(document: Object) -> Object:
    return _finish(_message(document, content=None, refusal=REFUSAL, tool_calls=None), "stop")


def _beside(text: str) -> Callable[[Object], Object]:
    """A whole completion with text beside its calls."""
    return lambda whole: _message(whole, content=text) if whole["choices"][0]["message"].get("tool_calls") else whole


def _recasting(calls: Callable[[list[Object]], list[Object]]) -> Callable[[Chunks], Chunks]:
    return lambda chunks: _recast(chunks, calls)


def _unnamed(call: Object) -> Object:
    return {key: value for key, value in call.items() if key != "id"}


def _filtered(document: Object) -> Object:
    return _finish(_message(document, content=""), "content_filter")


def _cached_chunks(chunks: Chunks) -> Chunks:
    return [{**chunk, "usage": _cached(chunk["usage"])} if chunk.get("usage") else chunk for chunk in chunks]


def _uncounted(document: Object) -> Object:
    return {key: value for key, value in document.items() if key != "usage"}


SHAPES: dict[str, Shape] = {
    "text-and-call-in-one-delta": Shape(
        "a delta holds text and a whole call", _recasting(_text_and_call), _beside(f"{SPOKEN} ")
    ),
    "break-before-call": Shape("a line break stands before a call", _recasting(_break_and_call), _beside("\n")),
    "text-beside-arguments": Shape(
        "text comes in the delta of the last arguments", _recasting(_text_beside_arguments), _beside(f"\n{AFTER}")
    ),
    "whole-calls": Shape("each call comes whole, in one delta", _recasting(_whole_each)),
    "calls-in-one-delta": Shape("all calls come in one delta", _recasting(lambda calls: [{"tool_calls": calls}])),
    "calls-interleaved": Shape("the arguments of a call follow the start of the next", _recasting(_interleaved)),
    "text-after-call": Shape("text follows a call", _recasting(_text_after), _beside(AFTER)),
    "empty-arguments": Shape(
        "the arguments of a call without input are an empty text", _recasting(_no_arguments), _of_calls(_emptied)
    ),
    "calls-without-id": Shape("calls have no id", _recasting(_without("id")), _of_calls(_unnamed)),
    "calls-without-index": Shape("calls have no index", _recasting(_without("index"))),
    "arguments-as-object": Shape("arguments are an object", _recasting(_as_objects), _of_calls(_as_object)),
    "call-ends-with-stop": Shape("an answer with a call ends with stop", _stops_with_call, _stops_whole),
    "last-delta-with-finish": Shape("the last delta carries the finish_reason", _last_joined),
    "content-filter": Shape("a filter ended the answer", _ended("content_filter"), _filtered),
    "no-finish-reason": Shape("the stream ends without a finish_reason", _ended(None)),
    "no-done": Shape("[DONE] is missing", done=False),
    "refusal": Shape("the model refuses, in a key of its own", _refusing, _whole_refusal),
    "reasoning": Shape("reasoning comes as `reasoning`, asked for or not", *_reasoning("reasoning")),
    "reasoning-content": Shape(
        "reasoning comes as `reasoning_content`, asked for or not", *_reasoning("reasoning_content")
    ),
    "reasoning-to-the-letter": Shape(
        "reasoning holds signs, line breaks and letters of all kinds", *_reasoning("reasoning_content", LETTERS)
    ),
    "content-parts": Shape("content is a list of parts", _content_parts, _whole_parts),
    "null-contents": Shape("deltas have null content and calls", _nulls),
    "usage-with-finish": Shape("the usage comes with the finish_reason", _usage_with_finish),
    "usage-in-every-chunk": Shape("every chunk has a usage", _usage_everywhere),
    "no-usage": Shape("nothing is counted", _without_usage, _uncounted),
    "cached-tokens": Shape(
        "all but one of the prompt's tokens were cached",
        _cached_chunks,
        lambda whole: {**whole, "usage": _cached(whole["usage"])},
    ),
    "keep-alive": Shape("comment lines stand between the chunks", comment=b": keep-alive\n\n"),
    "no-choices-first": Shape("the first chunk has no choices", _no_choices_first),
}
"""By name; a name that is not here is answered as if no shape were asked for."""
