"""The spellings of a secret text: patterns of its coded forms, and readings of a text that undo escapes and codings.

A text is searched as it is, with its escapes undone as often as they go, and inside what it holds of base64,
hexadecimal and lists of codes. Everything here takes time that grows with the bytes.
"""

import base64
import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice

import re2

from conformance.escapes import LAYERS, Decoded, dialects, engine, few

SHORTEST_CODED = 8
"""Characters of a coded form from which on it is no word that stands there by chance."""
SHORTEST_RUN = 16
"""Characters of base64 or hexadecimal from which on they are decoded: the words of the protocol are shorter."""
FEWEST_CODES = 6
MOST_SILENT = 10_000

GROUP = 5
"""Signs of base85 that tell four bytes."""
_BEFORE, _AFTER = re.compile(rb"[!#-\[\]-~]*\Z"), re.compile(rb"[!#-\[\]-~]*")

_WIDE = r"\x00{0,3}"
"""What stands between signs in UTF-16 and 32."""
_SPACE = r"(?:\s|\\+[rnt])*"
"""What may stand between the signs of a coded text: line breaks, also as JSON writes them."""
_APART = r"""(?:(?:[^0-9A-Za-z"\\\r\n\x80-\xff]|\\+[nrt"]?){0,5}|[ \t\r\n.,_|-]{1,3})"""
"""What may stand between signs, or groups of them: no quote, and no field of a stream, which stay as they are."""
_HALF_A_MARK = re.compile(rb"\A[^<>]*>|<(?:\\*/)?[A-Za-z!?][^<>]*\Z")
"""What a mark of HTML that begins before a text, or ends behind it, takes of it."""
_STD, _URL = b"+/", b"-_"
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


# Forms of one text


def plain(data: bytes) -> str:
    """A pattern of a text in letters of either case, in UTF-8, 16 or 32; quotes and slashes also escaped."""
    return f"(?i:{_WIDE.join(map(_sign, data))})"


def spread(data: bytes) -> str:
    """A pattern of a text whose signs stand apart: by blanks, dashes, signs of no width."""
    return f"(?i:{_APART.join(map(_sign, data))})"


def readings(data: bytes) -> set[bytes]:
    """A text, and what is left of it where a decoder takes a part of it for an escape, or for the beginning of one."""
    begun = {data, data.rstrip(b"="), data.replace(b"\\", b""), _HALF_A_MARK.sub(b"", data)}
    read = {text for one in begun for dialect in dialects() for text, _ in dialect.layers(one)}
    return {text for text in begun | read if text == data or len(text) >= SHORTEST_CODED}


def coded(data: bytes) -> Iterator[str]:
    """Patterns of a text in hexadecimal and base64, whatever comes before and after it; also of these backwards."""
    yield from (f"(?i:{_SPACE.join(digits)})" for digits in (data.hex(), data.hex()[::-1]))
    for offset in range(3):
        for core in sorted(_base64_core(data, offset)):
            yield from (_spaced(text) for text in (core, core[::-1]) if len(core) >= SHORTEST_CODED)


