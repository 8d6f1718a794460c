"""The official SDK check: replays the recorded bytes through the SDK, without a network; it decides nothing."""

from functools import cache
from typing import Any

from msgspec import Struct

from conformance.judge.answer import Answer
from conformance.judge.wire import ABSENT, shown
from conformance.keys import shortened
from conformance.probe.exchange import Exchange
from conformance.words import SdkTestimony

COMPARED = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
"""What an application reads of a message; the SDK turns some of the other values into types of its own."""

ADDED_BY_SDK = frozenset({"parsed_output"})
LONGEST = 300


LARGEST = 2 * 2**20
"""Bytes of an answer that the SDK is shown at most."""
MOST = 8000
"""Events or pieces, the same: it spends a second of CPU on them."""


MOST_VALUES, MOST_VALUES_OF_EVENTS = 20_000, 60_000
"""Commas and opening brackets, which part the values of JSON: of each it makes an object, and some copies.

Each event has five of its own, which it reads one after the other.
"""


class Testimony(Struct, frozen=True):
    """The SDK's result for an answer; an exception that reports a refusal counts as accepted."""

    verdict: SdkTestimony
    detail: str = ""


def testify(answer: Answer) -> Testimony | None:
    """The installed SDK's result for an answer of /v1/messages; None for answers that are not shown to it.

    `rejects`: it raises where there is an answer to read. `misreads`: it raises nothing, and what it hands to the
    application differs from the wire.
    """
    if answer.path != "/v1/messages" or answer.scope not in ("message", "stream", "error"):
        return None
    import anthropic

    stand = _stand()
    try:
        reported = stand.hear(answer.exchange, streaming=answer.streaming)
    except anthropic.APIStatusError as problem:
        if answer.status >= 400 or answer.error is not None:
            return Testimony("accepts", f"raises {type(problem).__name__}, as for any error")
        return Testimony("rejects", _short(problem))
    except Exception as problem:  # noqa: BLE001 - whatever it raises is its testimony
        return Testimony("rejects", _short(problem))
    difference = _difference(answer, reported)
    return Testimony("misreads", difference) if difference else Testimony("accepts")


def too_large(exchange: Exchange) -> str:
    """The reason why an answer is too large for the SDK, whose time grows faster; empty where it is not."""
    if exchange.outcome == "oversized":
        return "not shown to the SDK: too large, a limit ended it"
    return _unshown(exchange) if exchange.size > LARGEST or len(exchange.chunks) > MOST else ""


def too_much(exchange: Exchange) -> str:
    """The same for what is in it, which takes time to count."""
    body = exchange.body
    values = body.count(b",") + body.count(b"{") + body.count(b"[")
    events = body.count(b"\ndata:")
    return _unshown(exchange) if events > MOST or values > (MOST_VALUES_OF_EVENTS if events else MOST_VALUES) else ""


def _unshown(exchange: Exchange) -> str:
    return f"not shown to the SDK: too large ({exchange.size} bytes)"


def prepare() -> None:
    """Imports the SDK, which takes a second: to be called while nobody waits."""
    _stand()


class _Stand:
    """One SDK client whose transport gives back what was recorded."""

    def __init__(self) -> None:
        from conformance.probe.replay import ReplayClient, no_settings

        self._transport = ReplayClient()
        with no_settings():
            import anthropic

            class Reading(anthropic.Anthropic):
                """The SDK's client that writes no request, which nobody would read: those took a third of its time."""

                def _build_request(self, *_args: Any, **_named: Any) -> Any:
                    return transport.any_request

            transport = self._transport
            self._client: anthropic.Anthropic = Reading(
                api_key="witness",
                base_url="http://recorded.invalid",
                max_retries=0,
                timeout=60.0,
                http_client=self._transport,
                open_telemetry=False,
            )

    def hear(self, exchange: Exchange, *, streaming: bool) -> dict[str, Any]:
        """The message that an application would get."""
        self._transport.exchange = exchange
        question: Any = {"model": "any", "max_tokens": 1, "messages": [{"role": "user", "content": "any"}]}
        if streaming:
            with self._client.messages.stream(**question) as stream:
                message: Any = stream.get_final_message()
        else:
            message = self._client.messages.create(**question)
        reported: dict[str, Any] = message.to_dict(mode="json", warnings=False)
        return reported


@cache
def _stand() -> _Stand:
    return _Stand()


def _difference(answer: Answer, reported: dict[str, Any]) -> str:
    """Where what the SDK tells differs from the wire, or nothing."""
    wire = answer.message if isinstance(answer.message, dict) else {}
    for key in COMPARED:
        found = _unlike(wire.get(key), reported.get(key), key)
        if found:
            return found
    return ""


def _unlike(wire: Any, reported: Any, at: str) -> str:
    """The first place where two values differ; an absent key, null and an empty list are the same to an application."""
    wire, reported = (None if value is ABSENT or value == [] else value for value in (wire, reported))
    if isinstance(wire, dict) and isinstance(reported, dict):
        keys = [key for key in wire | reported if key not in ADDED_BY_SDK]
        return next((found for key in keys if (found := _unlike(wire.get(key), reported.get(key), f"{at}/{key}"))), "")
    if isinstance(wire, list) and isinstance(reported, list) and len(wire) == len(reported):
        pairs = enumerate(zip(wire, reported, strict=True))
        return next((found for number, (one, other) in pairs if (found := _unlike(one, other, f"{at}/{number}"))), "")
    if wire == reported and isinstance(wire, bool) == isinstance(reported, bool):
        return ""
    return f"{at}: {shown(wire)!r} on the wire, {shown(reported)!r} to an application"


def _short(problem: Exception) -> str:
    line = f"{type(problem).__name__}: {problem}".strip().rstrip(":").splitlines()[0]
    return shortened(line, LONGEST, "...")
