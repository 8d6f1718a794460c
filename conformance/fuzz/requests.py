"""Valid requests, built from what the API allows; the simplest come first, so that a failure shrinks to one of them.

Every request obeys the probe language, so that its answer shows whether all of it reached the model. Where an
instruction follows another block it begins with a newline: servers that join blocks are asked about that elsewhere.
"""

import base64
import io
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hypothesis import strategies as st
from PIL import Image

from conformance.fuzz.laws import Sent

Draw = Callable[[st.SearchStrategy[Any]], Any]
Body = dict[str, Any]

REPLY = "Reply with exactly: "
GIVEN_WORD = "The secret word is {nonce}."
ASKED_FOR_WORD = "Reply with only the secret word."
ASKED_FOR_RESULT = "Reply with only the text of the last tool result."
ASKED_FOR_ERROR = 'Reply with only "error" if the last tool result is an error, otherwise "ok".'
ASKED_FOR_COLOURS = "Reply with only the colours of the images, in order."
WORD_SEEN = {"at": "text", "contains": "{nonce}"}

PIECES = (
    "alpha",
    "12",
    "ha",
    "ha",
    "Grüße",
    "日本",
    "🙂",
    "<b>",
    "a-b_c",
    "x=1;",
    "№",
    "don't",
    "%41",
    "&amp;",
    "C:\\dir",
    "0.10",
)
"""Words of a reply: none has a white space or a brace, so that a reply is what it is made of."""
SYSTEMS = ("You are terse.", "Zeile eins\nZeile zwei", "x" * 300)
FLAGS = (
    "prompt-caching-2024-07-31", "context-1m-2025-08-07", "interleaved-thinking-2025-05-14", "files-api-2025-04-14",
    "context-management-2025-06-27", "effort-2025-11-24", "extended-cache-ttl-2025-04-11", "message-batches-2024-09-24",
    "mid-conversation-tool-changes-2026-07-01", "output-128k-2025-02-19", "pdfs-2024-09-25",
    "token-counting-2024-11-01", "thinking-display-updates-2026-08-18", "thinking-token-count-2026-05-13",
)  # fmt: skip
"""Beta flags that change nothing of a plain request; sources: the official SDK's list, and what clients send."""
COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}
MARKER = {"type": "ephemeral"}
SCHEMAS: tuple[Body, ...] = (
    {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
    {
        "type": "object",
        "properties": {"key": {"type": "string", "description": "Any word."}, "deep": {"type": "object"}},
    },
    {"type": "object", "properties": {"key": {"$ref": "#/$defs/word"}}, "$defs": {"word": {"type": "string"}}},
    {"type": "object", "properties": {"key": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
)
"""Each takes `{"key": "a word"}`."""


def requests(able: Collection[str]) -> st.SearchStrategy[Sent]:
    """Valid requests for an endpoint with these capabilities."""
    kinds = [_reply, _in_system, _in_history, _in_document, _in_search_result, _prefilled]
    if "tools" in able:
        kinds += [_call, _tool_result, _is_error, _in_tool_description]
    if "vision" in able:
        kinds += [_colours]
    return st.sampled_from(kinds).flatmap(lambda kind: kind(able))


def _text(text: str, *, beside: bool = False) -> Body:
    return {"type": "text", "text": f"\n{text}" if beside else text}


def _user(content: Any) -> Body:
    return {"role": "user", "content": content}


def _bare(prompt: str) -> Body:
    return {"max_tokens": 256, "messages": [_user(prompt)]}


def _spoken(draw: Draw, text: str) -> Any:
    """A text as a string or as one block, marked for the cache at times."""
    shape = draw(st.sampled_from(["string", "block", "marked"]))
    if shape == "string":
        return text
    return [_text(text) | ({"cache_control": MARKER} if shape == "marked" else {})]


def _around(draw: Draw, body: Body, able: Collection[str]) -> tuple[Body, dict[str, str], dict[str, str]]:
    """The body with optional fields, none of which changes the answer; and headers and query."""
    if "system" not in body and draw(st.booleans()):
        body["system"] = _system(draw)
    if draw(st.booleans()):
        body["messages"] = [*_history(draw, able), *body["messages"]]
    optional: dict[str, st.SearchStrategy[Any]] = {
        "metadata": st.sampled_from([{"user_id": "u-1"}, {"user_id": "a" * 256}, {}]),
        "stop_sequences": st.sampled_from([["HALT"], ["\n\nHuman:", "###"]]),
        "temperature": st.sampled_from([0, 1, 0.5]),
        "top_p": st.sampled_from([1, 0.9]),
        "top_k": st.sampled_from([1, 40]),
        "service_tier": st.sampled_from(["auto", "standard_only"]),
        "thinking": st.just({"type": "disabled"}),
    }
    named = draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=3))
    body |= {name: draw(optional[name]) for name in sorted(named)}
    if "top_p" in body:
        body.pop("temperature", None)
    if "tools" not in body and "tools" in able and draw(st.booleans()):
        body["tools"] = _tools(draw)
        if draw(st.booleans()):
            body["tool_choice"] = draw(st.sampled_from([{"type": "auto"}, {"type": "none"}]))
    flags = draw(st.lists(st.sampled_from(FLAGS), unique=True, max_size=2))
    headers = {"anthropic-beta": ",".join(flags)} if flags else {}
    return _within_markers(body), headers, {"beta": "true"} if draw(st.booleans()) else {}


def _within_markers(body: Body) -> Body:
    """The body with at most four marks for the cache, as the API allows."""
    left = 4

    def kept(value: Any) -> Any:
        nonlocal left
        if isinstance(value, list):
            return [kept(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if "cache_control" in value:
            left -= 1
        return {name: kept(item) for name, item in value.items() if name != "cache_control" or left >= 0}

    return {name: kept(item) for name, item in body.items()}


def _system(draw: Draw) -> Any:
    texts = draw(st.lists(st.sampled_from(SYSTEMS), min_size=1, max_size=3))
    if len(texts) == 1 and draw(st.booleans()):
        return texts[0]
    blocks = [_text(text) for text in texts]
    if draw(st.booleans()):
        blocks[-1] = {**blocks[-1], "cache_control": draw(st.sampled_from([MARKER, MARKER | {"ttl": "5m"}]))}
    return blocks


def _history(draw: Draw, able: Collection[str]) -> list[Body]:
    """Earlier turns, a loop of tools among them at times."""
    turns: list[Body] = []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["words", "two users", "tools"]))
        if kind == "tools" and "tools" in able:
            turns += _loop(f"toolu_h{number}", f"result {number}", draw)
            turns.append({"role": "assistant", "content": f"Noted {number}."})
        else:
            turns.append(_user(_spoken(draw, f"Remember item {number}.")))
            turns += [_user("And this.")] if kind == "two users" else []
            turns.append({"role": "assistant", "content": _spoken(draw, f"Noted {number}.")})
    return turns


def _loop(id_: str, result: str, draw: Draw, *, is_error: bool | None = None) -> list[Body]:
    """A call and its result, in the shapes that clients send."""
    call = {"type": "tool_use", "id": id_, "name": "lookup", "input": {"key": "word"}}
    said = [_text("Looking it up.")] if draw(st.booleans()) else []
    shape = draw(st.sampled_from(["string", "blocks", "marked"]))
    block: Body = {
        "type": "tool_result",
        "tool_use_id": id_,
        "content": result if shape == "string" else [_text(result)],
    }
    if shape == "marked":
        block["cache_control"] = MARKER
    if is_error is not None:
        block["is_error"] = is_error
    return [_user("Look it up."), {"role": "assistant", "content": [*said, call]}, _user([block])]


def _tools(draw: Draw, description: str = "Looks up a word.") -> list[Body]:
    tools = [{"name": "lookup", "description": description, "input_schema": draw(st.sampled_from(SCHEMAS))}]
    for number in range(draw(st.integers(0, 3))):
        other: Body = {"name": f"other-{number}_X", "input_schema": draw(st.sampled_from(SCHEMAS))}
        if draw(st.booleans()):
            other["description"] = "Does something else."
        tools.append(other)
    if draw(st.booleans()):
        tools[-1] = tools[-1] | {"cache_control": MARKER}
    return tools


def _asked(content: list[Body], prompt: str) -> Body:
    """A user turn that ends in an instruction, in the block after the content or in a message of its own."""
    return _user([*content, _text(prompt, beside=bool(content))])


@st.composite
def _reply(draw: Draw, able: Collection[str]) -> Sent:
    words = draw(st.lists(st.sampled_from(PIECES), max_size=6))
    said = " ".join(["{nonce}", *words])
    shape = draw(st.sampled_from(["string", "block", "after a block", "after a turn", "before a system turn"]))
    prompt: Any = REPLY + said
    if shape == "block":
        prompt = _spoken(draw, prompt)
    elif shape == "after a block":
        prompt = [_text("Some context."), _text(prompt, beside=True)]
    messages = [*([_user("Some context.")] if shape == "after a turn" else []), _user(prompt)]
    if shape == "before a system turn":
        messages.append({"role": "system", "content": _spoken(draw, "Keep the tone.")})
    body, headers, query = _around(draw, {"max_tokens": 256, "messages": messages}, able)
    effect = ({"at": "text", "equals": said}, {"at": "message.stop_reason", "equals": "end_turn"})
    return Sent(body=body, headers=headers, query=query, effect=effect, control=_bare(REPLY + said))


@st.composite
def _in_system(draw: Draw, able: Collection[str]) -> Sent:
    before, after = (draw(st.lists(st.sampled_from(SYSTEMS), max_size=2)) for _ in range(2))
    blocks = [*map(_text, before), _text(GIVEN_WORD), *map(_text, after)]
    turn = draw(st.booleans())
    system = GIVEN_WORD if len(blocks) == 1 and draw(st.booleans()) else blocks
    messages = [_user(ASKED_FOR_WORD)]
    if turn:
        messages = [
            _user("Wait."),
            {"role": "system", "content": system},
            {"role": "assistant", "content": "Yes."},
            *messages,
        ]
    body: Body = {"max_tokens": 256, "messages": messages} | ({} if turn else {"system": system})
    return _with_word(draw, body, able)


def _with_word(draw: Draw, body: Body, able: Collection[str]) -> Sent:
    body, headers, query = _around(draw, body, able)
    control = _bare(f"{GIVEN_WORD}\n{ASKED_FOR_WORD}")
    return Sent(body=body, headers=headers, query=query, effect=(WORD_SEEN,), control=control)


@st.composite
def _in_history(draw: Draw, able: Collection[str]) -> Sent:
    turn = draw(st.sampled_from(["user", "assistant"]))
    sentence = _spoken(draw, GIVEN_WORD)
    turns = [_user(sentence), {"role": "assistant", "content": "Noted."}]
    if turn == "assistant":
        turns = [_user("Name a word."), {"role": "assistant", "content": sentence}]
    if draw(st.booleans()):
        turns += [_user("More."), {"role": "assistant", "content": "Yes."}]
    return _with_word(draw, {"max_tokens": 256, "messages": [*turns, _user(_spoken(draw, ASKED_FOR_WORD))]}, able)


@st.composite
def _in_document(draw: Draw, able: Collection[str]) -> Sent:
    source = draw(
        st.sampled_from(
            [
                {"type": "text", "media_type": "text/plain", "data": GIVEN_WORD},
                {"type": "content", "content": GIVEN_WORD},
                {"type": "content", "content": [_text("An entry."), _text(GIVEN_WORD)]},
            ]
        )
    )
    optional = draw(
        st.sampled_from([{}, {"title": "Notes"}, {"context": "A diary."}, {"citations": {"enabled": False}}])
    )
    document = {"type": "document", "source": source, **optional}
    return _with_word(draw, {"max_tokens": 256, "messages": [_asked([document], ASKED_FOR_WORD)]}, able)


@st.composite
def _in_search_result(draw: Draw, able: Collection[str]) -> Sent:
    content = draw(st.sampled_from([[_text(GIVEN_WORD)], [_text("An entry."), _text(GIVEN_WORD)]]))
    result = {"type": "search_result", "source": "https://example.com/a", "title": "Notes", "content": content}
    return _with_word(draw, {"max_tokens": 256, "messages": [_asked([result], ASKED_FOR_WORD)]}, able)


@st.composite
def _in_tool_description(draw: Draw, able: Collection[str]) -> Sent:
    body = {"max_tokens": 256, "tools": _tools(draw, GIVEN_WORD), "messages": [_user(ASKED_FOR_WORD)]}
    return _with_word(draw, body, able)


@st.composite
def _prefilled(draw: Draw, able: Collection[str]) -> Sent:
    words = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))
    left = " ".join(words)
    messages = [_user(f"{REPLY}{{nonce}} {left}"), {"role": "assistant", "content": _spoken(draw, "{nonce}")}]
    body, headers, query = _around(draw, {"max_tokens": 256, "messages": messages}, able)
    effect = ({"at": "text", "contains": left},)  # whether it begins with the prefill again is a matter of taste
    control = _bare(f"{REPLY}{{nonce}} {left}")
    return Sent(body=body, headers=headers, query=query, effect=effect, control=control, declinable=True)


