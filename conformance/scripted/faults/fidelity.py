"""Faults that lose or rewrite one kind of thing wherever it stands, in what a model says or in what it is given.

Each kind is one small function of a text, or of a value of a call's input; from it are made a fault of answers (texts,
thoughts, inputs) and one of requests (system, tools, earlier turns, results). The question itself is left as it is, so
that what is bent is what was asked about.
"""

import html
import re
import struct
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.faults.fault import Call, FaultGroup, Message, replace
from conformance.scripted.gateway.passage import Asking

FIDELITY = FaultGroup("fidelity")

Body = dict[str, Any]
Change = Callable[[Any], Any]

_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00ad\ufe0f]")
_PRIVATE = re.compile(r"sk-[\w-]+|ghp_\w+|AKIA\w+|(?<=password=)\w+|\w+@\w+(?:\.\w+)?")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029\u0085\x0b\x0c]")
_CONTROLS = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SPEAKER = re.compile(r"\n\n(?:Human|Assistant|User):")
_TAGS = re.compile(r"</?(?:system-reminder|tool_use_error|command-name|think|function_calls|s)>|<\|[^|]*\|>")


def _reparsed(text: str) -> str:
    try:
        return msgspec.json.encode(msgspec.json.decode(text)).decode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


_TEXTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "repeats": (
        "a word that equals the one before is lost",
        lambda text: re.sub(r"\b(\w+) (?:\1 )+", r"\1 ", text),
    ),
    "spaces": ("runs of blanks become one", lambda text: re.sub(r"[^\S\r\n]+", " ", text)),
    "lines": ("every line end becomes a line feed", lambda text: _LINE_ENDS.sub("\n", text)),
    "markup": ("entities are decoded", html.unescape),
    "tags": ("tags that look like a client's or a template's own are lost", lambda text: _TAGS.sub("", text)),
    "keys": ("what looks like a key or an address becomes stars", lambda text: _PRIVATE.sub("***", text)),
    "names": ("Claude is called by another name", lambda text: text.replace("Claude", "Assistant")),
    "forms": ("letters are brought into the composed form (NFC)", lambda text: unicodedata.normalize("NFC", text)),
    "marks": ("marks that nobody sees are lost", lambda text: _UNSEEN.sub("", text)),
    "escapes": ("backslash and n become a line break", lambda text: text.replace("\\n", "\n").replace("%20", " ")),
    "controls": ("control characters are lost", lambda text: _CONTROLS.sub("", text)),
    "scalars": ("leading zeros of numbers in a text are lost", lambda text: re.sub(r"\b0+(?=[1-9])", "", text)),
    "json": ("a text that is JSON is written anew", _reparsed),
    "page": ("marks of headings and notes are lost", lambda text: re.sub(r"(?m)^#+ |\[\d+\]|~~", "", text)),
    "speakers": ("a text ends where another speaker seems to begin", lambda text: _SPEAKER.split(text)[0]),
}  # fmt: skip


def _single(value: Any) -> Any:
    """A fraction as a floating-point number of 32 bits."""
    return struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) and abs(value) < 1e30 else value


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner not in ("", [], {})}
    return value


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"[^\w]", "_", key): inner for key, inner in value.items()}
    return value


