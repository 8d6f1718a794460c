"""Compares what a case sends today with what was sent when a run was recorded: can it judge those answers?

What a case expects may change without a new question; the recorded requests say what was asked.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from conformance.catalog.case import Case, Step, steps_of
from conformance.engine.question import Question
from conformance.judge.answer import read
from conformance.judge.wire import decode
from conformance.probe.asking import Asked
from conformance.probe.exchange import Request
from conformance.probe.request import SAMPLING, Outgoing, Setting, StepError, render
from conformance.runs.evidence import is_left_out
from conformance.targets.target import Target

KEYS = frozenset({"x-api-key", "authorization", "host", "user-agent"})
ORIGIN = re.compile(r"https?://[^/\"\\\s]+")
OF_THE_TARGET = ("model", *SAMPLING)
"""Keys of a body that a target may fill in; a log does not keep with which values."""


def asks_the_same(question: Question, asked: Asked, target: Target, fixtures: Path) -> bool:
    """Whether today's case would have sent the requests of a recorded attempt; `fixtures`: the folder of its files."""
    steps = {step.name: step for step in steps_of(question.case)}
    documents: dict[str, Mapping[str, Any]] = {}
    for answer in asked.answers:
        step = steps.get(answer.step)
        if step is None:
            return False
        setting = Setting(
            target=target,
            mode=answer.mode,
            nonce=asked.nonce,
            copy=answer.copy,
            documents=dict(documents),
            fixtures=fixtures,
        )
        if not _sent(question.case, step, setting, answer.exchange.request):
            return False
        documents[answer.step] = read(answer.exchange, answer.mode).document
    return len(asked.answers) > 0 and asked.answers[0].step == next(iter(steps))


def _sent(case: Case, step: Step, setting: Setting, recorded: Request) -> bool:
    """Whether the step would have sent this; an address in the body may be that of the fixtures, which no log keeps."""
    for origin in dict.fromkeys(["", *ORIGIN.findall(recorded.body.decode(errors="replace"))]):
        try:
            today = render(step.ask, replace(setting, fixtures_url=origin), asks_max_tokens=case.asks_max_tokens)
        except StepError:
            return False
        if _same(today, recorded, limited=case.asks_max_tokens):
            return case.transport != "http" or _same_headers(step, today, recorded)
    return False


def _same_headers(step: Step, today: Outgoing, recorded: Request) -> bool:
    """Whether the headers that the case itself names are those that were sent, as far as a shared run keeps them."""
    kept = {name.lower() for name, _ in recorded.headers}
    named = {name.lower() for name in step.ask.headers} - KEYS
    named = {name for name in named if name in kept or not is_left_out(name)}
    mine, theirs = (
        sorted((name.lower(), value) for name, value in headers if name.lower() in named)
        for headers in (today.headers, recorded.headers)
    )
    return mine == theirs


def _same(today: Outgoing, recorded: Request, *, limited: bool) -> bool:
    one, other = urlsplit(today.url), urlsplit(recorded.url)
    if (today.method, one.path, one.query) != (recorded.method, other.path, other.query):
        return False
    bodies = decode(today.body), decode(recorded.body)
    if not all(isinstance(body, dict) for body in bodies):
        return today.body == recorded.body
    filled_in = OF_THE_TARGET if limited else (*OF_THE_TARGET, "max_tokens")
    said = ({**body, "stream": body.get("stream", False)} for body in bodies)  # older suites were silent for false
    mine, theirs = ({key: _bare(body[key]) for key in body if key not in filled_in} for body in said)
    return bool(mine == theirs)


def _bare(value: Any) -> Any:
    """A part of a request without a line break at the start of a text that follows a block of another kind.

    No server joins such a text to what stands before it, so that with and without the break the same is asked.
    """
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    return [_bare(item) if _follows_text(value, place) else _unbroken(_bare(item)) for place, item in enumerate(value)]


def _follows_text(blocks: list[Any], place: int) -> bool:
    before = blocks[place - 1] if place else None
    return isinstance(before, dict) and before.get("type") == "text"


def _unbroken(block: Any) -> Any:
    text = block.get("text") if isinstance(block, dict) and block.get("type") == "text" else None
    return block | {"text": text.removeprefix("\n")} if isinstance(text, str) else block
