"""Faults that depend on earlier requests; each server has its own memory."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.delivery import SECONDS_PER_WORD
from conformance.scripted.faults.fault import Answer, Call, FaultGroup, Message, Refusal, replace

LIFECYCLE = FaultGroup("lifecycle")

BLOCKED_SECONDS = 5.0
SILENCE = 30.0
MESSAGES = "/v1/messages"
_SAME_BEGINNING = 60
"""Bytes of the messages by which a slot is chosen."""
_LONG_PROMPT = 8_000
"""Bytes from which a prompt takes long to read."""


class _Blocking:
    """A cancelled answer leaves the server unable to give the next one."""

    def __init__(self) -> None:
        self.until = 0.0

    def departed(self, _: Call) -> None:
        self.until = time.monotonic() + BLOCKED_SECONDS

    def request(self, call: Call) -> Call:
        if time.monotonic() < self.until:
            raise Refusal(500, "api_error", "the previous request is still being cancelled")
        return call


_blocking = _Blocking()
LIFECYCLE.add(
    "LC02",
    "a cancelled request makes the next one fail with 500",
    Hooks(request=_blocking.request, departed=_blocking.departed),
    needs="cancel",
)


class _Crossing:
    """While an answer is being given, a second request that begins as the first one did gets that answer too."""

    def __init__(self) -> None:
        self.under_way: dict[bytes, tuple[Message, float]] = {}

    def message(self, message: Message, call: Call) -> Message:
        now = time.monotonic()
        beginning = msgspec.json.encode(call.document["messages"])[:_SAME_BEGINNING]
        current, until = self.under_way.get(beginning, (message, 0.0))
        if now < until:
            return current
        self.under_way[beginning] = (message, now + message["usage"]["output_tokens"] * SECONDS_PER_WORD)
        return message


LIFECYCLE.add(
    "LC03",
    "a second concurrent request that begins as the first one did gets its answer",
    Hooks(message=_Crossing().message),
    needs="concurrent",
)


class _Poisoned:
    """After an error, the next request on the same connection gets the error again."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, int], Answer] = {}

    def answer(self, answer: Answer, call: Call) -> Answer:
        if call.client is None:
            return answer
        if call.client in self.left:
            return self.left.pop(call.client)
        if answer.status >= 400:
            self.left[call.client] = answer
        return answer


LIFECYCLE.add(
    "LC04",
    "after an error, the next request on the connection gets the old bytes",
    Hooks(answer=_Poisoned().answer),
    needs="connection",
)


class _Leaving:
    """What a request leaves behind on its connection, for the next message that is asked there."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, int], Any] = {}

    def take(self, call: Call) -> Any:
        """What was left on the connection of a message's request; None for nothing, and for other requests."""
        return self.left.pop(call.client, None) if call.client and call.path == MESSAGES else None

    def leave(self, call: Call, what: Any) -> None:
        if call.client and call.path == MESSAGES and what:
            self.left[call.client] = what


class _Staying(_Leaving):
    """Some fields of a request hold for the next one that has none of them."""

    def __init__(self, *fields: str) -> None:
        super().__init__()
        self.fields = fields

    def request(self, call: Call) -> Call:
        left = self.take(call)
        if not isinstance(call.document, dict):
            return call
        given = {name: call.document[name] for name in self.fields if name in call.document}
        self.leave(call, given)
        return on_body(lambda body: body.update(left))(call) if left and not given else call


class _Going(_Leaving):
    """The next request goes on with the conversation of the one before."""

    def request(self, call: Call) -> Call:
        left = self.take(call)
        if not isinstance(call.document, dict) or not isinstance(call.document.get("messages"), list):
            return call
        messages = call.document["messages"]
        self.leave(call, messages)
        turns = [*(left or []), {"role": "assistant", "content": "Noted."}, *messages]
        return on_body(lambda body: body.update(messages=turns))(call) if left else call


class _Losing(_Leaving):
    """After a refusal the next request loses its system prompt."""

    def request(self, call: Call) -> Call:
        return on_body(lambda body: body.pop("system", None))(call) if self.take(call) else call

    def refusal(self, refusal: Refusal, call: Call) -> Refusal:
        self.leave(call, True)
        return refusal