@st.composite
def _call(draw: Draw, able: Collection[str]) -> Sent:
    word = " ".join(["{nonce}", *draw(st.lists(st.sampled_from(PIECES[:8]), max_size=3))])
    prompt = f'Call the tool lookup with this input: {{"key": "{word}"}}'
    choice = draw(st.sampled_from([None, {"type": "auto"}, {"type": "auto", "disable_parallel_tool_use": True}]))
    body: Body = {"max_tokens": 256, "tools": _tools(draw), "messages": [_user(_spoken(draw, prompt))]}
    body |= {"tool_choice": choice} if choice else {}
    control = _bare(prompt) | {
        "tools": [{"name": "lookup", "description": "Looks up a word.", "input_schema": SCHEMAS[0]}]
    }
    body, headers, query = _around(draw, body, able)
    effect = (
        {"at": "message.content[?type=='tool_use'].input | [0].key", "equals": word},
        {"at": "message.content[?type=='tool_use'].name | [0]", "equals": "lookup"},
        {"at": "message.stop_reason", "equals": "tool_use"},
    )
    return Sent(body=body, headers=headers, query=query, effect=effect, control=control)


@st.composite
def _tool_result(draw: Draw, able: Collection[str]) -> Sent:
    loop = _loop("toolu_01", "{nonce} found", draw)
    prompt, seen = draw(
        st.sampled_from([(ASKED_FOR_RESULT, "{nonce} found"), (f"{REPLY}{{nonce}} read", "{nonce} read")])
    )
    if draw(st.booleans()):
        loop[-1]["content"].append(_text(prompt, beside=True))
    else:
        loop.append(_user(prompt))
    body, headers, query = _around(draw, {"max_tokens": 256, "tools": _tools(draw), "messages": loop}, able)
    effect = ({"at": "text", "equals": seen},)
    control = _asked_after_loop(prompt)
    return Sent(body=body, headers=headers, query=query, effect=effect, control=control)


