"""The type of a rule: its law in one sentence, its level, its row, its source and its check."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from conformance.judge.answer import Scope
from conformance.judge.finding import Violation
from conformance.judge.rules.grounds import BASIS, cited
from conformance.words import Basis, Level

Found = Sequence[Violation] | None
"""The violations of one answer; empty when the law was kept, None when the answer gave it nothing to hold on."""

MESSAGE = "https://platform.claude.com/docs/en/api/messages#message"
TEXT_BLOCK = "https://platform.claude.com/docs/en/api/messages#text_block_param"
STREAMING = "https://platform.claude.com/docs/en/build-with-claude/streaming"
ERRORS = "https://platform.claude.com/docs/en/api/errors"
RATE_LIMITS = "https://platform.claude.com/docs/en/api/rate-limits"
STOP_REASONS = "https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons"
TOOL_USE = "https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use"
SERVER_TOOLS = "https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#server-tools"
THINKING = "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
CACHING = "https://platform.claude.com/docs/en/build-with-claude/prompt-caching"
CITATIONS = "https://platform.claude.com/docs/en/build-with-claude/citations"
COUNTING = "https://platform.claude.com/docs/en/api/messages#message_tokens_count"
MODELS = "https://platform.claude.com/docs/en/api/models#model_info"
BATCHES = "https://platform.claude.com/docs/en/api/messages/batches#message_batch"
FILES = "https://platform.claude.com/docs/en/api/beta/files#file_metadata"
SDK_MESSAGE = "https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/message.py"
SDK_USAGE = "https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/usage.py"
SDK_BLOCKS = "https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/content_block.py"
EVENT_STREAM = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
HTTP = "https://www.rfc-editor.org/rfc/rfc9110"
JSON = "https://www.rfc-editor.org/rfc/rfc8259"

ON_MESSAGES: tuple[Scope, ...] = ("message", "stream")
ON_RESULTS: tuple[Scope, ...] = ("message", "count", "models", "model", "batches", "files")
ON_ALL: tuple[Scope, ...] = (*ON_MESSAGES, "error", "count", "models", "model", "batches", "files")


class Rule(Struct, frozen=True, kw_only=True):
    """One law: what it says, how much it weighs, where it comes from, and the function that tries an answer by it."""

    id: str
    level: Level
    surface: str
    """The row of the matrix that it speaks for."""
    law: str
    """One sentence."""
    source: str
    basis: Basis
    """On what the law rests."""
    on: tuple[str, ...]
    """The scopes of answers that it can hold anything against; `pair` and `conversation` for several answers."""
    leniency: str = ""
    """What it lets pass, and which observation forced that."""
    added: str = ""
    """The version of the suite that has it first; empty: the first one."""
    by_clock: bool = False
    """Whether it judges by time, so that one answer proves nothing: the machine or the network may have paused."""
    check: Callable[[Any], Found]
    """Of an `Answer`; of a pair or a sequence of answers for the groups parity and conversation."""


class Reading(Struct, frozen=True):
    """The violations that one rule found in one answer to which it applies."""

    rule: Rule
    violations: tuple[Violation, ...]


def rule(
    name: str,
    *,
    row: str,
    law: str,
    source: str,
    on: Sequence[str] = ON_MESSAGES,
    level: Level = "must",
    leniency: str = "",
    added: str = "",
    by_clock: bool = False,
) -> Callable[[Callable[[Any], Found]], Rule]:
    """Makes a rule of the function under it."""

    def named(check: Callable[[Any], Found]) -> Rule:
        return Rule(
            id=name,
            level=level,
            surface=row,
            law=law,
            source=cited(name, source),
            basis=BASIS.get(name, "documented"),
            on=tuple(on),
            leniency=leniency,
            added=added,
            by_clock=by_clock,
            check=check,
        )

    return named
