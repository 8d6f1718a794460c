"""The probe language's own pairs of request and answer, as values."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

_FILE = Path(__file__).parents[2] / "cases" / "probe-vectors.yaml"

Protocol = Literal["anthropic", "openai", "ollama"]
Mode = Literal["json", "stream"]


class Fails(Struct, frozen=True, forbid_unknown_fields=True):
    status: int | None = None
    retry_after: int | None = None
    after: str = ""
    then: Literal["cut", "silence", "error"] | None = None
    body: str | None = None


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    text: str | None = None
    content: list[dict[str, Any]] | None = None
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    fails: Fails | None = None

    @property
    def blocks(self) -> list[dict[str, Any]]:
        if self.content is not None:
            return self.content
        return [{"type": "text", "text": self.text}] if self.text else []


class Vector(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    says: str
    request: dict[str, Any]
    answer: Answer
    faces: tuple[Protocol, ...] = ("anthropic", "openai", "ollama")
    modes: tuple[Mode, ...] = ("json", "stream")

    @property
    def body(self) -> dict[str, Any]:
        """The request as a Messages body."""
        rest = {key: value for key, value in self.request.items() if key != "prompt"}
        if "prompt" in self.request:
            rest["messages"] = [{"role": "user", "content": self.request["prompt"]}]
        return {"model": "scripted", "max_tokens": 1024, **rest}


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    vectors: list[Vector]
    images: dict[str, Any]
    tools: dict[str, Any]
    called: dict[str, Any]
    called_again: dict[str, Any]
    asked: dict[str, Any]


VECTORS = msgspec.yaml.decode(_FILE.read_bytes(), type=_File).vectors
