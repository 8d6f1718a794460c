"""Faults in tool results and documents: text lost or rewritten before the model reads it."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from conformance.scripted.faults.fault import FaultGroup

RESULTS = FaultGroup("results")

Block = dict[str, Any]

_MOST = 8_000
_LONG = 4_000
_KEPT = 1_500


def _inside(holder: Any, kind: str) -> Iterator[Block]:
    """The blocks of a type in a list of content."""
    for block in holder if isinstance(holder, list) else []:
        if isinstance(block, dict) and block.get("type") == kind:
            yield block


def _turns(body: Block, kind: str) -> Iterator[list[Block]]:
    """The blocks of a type, message by message."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            yield list(_inside(message.get("content"), kind))


def _results(body: Block) -> Iterator[Block]:
    for turn in _turns(body, "tool_result"):
        yield from turn


def _rewritten(name: str, says: str, needs: str = "turns") -> Callable[[Callable[[str], str]], None]:
    """The function makes of each text in a tool result another one; what would be empty then stays as it is."""

    def register(change: Callable[[str], str]) -> None:
        def changed(text: str) -> str:
            return change(text) or text

        def body(body: Block) -> None:
            for result in _results(body):
                if isinstance(result.get("content"), str):
                    result["content"] = changed(result["content"])
                for block in _inside(result.get("content"), "text"):
                    if isinstance(block.get("text"), str):
                        block["text"] = changed(block["text"])

        RESULTS.body(name, says, needs=needs)(body)

    return register


@_rewritten("X-result-ascii", "characters outside ASCII in a tool result become question marks", "turns unicode")
def ascii_only(text: str) -> str:
    return text.encode("ascii", "replace").decode()


@_rewritten("X-result-astral", "characters of four bytes are lost from a tool result", "turns unicode")
def astral_lost(text: str) -> str:
    return "".join(character for character in text if ord(character) <= 0xFFFF)


@_rewritten("X-result-composed", "a tool result is brought into the composed form of Unicode (NFC)", "turns unicode")
def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@_rewritten("X-result-html", "angle brackets and ampersands in a tool result become entities")
def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@_rewritten("X-result-lines", "line breaks in a tool result become spaces")
def one_line(text: str) -> str:
    return text.replace("\n", " ")


@_rewritten("X-result-line-ends", "CR LF in a tool result becomes LF")
def line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


@_rewritten("X-result-spaces", "runs of spaces and tabs in a tool result become one space")
def one_space(text: str) -> str:
    return re.sub(r"[ \t]+", " ", text)


@_rewritten("X-result-stripped", "white space at both ends of a tool result is lost")
def stripped(text: str) -> str:
    return text.strip()


@_rewritten("X-result-reparsed", "a tool result that is JSON is written anew")
def reparsed(text: str) -> str:
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


@_rewritten("X-result-cut", "a tool result is cut after 8,000 characters", "turns long")
def cut(text: str) -> str:
    return text[:_MOST]


@_rewritten("X-result-middle-lost", "of a long tool result only the start and the end are shown", "turns long")
def middle_lost(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_KEPT]}...{text[-_KEPT:]}"


def _texts_only(result: Block) -> bool:
    content = result.get("content")
    return isinstance(content, list) and bool(content) and len(list(_inside(content, "text"))) == len(content)


@RESULTS.body("X-result-as-json", "the blocks of a tool result are shown as the JSON that they came in", needs="turns")
def as_json(body: Block) -> None:
    for result in _results(body):
        if _texts_only(result):
            result["content"] = json.dumps(result["content"])


@RESULTS.body("X-result-joined", "the blocks of a tool result run into one another", needs="turns")
def joined(body: Block) -> None:
    for result in _results(body):
        if _texts_only(result):
            result["content"] = "".join(block.get("text", "") for block in result["content"])


@RESULTS.body("X-result-error-array", "is_error is lost where the content of the result is an array", needs="turns")
def error_lost(body: Block) -> None:
    for result in _results(body):
        if isinstance(result.get("content"), list):
            result.pop("is_error", None)


