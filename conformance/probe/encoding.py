"""Decodes gzip and deflate within a size limit: a small body can hold a huge one."""

import zlib
from collections.abc import Sequence

GZIP_START = b"\x1f\x8b"


class OversizedError(Exception):
    """A limit on what is read was reached; the message says which."""


NOT_SO_ENCODED = "the body is not of its announced content encoding"


class EncodingError(Exception):
    """The bytes are not of the content encoding that the answer announces."""


class Inflater:
    """Undoes one encoding as the bytes arrive; what `feed` returns never exceeds `limit` bytes in all."""

    def __init__(self, coding: str, limit: int) -> None:
        self._gzip = coding in ("gzip", "x-gzip")
        self._limit = limit
        self._left = limit
        self._early = b""
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if self._gzip else None

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes; OversizedError or EncodingError."""
        if self._inflate is None:
            data = self._early = self._early + data
            if len(data) < 2:
                return b""
            self._inflate = zlib.decompressobj(wbits=_deflate_wbits(data))
        pieces = []
        while data:
            pieces.append(self._piece(data))
            data = self._next_member()
        return b"".join(pieces)

    def _piece(self, data: bytes) -> bytes:
        assert self._inflate is not None
        try:
            piece = self._inflate.decompress(data, self._left + 1)
        except zlib.error as problem:
            raise EncodingError(f"{NOT_SO_ENCODED}: {problem}") from problem
        if len(piece) > self._left:
            raise OversizedError(f"the body unpacks to more than {self._limit} bytes")
        self._left -= len(piece)
        return piece

    def _next_member(self) -> bytes:
        """The bytes of a further gzip member (https://www.rfc-editor.org/rfc/rfc1952 allows several)."""
        assert self._inflate is not None
        rest = self._inflate.unused_data if self._inflate.eof else b""
        if not (self._gzip and rest.startswith(GZIP_START)):
            return b""
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        return rest

    @property
    def behind(self) -> bytes:
        """What arrived behind the end of what is encoded; zeros are padding."""
        rest = self._inflate.unused_data if self._inflate is not None and self._inflate.eof else b""
        return rest if rest.strip(b"\0") else b""

    @property
    def ended(self) -> bool:
        """Whether what arrived is whole; nothing at all is."""
        if self._inflate is None:
            return not self._early
        return self._inflate.eof


class Plain:
    """No encoding at all, within the same limit."""

    ended = True
    behind = b""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def feed(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise OversizedError(f"the body is longer than {self._limit} bytes")
        return data


def decoder(codings: Sequence[str], limit: int) -> Inflater | Plain:
    """The decoder for the `content-encoding` of an answer; EncodingError for one that was not asked for."""
    named = [coding for coding in codings if coding not in ("", "identity")]
    if not named:
        return Plain(limit)
    if len(named) > 1 or named[0] not in ("gzip", "x-gzip", "deflate"):
        raise EncodingError(f"the answer has the content encoding {', '.join(named)}, which was not asked for")
    return Inflater(named[0], limit)


def _deflate_wbits(start: bytes) -> int:
    """`deflate` is the zlib format (https://www.rfc-editor.org/rfc/rfc9110#name-deflate-coding); some send it raw."""
    is_zlib = start[0] & 0x0F == 8 and (start[0] * 256 + start[1]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