def _plain_loop() -> list[Body]:
    call = {"type": "tool_use", "id": "toolu_01", "name": "lookup", "input": {"key": "word"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "{nonce} found"}
    return [_user("Look it up."), {"role": "assistant", "content": [call]}, _user([result])]


@st.composite
def _is_error(draw: Draw, able: Collection[str]) -> Sent:
    failed = draw(st.booleans())
    loop = _loop("toolu_01", "42", draw, is_error=failed)
    loop[-1]["content"].append(_text(ASKED_FOR_ERROR, beside=True))
    plain = _asked_after_loop(ASKED_FOR_ERROR)
    body, headers, query = _around(draw, {"max_tokens": 256, "tools": _tools(draw), "messages": loop}, able)
    effect = ({"at": "text", "contains": "error" if failed else "ok"},)
    return Sent(
        body=body,
        headers=headers,
        query=query,
        effect=effect,
        control=plain,
        control_effect=({"at": "text", "contains": "ok"},),
    )


def _asked_after_loop(prompt: str) -> Body:
    """The plainest loop of tools, and an instruction in a message of its own."""
    messages = [*_plain_loop(), _user(prompt)]
    return {"max_tokens": 256, "tools": [{"name": "lookup", "input_schema": SCHEMAS[0]}], "messages": messages}


@st.composite
def _colours(draw: Draw, able: Collection[str]) -> Sent:
    named = draw(st.lists(st.sampled_from(sorted(COLOURS)), min_size=1, max_size=3))
    images = [_image(name) for name in named]
    messages = [_asked(images, ASKED_FOR_COLOURS)]
    if "tools" in able and draw(st.booleans()):
        messages = _loop("toolu_01", "", draw)
        messages[-1]["content"][0]["content"] = images
        messages[-1]["content"].append(_text(ASKED_FOR_COLOURS, beside=True))
    body, headers, query = _around(draw, {"max_tokens": 256, "messages": messages}, able)
    control = {"max_tokens": 256, "messages": [_asked([_image("red")], ASKED_FOR_COLOURS)]}
    effect = ({"at": "text", "matches": "(?is)" + ".*".join(named)},)
    seen = ({"at": "text", "contains": "red"},)
    return Sent(
        body=body,
        headers=headers,
        query=query,
        effect=effect,
        control=control,
        control_effect=seen,
    )


def _image(colour: str) -> Body:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), COLOURS[colour]).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
