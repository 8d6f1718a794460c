"""Images and documents: their bytes from the request, from a file or from a URL, checked against what they claim to be.

Sources: https://platform.claude.com/docs/en/build-with-claude/vision, .../pdf-support
"""

import base64
import binascii
import struct
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from conformance.scripted.anthropic.blocks import (
    Base64Image,
    Base64Pdf,
    DocumentBlock,
    FileSource,
    ImageBlock,
    Pieces,
    PlainText,
    ToolResultBlock,
    Url,
)
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import Prompt

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def size_of(image: bytes) -> tuple[int, int] | None:
    """Width and height from the header of a PNG, GIF, JPEG or WebP image; None where it does not say."""
    try:
        if image.startswith(b"\x89PNG"):
            return struct.unpack(">II", image[16:24])
        if image.startswith(b"GIF8"):
            return struct.unpack("<HH", image[6:10])
        if image.startswith(b"\xff\xd8"):
            return _of_jpeg(image)
        if image[8:12] == b"WEBP":
            return _of_webp(image)
    except (struct.error, IndexError):
        pass
    return None


def _of_jpeg(image: bytes) -> tuple[int, int] | None:
    at = 2
    while image[at] == 0xFF:
        if image[at + 1] in _FRAMES:
            height, width = struct.unpack(">HH", image[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", image[at + 2 : at + 4])[0]
    return None


def _of_webp(image: bytes) -> tuple[int, int] | None:
    kind = image[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(image[24:27], "little"), 1 + int.from_bytes(image[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(image[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", image[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


Source = Base64Image | Base64Pdf | Url | FileSource
Media = dict[Source, bytes]
"""The bytes behind every source of a request."""

LONGEST_SIDE = 8000
LARGEST_DOWNLOAD = 10_000_000
_LOOPBACK = ("127.0.0.1", "localhost")


async def load_media(request: Prompt, model: Model, file_content: Callable[[str], bytes | None]) -> Media:
    """Fetch and check all images and documents of a request, or refuse the first that is not what it should be."""
    media: Media = {}
    for place, block in _media_blocks(request):
        source = block.source
        if not model.sees and not isinstance(source, PlainText | Pieces):
            kind = "image" if isinstance(block, ImageBlock) else "PDF"
            raise invalid(place, f"{kind} input is not supported by the model {model.id}")
        if isinstance(source, Base64Image | Base64Pdf | Url | FileSource) and source not in media:
            media[source] = await _load(source, f"{place}.source", file_content)
            _check(block, media[source], f"{place}.source")
    return media


def _media_blocks(request: Prompt) -> Iterator[tuple[str, ImageBlock | DocumentBlock]]:
    for index, message in enumerate(request.messages):
        if isinstance(message.content, list):
            yield from _nested(message.content, f"messages.{index}.content")


def _nested(blocks: Sequence[object], at: str) -> Iterator[tuple[str, ImageBlock | DocumentBlock]]:
    for index, block in enumerate(blocks):
        place = f"{at}.{index}"
        if isinstance(block, ImageBlock | DocumentBlock):
            yield place, block
        match block:
            case ToolResultBlock(content=list() as inner):
                yield from _nested(inner, f"{place}.content")
            case DocumentBlock(source=Pieces(content=list() as inner)):
                yield from _nested(inner, f"{place}.source.content")


async def _load(source: Source, at: str, file_content: Callable[[str], bytes | None]) -> bytes:
    match source:
        case Base64Image() | Base64Pdf():
            return _decoded(source.data, f"{at}.base64.data")
        case FileSource():
            content = file_content(source.file_id)
            if content is None:
                raise invalid(f"{at}.file_id", f"there is no file {source.file_id}")
            return content
        case Url():
            return await _fetched(source.url, f"{at}.url")


def _decoded(data: str, at: str) -> bytes:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(at, "not valid base64") from error
    if not content:
        raise invalid(at, "must not be empty")
    return content


async def _fetched(url: str, at: str) -> bytes:
    """The content behind a URL; this endpoint reaches its own machine only."""
    import httpx2

    if urlsplit(url).scheme not in ("http", "https"):
        raise invalid(at, "only http and https URLs are supported")
    if urlsplit(url).hostname not in _LOOPBACK:
        raise invalid(at, "this endpoint fetches from 127.0.0.1 only")
    content = bytearray()
    try:
        secure = url.startswith("https:")  # to read the certificates takes longer than the fetching
        async with (
            httpx2.AsyncClient(timeout=5, trust_env=False, verify=secure) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_DOWNLOAD:
                    raise invalid(at, f"what the URL holds exceeds {LARGEST_DOWNLOAD} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:  # which of them depends on how busy the machine is
        raise invalid(at, "unable to download the file: verify the URL and try again") from error
    return bytes(content)


def _check(block: ImageBlock | DocumentBlock, content: bytes, at: str) -> None:
    if isinstance(block, DocumentBlock):
        if not isinstance(block.source, FileSource) and not content.startswith(b"%PDF-"):
            raise invalid(at, "the content is not a PDF")
        return
    kind = media_type_of(content)
    if kind is None:
        raise invalid(at, "the content is not a JPEG, PNG, GIF or WebP image")
    if isinstance(block.source, Base64Image) and block.source.media_type != kind:
        raise invalid(f"{at}.base64.media_type", f"is {block.source.media_type}, but the image appears to be {kind}")
    if max(size_of(content) or (0, 0)) > LONGEST_SIDE:
        raise invalid(at, f"no side of an image may be longer than {LONGEST_SIDE} pixels")


def media_type_of(content: bytes) -> str | None:
    """The media type that the first bytes of an image show."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None
