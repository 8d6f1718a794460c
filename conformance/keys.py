"""The API keys of this process, and their removal from everything it writes, in every spelling."""

import re
from collections.abc import Iterable
from functools import lru_cache

from conformance.spellings import Search, apart, coded, plain, readings, seldom_coded

MARK = "[key removed]"
_LINE = re.compile(rb"[^\r\n]+")
_NUMBER = re.compile(rb"[0-9]+")
_NUMBERS = re.compile(rb"[0-9]+(?:\s*,\s*[0-9]+)+")


class Keys:
    """Finds the values of keys in every spelling that a decoder undoes.

    That is: escapes of JSON, URLs, HTML, mail, style sheets and programs, for any of the characters, several times
    over and one in another; UTF-16 and 32; base64, base32, base85, hexadecimal and lists of codes, also one in another;
    and backwards. A key that could as well be a word of
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
            self._searches = [_search(key) for key in self.values if not _is_wordlike(key)]

    def forget(self) -> None:
        """Forgets them all: where commands are called one after another in a process, each begins with its own."""
        self.values, self._searches = [], []

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The places of keys in a text."""
        found = [span for search in self._searches for span in search.spans(data)]
        return list(apart(sorted(found))) if found else []

    def removed(self, data: bytes) -> bytes:
        """Bytes without keys: the same object where there is none."""
        spans = self.spans(data)
        return without(spans, data) if spans else data

    def stand_in(self, texts: Iterable[str]) -> bool:
        """Whether a key stands in one of several texts, which are searched at once."""
        return bool(self._searches) and bool(self.spans("\0".join(texts).encode("utf-8", "surrogatepass")))

    def removed_from(self, text: str) -> str:
        """A text without keys."""
        if not self._searches:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = self.removed(data)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")


KNOWN = Keys()
"""Every key that this process was given: what writes a file, or to a terminal, removes them."""


def shortened(text: str, longest: int, end: str = "…") -> str:
    """A text of at most so many characters, without keys: a cut inside of one would leave a part that nobody finds."""
    if len(text) <= longest:
        return text
    text = KNOWN.removed_from(text)
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
    return len(key) < 6 or (key.isalpha() and len(key) < 12)


@lru_cache(maxsize=8)
def _search(key: str) -> Search:
    """Looks for one key alone: a pattern of four has more states than are kept, and takes a hundred times as long."""
    patterns: set[str] = set()
    for data in {key.encode(), key.encode("latin-1", "replace")}:
        patterns |= {plain(read) for read in readings(data)} | {*coded(data), *seldom_coded(data)}
        patterns |= {plain(data[::-1]), *coded(data[::-1])}
    return Search("|".join(sorted(patterns, key=len, reverse=True)), len(key.encode()))
