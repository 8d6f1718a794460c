"""The grammar of a stream as a state machine over raw frames, which names each law that is broken and goes on.

    message_start ( content_block_start content_block_delta* content_block_stop )* message_delta+ message_stop

`ping`, and events that nobody has documented, may stand anywhere; `error` may replace any suffix.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from conformance.judge.block import CUT_SHORT, FORMS, KNOWN_DELTAS, Block, OpenBlocks, allowed_deltas
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.stream_result import AS_IT_READS, StreamResult, is_foreign
from conformance.judge.wire import decode, defect_of, has_type, is_integer, one_by_one, shown, slug, whole, with_halves
from conformance.probe.sse import Frame

MOST = 10
"""Kinds of violations of one law that are kept: an endpoint that makes up types makes up any number."""


def follow(frames: Iterable[Frame], *, whole: bool = True) -> StreamResult:
    """Follows a stream to its end. Total: any frames at all give a result.

    `whole` is False when the connection broke, so that the missing end is the connection's and not the stream's.
    """
    machine = Machine()
    for frame in frames:
        machine.take(frame)
    machine.end(whole=whole)
    return machine.result()


class Machine:
    """The state of a stream so far. One fault gives one finding: after it all goes on as if it were mended."""

    _frame: Frame

    def __init__(self) -> None:
        self.start: Any = ABSENT
        self._owed = 0  # stops of thoughts whose index was started again (github.com/ollama/ollama/issues/14816)
        self.start_event = -1
        self.deltas: list[tuple[int, dict[str, Any]]] = []
        self.blocks: list[Block] = []
        self.events: list[dict[str, Any]] = []
        self.delta_times: list[float] = []
        self.breaches: dict[str, list[Violation]] = {}
        self.lost: Violation | None = None
        self.error: dict[str, Any] | None = None
        self.error_at = ""
        self._at_index: dict[int, Block] = {}
        self._open = OpenBlocks()
        self._reason: Any = None  # the last stop reason that was given
        self._next_index = 0
        self._astray: set[int] = set()  # indices to which deltas went by mistake: their stop goes astray as well
        self._started = False
        self._early = False  # the grammar began without message_start, and that has been said
        self._torn = False  # an event was lost: what is missing later may have been in it
        self._stopped = False
        self._later: bool | None = None  # whether a block was whole when an event could first not be read
        self._foreign = False  # whether the event's name is none that clients read
        self.pings = 0

    # -- frames ------------------------------------------------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """Takes the next frame, whatever it is."""
        if frame.name == "content_block_delta" and self._plain_delta(frame):
            return
        self._frame, self._foreign = frame, is_foreign(frame.name)
        where = f"event/{frame.number}"
        if frame.data is None and (frame.name is None or not frame.ended):
            return  # only an id or a retry, or the end of the body cut it off before its data
        if frame.name == "ping":
            self._ping(frame, where)
        elif frame.data is None or not frame.data.strip():
            kind = "missing" if frame.data is None else "empty"
            self._breach("stream.event-data", where, "a JSON object", {"event": frame.name}, kind)
            self._keep(frame.name, None)
        elif frame.data.strip() == b"[DONE]":
            self._breach("stream.no-done", where, "nothing after message_stop", "[DONE]", "done")
            self._keep(frame.name, "[DONE]")
        else:
            objects = self._objects(frame, where)
            for data in objects:
                self._object(frame, where, data, alone=len(objects) == 1)

    def _plain_delta(self, frame: Frame) -> bool:
        """Takes what nearly every event is, a delta that breaks no law; False for what needs a closer look."""
        data = decode(frame.data) if frame.data and frame.ended and self.error is None and not self._stopped else None
        if not isinstance(data, dict) or data.get("type") != frame.name or not is_integer(index := data.get("index")):
            return False
        block = self._at_index.get(index)
        if block is None or not block.add(data.get("delta")):
            return False
        self.delta_times.append(frame.at)
        self._keep(frame.name, data)
        return True

    def _ping(self, frame: Frame, where: str) -> None:
        self.pings += 1
        data = decode(frame.data or b"")
        self._keep("ping", data)
        if not isinstance(data, dict) or data.get("type") != "ping":
            observed = (frame.data or b"").decode(errors="replace")
            self._breach("stream.ping", where, {"type": "ping"}, shown(observed), "data")

    def _objects(self, frame: Frame, where: str) -> list[dict[str, Any]]:
        """The JSON objects in a frame: one, if the law is kept."""
        raw = frame.data or b""
        value = decode(raw)
        if isinstance(value, dict):
            if not frame.ended:
                self._breach(
                    "stream.blank-line", where, "a blank line after the event", "the end of the body", "missing"
                )
            return [value]
        if not frame.ended:
            return []  # the tail of a body that was cut: its end is judged, not its JSON
        text = raw.decode(errors="replace")
        self._keep(frame.name, text)
        if value is not ABSENT:
            lost = not self._foreign
            self._breach("stream.data-json", where, "a JSON object", shown(value), "not-an-object", lost=lost)
            return []
        defect = defect_of(raw)
        law = "stream.whole-characters" if defect in ("not-utf8", "lone-surrogate") else "stream.data-json"
        values = [with_halves(value) for value in one_by_one(text) if isinstance(value, dict)]
        lost = not values and not self._foreign
        self._breach(law, where, "one JSON object in UTF-8", shown(text), defect, lost=lost)
        self._torn = self._torn or lost
        return values

    def _object(self, frame: Frame, where: str, data: dict[str, Any], *, alone: bool) -> None:
        kind = data.get("type")
        if not isinstance(kind, str) or not kind:
            self._breach(
                "stream.data-type", where + "/type", frame.name or "a string", data.get("type", ABSENT), "missing"
            )
            kind = frame.name or ""
        elif not alone:
            pass  # one name cannot fit several objects
        elif not frame.name:
            self._breach("stream.event-name", where, kind, ABSENT, "missing")
        elif frame.name != kind:
            unread = self._foreign and kind in self.GRAMMAR
            self._breach("stream.event-name", where, kind, frame.name, "foreign" if unread else "mismatch")
            kind = kind if kind in self.GRAMMAR else frame.name
        if kind == "ping":
            self.pings += 1
        self._keep(frame.name, whole(data) if kind == "content_block_delta" else data)
        self._event(where, kind, data)

    def _event(self, where: str, kind: str, data: dict[str, Any]) -> None:
        if kind == "ping":
            return
        if self.error is not None:
            self._breach("stream.error-last", where, "nothing after an error event", kind, "event-after")
        elif kind == "error" and not self._stopped:
            self.error, self.error_at = data, where
        else:
            self._order(where, kind)
            if kind in self.GRAMMAR:
                self.GRAMMAR[kind](self, where, data)

    def _order(self, where: str, kind: str) -> None:
        """Nothing of the message comes before message_start, nor after message_stop."""
        if self._stopped and kind != "message_stop":
            after = "error-after" if kind == "error" else "event-after"
            self._breach("stream.stop-last", where, "nothing after message_stop", kind, after)
        begun = self._started or self._early or self._torn
        if not begun and kind in self.GRAMMAR and kind != "message_start":
            self._early = True
            self._breach("stream.start-first", where, "message_start", kind, "other-first", lost=True)

    # -- the message -------------------------------------------------------------------------------------------

    def _message_start(self, where: str, data: dict[str, Any]) -> None:
        if self._started:
            self._breach("stream.start-once", where, "one message_start", "another", "repeated")
            return
        self._started, self.start_event = True, self._frame.number
        message = data.get("message", ABSENT)
        if not isinstance(message, dict) or not message.keys() & {"id", "type", "role"}:
            self._breach("stream.start-message", where + "/message", "a message", shown(message), slug(message, "type"))
            return
        self.start = message
        content = message.get("content", ABSENT)
        if content != []:
            kind = "not-empty" if isinstance(content, list) else slug(content, "type")
            self._breach("stream.start-content", where + "/message/content", [], shown(content), kind)
        for key in ("stop_reason", "stop_sequence"):
            value = message.get(key, ABSENT)
            if value is not None:
                self._breach("stream.start-stop", f"{where}/message/{key}", None, value, slug(value, "not-null"))

    def _message_delta(self, where: str, data: dict[str, Any]) -> None:
        delta = data.get("delta", ABSENT)
        if not isinstance(delta, dict):
            self._breach("stream.message-delta", where + "/delta", "an object", delta, f"{slug(delta, 'type')}-delta")
            data = data | {"delta": {}}
        reason = data["delta"].get("stop_reason")
        if self._reason is not None and reason is not None and reason != self._reason:
            self._breach("stream.one-stop-reason", where + "/delta/stop_reason", self._reason, reason, "changed")
        self._reason = self._reason if reason is None else reason
        self.deltas.append((self._frame.number, data))

    def _message_stop(self, where: str, _: dict[str, Any]) -> None:
        if self._stopped:
            self._breach("stream.stop-last", where, "one message_stop", "another", "repeated")
        self._stopped = True

    # -- blocks ------------------------------------------------------------------------------------------------

    def _block_start(self, where: str, data: dict[str, Any]) -> None:
        index = self._index(where, data, self._next_index)
        content = data.get("content_block", ABSENT)
        if not isinstance(content, dict) or not has_type(content):
            kind = slug(content, "type")
            self._breach(
                "stream.block", where + "/content_block", "an object with a type", shown(content), kind, lost=True
            )
            content = {}
        if self.deltas and not self._stopped:
            expected = "message_delta after every block"
            self._breach("stream.message-delta-last", where, expected, "a new block", "block-after")
        block = Block(index, content, self._frame.number)
        block.late = self._stopped
        self._place(where, block)
        self._open.begin(block)

    def _place(self, where: str, block: Block) -> None:
        """Puts a block at its index; one that takes the place of an open block replaces it."""
        earlier = self._at_index.get(block.index)
        if block.index != self._next_index:
            kind = earlier.displaced(block) if earlier is not None else "gap" if self.blocks else "start"
            at, lost = where + "/index", earlier is not None and kind != "doubled"
            self._owed += kind == "repeated"
            self._breach("stream.index", at, self._next_index, block.index, kind, lost=lost)
        if earlier is not None and earlier.life == "open":
            self._judge_start(earlier)
            self.blocks.remove(earlier)
            earlier.life = "replaced"
        self.blocks.append(block)
        self._at_index[block.index] = block
        self._next_index = max(self._next_index, block.index + 1)

    def _judge_start(self, block: Block) -> None:
        for breach in block.begun_otherwise():
            self._breach(*breach)

    def _block_delta(self, where: str, data: dict[str, Any]) -> None:
        self.delta_times.append(self._frame.at)
        delta = data.get("delta", ABSENT)
        signature = isinstance(delta, dict) and delta.get("type") == "signature_delta"  # loses nothing that is shown
        block = self._open_block("stream.delta-open", where, data, lost=not signature)
        if not isinstance(delta, dict) or not has_type(delta):
            kind = slug(delta, "type")
            self._breach("stream.delta", where + "/delta", "an object with a type", shown(delta), kind, lost=True)
            if block is not None:
                block.damaged = True
        elif block is not None and delta["type"] in KNOWN_DELTAS:
            self._known_delta(where + "/delta", block, delta)

    def _known_delta(self, where: str, block: Block, delta: dict[str, Any]) -> None:
        kind = delta["type"]
        key, form = KNOWN_DELTAS[kind]
        allowed = allowed_deltas(block.kind)
        payload = delta.get(key, ABSENT)
        if allowed is not None and kind not in allowed:
            self._breach(
                "stream.delta-type", where + "/type", sorted(allowed), kind, f"{kind}-in-{block.kind}", lost=True
            )
        elif payload is ABSENT or not (isinstance(payload, form) or (kind == "compaction_delta" and payload is None)):
            wrong, lost = slug(payload, "type"), kind != "signature_delta"
            self._breach("stream.delta-payload", f"{where}/{key}", FORMS[form], shown(payload), wrong, lost=lost)
        else:
            if kind == "thinking_delta" and block.signatures:
                expected = "signature_delta after the last thinking_delta"
                self._breach("stream.signature-last", where, expected, "thinking_delta", "thinking-after")
            block.take(kind, delta)
            return
        block.damaged = True

    def _block_stop(self, where: str, data: dict[str, Any]) -> None:
        block = self._open_block("stream.stop-open", where, data)
        if block is None:
            return
        block.stop(self._frame.number)
        if block.overlapped_at is not None:
            at = f"event/{block.overlapped_at}"
            self._breach("stream.one-open", at, f"block {block.index} stopped first", "another block", "overlap")
        if self.deltas and not self._stopped:
            expected = "message_delta after every content_block_stop"
            self._breach("stream.message-delta-last", where, expected, "content_block_stop", "stop-after")

    def _open_block(self, law: str, where: str, data: dict[str, Any], *, lost: bool = False) -> Block | None:
        """The open block that an event speaks of; None, and the law is broken, when there is none."""
        only = self._open.last_index(self._next_index - 1)
        index = self._index(where, data, only)
        block = self._at_index.get(index)
        if block is not None and self._is_open(index):
            return block
        if self._torn or self._stopped:  # after message_stop nothing of the message is lost
            return None
        kind = "never-opened" if block is None else "closed"
        delta = law == "stream.delta-open"
        if delta:
            self._astray.add(index)
        elif block is None and self._owed:  # as many stops as starts: a real client reads on
            self._owed, kind = self._owed - 1, "renumbered"
        elif index in self._astray:
            return self._at_index.get(only) if self._is_open(only) else None
        if not (self._early and not self._started and block is None and not self.blocks):
            self._breach(law, where + "/index", "the index of an open block", index, kind, lost=lost)
        if delta:
            for hit in [block] if block else self.blocks[-1:]:
                hit.damaged = True
        return None

    def _is_open(self, index: int) -> bool:
        block = self._at_index.get(index)
        return block is not None and block.life == "open"

    def _index(self, where: str, data: dict[str, Any], otherwise: int) -> int:
        index = data.get("index", ABSENT)
        if is_integer(index):
            return int(index)
        self._breach("stream.index-integer", where + "/index", otherwise, index, slug(index, "type"))
        return otherwise

    # -- the end -----------------------------------------------------------------------------------------------

    def end(self, *, whole: bool) -> None:
        """Judges what never came, and what came too early."""
        for block in self.blocks:
            self._judge_start(block)
        if not self.events:
            if whole:  # else that is what is said of it
                self._breach("stream.answered", "", "an event stream", "no event", "empty", lost=True)
        elif self.error is not None or not whole or self._torn:
            return
        elif not self._stopped:
            kind = "missing" if self.deltas else "cut"
            self._breach("stream.stop", "event/end", "message_stop", "the end of the body", kind, lost=True)
        elif not self.deltas:
            self._breach("stream.message-delta", "event/end", "message_delta", "none", "missing", lost=True)
        if self.deltas:
            self._judge_open_blocks()

    def _judge_open_blocks(self) -> None:
        reason = self.deltas[-1][1]["delta"].get("stop_reason")
        for block in self.blocks:
            cut = reason in CUT_SHORT and block.kind == "tool_use" and block is self.blocks[-1]
            if block.life == "open" and not (cut or block.late):
                at = f"event/{block.event}"
                self._breach("stream.stop-each", at, f"content_block_stop for block {block.index}", "none", "missing")

    def result(self) -> StreamResult:
        """The result of the stream."""
        return StreamResult(
            start=self.start,
            start_event=self.start_event,
            deltas=self.deltas,
            blocks=self.blocks,
            events=self.events,
            delta_times=self.delta_times,
            breaches=self.breaches,
            lost=self.lost,
            error=self.error,
            error_at=self.error_at,
            stopped=self._stopped,
            pings=self.pings,
        )

    def _keep(self, name: str | None, data: Any) -> None:
        self.events.append({"event": name, "data": None if data is ABSENT else data})

    def _breach(self, law: str, at: str, expected: Any, observed: Any, kind: str, *, lost: bool = False) -> None:
        """Notes a broken law, once for each kind: the first place is the cause, the rest are its echo."""
        if law in AS_IT_READS and (law, kind) != ("stream.delta-payload", "type"):
            self._later = any(block.life == "closed" for block in self.blocks) if self._later is None else self._later
            kind += "-foreign" if self._foreign else "-later" * self._later
        known = self.breaches.setdefault(law, [])
        violation = Violation(at, expected, observed, kind)
        if len(known) < MOST and all(other.kind != kind for other in known):
            known.append(violation)
        if lost and self.lost is None:
            self.lost = violation

    GRAMMAR: ClassVar[dict[str, Callable[["Machine", str, dict[str, Any]], None]]] = {
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
    }
    """The events of a message. Of the class: a machine that held its own methods would keep its stream in memory."""
