"""A conversation as the chat template writes it, and which of its tokens the model learns to say."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import vocabulary
import words

Role = Literal["system", "user", "assistant", "tool"]
NO_THOUGHT = "<think>\n\n</think>\n\n"
"""What stands before an answer where the client has switched thinking off."""
EMPTY: dict[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": True, "object": {}, "array": []}
"""The smallest value of each type."""


@dataclass
class Turn:
    role: Role
    text: str


@dataclass
class Answer:
    """What the model is to say: `given` is there already (a prefill, or what a grammar forces), `said` is learned."""

    said: str
    given: str = ""
    thought: str = ""
    ends: bool = True
    """False where the answer goes on beyond the longest row."""
    thinks: bool = False
    """True where `given` is within a thought."""
    opened: bool = True
    """False where an engine shows no beginning of the answer: for an empty turn at the end it leaves that out."""


@dataclass
class Dialogue:
    """A conversation that is being made; `room` is how many characters of filler are still to be spread over it."""

    random: Random
    room: int = 0
    tools: list[dict[str, object]] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._separators = (",", ":") if self.random.random() < 0.3 else None

    def user(self, text: str) -> None:
        self.turns.append(Turn("user", text))

    def assistant(self, text: str) -> None:
        self.turns.append(Turn("assistant", text))

    def fill(self, length: int | None = None) -> str:
        """Filler, taken from the room that is left."""
        taken = min(self.room, self.room if length is None else length)
        self.room -= taken
        return words.filler(self.random, max(taken, 8))

    def surround(self) -> None:
        """Spreads the filler: system text, tools that do not matter, earlier turns."""
        while self.room > 40:
            part = self.random.randint(30, self.room) if self.random.random() < 0.7 else self.room
            kind = self.random.random()
            if kind < 0.5:
                self.system.append(self.fill(part))
            elif kind < 0.8:
                self.room -= part
                self.declare(words.name(self.random), words.mapping(self.random, depth=0), min(part, 400))
            else:
                self.user(self.fill(part))
                self.assistant("OK")
        if not self.system and self.random.random() < 0.15:
            self.system.append(self.random.choice(["You are a helpful assistant.", "You are terse.", "Be brief."]))

    def beside(self, *, facts: bool = True) -> None:
        """At times a tool and a sentence of system text, however short the row is to be."""
        if self.random.random() < 0.35:
            self.declare(words.name(self.random), words.mapping(self.random, depth=0), 60)
        if self.random.random() < 0.3:
            self.system.append(words.sentence(self.random))
        if facts and self.random.random() < 0.06:
            self.system.append(f"The secret word is {words.nonce(self.random)}.")

    def lead(self, *, facts: bool = True) -> str:
        """What a client writes before the instruction in the same turn; often nothing, or a fact nobody asks for."""
        if facts and self.random.random() < 0.06:
            return f"The secret word is {words.nonce(self.random)}.\n"
        if self.random.random() < 0.75:
            return ""
        return words.filler(self.random, self.random.randint(3, 60)) + self.random.choice(["\n", "\n", "\n\n"])

    def declare(self, tool: str, takes: dict[str, object], length: int = 30, about: str | None = None) -> None:
        """Declares a tool that takes such an input, in the form in which engines show it."""
        random = self.random
        properties: dict[str, object] = {}
        for key, value in takes.items():
            described = {"description": _line(random, 50)} if length > 30 and random.random() < 0.4 else {}
            properties[key] = {
                "type": _type_of(value),
                **({"items": {}} if isinstance(value, list) else {}),
                **described,
            }
        required = {"required": list(takes)} if takes and random.random() < 0.8 else {}
        first = required if random.random() < 0.2 else {}
        schema: dict[str, object] = {"type": "object", **first, "properties": properties, **required}
        if random.random() < 0.15:
            schema["additionalProperties"] = False
        if about is None:
            about = _line(random, max(30, length)) if random.random() < 0.8 else ""
        self.tools.append({"name": tool, "description": about, "parameters": schema})

    def used(self, tool: str, takes: dict[str, object], results: list[str]) -> None:
        """A call of a tool that was asked for, with its results."""
        self.user(one_call(tool, words.as_json(self.random, takes)))
        self.assistant("\n".join(call(tool, self.json(takes)) for _ in results))
        self.turns += [Turn("tool", result) for result in results]

    def used_declared(self, results: list[str]) -> None:
        """Results of a tool that mostly is declared, or of one that was declared for something else."""
        random = self.random
        if self.tools and random.random() < 0.5:
            self.used(str(random.choice(self.tools)["name"]), words.mapping(random, depth=0), results)
            return
        tool, takes = words.name(random), words.mapping(random, depth=0)
        if random.random() < 0.5:
            self.declare(tool, takes)
        self.used(tool, takes, results)

    def maybe_before_results(self) -> None:
        """Some engines put the text of a turn before its results."""
        asked = self.turns.pop()
        place = len(self.turns)
        if asked.role == "user" and self.random.random() < 0.5:
            while place and self.turns[place - 1].role == "tool":
                place -= 1
            if place < len(self.turns) and self.random.random() < 0.6:
                asked.text = "\n" + asked.text
        self.turns.insert(place, asked)

    def talked(self, length: int) -> None:
        """An idle talk of so many tokens."""
        form = words.sentence(self.random, 5)
        answer = self.random.choice(["OK", "Noted.", "Yes.", "I have read it."])
        for number in range(1, max(2, length // (len(form) + len(answer) + 12))):
            self.user(f"{form} {number}" if len(form) % 2 else f"{number} {form}")
            self.assistant(answer)

    def hidden(self, fact: str) -> str:
        """The fact with filler around it."""
        random = self.random

        def around() -> str:
            return self.fill(random.randint(10, max(20, self.room))) if random.random() < 0.6 else ""

        before, after = around(), around()
        return random.choice(["\n", " "]).join(part for part in (before, fact, after) if part)

    def json(self, document: object) -> str:
        """As this conversation's engine writes JSON."""
        return json.dumps(document, ensure_ascii=False, separators=self._separators)

    def rendered(self, answer: Answer) -> tuple[list[int], list[bool]]:
        """The tokens of the whole, and which of them are learned."""
        thinking_off = not answer.thinks and self.random.random() < (0.6 if answer.given else 0.12)
        said = answer.said if thinking_off or not answer.thought else thinking(answer.thought) + answer.said
        opening = "<|im_start|>assistant\n" + (NO_THOUGHT if thinking_off else "") + answer.given
        context = vocabulary.encode(self._context() + (opening if answer.opened else ""))
        learned = vocabulary.encode(said + ("<|im_end|>" if answer.ends else ""))
        return context + learned, [False] * len(context) + [True] * len(learned)

    def _context(self) -> str:
        parts = []
        if self.tools or self.system:
            lines = "".join(self.json(tool) + "\n" for tool in self.tools)
            tools = vocabulary.TOOLS_BEGIN + lines + vocabulary.TOOLS_END if self.tools else ""
            joint = self.random.choice(["", "\n", "\n", " "])
            parts.append(f"<|im_start|>system\n{tools}{joint.join(self.system)}<|im_end|>\n")
        for turn in self.turns:
            if turn.role == "tool":
                parts.append(f"<|im_start|>user\n<tool_response>\n{turn.text}\n</tool_response><|im_end|>\n")
            else:
                parts.append(f"<|im_start|>{turn.role}\n{turn.text}<|im_end|>\n")
        return "".join(parts)


def thinking(thought: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n"


def call(tool: str, arguments: str) -> str:
    """A tool call as the model writes it; `arguments` is JSON text."""
    return f'<tool_call>\n{{"name": "{tool}", "arguments": {arguments}}}\n</tool_call>'


def one_call(tool: str, arguments: str) -> str:
    """The instruction to make one call; `arguments` is JSON text."""
    return f"Call the tool {tool} with this input: {arguments}"


def smallest(tool: dict[str, object]) -> dict[str, object]:
    """The smallest input that a declared tool takes."""
    schema = tool["parameters"]
    assert isinstance(schema, dict)
    return {key: EMPTY[schema["properties"][key]["type"]] for key in schema.get("required", [])}


def _line(random: Random, most: int) -> str:
    return words.filler(random, random.randint(4, most)).replace("\n", " ")


def _type_of(value: object) -> str:
    types = ((bool, "boolean"), (int, "integer"), (float, "number"), (dict, "object"), (list, "array"))
    return next((word for kind, word in types if isinstance(value, kind)), "string")
