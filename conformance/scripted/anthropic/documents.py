"""Texts of documents, PDFs and search results, in the units in which citations count."""

import re
import zlib

from msgspec import Struct

from conformance.scripted import conversation as neutral
from conformance.scripted.anthropic.blocks import (
    Base64Pdf,
    DocumentBlock,
    FileSource,
    ImageBlock,
    Pieces,
    PlainText,
    SearchResultBlock,
    TextBlock,
    Url,
)
from conformance.scripted.anthropic.media import Media

_OBJECT = re.compile(rb"(\d+)\s+\d+\s+obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_CONTENTS = re.compile(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)")
_REFERENCE = re.compile(rb"(\d+)\s+\d+\s+R")
_SHOWN = re.compile(
    rb"\((?:\\.|[^\\()])*\)\s*(?:Tj|'|\")|\[(?:\((?:\\.|[^\\()])*\)|[^\]()])*\]\s*TJ|T\*|T[dD]|ET", re.DOTALL
)
_STRING = re.compile(rb"\(((?:\\.|[^\\()])*)\)", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, in the order of the file; a page whose text cannot be read is empty."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)]
    return [_text_of_page(page, objects) for page in pages]


def _text_of_page(page: bytes, objects: dict[int, bytes]) -> str:
    contents = _CONTENTS.search(page)
    if contents is None:
        return ""
    streams = [objects.get(int(number), b"") for number in _REFERENCE.findall(contents[1])]
    lines = (line.strip() for stream in streams for line in _shown(_unpacked(stream)).split("\n"))
    return "\n".join(line for line in lines if line)


def _unpacked(body: bytes) -> bytes:
    stream = _STREAM.search(body)
    if stream is None:
        return b""
    if b"/FlateDecode" not in body[: stream.start()]:
        return stream[1]
    try:
        return zlib.decompressobj().decompress(stream[1])
    except zlib.error:
        return b""


def _shown(operators: bytes) -> str:
    """The strings that are shown; a move to another line is a line break."""
    return "".join(
        "".join(_unescaped(string) for string in _STRING.findall(shown)) if shown[:1] in b"([" else "\n"
        for shown in _SHOWN.findall(operators)
    )


def _unescaped(string: bytes) -> str:
    def character(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code.isdigit():
            return bytes([int(code, 8) & 0xFF])
        return b"" if code.endswith(b"\n") else _ESCAPED.get(code, code)

    return _ESCAPE.sub(character, string).decode("cp1252", "replace")


class ReadDocument(Struct, frozen=True):
    """A document as it is read: one string of characters, pages, or blocks (images are empty strings)."""

    unit: str
    texts: tuple[str, ...]
    images: tuple[bytes, ...] = ()


def read(block: DocumentBlock | SearchResultBlock, media: Media) -> ReadDocument:
    """The texts of a document or search result, part by part."""
    match block:
        case SearchResultBlock():
            return ReadDocument("result", tuple(piece.text for piece in block.content))
        case DocumentBlock(source=PlainText(data=text)):
            return ReadDocument("character", (text,))
        case DocumentBlock(source=Pieces(content=str() as text)):
            return ReadDocument("block", (text,))
        case DocumentBlock(source=Pieces(content=list() as pieces)):
            texts = tuple(piece.text if isinstance(piece, TextBlock) else "" for piece in pieces)
            images = tuple(media[piece.source] for piece in pieces if isinstance(piece, ImageBlock))
            return ReadDocument("block", texts, images)
        case DocumentBlock(source=Base64Pdf() | Url() | FileSource() as source):
            content = media[source]
            if content.startswith(b"%PDF-"):
                return ReadDocument("page", tuple(pages_of(content)))
            return ReadDocument("character", (content.decode("utf-8", "replace"),))
    raise TypeError(block)


def as_neutral(block: DocumentBlock | SearchResultBlock, media: Media) -> neutral.Document:
    """The document in the brain's terms: title and context first, then what it holds."""
    reading = read(block, media)
    if isinstance(block, SearchResultBlock):
        head = [block.title, block.source]
    else:
        head = [text for text in (block.title, block.context) if text]
    texts = [neutral.Text(text) for text in (*head, *reading.texts) if text]
    return neutral.Document((*texts, *(neutral.Image(image) for image in reading.images)))
