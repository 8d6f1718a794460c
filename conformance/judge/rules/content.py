"""Rules about the content: its blocks, and what must not stand in their text."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from conformance.catalog.pattern import linear
from conformance.judge.answer import Answer
from conformance.judge.finding import Violation
from conformance.judge.rules.form import (
    ARRAY,
    FILLED,
    INTEGER,
    OBJECT,
    STRING,
    Form,
    expect,
    expect_all,
    first_fault,
    fitting,
    or_null,
    unlike,
)
from conformance.judge.rules.rule import CITATIONS, SDK_BLOCKS, TEXT_BLOCK, Found, rule
from conformance.judge.wire import is_integer, shown

BLOCKS_KNOWN = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        "advisor_tool_result",
        "compaction",
        "fallback",
    }
)
_TAGS = linear(r"</?think(ing)?>|◁/?think▷|<\|channel\|>")
_CONTROL = linear(
    r"<\|(im_(start|end)|endoftext|eot_id|eom_id|end_of_text|python_tag|start_header_id)\|>|</s>|<end_of_turn>"
    r"|^\s{0,4}</think(ing)?>"  # the end of a thought that never began
    r"|^\s{0,4}<think(ing)?>\s{0,8}</think(ing)?>"  # a template's way to switch thinking off
)


@rule(
    "message.block",
    row="response.content",
    law="Every content block is an object with a type.",
    source=SDK_BLOCKS,
    on=("message",),
)
def block(answer: Answer) -> Found:
    given = answer.message.get("content") if answer.is_message else None
    if not isinstance(given, list) or not given:
        return None
    return first_fault(
        unlike(one, at, _MEMBER) or expect(one, "type", at, FILLED)
        for at, one in ((f"/content/{number}", one) for number, one in enumerate(given))
    )


_MEMBER = Form("an object", OBJECT.holds, lambda _: "not-an-object")
"""The form of a member of an array of objects."""
_SOME_TEXT = fitting("some text", bool, "empty")
_RESULT = Form("an array, or an object with a type", lambda value: isinstance(value, list) or _is_typed(value))
_MCP_RESULT = Form("an array, or some text", lambda value: isinstance(value, list) or _SOME_TEXT.holds(value))
_CALL = {"id": _SOME_TEXT, "name": _SOME_TEXT, "input": OBJECT}
_FIELDS: Mapping[str, Mapping[str, Form]] = {
    "redacted_thinking": {"data": _SOME_TEXT},
    "server_tool_use": _CALL,
    "mcp_tool_use": _CALL,
    "container_upload": {"file_id": _SOME_TEXT},
    "mcp_tool_result": {"tool_use_id": _SOME_TEXT, "content": _MCP_RESULT},
}
_RESULT_FIELDS = {"tool_use_id": _SOME_TEXT, "content": _RESULT}


def _is_typed(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _fields_of(kind: Any) -> Mapping[str, Form]:
    """The fields that a block of one type has to have, as far as no rule of its own asks for them."""
    return _FIELDS.get(str(kind), _RESULT_FIELDS if str(kind).endswith("_tool_result") else {})


@rule(
    "message.text",
    row="response.content.text",
    law="The text of a text block is a string.",
    source=SDK_BLOCKS,
    on=("message",),
)
def text(answer: Answer) -> Found:
    texts = answer.blocks_by_type["text"]
    return first_fault(expect(one, "text", at, STRING) for at, one in texts) if texts else None


@rule(
    "message.block-fields",
    row="response.content.other",
    law="Blocks of server tools, redacted thinking and uploads have their fields.",
    source=SDK_BLOCKS,
)
def block_fields(answer: Answer) -> Found:
    given = [(at, one, fields) for at, one in answer.placed_blocks if (fields := _fields_of(one.get("type")))]
    return first_fault(expect_all(one, at, fields) for at, one, fields in given) if given else None


@rule(
    "message.no-empty-text",
    row="response.content.text",
    law="No empty text block stands beside other blocks: sent back, it would be refused.",
    source=TEXT_BLOCK,
    level="should",
    leniency="A text block that is all of the content may be empty.",
)
def no_empty_text(answer: Answer) -> Found:
    if len(answer.blocks) < 2:
        return None
    empty = [at for at, one in answer.blocks_by_type["text"] if one.get("text") == ""]
    return [Violation(f"{empty[0]}/text", "some text, or no block", "", "empty")] if empty else []


_CITED = {"type": STRING, "cited_text": _SOME_TEXT}
_PLACES: Mapping[str, Mapping[str, Form]] = {
    "char_location": dict.fromkeys(("document_index", "start_char_index", "end_char_index"), INTEGER),
    "page_location": dict.fromkeys(("document_index", "start_page_number", "end_page_number"), INTEGER),
    "content_block_location": dict.fromkeys(("document_index", "start_block_index", "end_block_index"), INTEGER),
    "web_search_result_location": dict.fromkeys(("url", "encrypted_index"), STRING),
    "search_result_location": {
        "source": STRING,
        **dict.fromkeys(("search_result_index", "start_block_index", "end_block_index"), INTEGER),
    },
}
"""The keys that say where a citation of each type points to."""


@rule(
    "message.citations",
    row="response.content.citations",
    law="citations is null, or an array of objects that hold the cited text, which is not empty, and where it stands.",
    source=CITATIONS,
    leniency="It may be left out.",
)
def citations(answer: Answer) -> Found:
    cited = [(at, one) for at, one in answer.blocks_by_type["text"] if one.get("citations") is not None]
    return first_fault(_citation_faults(one["citations"], f"{at}/citations") for at, one in cited) if cited else None


def _citation_faults(citations: Any, at: str) -> list[Violation]:
    return unlike(citations, at, or_null(ARRAY)) or first_fault(
        unlike(one, place, _MEMBER) or expect_all(one, place, {**_CITED, **_PLACES.get(str(one.get("type")), {})})
        for place, one in ((f"{at}/{number}", one) for number, one in enumerate(citations))
    )


@rule(
    "message.citations-in-place",
    row="response.content.citations",
    law="cited_text is what stands in the cited document from start_char_index to end_char_index.",
    source=CITATIONS,
    leniency="White space at its ends does not count. Only documents in ASCII are tried, on whose length all agree.",
)
def citations_in_place(answer: Answer) -> Found:
    documents = _documents(answer.request or {})
    seen = False
    for at, one in answer.blocks_by_type["text"]:
        given = one.get("citations")
        for number, citation in enumerate(given if isinstance(given, list) else []):
            there = _there(citation, documents)
            if there is None:
                continue
            seen = True
            if there.strip() != citation["cited_text"].strip():
                return [Violation(f"{at}/citations/{number}", shown(there), shown(citation["cited_text"]), "elsewhere")]
    return [] if seen else None


def _there(citation: Any, documents: dict[int, str]) -> str | None:
    """What stands where a citation points to; None where that is unknown."""
    if not isinstance(citation, dict) or citation.get("type") != "char_location":
        return None
    place = [citation.get(key) for key in ("document_index", "start_char_index", "end_char_index")]
    numbers = [number for number in place if is_integer(number)]
    if len(numbers) < len(place) or not isinstance(citation.get("cited_text"), str):
        return None
    index, start, end = numbers
    whole = documents.get(index)
    return None if whole is None else whole[max(start, 0) : max(end, 0)]


def _documents(request: dict[str, Any]) -> dict[int, str]:
    """The texts of a request's documents by their document_index, those whose places every server counts alike."""
    messages = request.get("messages")
    contents = [one.get("content") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    blocks = [one for content in contents if isinstance(content, list) for one in content if isinstance(one, dict)]
    if any(block.get("type") == "tool_result" for block in blocks):
        return {}  # whether documents inside results are counted along is said nowhere
    sources = [block.get("source") for block in blocks if block.get("type") == "document"]
    texts = ((n, source.get("data")) for n, source in enumerate(sources) if _is_text(source))
    return {n: text for n, text in texts if isinstance(text, str) and text.isascii() and "\r" not in text}


def _is_text(source: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(source, dict) and source.get("type") == "text"


REPLACEMENT = "\ufffd"
"""The sign that stands for bytes which are no character."""


@rule(
    "message.characters",
    row="response.characters",
    law="No U+FFFD stands in a server's own sentence that the request did not hold.",
    source="https://encoding.spec.whatwg.org/#error-mode",
    on=("error",),
    leniency="What a model wrote is compared between the two modes: a model of bytes may write one.",
)
def characters(answer: Answer) -> Found:
    sentence = answer.error.get("message") if answer.error is not None else None
    if not isinstance(sentence, str):
        return None
    if REPLACEMENT not in sentence or damaged(answer.exchange.request.body):
        return []
    return [Violation("/error", "the character itself", REPLACEMENT, "replacement-character")]


def damaged(body: bytes) -> bool:
    """Whether bytes hold a U+FFFD, as it is or escaped."""
    return b"\xef\xbf\xbd" in body or b"\\ufffd" in body or b"\\uFFFD" in body


def _leak(answer: Answer, pattern: Any, expected: str, kind: str) -> Found:
    texts = [(at, one["text"]) for at, one in answer.blocks_by_type["text"] if isinstance(one.get("text"), str)]
    for at, one in texts:
        leak = pattern.search(one) if "<" in one or "◁" in one else None
        if leak and leak[0].encode() not in answer.exchange.request.body:
            return [Violation(f"{at}/text", expected, shown(one), kind)]
    return [] if texts else None


@rule(
    "message.no-thinking-in-text",
    row="response.content.text",
    law="Thinking that was asked for stands in thinking blocks, not between tags in the text.",
    source=SDK_BLOCKS,
    leniency="Tags that the request holds may be repeated; where no thinking was asked for, or a thinking block is "
    "there, they may be the model's own.",
)
def no_thinking_in_text(answer: Answer) -> Found:
    asked = (answer.request or {}).get("thinking")
    if not isinstance(asked, dict) or asked.get("type") not in ("enabled", "adaptive"):
        return None
    if answer.blocks_by_type["thinking"] or answer.blocks_by_type["redacted_thinking"]:
        return [] if answer.blocks_by_type["text"] else None
    return _leak(answer, _TAGS, "no thinking tags", "tags")


@rule(
    "message.no-control-tokens",
    row="response.content.text",
    law="The text holds none of the model's control tokens.",
    source=SDK_BLOCKS,
    level="should",
    leniency="Tokens that the request holds may be repeated.",
)
def no_control_tokens(answer: Answer) -> Found:
    return _leak(answer, _CONTROL, "no control tokens", "control-token")


_KNOWN = fitting("a documented type", BLOCKS_KNOWN.__contains__, "unknown")


@rule(
    "message.known-blocks",
    row="response.extra",
    law="Content blocks are of documented types.",
    source=SDK_BLOCKS,
    level="may",
    leniency="A note: new block types may appear.",
)
def known_blocks(answer: Answer) -> Found:
    given: list[tuple[str, Any]] = [
        (at, one["type"]) for at, one in answer.placed_blocks if isinstance(one.get("type"), str)
    ]
    return first_fault(unlike(kind, f"{at}/type", _KNOWN) for at, kind in given) if given else None
