"""Removes keys where bytes are recorded: whatever is written later holds none."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

import msgspec
from msgspec.structs import replace

from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.request import Outgoing

MARK = "[key removed]"
SENDS_KEY = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})


class Scrubber:
    """Removes the values of the given keys, as they are and as URLs and JSON spell them.

    A key that could as well be a word of an answer (`ollama`) is removed only where it is sent as a key: to tear it out
    of every text would change what is judged.
    """

    def __init__(self, keys: Iterable[str | None]) -> None:
        named = [key for key in keys if key]
        self._sent = sorted(named, key=len, reverse=True)
        spelled = {form for key in named if not _is_wordlike(key) for form in _spellings(key)}
        self._texts = sorted(spelled, key=len, reverse=True)
        self._bytes = [text.encode() for text in self._texts]

    def text(self, text: str) -> str:
        for key in self._texts:
            text = text.replace(key, MARK)
        return text

    def data(self, data: bytes) -> bytes:
        for key in self._bytes:
            data = data.replace(key, MARK.encode())
        return data

    def request(self, outgoing: Outgoing) -> Request:
        """What was sent, as it may be recorded."""
        return Request(
            outgoing.method, self.text(outgoing.url), self._sent_headers(outgoing.headers), self.data(outgoing.body)
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """An answer without the keys that it echoes, also where a chunk border splits one."""
        if not self._texts:
            return exchange
        return replace(
            exchange,
            headers=tuple((self.text(name), self.text(value)) for name, value in exchange.headers),
            chunks=self._chunks(exchange.chunks),
            detail=self.text(exchange.detail),
            notes=tuple(self.text(note) for note in exchange.notes),
        )

    def _sent_headers(self, headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((name, self._sent_value(name, value)) for name, value in headers)

    def _sent_value(self, name: str, value: str) -> str:
        for key in self._sent if name.lower() in SENDS_KEY else ():
            value = value.replace(key, MARK)
        return self.text(value)

    def _chunks(self, chunks: tuple[Chunk, ...]) -> tuple[Chunk, ...]:
        whole = b"".join(chunk.data for chunk in chunks)
        for key in self._bytes:
            if key in whole:
                chunks = tuple(_without(key, whole, chunks))
                whole = b"".join(chunk.data for chunk in chunks)
        return chunks


def _without(key: bytes, whole: bytes, chunks: Iterable[Chunk]) -> Iterable[Chunk]:
    """The chunks with the mark in place of the key; it falls to the chunk in which the key begins."""
    begins = 0
    removed_to = 0
    for chunk in chunks:
        ends = begins + len(chunk.data)
        kept = []
        position = max(begins, removed_to)
        while position < ends:
            found = whole.find(key, position)
            if not 0 <= found < ends:
                kept.append(whole[position:ends])
                break
            kept += (whole[position:found], MARK.encode())
            position = removed_to = found + len(key)
        begins = ends
        yield Chunk(chunk.at, b"".join(kept))


def _is_wordlike(key: str) -> bool:
    return len(key) < 6 or (key.isalpha() and len(key) < 12)


def _spellings(key: str) -> set[str]:
    as_json = msgspec.json.encode(key).decode()[1:-1]
    return {key, quote(key, safe=""), quote_plus(key), as_json, as_json.replace("/", "\\/")}
