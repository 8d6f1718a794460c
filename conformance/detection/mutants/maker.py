"""Makes mutants of one answer as JSON and as a stream, so that a change of meaning is written once."""

from collections.abc import Callable
from typing import Any

from conformance.detection.mutants.events import sent
from conformance.detection.mutants.mutant import Mutant, with_json, with_sent
from conformance.judge.answer import Answer
from conformance.probe.exchange import Exchange
from conformance.words import Mode


class Maker:
    """Makes mutants of one answer, in whichever form it came."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.kinds = [block.get("type") for block in answer.blocks]
        self.asked = answer.request or {}

    def made(self, slug: str, exchange: Exchange, *aim: str, note: bool = False) -> Mutant:
        mode: Mode = "stream" if self.answer.in_events else "json"
        return Mutant(
            id=f"meaning: {slug}, {mode}", sentence=slug, exchanges=(exchange,), mode=mode, aim=aim, note=note
        )

    def ending(self, **values: Any) -> Exchange:
        """The answer with other values where it says why it ended."""
        if not self.answer.in_events:
            return with_json(self.answer.exchange, self.answer.json | values)
        return self.events(
            lambda name, data: data | {"delta": data["delta"] | values} if name == "message_delta" else data
        )

    def usage(self, **values: Any) -> Exchange:
        """The answer with other final counts."""
        if not self.answer.in_events:
            return with_json(self.answer.exchange, self.answer.json | {"usage": self.answer.json["usage"] | values})
        return self.events(
            lambda name, data: data | {"usage": data["usage"] | values} if name == "message_delta" else data
        )

    def started(self, **values: Any) -> Exchange:
        """The stream with other counts in message_start."""

        def change(name: str, data: Any) -> Any:
            if name != "message_start":
                return data
            return data | {"message": data["message"] | {"usage": data["message"]["usage"] | values}}

        return self.events(change)

    def named(self, **values: Any) -> Exchange:
        """The answer with other values where the message names itself."""
        if not self.answer.in_events:
            return with_json(self.answer.exchange, self.answer.json | values)
        return self.events(
            lambda name, data: data | {"message": data["message"] | values} if name == "message_start" else data
        )

    def blocks(self, kind: str, **values: Any) -> Exchange:
        """The answer with other values in the blocks of a type, as far as they come at once."""
        if not self.answer.in_events:
            changed = [block | values if block.get("type") == kind else block for block in self.answer.json["content"]]
            return with_json(self.answer.exchange, self.answer.json | {"content": changed})

        def change(name: str, data: Any) -> Any:
            if name != "content_block_start" or data["content_block"].get("type") != kind:
                return data
            return data | {"content_block": data["content_block"] | values}

        return self.events(change)

    def saying(self, text: str) -> Exchange:
        """The answer with this as its whole text."""
        if not self.answer.in_events:
            return self.blocks("text", text=text)
        first = True

        def change(name: str, data: Any) -> Any:
            nonlocal first
            if name != "content_block_delta" or data["delta"].get("type") != "text_delta":
                return data
            said, first = (text if first else ""), False
            return data | {"delta": {"type": "text_delta", "text": said}}

        return self.events(change)

    def events(self, change: Callable[[str, Any], Any]) -> Exchange:
        return with_sent(self.answer.exchange, [(name, change(name, data)) for name, data in sent(self.answer)])
