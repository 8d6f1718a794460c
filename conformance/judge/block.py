"""One content block of a stream from its start to its stop, accumulated strictly: what is missing stays missing."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from conformance.judge.wire import ABSENT, decode, shown, slug, whole

KNOWN_DELTAS: dict[str, tuple[str, type]] = {
    "text_delta": ("text", str),
    "input_json_delta": ("partial_json", str),
    "thinking_delta": ("thinking", str),
    "signature_delta": ("signature", str),
    "citations_delta": ("citation", dict),
    "compaction_delta": ("content", str),
}
"""Delta type to the field that carries its payload, and that field's type."""
FORMS: dict[type, str] = {str: "a string", dict: "an object"}

_COMPLETE: frozenset[str] = frozenset()
ALLOWED_DELTAS: dict[str, frozenset[str]] = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "tool_use": frozenset({"input_json_delta"}),
    "server_tool_use": frozenset({"input_json_delta"}),
    "mcp_tool_use": frozenset({"input_json_delta"}),
    "redacted_thinking": _COMPLETE,
    "compaction": frozenset({"compaction_delta"}),
}
"""Block type to the known deltas that may stand in it; a block that is not listed takes any."""

BEGINS_EMPTY: dict[str, tuple[str, str, Any]] = {
    "text": ("stream.text-start", "text", ""),
    "thinking": ("stream.thinking-start", "thinking", ""),
    "tool_use": ("stream.tool-start", "input", {}),
}
"""Block type to the rule about its start, and the field that is empty there: what belongs in it comes in deltas."""

CUT_SHORT = ("max_tokens", "model_context_window_exceeded")
"""Stop reasons after which the last tool input may be truncated, and its block may lack its stop."""

Life = Literal["open", "closed", "replaced"]
_NOWHERE: tuple[None, list[str]] = (None, [])


def allowed_deltas(block: str) -> frozenset[str] | None:
    """The known deltas of a block type; None for a type that nobody has documented."""
    return _COMPLETE if block.endswith("_tool_result") else ALLOWED_DELTAS.get(block)


