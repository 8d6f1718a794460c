"""A batch of requests and its state.

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from conformance.scripted.anthropic.blocks import Closed

Result = dict[str, Any]


class Item(Closed, frozen=True, kw_only=True):
    custom_id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    params: dict[str, Any]


class BatchRequest(Closed, frozen=True, kw_only=True):
    requests: Annotated[list[Item], Meta(min_length=1, max_length=100_000)]


class Batch(Struct, kw_only=True):
    """A batch and how far it is; the results are made when somebody first looks after its time."""

    id: str
    items: list[Item]
    version: str | None
    betas: frozenset[str]
    created: datetime
    due: float
    canceled: datetime | None = None
    ended: datetime | None = None
    results: list[Result] = []

    @property
    def status(self) -> Literal["in_progress", "canceling", "ended"]:
        if self.ended:
            return "ended"
        return "canceling" if self.canceled else "in_progress"
