"""Faults that show from a size on: of a body, a text, a line, a list."""

from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.errors import invalid, too_large
from conformance.scripted.faults.fault import Call, FaultGroup, Frame, Message

SIZES = FaultGroup("sizes")

Block = dict[str, Any]

_MEGABYTE = 2**20
_LINE = 64 * 2**10


def _body_limit(name: str, limit: int, says: str) -> None:
    @SIZES.request(name, f"a body above {says} is answered with 413", needs="large")
    def request(call: Call) -> Call:
        if len(call.body) > limit:
            raise too_large(limit)
        return call


_body_limit("X-body-56-kilobytes", 56 * 2**10, "56 KiB")
_body_limit("X-body-two-megabytes", 2 * _MEGABYTE, "2 MiB")
_body_limit("X-body-eight-megabytes", 8 * _MEGABYTE, "8 MiB")
_body_limit("X-body-sixteen-megabytes", 16 * _MEGABYTE, "16 MiB")


def _user_id_limit(name: str, limit: int) -> None:
    @SIZES.request(name, f"a metadata.user_id of more than {limit} characters is refused")
    def request(call: Call) -> Call:
        metadata = call.document.get("metadata") if isinstance(call.document, dict) else None
        user = metadata.get("user_id") if isinstance(metadata, dict) else None
        if isinstance(user, str) and len(user) > limit:
            raise invalid("metadata.user_id", f"String should have at most {limit} characters")
        return call


_user_id_limit("X-user-id-128", 128)
_user_id_limit("X-user-id-256", 256)
_user_id_limit("X-user-id-500", 500)


def _blocks(body: Block, kind: str) -> list[Block]:
    messages = body.get("messages")
    found = []
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else []
        found += [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]
    return found


def _result_limit(name: str, limit: int) -> None:
    @SIZES.body(name, f"a tool result is cut after {limit:,} characters", needs="turns long")
    def cut(body: Block) -> None:
        for result in _blocks(body, "tool_result"):
            if isinstance(result.get("content"), str):
                result["content"] = result["content"][:limit]


_result_limit("X-result-30k", 30_000)
_result_limit("X-result-64k", 65_536)
_result_limit("X-result-256k", 262_144)


Texts = Callable[[Block], list[tuple[Block, str]]]
"""Of a request, the objects that hold a text, and under which key."""


def _text_limit(name: str, what: str, limit: int, texts: Texts) -> None:
    @SIZES.body(name, f"{what} is cut after {limit:,} characters", needs="long")
    def cut(body: Block) -> None:
        for holder, key in texts(body):
            if isinstance(holder.get(key), str):
                holder[key] = holder[key][:limit]


def _objects(value: Any) -> list[Block]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _said(body: Block) -> list[tuple[Block, str]]:
    said = [message for message in _objects(body.get("messages")) if message.get("role") == "assistant"]
    return [(message, "content") for message in said]


def _instructions(body: Block) -> list[tuple[Block, str]]:
    return [(body, "system"), *((block, "text") for block in _objects(body.get("system")))]


def _documents(body: Block) -> list[tuple[Block, str]]:
    sources = _objects([block.get("source") for block in _blocks(body, "document")])
    return [(source, "data") for source in sources if source.get("type") == "text"]


_text_limit("X-said-16k", "an earlier answer", 16_000, _said)
_text_limit("X-system-32k", "system", 32_768, _instructions)
_text_limit("X-document-32k", "the text of a document", 32_768, _documents)
_text_limit("X-description-32k", "the description of a tool", 32_768,
            lambda body: [(tool, "description") for tool in _objects(body.get("tools"))])  # fmt: skip


def _list_limit(name: str, key: str, limit: int, says: str, cut: Callable[[list[Any]], list[Any]]) -> None:
    @SIZES.body(name, says, needs="long")
    def shorten(body: Block) -> None:
        if isinstance(body.get(key), list) and len(body[key]) > limit:
            body[key] = cut(body[key])


_list_limit("X-tools-256", "tools", 256, "tools after the 256th are lost", lambda tools: tools[:256])
_list_limit("X-window-200", "messages", 200, "of a long conversation only the last 199 messages are used",
            lambda messages: messages[-199:])  # fmt: skip


@SIZES.body("X-images-ten", "images after the tenth are lost", needs="vision")
def ten_images(body: Block) -> None:
    images = _blocks(body, "image")
    lost = [id(image) for image in images[10:]]
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and isinstance(message.get("content"), list):
            message["content"] = [block for block in message["content"] if id(block) not in lost]


def _line_limit(name: str, limit: int, says: str) -> None:
    @SIZES.frames(name, f"a data line above {says} ends the stream", needs="stream long")
    def long_line_ends(frames: list[Frame], _: Call) -> list[Frame]:
        long = next((at for at, frame in enumerate(frames) if len(frame.data) > limit), len(frames))
        return frames[:long]


_line_limit("X-line-64k", _LINE, "64 KiB")
_line_limit("X-line-megabyte", _MEGABYTE, "1 MiB")


def _kept(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value[:limit]
    return {key: _kept(inner, limit) for key, inner in value.items()} if isinstance(value, dict) else value


def _answer_limit(name: str, limit: int) -> None:
    @SIZES.message(name, f"texts and inputs of an answer are cut after {limit:,} characters", needs="long")
    def answers_cut(message: Message, _: Call) -> Message:
        content = [
            {**block, **{key: _kept(block[key], limit) for key in ("text", "input") if key in block}}
            for block in message["content"]
        ]
        return {**message, "content": content}


_answer_limit("X-answer-64k", _LINE)
_answer_limit("X-answer-200k", 200_000)
_answer_limit("X-answer-megabyte", _MEGABYTE)
