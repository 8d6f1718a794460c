"""The result of reading a stream: the accumulated message, and the rules that were broken on the way."""

from typing import Any

from msgspec import Struct

from conformance.judge.block import Block
from conformance.judge.finding import ABSENT, Violation
from conformance.once import once

AS_IT_READS = frozenset(
    f"stream.{law}" for law in ("event-data", "data-json", "data-type", "index-integer", "delta", "delta-payload")
)
"""Laws of single events: broken behind a whole block it is of another kind, since clients then have shown a part."""
READ = frozenset(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "ping", "error", "message"),
    ]
)
"""The names of events that the official SDKs read; what comes under another they pass over unread."""


def is_foreign(name: str | None) -> bool:
    """Whether an event's name is none that clients read; without a name it is no event of its own."""
    return bool(name) and name not in READ


class StreamResult(Struct, frozen=True, dict=True, kw_only=True):
    """The result of reading a stream, and the rules that it broke."""

    start: Any
    """`message_start.message` as it came; absent marker when there was none."""
    start_event: int
    deltas: list[tuple[int, dict[str, Any]]]
    """The `message_delta` events: frame number and data."""
    blocks: list[Block]
    """In the order of their starts."""
    events: list[dict[str, Any]]
    delta_times: list[float]
    breaches: dict[str, list[Violation]]
    """Law to its violations, one of a kind."""
    lost: Violation | None
    """The first thing that makes the content untrustworthy."""
    error: dict[str, Any] | None
    error_at: str
    stopped: bool
    pings: int

    @once
    def message(self) -> dict[str, Any]:
        """The message as accumulated, in the shape of the JSON answer; what never came is missing."""
        message = dict(self.start) if self.start is not ABSENT else {}
        usage = message.get("usage")
        for _, data in self.deltas:
            message |= data["delta"]
            usage = _counted(usage, data.get("usage"))
        if usage is not None:
            message["usage"] = usage
        if self.blocks or "content" in message:
            message["content"] = [block.accumulated() for block in self.blocks]
        return message

    @property
    def finished(self) -> bool:
        """Whether the message came to its end, so that what is missing will not come any more."""
        return self.stopped and bool(self.deltas)


def _counted(sofar: Any, counts: Any) -> Any:
    """The usage after a message_delta, whose counts are totals; a null says nothing."""
    if not isinstance(counts, dict):
        return sofar
    known = sofar if isinstance(sofar, dict) else {}
    return known | {key: value for key, value in counts.items() if value is not None or key not in known}
