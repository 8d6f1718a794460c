"""One generated request: what is sent, and what its answer shows where the model does its part."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

TOLD_APART = ("type", "role")
"""Keys whose values name a shape: two requests that differ in one of them differ in kind."""
FREE = ("input_schema", "input")
"""Keys whose values a server passes on as they are: what is in them makes no other kind of request."""


class Sent(Struct, frozen=True, kw_only=True):
    """A request in the probe language, as a case can send it."""

    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    path: str = "/v1/messages"
    effect: tuple[Mapping[str, Any], ...] = ()
    """The checks of a case: what is seen where the whole request reached the model."""
    control: Mapping[str, Any] | None = None
    """The body of the same instruction with nothing beside it: a model that fails at this shows nothing."""
    control_effect: tuple[Mapping[str, Any], ...] = ()
    """What the control shows, where that is not the same."""
    needs: tuple[str, ...] = ()
    """Capabilities that the written case names."""

    @property
    def features(self) -> frozenset[str]:
        """What the request is made of: every path with its indexes as `*`, and the words that name a shape."""
        named = [f"header/{name}={value}" for name, value in self.headers.items()]
        return frozenset([*_paths(self.body, ""), *named, *(f"query/{name}" for name in self.query)])


def _paths(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{at}/{name}"
            if name in TOLD_APART and isinstance(item, str):
                yield f"{at}/{name}={item}"
            yield from () if name in FREE else _paths(item, f"{at}/{name}")
    elif isinstance(value, list | tuple):
        yield f"{at}/*"
        for item in value:
            yield from _paths(item, f"{at}/*")
