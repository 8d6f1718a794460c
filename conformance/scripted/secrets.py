"""Extracts what probe prompts ask for: the secret word, tool results, the colours of solid images.

PNG and GIF could be read in a few lines; a lossy WebP cannot, so one well-kept library reads all of them.
"""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO

from conformance.scripted.conversation import Conversation, Document, Image, Part, Result, Text
from conformance.scripted.instructions import latest_user_parts

UNKNOWN = "unknown"
"""The answer where what was asked for is not in the request."""

_SECRET = re.compile(r"The secret word is ([^\s.]+)\.")


def secret_words(conversation: Conversation) -> list[str]:
    """X of each `The secret word is X.` in request order: tool descriptions, system, then the turns."""
    return [word for text in _texts(conversation) for word in _SECRET.findall(text)]


def secret_word(conversation: Conversation) -> str:
    """The last of them."""
    return next(reversed(secret_words(conversation)), UNKNOWN)


def last_result(conversation: Conversation) -> Result | None:
    """The last tool result of the whole conversation."""
    results = [part for turn in conversation.turns for part in turn.parts if isinstance(part, Result)]
    return results[-1] if results else None


def text_of(result: Result) -> str:
    """Its text blocks, joined by a newline."""
    return "\n".join(part.text for part in result.content if isinstance(part, Text))


def images(conversation: Conversation) -> list[bytes]:
    """Those of the latest user turn, tool results and documents included; all of the request where it has none."""
    latest = list(_images(latest_user_parts(conversation)))
    return latest or [image for turn in conversation.turns for image in _images(turn.parts)]


def _texts(conversation: Conversation) -> Iterator[str]:
    for tool in conversation.tools:
        yield tool.description
    yield from conversation.system
    for turn in conversation.turns:
        for part in _flat(turn.parts):
            if isinstance(part, Text):
                yield part.text


def _images(parts: tuple[Part, ...]) -> Iterator[bytes]:
    return (part.data for part in _flat(parts) if isinstance(part, Image))


def _flat(parts: tuple[Part, ...]) -> Iterator[Part]:
    """The parts in request order, what stands inside documents and tool results in their place."""
    for part in parts:
        if isinstance(part, Document | Result):
            yield from _flat(part.content)
        else:
            yield part


UNREADABLE = "unreadable"

_NAMED = {
    "black": ((0, 0, 0),),
    "white": ((255, 255, 255),),
    "grey": ((128, 128, 128), (192, 192, 192), (64, 64, 64)),
    "red": ((255, 0, 0), (139, 0, 0), (220, 20, 60)),
    "green": ((0, 128, 0), (0, 255, 0), (0, 64, 0), (34, 139, 34)),
    "blue": ((0, 0, 255), (0, 0, 139), (65, 105, 225)),
    "yellow": ((255, 255, 0),),
    "orange": ((255, 165, 0), (255, 128, 0)),
    "purple": ((128, 0, 128), (102, 51, 153)),
    "pink": ((255, 192, 203), (255, 105, 180)),
    "brown": ((139, 69, 19), (165, 42, 42)),
    "cyan": ((0, 255, 255),),
    "magenta": ((255, 0, 255),),
}


def colour_names(images: Iterable[bytes]) -> str:
    """`red, green, ...`: one name for each image, in order."""
    return ", ".join(colour_name(image) for image in images)


def colour_name(image: bytes) -> str:
    """The nearest name for the middle of an image; `unreadable` for bytes that are none of PNG, JPEG, GIF, WebP."""
    from PIL import Image  # late: 60 ms that only a conversation with images owes

    try:
        with Image.open(BytesIO(image), formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
            middle = (picture.width // 2, picture.height // 2)
            pixel = picture.convert("RGB").getpixel(middle)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return UNREADABLE
    assert isinstance(pixel, tuple)
    return min(_NAMED, key=lambda name: min(_distance(pixel, sample) for sample in _NAMED[name]))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
