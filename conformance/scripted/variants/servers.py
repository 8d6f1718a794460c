"""Variants of whole servers: how they read a request, what they count, what they add to an answer.

Each is legal, or allowed by a `should` that the server leaves out; what it honestly turns worse stands in `worsens`.
"""

import base64
import uuid
from typing import Any

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import sign
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.tokens import split
from conformance.scripted.variants.variant import Answer, Call, Message, VariantGroup, replace

SERVERS = VariantGroup("servers")

Body = dict[str, Any]
_WINDOW = 24_000
"""Characters of a prompt that a small window holds, what stands in base64 left out."""


def joined(blocks: Any) -> Any:
    """Text blocks that follow each other as one, without a separator; other content as it is."""
    if not isinstance(blocks, list):
        return blocks
    kept: list[Any] = []
    for block in blocks:
        if _is_text(block) and kept and _is_text(kept[-1]):
            kept[-1] = {**kept[-1], **block, "text": kept[-1]["text"] + block["text"]}
        elif isinstance(block, dict) and block.get("type") == "tool_result":
            kept.append({**block, "content": joined(block["content"])} if "content" in block else block)
        else:
            kept.append(block)
    return kept


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)


def _join(body: Body) -> None:
    if "system" in body:
        body["system"] = joined(body["system"])
    for message in _messages(body):
        if "content" in message:
            message["content"] = joined(message["content"])


def _messages(body: Body) -> list[Body]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


SERVERS.add(
    "joins-blocks",
    "text blocks that follow each other are joined without a separator before the model sees them",
    Hooks(request=on_body(_join)),
    worsens=(
        *("refusals ignored", "refusals partial"),  # what is wrong with a block alone is gone with the block
        *("content.place.array-separated partial", "tools.loop.result-blocks-apart partial"),
        "caching.counters.billing-header partial",  # the line is no block of its own any more
    ),
)


@SERVERS.message("two-text-blocks", "a text of several words comes in two blocks")
def two_text_blocks(message: Message, _: Call) -> Message:
    content: list[Body] = []
    for block in message["content"]:
        words = split(block["text"]) if block["type"] == "text" and not block.get("citations") else []
        if len(words) < 2:
            content.append(block)
            continue
        middle = len(words) // 2
        content += [{**block, "text": "".join(words[:middle])}, {**block, "text": "".join(words[middle:])}]
    return {**message, "content": content}


_THOUGHT = "The user wants an answer."


def thinks_unasked(message: Message, call: Call) -> Message:
    body = call.document
    used = message["usage"]["output_tokens"] + len(split(_THOUGHT))
    free = isinstance(body, dict) and "thinking" not in body and _chooses(body) and not _prefilled(body)
    if not free or not message["content"] or message["stop_reason"] == "max_tokens" or used > body["max_tokens"]:
        return message
    thought = {"type": "thinking", "thinking": _THOUGHT, "signature": sign(_THOUGHT)}
    usage = {**message["usage"], "output_tokens": used}
    return {**message, "content": [thought, *message["content"]], "usage": usage}


SERVERS.add(
    "thinks-unasked",
    "the model thinks where the request leaves thinking out",
    Hooks(message=thinks_unasked),
    worsens=("thinking.request.omitted ignored",),
)


def _chooses(body: Body) -> bool:
    """Whether the model may choose what to do: a forced call leaves no room for thinking."""
    return (body.get("tool_choice") or {"type": "auto"})["type"] in ("auto", "none")


def _prefilled(body: Body) -> bool:
    return bool(body["messages"]) and body["messages"][-1]["role"] == "assistant"


@SERVERS.message("redacted-thinking", "a part of the thinking is redacted", needs="thinking")
def redacted(message: Message, _: Call) -> Message:
    hidden = {"type": "redacted_thinking", "data": base64.b64encode(b"hidden reasoning " * 8).decode()}
    at = next((at for at, block in enumerate(message["content"]) if block["type"] == "thinking"), None)
    if at is None or len(message["content"]) == 1:
        return message
    return {**message, "content": [*message["content"][: at + 1], hidden, *message["content"][at + 1 :]]}


