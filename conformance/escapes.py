"""Escapes of a text, undone: those of JSON, URLs, HTML, mail, style sheets and programs; and signs that only look odd.

What is left is a text as somebody reads it, and where in the first one each part of it stands. Everything here takes
time that grows with the bytes.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from itertools import accumulate, islice

import re2

LAYERS = 4
"""How often escapes are undone, and how deep codings are undone that stand in one another."""


def few(data: bytes) -> int:
    """Places of a text up to which re2 is the quicker engine.

    That of Python is slower on each byte, and tells a place in a hundredth of the time.
    """
    return 50 + len(data) // 400


def engine(pattern: str, memory: int = 4 * 2**20) -> "re2._Regexp":
    """A pattern over bytes that takes time linear in them; `memory` is for the states that are kept."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = memory
    options.log_errors = False
    return re2.compile(pattern.encode("latin-1"), options)


class Decoded:
    """A text as a decoder reads it, piece by piece, and where each piece of it stands in the text that was read."""

    def __init__(self, pieces: list[bytes], read: list[bytes]) -> None:
        """`read`: each piece of the text, decoded."""
        self.data = b"".join(read)
        self._pieces, self._read = pieces, read

    def source(self, first: int, last: int) -> tuple[int, int]:
        """Where in the text that was read a part of the reading stands."""
        return self._place(first)[0], self._place(last - 1)[1]

    def _place(self, position: int) -> tuple[int, int]:
        number = bisect_right(self._ends[1], position)
        ends, read_to = self._ends[0][number], self._ends[1][number]
        if self._pieces[number] == self._read[number]:
            return ends - read_to + position, ends - read_to + position + 1
        return ends - len(self._pieces[number]), ends

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Where the pieces end in the text, and in the reading."""
        return list(accumulate(map(len, self._pieces))), list(accumulate(map(len, self._read)))


_HEX = "(?:0[09aAdD]|[2-7][0-9A-Fa-f])"
"""NUL, and what ASCII prints: nothing else stands in a key, in an escape or between codes."""
_AND = r"&(?:amp;|#0*38;|#[xX]0*26;)*"
_OCTAL = r"\\+o?\{?(?P<octal>0{0,8}[01]?[0-7]{2})\}?"
_PROGRAMS = (
    rf"%(?:25)*(?:u00)?(?P<percent>{_HEX})",
    rf"\\+(?:u00|x|U000000)(?P<escape>{_HEX})",
    rf"\\+[ux]\{{0*(?P<braces>{_HEX}|0)\}}",
    rf"{_AND}#[xX]0*(?P<hexadecimal>{_HEX});?",
    rf"{_AND}#0*(?P<decimal>[0-9]{{1,3}});?",
    rf"{_AND}(?:(?P<named>NAMES);|(?P<bare>amp|lt|gt|quot))",
)
_MAIL = (rf"=(?:3D)*(?P<mail>{_HEX})", r"(?P<fold>=(?:\r?\n|\\+r\\+n|\\+n))")
_STYLE = rf"\\+0{{0,4}}(?P<style>{_HEX})(?:[ \t\n\f]|\\+[ntf])?"
_FOLDED = (
    r"\xc2[\xa0\xad\xb2\xb3\xb9]|[\xcc\xcd][\x80-\xbf]|\xe1\xa0[\x8b-\x8f]|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81[\xa0-\xbf]"
    r"|\xe2\x82[\x80-\x9f]|\xe2\x84[\x80-\xbf]|\xe2[\x91-\x93][\x80-\xbf]|\xe3\x80\x80|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf"
    r"|\xef\xbc[\x81-\xbf]|\xef\xbd[\x80-\x9e]|\xf0\x9d[\x90-\x9f][\x80-\xbf]|\xf0\x9f[\x84\x85][\x80-\xbf]"
    r"|\xf3\xa0[\x80\x81][\x80-\xbf]"
)
"""Signs in UTF-8 that look like one of ASCII (full width, mathematical, in circles), or like nothing."""
_FOLDED_CODES = (
    r"(?:[fF]{2}[0-5]|[fF][eE][0fF]|00[abAB]|03[0-6]|20[0-9a-fA-F]|21[0-4]|24[6-9a-fA-F]|300)[0-9a-fA-F]"
    r"|[dD](?:83[5cC]|[bB]40)\\+u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""The same as JSON escapes them."""
_BYTE = r"(?:%(?:25)*|=|\\+x)"
_ESCAPE = r"(?:\x1b|\\+u001[bB]|\\+x1[bB]|\\+033)"
_LOOKS = (
    rf"(?P<folded>{_FOLDED})",
    rf"\\+u(?P<units>{_FOLDED_CODES})",
    r"\\+(?:U000|u\{)(?P<wide>[0-9a-fA-F]{4,5})\}?",
    rf"{_AND}#[xX]0*(?P<wide_hexadecimal>[0-9a-fA-F]{{2,5}});",
    rf"{_AND}#0*(?P<wide_decimal>[0-9]{{3,6}});",
    rf"(?P<bytes>{_BYTE}[c-fC-F][0-9a-fA-F](?:{_BYTE}[89abAB][0-9a-fA-F]){{1,3}})",
    (
        rf"(?P<nothing>{_AND}(?:shy|nbsp|zwj|zwnj|lrm|rlm|ensp|emsp|thinsp|hairsp|NoBreak|ZeroWidthSpace|ApplyFunction);"
        rf"|<(?:\\*/)?[A-Za-z!?](?:[^<>]{{0,99}}[^\]<>])?>|\]\]><!\[CDATA\[|{_ESCAPE}\[[0-9;:?]{{0,20}}[A-Za-z])"
    ),
)
"""Signs of other looks, and what nobody sees: marks of HTML, colours of a terminal."""
_RUNS_ON = r"\\+|&|%|="
"""What is no escape after all; a run of backslashes is passed over as one, or it would be tried from each of them."""
_BLANK = b"\0\t\n\r"
_BASES = {"decimal": 10, "octal": 8, "wide_decimal": 10}
_TAGS = range(0xE0020, 0xE007F)
"""Signs that nobody sees, one for each of ASCII."""
_UNSEEN = {"Cf", "Mn", "Me", "Zs", "Zl", "Zp"}
"""Categories of signs that look like nothing."""