@RESULTS.body("X-result-third-lost", "of the results in one turn only two are shown", needs="turns")
def third_lost(body: Block) -> None:
    for turn in _turns(body, "tool_result"):
        for result in turn[2:]:
            result["content"] = "(nothing)"


@RESULTS.body("X-result-one-image", "of several images in a tool result only the first is shown", needs="turns vision")
def one_image(body: Block) -> None:
    for result in _results(body):
        for image in list(_inside(result.get("content"), "image"))[1:]:
            result["content"].remove(image)


@RESULTS.body("X-document-cut", "the text of a document is cut after 8,000 characters", needs="documents long")
def document_cut(body: Block) -> None:
    for turn in _turns(body, "document"):
        for document in turn:
            source = document.get("source")
            if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
                source["data"] = source["data"][:_MOST]


@RESULTS.body("X-marked-result-block-lost", "blocks of a tool result with cache_control are lost", needs="turns")
def marked_lost(body: Block) -> None:
    for result in _results(body):
        if isinstance(result.get("content"), list):
            result["content"] = [block for block in result["content"] if "cache_control" not in block]


@RESULTS.body("X-none-results-lost", "tool results are lost with tool_choice none", needs="turns")
def unread_without_tools(body: Block) -> None:
    if body.get("tool_choice") == {"type": "none"}:
        for result in _results(body):
            result["content"] = "(nothing)"


def _of_user(body: Block, kind: str) -> Iterator[tuple[Block, list[Block]]]:
    return _of("user", body, kind)


def _of(role: str, body: Block, kind: str) -> Iterator[tuple[Block, list[Block]]]:
    """The messages of a role that hold blocks of a type, each with its blocks."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        blocks = message.get("content") if isinstance(message, dict) and message.get("role") == role else None
        if isinstance(blocks, list) and any(_is(block, kind) for block in blocks):
            yield message, blocks


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block.get("type") == kind


@RESULTS.body("X-texts-before-image-lost", "texts before an image are lost", needs="vision")
def texts_before_image_lost(body: Block) -> None:
    for message, blocks in _of_user(body, "image"):
        last = max(at for at, block in enumerate(blocks) if _is(block, "image"))
        message["content"] = [block for at, block in enumerate(blocks) if at > last or not _is(block, "text")]


def _reversed(name: str, says: str, kind: str, needs: str, role: str = "user") -> None:
    """A fault that puts the blocks of a type, in each message of a role, into the places of one another."""

    def reverse(body: Block) -> None:
        for message, blocks in _of(role, body, kind):
            last_first = [block for block in blocks if _is(block, kind)]
            message["content"] = [last_first.pop() if _is(block, kind) else block for block in blocks]

    RESULTS.body(name, says, needs=needs)(reverse)


_reversed("X-images-reversed", "the images of a message are seen in reverse", "image", "vision")
_reversed("X-documents-reversed", "the documents of a message are read in reverse", "document", "documents")
_reversed("X-search-results-reversed", "search results of a message are read in reverse", "search_result", "documents")
_reversed("X-texts-reversed", "the text blocks of a message are read in reverse", "text", "turns")
_reversed("X-assistant-texts-reversed", "texts of an assistant turn are read in reverse", "text", "turns", "assistant")


@RESULTS.body("X-users-reversed", "user messages in a row are read in reverse", needs="turns")
def users_reversed(body: Block) -> None:
    messages = body.get("messages")
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
        rows = [list(row) for _, row in groupby(messages, key=lambda message: message.get("role"))]
        body["messages"] = [one for row in rows for one in (row[::-1] if row[0].get("role") == "user" else row)]


@RESULTS.body("X-system-reversed", "the texts of system's blocks are read in reverse", needs="system")
def system_reversed(body: Block) -> None:
    blocks = list(_inside(body.get("system"), "text"))
    for block, text in zip(blocks, [block.get("text") for block in blocks][::-1], strict=True):
        block["text"] = text


@RESULTS.body("X-texts-beside-results-lost", "texts beside results of earlier turns are lost", needs="tools turns")
def texts_beside_results_lost(body: Block) -> None:
    for message, blocks in _of_user(body, "tool_result"):
        if message is not body["messages"][-1]:
            message["content"] = [block for block in blocks if not _is(block, "text")]