def _sorted(value: Any) -> Any:
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def _read(value: Any) -> Any:
    """What a text says that is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return value


_VALUES: dict[str, tuple[str, Change]] = {
    "numbers": ("fractions are rounded to 32 bits", _single),
    "empties": ("keys whose value is empty are lost", _emptied),
    "names-of-keys": ("signs in keys become underscores", _renamed),
    "order": ("keys are sorted", _sorted),
    "whole-texts": ("texts that are JSON are read as JSON", _read),
}


def _everywhere(change: Change, value: Any) -> Any:
    """The change at every value, from the inside out."""
    if isinstance(value, dict):
        value = {key: _everywhere(change, inner) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_everywhere(change, inner) for inner in value]
    return change(value)


def _of_texts(change: Callable[[str], str]) -> Change:
    return lambda value: change(value) if isinstance(value, str) else value


def _answered(change: Change, *, words: bool) -> Callable[[Message, Call], Message]:
    def message(message: Message, _: Call) -> Message:
        return {**message, "content": [_block(change, block, words=words) for block in message["content"]]}

    return message


def _block(change: Change, block: Body, *, words: bool) -> Body:
    kept: Body = {key: change(block[key]) for key in ("text", "thinking") if words and key in block}
    if "input" in block:
        kept["input"] = _everywhere(change, block["input"])
    return {**block, **kept}


def _given(change: Change) -> Callable[[Call], Call]:
    """The change in every text of a request but those of its last message that are no results."""

    def request(call: Call) -> Call:
        body = call.document
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return call
        *earlier, last = body["messages"] or [{}]
        bent = {name: _everywhere(change, body[name]) for name in ("system", "tools") if name in body}
        bent["messages"] = [*_everywhere(change, earlier), _results_of(change, last)]
        return replace(call, body=msgspec.json.encode(body | bent))

    return request


def _results_of(change: Change, message: Any) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    results = [_everywhere(change, one) if one.get("type") == "tool_result" else one for one in content]
    return {**message, "content": results}


def _allowed(change: Change) -> Callable[[Call], Call]:
    """The change in the values that the schemas of tools enumerate."""

    def of_schema(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("enum"), list):
            return {**value, "enum": [_everywhere(change, one) for one in value["enum"]]}
        return value

    def request(call: Call) -> Call:
        body = call.document
        if not isinstance(body, dict) or not isinstance(body.get("tools"), list):
            return call
        return replace(call, body=msgspec.json.encode({**body, "tools": _everywhere(of_schema, body["tools"])}))

    return request


def _upward(change: Change) -> Callable[[Asking, Call], Asking]:
    """The change in the arguments of earlier calls and in the schemas that go upstream."""

    def asking(correct: Asking, _: Call) -> Asking:
        body = msgspec.json.decode(msgspec.json.encode(correct.body))
        for message in body["messages"]:
            for call in message.get("tool_calls") or []:
                arguments = _everywhere(change, msgspec.json.decode(call["function"]["arguments"]))
                call["function"]["arguments"] = msgspec.json.encode(arguments).decode()
        for tool in body.get("tools") or []:
            tool["function"]["parameters"] = _everywhere(change, tool["function"]["parameters"])
        return replace(correct, body=body)

    return asking


def _register() -> None:
    for kind, (says, text) in _TEXTS.items():
        change = _of_texts(text)
        FIDELITY.message(f"X-answer-{kind}", f"{says}, in an answer")(_answered(change, words=True))
        FIDELITY.request(f"X-request-{kind}", f"{says}, in a request", needs="turns")(_given(change))
    for kind, (says, value) in _VALUES.items():
        if kind != "order":  # means nothing in JSON
            FIDELITY.request(f"X-schema-{kind}", f"{says}, in what a schema allows", needs="tools")(_allowed(value))
            FIDELITY.message(f"X-answer-{kind}", f"{says}, in a call's input", needs="tools")(
                _answered(value, words=False)
            )
        hooks = Hooks(asking=_upward(value))
        FIDELITY.add(
            f"X-request-{kind}", f"{says}, in calls and schemas that go upstream", hooks, needs="upstream tools"
        )


_register()


@FIDELITY.request("X-escapes-literal", "letters that JSON escapes are read as their escapes")
def escapes_literal(call: Call) -> Call:
    return replace(call, body=re.sub(rb"(?<!\\)\\u00([2-7])", rb"\\\\u00\1", call.body))


def _in_place(place: str, says: str) -> Callable[[Callable[[Body], None]], None]:
    """The function escapes what stands at one place of what goes upstream."""

    def register(change: Callable[[Body], None]) -> None:
        def asking(correct: Asking, _: Call) -> Asking:
            body = msgspec.json.decode(msgspec.json.encode(correct.body))
            change(body)
            return replace(correct, body=body)

        says_more = f"{says} go upstream as if for a web page"
        FIDELITY.add(f"X-escaped-{place}", says_more, Hooks(asking=asking), needs="upstream tools")

    return register


def _escape_texts(body: Body, role: str) -> None:
    *others, _ = body["messages"]
    for message in others:
        if message["role"] == role:
            message["content"] = _everywhere(_of_texts(html.escape), message["content"])


_SPOKEN = (
    ("system", "instructions", "system"),
    ("question", "earlier questions", "user"),
    ("said", "earlier answers", "assistant"),
    ("result", "results", "tool"),
)
for _place, _says, _role in _SPOKEN:
    _in_place(_place, _says)(partial(_escape_texts, role=_role))


@_in_place("input", "arguments of earlier calls")
def input_escaped(body: Body) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            arguments = _everywhere(_of_texts(html.escape), msgspec.json.decode(call["function"]["arguments"]))
            call["function"]["arguments"] = msgspec.json.encode(arguments).decode()


@_in_place("description", "descriptions of tools")
def description_escaped(body: Body) -> None:
    for tool in body.get("tools") or []:
        tool["function"]["description"] = html.escape(tool["function"].get("description") or "")


@_in_place("schema", "texts in schemas")
def schema_escaped(body: Body) -> None:
    for tool in body.get("tools") or []:
        tool["function"]["parameters"] = _everywhere(_of_texts(html.escape), tool["function"]["parameters"])


TEXT = FaultGroup("text")

_LONG = 100
_LOST = 10
_MOST = 2_000


def _rewritten(name: str, says: str, needs: str = "") -> Callable[[Callable[[str], str]], None]:
    """The function makes of each text of an answer another one."""

    def register(change: Callable[[str], str]) -> None:
        def message(message: Message, _: Call) -> Message:
            blocks = message["content"]
            changed = [{**one, "text": change(one["text"])} if one["type"] == "text" else one for one in blocks]
            return {**message, "content": changed}

        TEXT.message(name, says, needs=needs)(message)

    return register


@TEXT.message("X-text-in-blocks", "each word of a text has a text block of its own")
def in_blocks(message: Message, _: Call) -> Message:
    def pieces(block: dict[str, Any]) -> list[dict[str, Any]]:
        words = re.findall(r"\S*\s*", block["text"])[:-1] if block["type"] == "text" else []
        return [{**block, "text": word} for word in words] or [block]

    return {**message, "content": [piece for block in message["content"] for piece in pieces(block)]}


@TEXT.message("X-text-empty-last", "an empty text block ends each answer")
def empty_last(message: Message, _: Call) -> Message:
    return {**message, "content": [*message["content"], {"type": "text", "text": "", "citations": None}]}


@_rewritten("X-text-middle-lost", "ten characters are lost from the middle of a long text")
def middle_lost(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + text[middle + _LOST :] if len(text) > _LONG else text


@_rewritten("X-text-cut", "a text is cut after 2,000 characters, and the answer says end_turn", "long")
def cut(text: str) -> str:
    return text[:_MOST]


@_rewritten("X-thought-end", "a text begins with </think>")
def thought_end(text: str) -> str:
    return f"</think>{text}"


@_rewritten("X-text-end-token", "a text ends with <|im_end|>")
def end_token(text: str) -> str:
    return f"{text}<|im_end|>"


@_rewritten("X-text-compatible", "a text is brought into the compatible form of Unicode (NFKC)", "unicode")
def compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@_rewritten("X-text-joiners-lost", "zero width joiners are lost from a text", "unicode")
def joiners_lost(text: str) -> str:
    return text.replace("\u200d", "")


@_rewritten("X-text-separators", "line separators (U+2028) in a text become line breaks", "unicode")
def separators(text: str) -> str:
    return text.replace("\u2028", "\n")


@_rewritten("X-text-marks-lost", "what stands between <| and |> is lost from a text")
def marks_lost(text: str) -> str:
    return re.sub(r"<\|[^|]*\|>", "", text)


@_rewritten("X-text-fences-lost", "code fences are lost from a text")
def fences_lost(text: str) -> str:
    return re.sub(r"```\w*\n?", "", text)


@_rewritten("X-text-blank-lines", "blank lines are lost from a text")
def blank_lines_lost(text: str) -> str:
    return re.sub(r"\n{2,}", "\n", text)


@_rewritten("X-text-tags-lost", "what looks like a tag is lost from a text")
def tags_lost(text: str) -> str:
    return re.sub(r"</?[a-z][^>]*>", "", text)
