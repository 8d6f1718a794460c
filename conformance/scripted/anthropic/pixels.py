"""Reads width and height from image headers."""

import struct

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
