"""A piece of a body as it arrived."""

from msgspec import Struct


class Chunk(Struct, frozen=True, gc=False):
    """A piece of the body as it arrived, content encoding undone; `at` in seconds since the request was sent."""

    at: float
    data: bytes