@cache
def _names() -> dict[bytes, bytes]:
    """The characters that HTML names, as far as they may stand in a key."""
    from html.entities import html5  # a big table

    return {name.rstrip(";").encode(): sign.encode() for name, sign in html5.items() if re.fullmatch("[!-~]", sign)}


class Dialect:
    """Escapes that are undone together, each as often as it goes."""

    def __init__(self, *forms: str, own: tuple[str, ...]) -> None:
        """`own`: those that no earlier dialect has."""
        names = "|".join(sorted((name.decode() for name in _names()), key=len, reverse=True))
        self._every = "|".join((*own, *forms)).replace("NAMES", names)
        self.own = _unnamed("|".join(own)).replace("NAMES", names)
        self._own = engine(self.own)

    @cached_property
    def _escape(self) -> re.Pattern[bytes]:
        return re.compile(self._every.encode())

    @cached_property
    def _quick(self) -> "re2._Regexp":
        return engine(_unnamed(self._every))

    @cached_property
    def _more(self) -> re.Pattern[bytes]:
        return re.compile(f"({_unnamed(self._every)}|{_RUNS_ON})".encode())

    def is_in(self, data: bytes) -> bool:
        """Whether a text has escapes of this dialect's own."""
        return self._own.search(data) is not None

    def layers(self, data: bytes) -> Iterator[tuple[bytes, list[Decoded]]]:
        """A text with its escapes undone once, twice and so on, each with the readings that lead to it."""
        readings: list[Decoded] = []
        while len(readings) < LAYERS and (reading := self._reading(data)):
            data = reading.data
            readings = [*readings, reading]  # whoever keeps the one before has it as it was
            yield data, readings

    def _reading(self, data: bytes) -> Decoded | None:
        pieces = self._pieces(data)
        escapes = pieces[1::2]
        signs = {escape: self._undone(escape) for escape in set(escapes)}
        if all(escape == sign for escape, sign in signs.items()):
            return None
        read = pieces.copy()
        read[1::2] = [signs[escape] for escape in escapes]
        return Decoded(pieces, read)

    def _pieces(self, data: bytes) -> list[bytes]:
        """A text in pieces, of which each second one is an escape, or begins as one."""
        pieces: list[bytes] = []
        read, most = 0, few(data)
        for place in islice(self._quick.finditer(data), most):
            first, last = place.span()
            pieces += (data[read:first], data[first:last])
            read = last
        rest = data[read:]
        return pieces + (self._more.split(rest) if len(pieces) == 2 * most else [rest])

    def _undone(self, escape: bytes) -> bytes:
        """The character for which an escape stands; the escape itself where that is of no use to a key."""
        found = self._escape.fullmatch(escape)
        kind = found and found.lastgroup
        if found is None or kind is None:
            return escape
        if kind in ("fold", "nothing"):
            return b""
        if kind in _SIGNS:
            return _seen(_SIGNS[kind](found[kind]), escape)
        if kind in ("named", "bare"):
            return _names()[found[kind]]
        code = int(found[kind], _BASES.get(kind, 16))
        if kind.startswith("wide"):
            return _seen(chr(code), escape) if code < 0x110000 else escape
        return bytes([code]) if code in _BLANK or 32 <= code < 127 else escape


def _of_units(units: bytes) -> str:
    codes = [int(unit, 16) for unit in re.findall(rb"[0-9a-fA-F]{4}", units)]
    return b"".join([code.to_bytes(2, "big") for code in codes]).decode("utf-16-be", "replace")


_SIGNS: dict[str, Callable[[bytes], str]] = {
    "folded": lambda said: said.decode(errors="replace"),
    "units": _of_units,
    "bytes": lambda said: bytes.fromhex(re.sub(_BYTE.encode(), b"", said).decode()).decode(errors="replace"),
}
"""The sign that a text says."""


def _seen(sign: str, else_: bytes) -> bytes:
    """What a sign looks like, if that is a sign of ASCII or nothing."""
    if len(sign) == 1 and ord(sign) in _TAGS:
        return bytes([ord(sign) - 0xE0000])
    if len(sign) == 1 and unicodedata.category(sign) in _UNSEEN:
        return b""
    plain = unicodedata.normalize("NFKC", sign)
    return plain.encode() if len(plain) == 1 and "!" <= plain <= "~" else else_


def _unnamed(pattern: str) -> str:
    return re.sub(r"\?P<\w+>", "?:", pattern)


@cache
def dialects() -> tuple[Dialect, ...]:
    """URLs, JSON, HTML, programs; the same in a mail, where `=ab` is an escape; style sheets, where `\\73 ` is one; and
    what only looks odd.
    """
    return (
        Dialect(own=(*_PROGRAMS, _OCTAL)),
        Dialect(*_PROGRAMS, _OCTAL, own=_MAIL),
        Dialect(*_PROGRAMS, *_MAIL, own=(_STYLE,)),
        Dialect(*_PROGRAMS, own=_LOOKS),
    )