class Block:
    """One content block of a stream so far."""

    def __init__(self, index: int, start: dict[str, Any], event: int) -> None:
        self.index = index
        self.start = start
        self.event = event
        self.life: Life = "open"
        self.stopped_at: int | None = None
        """The event that closed it."""
        self.kind = str(start.get("type", ""))
        self.damaged = False
        """Some of its content was lost: what is wrong with the rest is a consequence."""
        self.late = False
        """It came after message_stop."""
        self.overlapped_at: int | None = None
        """The event that opened another block while this one was open."""
        self.texts: list[str] = []
        self.pieces: list[str] = []
        self.thoughts: list[str] = []
        self.citations: list[Any] = []
        self.signatures: list[str] = []
        self.compaction: dict[str, Any] = {}
        allowed = allowed_deltas(self.kind)
        self._plain = {
            kind: (KNOWN_DELTAS[kind][0], pieces)
            for kind, pieces in (
                ("text_delta", self.texts),
                ("input_json_delta", self.pieces),
                ("thinking_delta", self.thoughts),
            )
            if allowed is None or kind in allowed
        }

    def displaced(self, by: "Block") -> str:
        """What it is when another one starts at its index: clients differ in what they make of each."""
        empty = not (self.texts or self.pieces or self.thoughts or self.signatures)
        if self.life == "open" and empty and self.start == by.start:
            return "doubled"  # nothing stood in it yet
        open_ones = "repeated" if self.kind == "thinking" else "replaced"
        return "reused" if self.life == "closed" else open_ones

    def add(self, delta: Any) -> bool:
        """Adds a text, a piece of an input or a thought that breaks no law; False, and adds nothing, for all else."""
        if self.life != "open" or self.signatures or not isinstance(delta, dict):
            return False
        kind = delta.get("type")
        key, pieces = self._plain.get(kind, _NOWHERE) if isinstance(kind, str) else _NOWHERE
        if not isinstance(piece := delta.get(key), str):
            return False
        pieces.append(piece)
        return True

    def stop(self, event: int) -> None:
        """Closes the block."""
        self.life = "closed"
        self.stopped_at = event

    def take(self, kind: str, delta: dict[str, Any]) -> None:
        """Adds a known delta, already found to fit."""
        match kind:
            case "text_delta":
                self.texts.append(delta["text"])
            case "input_json_delta":
                self.pieces.append(delta["partial_json"])
            case "thinking_delta":
                self.thoughts.append(delta["thinking"])
            case "signature_delta":
                self.signatures.append(delta["signature"])
            case "citations_delta":
                self.citations.append(delta["citation"])
            case "compaction_delta":
                self.compaction |= {key: value for key, value in delta.items() if key != "type"}

    @property
    def input_json(self) -> str:
        return str(whole("".join(self.pieces)))

    @property
    def _begins_with(self) -> Any:
        """The content of its start that should come in deltas; ABSENT where its type has none."""
        return self.start.get(BEGINS_EMPTY[self.kind][1], ABSENT) if self.kind in BEGINS_EMPTY else ABSENT

    @property
    def repeats_start(self) -> bool:
        """Whether its deltas say again what stands in its start: a client that reads deltas alone loses nothing."""
        begun = self._begins_with
        if isinstance(begun, dict):
            return bool(begun and decode(self.input_json) == begun)
        said = "".join(self.texts if self.kind == "text" else self.thoughts)
        return isinstance(begun, str) and begun != "" and said.startswith(begun)

    def begun_otherwise(self) -> Iterator[tuple[str, str, Any, Any, str]]:
        """Law, place, wanted, seen and kind of each thing in its start that is not as the start of its type."""
        at = f"event/{self.event}/content_block"
        if self.kind in BEGINS_EMPTY and (begun := self._begins_with) != BEGINS_EMPTY[self.kind][2]:
            law, key, empty = BEGINS_EMPTY[self.kind]
            kind = "repeated" if self.repeats_start else "not-empty"
            wrong = kind if isinstance(begun, type(empty)) and begun is not ABSENT else slug(begun, "type")
            yield law, f"{at}/{key}", empty, shown(begun), wrong
        signature = self.start.get("signature")
        if self.kind == "thinking" and signature is not None and not isinstance(signature, str):
            yield "stream.thinking-start", f"{at}/signature", "a string", shown(signature), "type"
        elif self.kind == "thinking" and signature and not self.signatures:
            yield "stream.thinking-start", f"{at}/signature", "", shown(signature), "signature-not-empty"

    def accumulated(self) -> dict[str, Any]:
        """The block as the JSON answer would have it."""
        block = dict(self.start)
        if self.repeats_start:  # said twice, and meant once
            block.pop(BEGINS_EMPTY[self.kind][1])
        for key, pieces in (("text", self.texts), ("thinking", self.thoughts)):
            if pieces:
                start = block.get(key)
                block[key] = (start if isinstance(start, str) else "") + whole("".join(pieces))
        if self.citations:
            start = block.get("citations")
            block["citations"] = [*(start if isinstance(start, list) else []), *self.citations]
        if self.signatures:  # a signature is whole: a later one replaces an earlier one
            block["signature"] = self.signatures[-1]
        if self.input_json.strip():
            block.pop("input", None)
            if (given := decode(self.input_json)) is not ABSENT:
                block["input"] = given
        return block | self.compaction


class OpenBlocks:
    """The blocks of a stream that are open, in the order of their starts; each is looked at twice, however many."""

    def __init__(self) -> None:
        self._begun: list[Block] = []

    def begin(self, block: Block) -> None:
        """Takes the next block; one that is still open is overlapped by it."""
        if self._begun and self._begun[-1].life == "open" and self._begun[-1].overlapped_at is None:
            self._begun[-1].overlapped_at = block.event
        self._begun.append(block)

    def last_index(self, otherwise: int) -> int:
        """The index of the block that was begun last of those that are open."""
        while self._begun and self._begun[-1].life != "open":
            self._begun.pop()
        return self._begun[-1].index if self._begun else otherwise


def repetition_of(pieces: list[str]) -> str:
    """How three or more pieces of a block repeat one another: `accumulated`, `doubled`; empty where they do not."""
    return "accumulated" if _grows(pieces) else "doubled" if _doubled(pieces) else ""


def _grows(pieces: list[str]) -> bool:
    """Whether each piece repeats the whole of the one before and adds to it."""
    pieces = [piece for piece in pieces if piece]
    steps = list(pairwise(pieces))
    return len(steps) >= 2 and all(len(later) > len(one) and later.startswith(one) for one, later in steps)


def _doubled(pieces: list[str]) -> bool:
    """Whether every piece comes twice in a row."""
    pairs = list(zip(pieces[::2], pieces[1::2], strict=False))
    return len(pieces) % 2 == 0 and len(pairs) >= 3 and all(a == b for a, b in pairs) and len(set(pieces)) > 1