@SERVERS.message("text-between-calls", "a text stands between two tool calls", needs="tools")
def text_between_calls(message: Message, _: Call) -> Message:
    content: list[Body] = []
    for block in message["content"]:
        if content and block["type"] == content[-1]["type"] == "tool_use":
            content.append({"type": "text", "text": "And the next one.", "citations": None})
        content.append(block)
    return {**message, "content": content}


def _dated(message: Message, _: Call) -> Message:
    return {**message, "model": f"{message['model']}-20260101"}


def _undated(body: Body) -> None:
    if isinstance(body.get("model"), str):
        body["model"] = body["model"].removesuffix("-20260101")


SERVERS.add(
    "dated-model",
    "the model is asked for by its alias and answers with its dated name, as the API's own aliases do",
    Hooks(request=on_body(_undated), message=_dated),
)


@SERVERS.message("long-ids", "ids are as long as a client may send them back")
def long_ids(message: Message, _: Call) -> Message:
    content = [
        {**block, "id": f"toolu_{uuid.uuid4().hex}{uuid.uuid4().hex}"[:64]} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return {**message, "id": f"msg_{uuid.uuid4().hex * 3}", "content": content}


def _quoting(refusal: Refusal, call: Call) -> Refusal:
    if refusal.status != 400 or not call.body:
        return refusal
    quoted = call.body[:60].decode(errors="replace")
    message = f"{refusal.message}, near {quoted!r}"
    return Refusal(refusal.status, refusal.kind, message, refusal.headers, about=refusal.about, code=refusal.code)


SERVERS.add(
    "quotes-bad-bytes",
    "a refusal quotes the request, with U+FFFD for what cannot be decoded",
    Hooks(refusal=_quoting),
)


def _prompt_size(document: Any) -> int:
    """The characters of a prompt, base64 left out."""
    if isinstance(document, dict):
        return sum(len(key) + _prompt_size(value) for key, value in document.items() if key != "data")
    if isinstance(document, list):
        return sum(map(_prompt_size, document))
    return len(str(document))


def _window(name: str, says: str, sentence: str) -> None:
    def request(call: Call) -> Call:
        size = _prompt_size(call.document) if call.path == "/v1/messages" else 0
        if size > _WINDOW:
            raise Refusal(400, "invalid_request_error", sentence.format(size=size // 3, window=_WINDOW // 3))
        return call

    SERVERS.add(name, says, Hooks(request=request))


_window(
    "small-window",
    "a prompt beyond 8000 tokens is refused, in vLLM's words",
    "This model's maximum context length is {window} tokens. However, your request has {size} input tokens. "
    "Please reduce the length of the input messages.",
)
_window(
    "small-window-llama",
    "a prompt beyond 8000 tokens is refused, in the words of llama.cpp",
    "request ({size} tokens) exceeds the available context size ({window} tokens), try increasing it",
)

_LIMITS = ("anthropic-ratelimit-", "anthropic-organization-id")


@SERVERS.answer("bare-headers", "there are no headers of limits and organization")
def bare_headers(answer: Answer, _: Call) -> Answer:
    kept = tuple(header for header in answer.headers if not header[0].startswith(_LIMITS))
    return replace(answer, headers=kept)


@SERVERS.answer("behind-a-proxy", "a proxy adds headers of its own, and writes all names with capitals")
def behind_a_proxy(answer: Answer, _: Call) -> Answer:
    added = (("via", "1.1 proxy"), ("cf-ray", "9f1c-TXL"), ("set-cookie", "lb=a1; Path=/"), ("alt-svc", 'h3=":443"'))
    return replace(answer, headers=tuple((name.title(), value) for name, value in (*answer.headers, *added)))


_SECONDS = 0.3


@SERVERS.answer("slow-to-begin", "the first byte of a body comes after 0.3 seconds")
def slow_to_begin(answer: Answer, _: Call) -> Answer:
    return replace(answer, pieces=tuple(replace(piece, at=piece.at + _SECONDS) for piece in answer.pieces))
