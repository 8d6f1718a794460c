"""Texts of documents and search results, in the units in which citations count."""

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
from conformance.scripted.anthropic.pdf import pages_of


class Reading(Struct, frozen=True):
    """A document as it is read: one string of characters, pages, or blocks (images are empty strings)."""

    unit: str
    texts: tuple[str, ...]
    images: tuple[bytes, ...] = ()


def read(block: DocumentBlock | SearchResultBlock, media: Media) -> Reading:
    """The texts of a document or search result, part by part."""
    match block:
        case SearchResultBlock():
            return Reading("result", tuple(piece.text for piece in block.content))
        case DocumentBlock(source=PlainText(data=text)):
            return Reading("character", (text,))
        case DocumentBlock(source=Pieces(content=str() as text)):
            return Reading("block", (text,))
        case DocumentBlock(source=Pieces(content=list() as pieces)):
            texts = tuple(piece.text if isinstance(piece, TextBlock) else "" for piece in pieces)
            images = tuple(media[piece.source] for piece in pieces if isinstance(piece, ImageBlock))
            return Reading("block", texts, images)
        case DocumentBlock(source=Base64Pdf() | Url() | FileSource() as source):
            content = media[source]
            if content.startswith(b"%PDF-"):
                return Reading("page", tuple(pages_of(content)))
            return Reading("character", (content.decode("utf-8", "replace"),))
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
