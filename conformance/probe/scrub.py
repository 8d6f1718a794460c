"""Removes keys where bytes are recorded."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from conformance.keys import KNOWN, MARK, Keys, without
from conformance.probe.exchange import REMOVED, Chunk, Exchange, Request
from conformance.probe.request import Outgoing

SENDS_KEY = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
LONGEST_DETAIL = 500
"""Characters: what the client says of an answer can quote it."""


class Scrubber:
    """Removes the values of the given keys from what was sent and what was answered.

    A key that could be a word of an answer is removed only where it is sent as a key.
    """

    def __init__(self, keys: Iterable[str | None] = ()) -> None:
        self._keys = Keys(keys)
        KNOWN.remember(*self._keys.values)

    def data(self, data: bytes) -> bytes:
        return self._keys.removed(data)

    def request(self, outgoing: Outgoing) -> Request:
        """The request without keys, as it may be recorded."""
        text = self._keys.removed_from
        return Request(
            outgoing.method, text(outgoing.url), self._sent_headers(outgoing.headers), self.data(outgoing.body)
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """An answer without the keys that it echoes, also where a chunk border splits one."""
        text = self._keys.removed_from
        chunks = self._chunks(exchange.chunks)
        notes = tuple(text(note) for note in exchange.notes)
        clean = replace(
            exchange,
            headers=tuple((text(name), text(value)) for name, value in exchange.headers),
            chunks=chunks,
            detail=text(exchange.detail)[:LONGEST_DETAIL],
            notes=notes if chunks is exchange.chunks else (*notes, REMOVED),
        )
        if chunks is exchange.chunks and "frames" in exchange.__dict__:
            clean.knows_frames(exchange.frames)
        return clean

    def _sent_headers(self, headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((name, self._sent_value(name, value)) for name, value in headers)

    def _sent_value(self, name: str, value: str) -> str:
        for key in self._keys.values if name.lower() in SENDS_KEY else ():
            value = value.replace(key, MARK)
        return self._keys.removed_from(value)

    def _chunks(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """The chunks without keys; the mark falls to the chunk in which a key begins."""
        spans = self._keys.spans(b"".join([chunk.data for chunk in chunks]))
        if not spans:
            return chunks
        cleaned = []
        begins = 0
        for chunk in chunks:
            ends = begins + len(chunk.data)
            inside = [(first, last) for first, last in spans if first < ends and last > begins]
            cleaned.append(Chunk(chunk.at, without(inside, chunk.data, begins)) if inside else chunk)
            begins = ends
        return tuple(cleaned)
