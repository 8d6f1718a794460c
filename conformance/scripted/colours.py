"""The names of the colours of solid images.

PNG and GIF could be read in a few lines; a lossy WebP cannot, so one well-kept library reads all of them.
"""

from collections.abc import Iterable
from io import BytesIO

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
