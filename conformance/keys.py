"""The API keys of this process, and their removal from everything it writes, in every spelling."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate

from conformance.spellings import Search, apart, coded, plain, readings, seldom_coded, spread

MARK = "[key removed]"
SHORTEST = 6
"""Characters of a key below which it could as well be a word."""
LONGEST, OVERLAP = 200, 16
"""Characters of a key that one pattern looks for, and those that it has in common with that of the next ones."""
LONGEST_SPREAD = 64
"""Characters of a key that is looked for sign by sign, too: the pattern of a longer one has too many states."""
_LINE = re.compile(rb"[^\r\n]+")
_NUMBER = re.compile(rb"[0-9]+")
_NUMBERS = re.compile(rb"[0-9]+(?:\s*,\s*[0-9]+)+")


class Keys:
    """Finds the values of keys in every spelling that a decoder undoes.

    That is: escapes of JSON, URLs, HTML, mail, style sheets and programs, for any of the characters, several times
    over and one in another; UTF-16 and 32; base64, base32, base85, hexadecimal and lists of codes, also one in another;
    backwards; in letters of the other case, or that only look different; with marks or blanks between its signs. What
    no reader undoes by itself, such as a cipher or a compression, hides a key. One that could as well be a word of
    an answer (`ollama`) is not looked for: to tear it out of every text would change what is judged.
    """

    def __init__(self, keys: Iterable[str | None] = ()) -> None:
        self.values: list[str] = []
        self._searches: list[Search] = []
        self.remember(*keys)

    def remember(self, *keys: str | None) -> None:
        """Keeps these keys, too, from being written."""
        new = [key for key in dict.fromkeys(keys) if key and key not in self.values]
        if new:
            self.values = sorted([*self.values, *new], key=len, reverse=True)
            looked_for = [part for key in self.values if not _is_wordlike(key) for part in _overlapping(key)]
            self._searches = list(map(_search, dict.fromkeys(looked_for)))

    def forget(self) -> None:
        """Forgets them all: where commands are called one after another in a process, each begins with its own."""
        self.values, self._searches = [], []

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The places of keys in a text; of a long one, in the parts of it that are searched one after another."""
        found: list[tuple[int, int]] = []
        for begin, end in windows(data) if self._searches and len(data) >= SHORTEST else ():
            part = data if end - begin == len(data) else data[begin:end]
            found += [(begin + first, begin + last) for search in self._searches for first, last in search.spans(part)]
        return list(apart(sorted(found))) if found else []

    def removed(self, data: bytes) -> bytes:
        """Bytes without keys: the same object where there is none."""
        spans = self.spans(data)
        return without(spans, data) if spans else data

    def without_parts(self, data: bytes) -> bytes:
        """JSON, or events of it, without a key that stands in parts in strings that belong together; same length.

        Strings belong together that have the same name, such as the deltas of a block, or stand beside one another; and
        so do the lines of a stream that have the same field, such as comments.
        Each sign of the key becomes a star: how many events there are, and how long each text is, stays as it was.
        """
        if not self._searches:
            return data
        clean: bytearray | None = None
        for begin, end in windows(data):
            part = data if end - begin == len(data) else data[begin:end]
            if not self._stand_in(in_a_row(part)):
                continue
            clean = clean or bytearray(data)
            strings = Strings(part)
            for numbers in strings.rows():
                for first, last in self._parts(strings, numbers):
                    clean[begin + first : begin + last] = b"*" * (last - first)
        return data if clean is None else bytes(clean)

    def without_parts_in(self, headers: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Headers without a key that several of them tell one after another: values, those of a name, names, both."""
        if not self._searches:
            return headers
        texts, rows = _headers_in_a_row(headers)
        if not self._stand_in(_joined(texts, rows)):
            return headers
        clean = list(map(bytearray, texts))
        for row in rows:
            for number, first, last in self._parts_of([texts[place] for place in row]):
                clean[row[number]][first:last] = b"*" * (last - first)
        said = [data.decode("utf-8", "replace") for data in clean]
        return list(zip(said[::2], said[1::2], strict=True))

    def _parts(self, strings: "Strings", numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Where the parts of keys stand that only several strings in a row tell."""
        for place, first, last in self._parts_of([strings.text(number) for number in numbers]):
            start = strings.start(numbers[place])
            yield strings.whole_escapes(start + first, start + last)

    def _parts_of(self, row: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
        """The parts of keys that only several texts in a row tell: which text, from where to where in it."""
        ends = list(accumulate(map(len, row)))
        for begin, end in self.spans(b"".join(row)):
            first, last = bisect_right(ends, begin), bisect_left(ends, end)
            for place in range(first, last + 1) if first != last else ():
                before = ends[place] - len(row[place])
                yield place, max(begin - before, 0), min(end, ends[place]) - before

    def are_in(self, data: bytes, headers: Sequence[tuple[str, str]], texts: Iterable[str]) -> bool:
        """Whether a key stands in an answer or beside it, whole or in parts, in one look at all of it."""
        if not self._searches:
            return False
        rows = _joined(*_headers_in_a_row(headers))
        names_and_values = [part for header in headers for part in header]
        return self.stand_in([*texts, *names_and_values], _APART.join([data, in_a_row(data), rows]))

    def stand_in(self, texts: Iterable[str], data: bytes = b"") -> bool:
        """Whether a key stands in data or in one of several texts, which are searched at once."""
        if not self._searches:
            return False
        return self._stand_in(_APART.join(["\0".join(texts).encode("utf-8", "surrogatepass"), data]))

    def _stand_in(self, data: bytes) -> bool:
        return any(search.stands_in(data[begin:end]) for begin, end in windows(data) for search in self._searches)

    def beginning(self, text: str, longest: int) -> str:
        """The first characters of a text without keys, of which no more is searched than it takes."""
        looked_at = longest + 2 * SHARED
        while looked_at < len(text):
            clean = self.removed_from(text[:looked_at])[:-SHARED]  # at the end of it, a key may be cut
            if len(clean) >= longest:
                return clean[:longest]
            looked_at *= 2
        return self.removed_from(text)[:longest]

    def removed_from(self, text: str) -> str:
        """A text without keys."""
        if not self._searches:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = self.removed(data)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")


def _headers_in_a_row(headers: Sequence[tuple[str, str]]) -> tuple[list[bytes], list[Sequence[int]]]:
    """Names and values, and which of them may tell a key one after another: values, names, all, values of a name."""
    texts = [part.encode("utf-8", "surrogatepass") for header in headers for part in header]
    values = range(1, len(texts), 2)
    named: dict[bytes, list[int]] = {}
    for place in values:
        named.setdefault(texts[place - 1], []).append(place)
    rows = (values, range(0, len(texts), 2), range(len(texts)))
    return texts, [*rows, *(row for row in named.values() if len(row) > 1)]


def _joined(texts: Sequence[bytes], rows: Iterable[Sequence[int]]) -> bytes:
    return _APART.join([b"".join([texts[place] for place in row]) for row in rows])


_STRING = rb'"([^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+)"'
_DELTA = re.compile(
    rb'data: ?\{"type": ?"content_block_delta", ?"index": ?(\d+), ?"delta": ?\{"type": ?"\w+", ?"(\w+)": ?'
    + _STRING
    + rb"\}\}"
)
"""An event as nearly all are."""
_BACKSLASHES, _QUOTE, _APART = b"\1\1", b"\2\2", b"\3" * 8
"""What stands for an escaped backslash and an escaped quote while strings are found, and what parts rows of them."""


def _fields(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The lines of a stream without a string in them, such as comments: field, where its value begins, value."""
    for line in _LINE.finditer(data):
        said = line[0]
        if b'"' in said:
            continue
        name, colon, value = said.partition(b":")
        if bare := value.removeprefix(b" "):
            yield name, line.start() + len(name) + len(colon) + len(value) - len(bare), bare


WINDOW, SHARED = 128 * 2**10, 32 * 2**10
"""Bytes of a long text that are searched at once, and those that the next search begins with."""


class Strings:
    """The strings of JSON, or of lines that hold some, as they are written; and lines that hold none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        marked = data.replace(b"\r", b"\n").replace(b"\\\\", _BACKSLASHES).replace(b'\\"', _QUOTE)
        lines = marked.split(b"\n")
        if any(line.count(b'"') & 1 for line in lines):  # a quote that nothing ends, ends with its line
            marked = b"".join([line + (b'"' if line.count(b'"') & 1 else b"\n") for line in lines])
        self._pieces = marked.split(b'"')
        self._lines = list(_fields(data))

    def rows(self) -> list[list[int]]:
        """The numbers of those that belong together: of a name and an index, a name, all values, all names, a field."""
        named: dict[tuple[bytes, bytes], list[int]] = {}
        indexed: dict[tuple[bytes, bytes], list[int]] = {}
        names, values = [], []
        name = index = b""
        for number, after in enumerate(self._pieces[2::2]):
            if after[:1] == b":" or after.lstrip()[:1] == b":":
                name = self._pieces[2 * number + 1]
                names.append(number)
                index = after if name == b"index" else index
            else:
                named.setdefault((name, b""), []).append(number)
                indexed.setdefault((name, index), []).append(number)
                values.append(number)
        fields: dict[bytes, list[int]] = {}
        for number, line in enumerate(self._lines):
            fields.setdefault(line[0], []).append(-1 - number)
        rows = [
            *named.values(),
            *(indexed.values() if len(indexed) > len(named) else ()),
            names,
            values,
            *fields.values(),
        ]
        return [row for row in rows if len(row) > 1]

    def text(self, number: int) -> bytes:
        """What stands there; numbers of lines are below 0."""
        if number < 0:
            return self._lines[-1 - number][2]
        return self._pieces[2 * number + 1].replace(_BACKSLASHES, b"\\\\").replace(_QUOTE, b'\\"')

    def start(self, number: int) -> int:
        """Where in the data a string begins, behind its quote, or what a line says."""
        return self._lines[-1 - number][1] if number < 0 else self._starts[2 * number + 1]

    def whole_escapes(self, first: int, last: int) -> tuple[int, int]:
        """The span with the escapes that it cuts."""
        while self._data[first - 1 : first] == b"\\":
            first -= 1
        return first, last + (self._data[last - 1 : last] == b"\\" and self._data[last : last + 1] not in (b'"', b""))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(piece) + 1 for piece in self._pieces)]

    def joined(self) -> bytes:
        return _APART.join([b"".join(map(self.text, row)) for row in self.rows()])


def windows(data: bytes) -> Iterator[tuple[int, int]]:
    """Parts of a long text that overlap, each from the end of a line or a string on: to search one takes memory."""
    begin = 0
    while len(data) - begin > WINDOW:
        yield begin, begin + WINDOW
        last = begin + WINDOW - SHARED
        begin = max(data.rfind(b"\n", begin, last), data.rfind(b'",', begin, last)) + 1 or last
        begin = last if begin <= last - SHARED else begin
    yield begin, len(data)


def in_a_row(data: bytes) -> bytes:
    """The strings of JSON, or of events, those joined that belong together."""
    parts = _DELTA.split(data)
    if len(parts) == 1:
        return Strings(data).joined()
    rest = b"".join(parts[::4])
    names = b"|".join(set(parts[2::4]))
    if b'"content_block_delta"' in rest or re.search(b'"(?:%s)"\\s*:\\s*"[^"]' % names, rest):
        return Strings(data).joined()  # some are written in another way, and belong to the others
    rows: dict[tuple[bytes, bytes], list[bytes]] = {}
    for index, name, text in zip(parts[1::4], parts[2::4], parts[3::4], strict=True):
        rows.setdefault((name, index), []).append(text)
    each = [b"".join(row) for row in rows.values()]
    return _APART.join([*each, b"".join(parts[3::4]), Strings(rest).joined()])


KNOWN = Keys()
"""Every key that this process was given: what writes a file, or to a terminal, removes them."""


def shortened(text: str, longest: int, end: str = "…") -> str:
    """A text of at most so many characters, without keys: a cut inside of one would leave a part that nobody finds."""
    if len(text) <= longest:
        return text
    text = KNOWN.beginning(text, longest + 1)
    return text if len(text) <= longest else text[: longest - len(end)] + end


def without(spans: Iterable[tuple[int, int]], data: bytes) -> bytes:
    """Bytes with the mark in place of each span."""
    kept: list[bytes] = []
    position = 0
    for first, last in spans:
        kept += (data[position:first], mark_of(data[first:last]))
        position = last
    return b"".join((*kept, data[position:]))


def mark_of(spelled: bytes) -> bytes:
    """What stands where a key stood: as many lines as it had, and of a list of numbers as many numbers.

    Lines and numbers are what streams and JSON are made of: without them, other bytes than those of the key would say
    something else, and be judged by it.
    """
    if _NUMBERS.fullmatch(spelled):
        return _NUMBER.sub(b"0", spelled)
    return _LINE.sub(MARK.encode(), spelled)


def _is_wordlike(key: str) -> bool:
    return len(key) < SHORTEST or (key.isalpha() and len(key) < 12)


def _overlapping(key: str) -> Iterator[str]:
    """A key that is too long for one pattern, such as a token of a cloud, in parts that overlap; else itself."""
    for begin in range(0, max(1, len(key) - OVERLAP), LONGEST - OVERLAP):
        yield key[begin : begin + LONGEST]


@lru_cache(maxsize=64)
def _search(key: str) -> Search:
    """Looks for one key alone: a pattern of four has more states than are kept, and takes a hundred times as long."""
    patterns: set[str] = set()
    for data in {key.encode(), key.encode("latin-1", "replace")}:
        patterns |= {plain(read) for read in readings(data)} | {*coded(data), *seldom_coded(data)}
        patterns |= {plain(data[::-1]), *coded(data[::-1])} | ({spread(data)} if len(data) <= LONGEST_SPREAD else set())
    pattern = "|".join(sorted(patterns, key=len, reverse=True))
    return Search(pattern, len(key.encode()), len(set(key)), ascii_only=key.isascii())