def seldom_coded(data: bytes) -> Iterator[str]:
    """The same in base32 and base85."""
    for offset in range(5):
        for encode in (base64.b32encode, base64.b32hexencode):
            core = encode(b"\0" * offset + data)[-(-offset * 8 // 5) : (offset + len(data)) * 8 // 5]
            if len(core) >= SHORTEST_CODED:
                yield f"(?i:{_spaced(core)})"
    for offset in range(4):
        yield from _base85(data, offset)


def _base64_core(data: bytes, offset: int) -> set[bytes]:
    text = base64.b64encode(b"\0" * offset + data)
    core = text[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]
    return {core, core.translate(bytes.maketrans(_STD, _URL))}


def _base85(data: bytes, offset: int) -> Iterator[str]:
    """Whole groups of four bytes, as a group of the pattern: their neighbours may hold the ends of the text."""
    text = base64.b85encode(b"\0" * offset + data)
    core = text[5 * -(-offset // 4) : (offset + len(data)) // 4 * 5]
    if len(core) >= SHORTEST_CODED:
        ascii85 = bytes(33 + _B85.index(sign) for sign in core)
        for form in (core, core.translate(bytes.maketrans(_B85, _Z85)), ascii85):
            yield f"({_spaced(form)})"


def _spaced(core: bytes) -> str:
    return _SPACE.join(map(_sign, core))


def _sign(sign: int) -> str:
    bare = f"\\x{sign:02x}"
    return rf"{bare}+" if sign == ord("\\") else rf"\\*{bare}" if sign in b"\"/'" else bare


# Codings, undone

_BREAK = r"(?:[\r\n]|\\+[rn])[ \t]*"
_SIGN64 = "[A-Za-z0-9+/_-]"
_SIGN_OF_TEXT = r"(?:[\s!-~]|[\xc2-\xf4][\x80-\xbf]{1,3})"
"""One of ASCII, or one in UTF-8, which may look like one of ASCII, or like nothing."""
_ANY_SIGN = r"[\s!-~\x80-\xff]"
_BREAKS = re.compile(_BREAK.encode())
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{16,}")
_TO_STD = bytes.maketrans(_URL, _STD)
_CODE = r"(?:0[xXoObB])?[0-9A-Fa-f]{1,8}"
_CODES = re.compile(f"({_CODE})".encode())
_BETWEEN = r"(?:[^0-9A-Za-z\\]|\\+[xXuUNrnt]?|[Uu]\+|[xX]){1,6}"
_NO_CODE, _BETWEEN_TEXTS = b"\0" * 4, b"\3" * 8
_ASCII = frozenset(bytes([sign]) for sign in range(33, 127))
MOST_REPEATED = 200
"""How often the engine lets a pattern repeat in a pattern of its kind, with room to spare."""


class Codings:
    """Finds what may be base64, hexadecimal or a list of codes of a text that is not too short."""

    def __init__(self, shortest: int, ascii_only: bool) -> None:
        """`shortest`: bytes of the shortest text that is looked for in them; `ascii_only`: whether it is of ASCII."""
        signs = min(max(SHORTEST_RUN, shortest * 4 // 3), MOST_REPEATED)
        codes = min(max(FEWEST_CODES, shortest // 4), MOST_REPEATED)
        self._runs = engine(f"{_SIGN64}(?:(?:{_BREAK})?{_SIGN64}){{{signs - 1},}}")
        self._more_runs = re.compile(f"(?<!{_SIGN64}){_SIGN64}(?:(?:{_BREAK})?{_SIGN64}){{{signs - 1},}}+".encode())
        self.list_form = f"{_CODE}(?:{_BETWEEN}{_CODE}){{{codes - 1},}}"
        self._lists = engine(self.list_form)
        sign = _SIGN_OF_TEXT if ascii_only else _ANY_SIGN
        self._text = engine(f"{sign}(?:{_WIDE}{sign}){{{min(shortest, MOST_REPEATED) - 1}}}")

    def may_say(self, data: bytes) -> bool:
        """Whether there is as much text in a row as is looked for: in what was no coding, there is not."""
        return self._text.search(data) is not None

    def runs(self, data: bytes) -> list[tuple[int, int]]:
        """Where base64 or hexadecimal may stand."""
        most = few(data)
        runs = [found.span() for found in islice(self._runs.finditer(data), most)]
        if len(runs) == most:
            runs += [found.span() for found in self._more_runs.finditer(data, runs[-1][1])]
        return runs

    def lists(self, data: bytes) -> list[tuple[int, int]]:
        """Where codes may stand one after another."""
        return [found.span() for found in self._lists.finditer(data)]


def decoded(runs: Sequence[bytes]) -> Iterator[bytes]:
    """What runs of base64 or hexadecimal may say, wherever in them it begins: all of them at once."""
    whole = [
        _BREAKS.sub(b"", run).translate(_TO_STD)
        if b"\\" in run or b"\n" in run or b"\r" in run
        else run.translate(_TO_STD)
        for run in runs
    ]
    for skipped in range(4):
        yield a2b_base64(b"".join([run[skipped:] + b"A" * (-len(run[skipped:]) % 4) for run in whole]))
    digits = _HEXADECIMAL.findall(b"\0".join(whole))
    for skipped in range(2) if digits else ():
        yield bytes.fromhex("".join([run[skipped : len(run) - (len(run) - skipped) % 2].decode() for run in digits]))


class Listed:
    """What a list of codes may say, in each base."""

    BASES = (16, 10, 8, 2)

    def __init__(self, data: bytes, first: int, last: int) -> None:
        self.first = first
        self._data = data[first:last]
        self.name = hash(self._data)

    @cached_property
    def _codes(self) -> list[bytes]:
        return _CODES.findall(self._data)

    def said(self, base: int, fewest: int) -> bytes:
        """The text; nothing where it has fewer different signs of ASCII than that."""
        signs = {code: _code(code, base) for code in set(self._codes)}
        seen = {sign.strip(b"\0") for sign in signs.values()}
        return b"".join(map(signs.__getitem__, self._codes)) if len(seen & _ASCII) >= fewest else b""

    def reading(self, base: int) -> Decoded:
        pieces = _CODES.split(self._data)
        read = [b""] * len(pieces)
        read[1::2] = [_code(code, base) for code in pieces[1::2]]
        return Decoded(pieces, read)


_DIGITS = {
    base: {format(code, form).encode(): bytes([code]) for code in range(256)}
    for base, form in ((10, "d"), (8, "o"), (2, "b"))
}


def _code(code: bytes, base: int) -> bytes:
    prefixed = len(code) > 2 and code[1] in (b"xX" if base == 16 else b"xXoObB")
    digits = code[2:] if prefixed else code
    if base == 16:
        return bytes.fromhex((b"0" * (len(digits) % 2) + digits).decode())
    return _DIGITS[base].get(digits.lstrip(b"0"), _NO_CODE)


# The search


class Search:
    """Finds some texts in bytes by a pattern of them, through escapes and codings."""

    def __init__(self, pattern: str, shortest: int, signs: int, *, ascii_only: bool) -> None:
        """`shortest`: bytes of the shortest of the texts; `signs`: how many different ones it has.

        A group of the pattern is a form whose ends are not known.
        """
        self._fewest = min(2, signs)
        self._pattern = engine(pattern, 16 * 2**20)  # with half of it, 164 signs take 200 times as long a byte
        self._codings = Codings(shortest, ascii_only)
        self._more = engine("|".join((*(dialect.own for dialect in dialects()), self._codings.list_form)))
        """Whatever is not looked for where it is not there, which is nearly everywhere, in one pass."""
        self._silent: set[int] = set()
        """Runs that say nothing of it, which a recording meets again and again: the same picture is sent many times."""

    def spans(self, data: bytes, depth: int = 0) -> list[tuple[int, int]]:
        """Where they stand in any spelling, in order and apart."""
        found = [span for spans in self._found(data, depth) for span in spans]
        return list(apart(sorted(found))) if found else []

    def stands_in(self, data: bytes, depth: int = 0) -> bool:
        """Whether they stand there at all: of many places, all but the first are looked for in vain."""
        return any(self._found(data, depth))

    def _found(self, data: bytes, depth: int) -> Iterator[list[tuple[int, int]]]:
        """Places, from those that are found in the least time on."""
        yield self._plain(data)
        yield self._in_runs(data, depth)
        if self._more.search(data):
            yield self._in_lists(data, depth)
            texts = [data]
            for dialect in dialects():
                for text, readings in dialect.layers(data) if any(map(dialect.is_in, texts)) else ():
                    texts.append(text)
                    for spans in (self._plain(text), self._in_runs(text, depth), self._in_lists(text, depth)):
                        yield [_in_source(span, readings) for span in spans]

    def _plain(self, data: bytes) -> list[tuple[int, int]]:
        """Where they stand in a text without escapes, in one coding at most."""
        return [_with_ends(place, data) if place.lastindex else place.span() for place in self._pattern.finditer(data)]

    def _in_runs(self, data: bytes, depth: int) -> list[tuple[int, int]]:
        """Where base64 or hexadecimal stands that says them when it is decoded."""
        runs = [place for place in self._codings.runs(data) if hash(data[slice(*place)]) not in self._silent]
        if not runs or self._say([data[slice(*place)] for place in runs], depth):
            return [place for place in runs if self._say([data[slice(*place)]], depth)]
        self._hush([hash(data[slice(*place)]) for place in runs], depth)
        return []

    def _in_lists(self, data: bytes, depth: int) -> list[tuple[int, int]]:
        """Where codes stand that say them."""
        lists = [Listed(data, *place) for place in self._codings.lists(data)]
        lists = [one for one in lists if one.name not in self._silent]
        found = []
        for base in Listed.BASES if lists else ():
            if self._is_inside(_BETWEEN_TEXTS.join([one.said(base, self._fewest) for one in lists]), depth):
                for one in lists:
                    places = self._inside(one.said(base, self._fewest), depth)
                    spans = [one.reading(base).source(*place) for place in places]
                    found += [(one.first + begin, one.first + end) for begin, end in spans]
        if not found:
            self._hush([one.name for one in lists], depth)
        return found

    def _hush(self, names: Iterable[int], depth: int) -> None:
        """Keeps in mind that nothing stands there; deep inside of others not all of it was looked at."""
        if depth:
            return
        if len(self._silent) > MOST_SILENT:
            self._silent.clear()
        self._silent.update(names)

    def _say(self, runs: Sequence[bytes], depth: int) -> bool:
        return any(self._is_inside(text, depth) for text in decoded(runs))

    def _is_inside(self, text: bytes, depth: int) -> bool:
        return depth < LAYERS and self._codings.may_say(text) and self.stands_in(text, depth + 1)

    def _inside(self, text: bytes, depth: int) -> list[tuple[int, int]]:
        """Where they stand in what a coding says."""
        return self.spans(text, depth + 1) if depth < LAYERS and self._codings.may_say(text) else []


def _in_source(span: tuple[int, int], readings: Sequence[Decoded]) -> tuple[int, int]:
    """Where in the data stands what was found in a text with so many readings of it."""
    for reading in reversed(readings):
        span = reading.source(*span)
    return span


def _with_ends(place: "re2._Match", data: bytes) -> tuple[int, int]:
    """What was found, with the signs on both sides that may tell more of the same."""
    first, last = place.span()
    before, after = _BEFORE.search(data[max(0, first - GROUP) : first]), _AFTER.match(data[last : last + GROUP])
    return first - len(before[0] if before else b""), last + len(after[0] if after else b"")


def apart(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
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
