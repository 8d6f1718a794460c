"""Removes keys where bytes are recorded."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec.structs import replace

from conformance.keys import KNOWN, MARK, WINDOW, Keys, mark_of
from conformance.probe.exchange import REMOVED, Chunk, Exchange, Request
from conformance.probe.request import Outgoing

SENDS_KEY = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
ONE_LOOK = WINDOW // 4
"""Bytes of an answer up to which all that is searched of it stands in one window."""
LONGEST_DETAIL = 500
"""Characters: what the client says of an answer can quote it."""


class Scrubber:
    """Removes the values of the given keys from what was sent and what was answered.

    A key that could be a word of an answer is removed only where it is sent as a key.
    """

    def __init__(self, keys: Iterable[str | None] = ()) -> None:
        self._keys = Keys(keys)
        self._told_in_parts = False
        """Whether an answer had parts of a key, which a later request may give back."""
        KNOWN.remember(*self._keys.values)

    def data(self, data: bytes) -> bytes:
        return self._keys.removed(data)

    def request(self, outgoing: Outgoing) -> Request:
        """The request without keys, as it may be recorded."""
        headers = tuple([(name, self._sent_value(name, value)) for name, value in outgoing.headers])
        said = [outgoing.url, *[value for _, value in headers]]
        one_look = len(outgoing.body) <= ONE_LOOK and not self._told_in_parts
        if one_look and not self._keys.stand_in(said, outgoing.body):
            return Request(outgoing.method, outgoing.url, headers, outgoing.body)
        body = self._keys.without_parts(outgoing.body) if self._told_in_parts else outgoing.body
        request = Request(outgoing.method, outgoing.url, headers, self.data(body))
        if not self._keys.stand_in(said):
            return request
        text = self._keys.removed_from
        return replace(request, url=text(request.url), headers=tuple([(name, text(value)) for name, value in headers]))

    def exchange(self, exchange: Exchange) -> Exchange:
        """An answer without the keys that it echoes, also where a chunk border splits one."""
        if self._is_clean(exchange):
            return exchange
        chunks = self._chunks(exchange.chunks)
        clean = exchange
        if chunks is not exchange.chunks:
            clean = replace(clean, chunks=chunks, notes=(*clean.notes, REMOVED))
        names_and_values = [part for header in clean.headers for part in header]
        if self._keys.stand_in([clean.detail, *clean.notes, *names_and_values]):
            text = self._keys.removed_from
            clean = replace(
                clean,
                headers=tuple([(text(name), text(value)) for name, value in clean.headers]),
                detail=text(clean.detail),
                notes=tuple(map(text, clean.notes)),
            )
        # by now without whole keys, which would, coded, run on into the next
        if (parts_gone := self._keys.without_parts_in(clean.headers)) is not clean.headers:
            clean = replace(clean, headers=tuple(parts_gone))
        if len(clean.detail) > LONGEST_DETAIL:
            clean = replace(clean, detail=clean.detail[:LONGEST_DETAIL])
        if chunks is exchange.chunks and clean is not exchange and "frames" in exchange.__dict__:
            clean.knows_frames(exchange.frames)
        return clean

    def _is_clean(self, exchange: Exchange) -> bool:
        """Whether nothing is to be removed, as nearly always, by one look where the answer is no large one."""
        if exchange.size > ONE_LOOK or len(exchange.detail) > LONGEST_DETAIL:
            return False
        data = b"".join([chunk.data for chunk in exchange.chunks])
        return not self._keys.are_in(data, exchange.headers, [exchange.detail, *exchange.notes])

    def _sent_value(self, name: str, value: str) -> str:
        """The value of a header that was sent; in one that is there for a key, keys that could be a word go, too."""
        if name.lower() in SENDS_KEY:
            for key in self._keys.values:
                value = value.replace(key, MARK)
        return value

    def _chunks(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """The chunks without keys: the same object where there is none."""
        chunks = self._without_whole(chunks)
        data = b"".join([chunk.data for chunk in chunks])
        clean = self._keys.without_parts(data)
        if clean is data:
            return chunks
        self._told_in_parts = True
        sizes = [len(chunk.data) for chunk in chunks]
        places = zip(chunks, sizes, accumulate(sizes), strict=True)
        return tuple([Chunk(chunk.at, clean[end - size : end]) for chunk, size, end in places])

    def _without_whole(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """The chunks without keys that stand in one piece; the mark falls to the chunk in which a key begins."""
        data = b"".join([chunk.data for chunk in chunks])
        spans = self._keys.spans(data)
        if not spans:
            return chunks
        cleaned = []
        begins = 0
        for chunk in chunks:
            ends = begins + len(chunk.data)
            kept, position = [], begins
            for first, last in spans:
                if first < ends and last > begins:
                    kept.append(data[position : max(position, first)])
                    if first >= begins:
                        kept.append(mark_of(data[first:last]))
                    position = min(ends, last)
            cleaned.append(Chunk(chunk.at, b"".join((*kept, data[position:ends]))))
            begins = ends
        return tuple(cleaned)