class _Late:
    """The words that a client did not wait for begin the next answer."""

    def __init__(self) -> None:
        self.left = ""

    def departed(self, call: Call) -> None:
        self.left = " ".join(_asked(call).split()[-3:])

    def message(self, message: Message, _: Call) -> Message:
        content = message["content"]
        if not self.left or not content or content[0]["type"] != "text":
            return message
        left, self.left = self.left, ""
        return {**message, "content": [{**content[0], "text": f"{left} {content[0]['text']}"}, *content[1:]]}


def _asked(call: Call) -> str:
    """The text of the last message of a request, where that is one."""
    messages = call.document.get("messages") if isinstance(call.document, dict) else None
    content = messages[-1].get("content") if isinstance(messages, list) and messages else ""
    return content if isinstance(content, str) else ""


_losing = _Losing()
_late = _Late()
LIFECYCLE.add(
    "X-system-stays",
    "the system prompt of a request holds for the next one on its connection that has none",
    Hooks(request=_Staying("system").request),
    needs="connection",
)
LIFECYCLE.add(
    "X-fields-stay",
    "stop sequences and tools of a request hold for the next one on its connection that has none",
    Hooks(request=_Staying("stop_sequences", "tools", "tool_choice").request),
    needs="connection",
)
LIFECYCLE.add(
    "X-turns-stay",
    "the conversation of a request goes on with the next one on its connection",
    Hooks(request=_Going().request),
    needs="connection",
)
LIFECYCLE.add(
    "X-system-after-error",
    "after an error, the next request on the connection loses its system prompt",
    Hooks(request=_losing.request, refusal=_losing.refusal),
    needs="connection",
)
LIFECYCLE.add(
    "X-words-left",
    "after a client hung up, the next answer begins with words of the one before",
    Hooks(departed=_late.departed, message=_late.message),
    needs="cancel",
)


class _Remembering:
    """An answer is given again to every request that has the same key."""

    def __init__(self, key: Callable[[dict[str, Any]], Any]) -> None:
        self.key = key
        self.given: dict[bytes, Message] = {}

    def message(self, message: Message, call: Call) -> Message:
        key = self.key(call.document) if isinstance(call.document, dict) else None
        return self.given.setdefault(msgspec.json.encode(key), message)


LIFECYCLE.add(
    "X-same-messages",
    "an answer is given again to every request with the same messages, whatever else it asks",
    Hooks(message=_Remembering(lambda body: body.get("messages")).message),
    needs="repeated",
)


class _Mistaking:
    """An answer is given again to every other request that has the same key."""

    def __init__(self, key: Callable[[dict[str, Any]], Any]) -> None:
        self.key = key
        self.given: dict[bytes, tuple[Any, Message]] = {}

    def message(self, message: Message, call: Call) -> Message:
        asked = {**call.document, "stream": None}
        first, given = self.given.setdefault(msgspec.json.encode(self.key(asked)), (asked, message))
        return message if first == asked else {**message, "content": [_anew(block) for block in given["content"]]}


def _anew(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "id": fresh("toolu")} if block["type"] == "tool_use" else block


def _but(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {key: value for key, value in body.items() if key != name}


LIFECYCLE.add(
    "X-same-but-stop",
    "an answer is given again to a request that differs in its stop sequences alone",
    Hooks(message=_Mistaking(_but("stop_sequences")).message),
    needs="repeated",
)
LIFECYCLE.add(
    "X-same-but-choice",
    "an answer is given again to a request that differs in its tool_choice alone",
    Hooks(message=_Mistaking(_but("tool_choice")).message),
    needs="repeated",
)
LIFECYCLE.add(
    "X-same-request",
    "the same request again gets the same message again, with its ids",
    Hooks(message=_Remembering(lambda body: {**body, "stream": None}).message),
    needs="repeated",
)


@LIFECYCLE.answer("LC05", "a long prompt is read for a long time without a byte", needs="timeout long")
def silent_reading(answer: Answer, call: Call) -> Answer:
    if len(call.body) < _LONG_PROMPT:
        return answer
    return replace(answer, pieces=tuple(replace(piece, at=piece.at + SILENCE) for piece in answer.pieces))
