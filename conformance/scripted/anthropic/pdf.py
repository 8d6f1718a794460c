"""The text of a PDF, page by page: enough for plain documents, whose text stands in literal strings."""

import re
import zlib

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
