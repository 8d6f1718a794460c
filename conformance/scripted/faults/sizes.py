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


@SIZES.body("X-system-middle", "the middle of a system prompt above 20,000 characters is lost", needs="long")
def system_middle(body: Block) -> None:
    for holder, key in _instructions(body):
        text = holder.get(key)
        if isinstance(text, str) and len(text) > 20_000:
            holder[key] = text[:10_000] + text[-10_000:]


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


def _block_limit(name: str, kind: str, limit: int, says: str, needs: str) -> None:
    @SIZES.body(name, says, needs=needs)
    def first_ones(body: Block) -> None:
        lost = [id(block) for block in _blocks(body, kind)[limit:]]
        for message in _objects(body.get("messages")):
            if isinstance(message.get("content"), list):
                message["content"] = [block for block in message["content"] if id(block) not in lost]


_block_limit("X-images-ten", "image", 10, "images after the tenth are lost", "vision")
_block_limit("X-documents-three", "document", 3, "documents after the third are lost", "documents")
_block_limit("X-search-results-two", "search_result", 2, "search results after the second are lost", "documents")


@SIZES.body("X-result-eight-blocks", "blocks of a tool result after the eighth are lost", needs="tools turns")
def eight_blocks(body: Block) -> None:
    for result in _blocks(body, "tool_result"):
        if isinstance(result.get("content"), list):
            result["content"] = result["content"][:8]


@SIZES.body("X-results-two-turns", "tool results of all but the last two turns are cleared", needs="tools turns")
def older_results_cleared(body: Block) -> None:
    turns = [
        results for one in _objects(body.get("messages")) if (results := _blocks({"messages": [one]}, "tool_result"))
    ]
    for result in [result for results in turns[:-2] for result in results]:
        result["content"] = "(cleared)"


@SIZES.body("X-stop-sixteen-long", "stop sequences of more than sixteen characters are ignored", needs="stop")
def short_sequences(body: Block) -> None:
    sequences = body.get("stop_sequences")
    if isinstance(sequences, list) and all(isinstance(sequence, str) for sequence in sequences):
        body["stop_sequences"] = [sequence for sequence in sequences if len(sequence) <= 16]


def _refused(name: str, says: str, wrong: Callable[[Block], bool], needs: str) -> None:
    """A fault that refuses more than it is made for."""

    @SIZES.request(name, says, needs=needs)
    def request(call: Call) -> Call:
        if call.path == "/v1/messages" and isinstance(call.document, dict) and wrong(call.document):
            raise invalid("", "too long")
        return call


def _schemas(body: Block) -> list[Block]:
    return _objects([tool.get("input_schema") for tool in _objects(body.get("tools"))])


def _long_ids(body: Block) -> bool:
    calls = [*_blocks(body, "tool_use"), *_blocks(body, "tool_result")]
    return any(len(str(call.get("id") or call.get("tool_use_id"))) > 40 for call in calls)


def _longest_enum(schema: Any) -> int:
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = len(schema["enum"]) if isinstance(schema, dict) and isinstance(schema.get("enum"), list) else 0
    return max(own, *map(_longest_enum, inside)) if inside else own


def _depth(schema: Any) -> int:
    named = schema.get("properties") if isinstance(schema, dict) else None
    return 1 + max(map(_depth, named.values())) if isinstance(named, dict) and named else 0


def _levels(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_levels, inside), default=0)


_refused(
    "X-deep-call-refused",
    "an earlier call whose input has more than eight levels is refused",
    lambda body: any(_levels(call.get("input")) > 8 for call in _blocks(body, "tool_use")),
    "tools turns",
)
_refused("X-id-forty", "tool ids of more than forty characters are refused", _long_ids, "tools turns")
_refused("X-enum-fifty", "an enum of more than fifty values is refused",
         lambda body: any(_longest_enum(schema) > 50 for schema in _schemas(body)), "tools")  # fmt: skip
_refused("X-schema-five-deep", "a schema of more than five objects inside one another is refused",
         lambda body: any(_depth(schema) > 5 for schema in _schemas(body)), "tools")  # fmt: skip


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


_answer_limit("X-answer-16k", 16_384)
_answer_limit("X-answer-64k", _LINE)
_answer_limit("X-answer-200k", 200_000)
_answer_limit("X-answer-megabyte", _MEGABYTE)


def _calls(name: str, says: str, change: Callable[[list[Block]], list[Block]]) -> None:
    """A fault that changes the calls of an answer, in their order."""

    @SIZES.message(name, says, needs="tools")
    def changed(message: Message, _: Call) -> Message:
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        others = [block for block in message["content"] if block["type"] != "tool_use"]
        return {**message, "content": [*others, *change(calls)]} if calls else message


def _sixteen(value: Any) -> Any:
    if isinstance(value, list):
        return [_sixteen(inner) for inner in value[:16]]
    return {key: _sixteen(inner) for key, inner in value.items()} if isinstance(value, dict) else value


_calls("X-calls-four", "of several calls in one answer those after the fourth are lost", lambda calls: calls[:4])
_calls("X-input-sixteen-values", "lists in a tool's input are cut after sixteen values",
       lambda calls: [{**call, "input": _sixteen(call["input"])} for call in calls])  # fmt: skip
_calls("X-input-twelve-keys", "keys of a tool's input after the twelfth are lost",
       lambda calls: [{**call, "input": dict(list(call["input"].items())[:12])} for call in calls])  # fmt: skip
_calls("X-calls-sixteen", "of several calls in one answer those after the sixteenth are lost", lambda calls: calls[:16])


def _levels_kept(value: Any, levels: int) -> Any:
    if isinstance(value, list):
        return [_levels_kept(inner, levels - 1) for inner in value] if levels else []
    if isinstance(value, dict):
        return {key: _levels_kept(inner, levels - 1) for key, inner in value.items()} if levels else {}
    return value


def _without_equals(calls: list[Block]) -> list[Block]:
    said = [(call["name"], call["input"]) for call in calls]
    return [call for at, call in enumerate(calls) if said[at] not in said[:at]]


def _dots_nested(given: Block) -> Block:
    nested: Block = {}
    for key, value in given.items():
        holder, dot, name = key.partition(".")
        if dot and isinstance(nested.setdefault(holder, {}), dict):
            nested[holder][name] = value
        else:
            nested[key] = value
    return nested


_calls("X-input-eight-levels", "what is deeper than eight levels of a tool's input is lost",
       lambda calls: [{**call, "input": _levels_kept(call["input"], 8)} for call in calls])  # fmt: skip
_calls("X-input-dots-nested", "keys of a tool's input with a dot in them become objects inside one another",
       lambda calls: [{**call, "input": _dots_nested(call["input"])} for call in calls])  # fmt: skip
_calls("X-input-own-keys", "keys of a tool's input that blocks have too are lost",
       lambda calls: [{**call, "input": {key: value for key, value in call["input"].items()
                                         if key not in ("type", "id")}} for call in calls])  # fmt: skip
_calls("X-calls-merged", "equal calls of one answer become one", _without_equals)
