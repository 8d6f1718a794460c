"""Citations: which document an answer quotes, and where in it.

Source: https://platform.claude.com/docs/en/build-with-claude/citations
"""

import re
from typing import Any

from conformance.scripted.anthropic.blocks import DocumentBlock, SearchResultBlock
from conformance.scripted.anthropic.checks.parameters import citable, cites
from conformance.scripted.anthropic.documents import ReadDocument, read
from conformance.scripted.anthropic.media import Media
from conformance.scripted.anthropic.request import Prompt

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def enabled(request: Prompt) -> bool:
    """Whether any document or search result of the request may be cited."""
    return any(cites(block) for block in citable(request))


def citations_of(answer: str, request: Prompt, media: Media) -> list[dict[str, Any]]:
    """The place of the last document that says what the answer says; none when no document does."""
    quoted = re.compile(rf"(?<!\w){re.escape(answer.strip())}(?!\w)")
    if not answer.strip():
        return []
    positions = {DocumentBlock: 0, SearchResultBlock: 0}
    found: list[dict[str, Any]] = []
    for block in citable(request):
        index = positions[type(block)]
        positions[type(block)] += 1
        if cites(block):
            found = _places(quoted, block, index, read(block, media)) or found
    return found


def _places(
    quoted: re.Pattern[str], block: DocumentBlock | SearchResultBlock, index: int, reading: ReadDocument
) -> list[dict[str, Any]]:
    for number, text in enumerate(reading.texts):
        match = quoted.search(text)
        if match is not None:
            start, end = _sentence_around(text, match)
            return [_place(block, index, reading, number, (start, end))]
    return []


def _sentence_around(text: str, match: re.Match[str]) -> tuple[int, int]:
    """The sentence in which a quotation begins, without the space before it, as far as the quotation reaches."""
    for sentence in _SENTENCE.finditer(text):
        if sentence.start() <= match.start() < sentence.end():
            lead = len(sentence[0]) - len(sentence[0].lstrip())
            return sentence.start() + lead, max(sentence.end(), match.end())
    return match.span()


def _place(
    block: DocumentBlock | SearchResultBlock, index: int, reading: ReadDocument, number: int, span: tuple[int, int]
) -> dict[str, Any]:
    text = reading.texts[number]
    if isinstance(block, SearchResultBlock):
        return {
            "type": "search_result_location",
            "cited_text": text,
            "source": block.source,
            "title": block.title,
            "search_result_index": index,
            "start_block_index": number,
            "end_block_index": number + 1,
        }
    head = {"document_index": index, "document_title": block.title, "file_id": getattr(block.source, "file_id", None)}
    match reading.unit:
        case "page":
            cited = text[slice(*span)]
            place = {"start_page_number": number + 1, "end_page_number": number + 2}
            return {"type": "page_location", "cited_text": cited, **head, **place}
        case "block":
            place = {"start_block_index": number, "end_block_index": number + 1}
            return {"type": "content_block_location", "cited_text": text, **head, **place}
    place = {"start_char_index": span[0], "end_char_index": span[1]}
    return {"type": "char_location", "cited_text": text[slice(*span)], **head, **place}
