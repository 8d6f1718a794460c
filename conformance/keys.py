"""The API keys of this process, and their removal from everything it writes, in every spelling."""

import base64
from collections.abc import Iterable, Iterator

import re2

_NAMED = {ord("&"): "amp", ord("<"): "lt", ord(">"): "gt", ord('"'): "quot", ord("'"): "apos"}
MARK = "[key removed]"
SHORTEST_CODED = 8
"""Characters of a coded form from which on it is no word that stands there by chance."""


class Keys:
    """Finds the values of keys in every spelling that a decoder undoes.

    That is: escapes of JSON, URLs, HTML, mail and programs, in either case and for any of the characters, several
    times over; UTF-16 and 32; base64 at any offset, hexadecimal, and backwards. A key that could as well be a word of
    an answer (`ollama`) is not looked for: to tear it out of every text would change what is judged.
    """

    def __init__(self, keys: Iterable[str | None] = ()) -> None:
        self.values: list[str] = []
        self._patterns: list[re2._Regexp] = []
        self.remember(*keys)

    def remember(self, *keys: str | None) -> None:
        """Keeps these keys, too, from being written."""
        new = [key for key in dict.fromkeys(keys) if key and key not in self.values]
        if new:
            self.values = sorted([*self.values, *new], key=len, reverse=True)
            self._patterns = [_compiled(key) for key in self.values if not _is_wordlike(key)]

    def forget(self) -> None:
        """Forgets them all: where commands are called one after another in a process, each begins with its own."""
        self.values, self._patterns = [], []

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The places of keys in a text."""
        found = [place.span() for pattern in self._patterns for place in pattern.finditer(data)]
        return list(_apart(sorted(found))) if found else []

    def removed(self, data: bytes) -> bytes:
        """Bytes without keys: the same object where there is none."""
        spans = self.spans(data)
        return without(spans, data, 0) if spans else data

    def stand_in(self, texts: Iterable[str]) -> bool:
        """Whether a key stands in one of several texts, which are searched at once."""
        return bool(self._patterns) and bool(self.spans("\0".join(texts).encode("utf-8", "surrogatepass")))

    def removed_from(self, text: str) -> str:
        """A text without keys."""
        if not self._patterns:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = self.removed(data)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")


KNOWN = Keys()
"""Every key that this process was given: what writes a file, or to a terminal, removes them."""


def without(spans: Iterable[tuple[int, int]], data: bytes, begins: int) -> bytes:
    """Bytes, the first of which is number `begins`, with the mark in place of the spans that begin in them."""
    kept, position = [], 0
    for first, last in spans:
        kept.append(data[position : max(0, first - begins)])
        if first >= begins:
            kept.append(MARK.encode())
        position = min(len(data), last - begins)
    return b"".join((*kept, data[position:]))


def _is_wordlike(key: str) -> bool:
    return len(key) < 6 or (key.isalpha() and len(key) < 12)


def _spellings(key: str) -> Iterator[str]:
    """Patterns of a key: as it is and backwards with each character as it is or escaped, base64, hexadecimal."""
    for data in {key.encode(), key.encode("latin-1", "replace")}:
        yield _escaped(data)
        yield _escaped(data[::-1])
        yield f"(?i:{data.hex()})"
        yield f"(?i:{data[::-1].hex()})"
        for coded in _base64(data):
            yield _escaped(coded)


def _base64(data: bytes) -> set[bytes]:
    """What of the key stands in the base64 of any text that holds it, whatever comes before and after."""
    found = set()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + data)
        first, last = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        found |= {coded[first:last], coded[first:last].translate(bytes.maketrans(b"+/", b"-_"))}
    return {coded for coded in found if len(coded) >= SHORTEST_CODED}


def _escaped(data: bytes) -> str:
    """A pattern of these bytes, each as it is or escaped, as they stand in UTF-8, 16 or 32."""
    return r"\x00{0,3}".join(_of_byte(byte) for byte in data)


def _of_byte(byte: int) -> str:
    hexadecimal = "".join(f"[{sign}{sign.upper()}]" if sign.isalpha() else sign for sign in f"{byte:02x}")
    forms = [
        f"\\x{byte:02x}",
        f"%(?:25)*{hexadecimal}",
        rf"\\+(?:u00|x|U000000){hexadecimal}",
        rf"\\+u\{{0*{hexadecimal}\}}",
        rf"\\+{byte:03o}",
        f"=(?:3D)*{hexadecimal}",
        f"&#0*{byte};",
        f"&#[xX]0*{hexadecimal};",
    ]
    if name := _NAMED.get(byte):
        forms.append(f"&(?:amp;)*{name};")
    if byte in b"/\\\"'":
        forms.append(rf"\\+\x{byte:02x}")
    if byte == ord(" "):
        forms.append(r"\+")
    return f"(?:{'|'.join(forms)})"


def _apart(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sorted spans, those that overlap as one."""
    begin, end = -1, -1
    for first, last in spans:
        if first < end:
            end = max(end, last)
            continue
        if end > begin:
            yield begin, end
        begin, end = first, last
    if end > begin:
        yield begin, end


def _compiled(key: str) -> "re2._Regexp":
    """A pattern of one key alone: that of four has more states than are kept, and takes a hundred times as long."""
    patterns = sorted(set(_spellings(key)), key=len, reverse=True)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 16 * 2**20  # of states that are kept: what comes beside them is found without
    options.log_errors = False
    return re2.compile("|".join(patterns).encode("latin-1"), options)
