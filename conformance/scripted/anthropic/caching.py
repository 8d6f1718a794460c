"""The prompt cache: which prefixes were marked before, and how many tokens were read from it and written to it.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from conformance.scripted.anthropic.blocks import CacheControl, Message
from conformance.scripted.anthropic.checks.caching import last_control
from conformance.scripted.anthropic.fields import Tool
from conformance.scripted.anthropic.media import Media
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import Prompt
from conformance.scripted.anthropic.translation import conversation_of
from conformance.scripted.tokens import counts_input

_SECONDS = {"5m": 300.0, "1h": 3600.0}
_MOST_ENTRIES = 10_000


class Counters(Struct, frozen=True):
    """Tokens read from the cache, and written to it by time to live."""

    read: int = 0
    created_5m: int = 0
    created_1h: int = 0

    @property
    def created(self) -> int:
        return self.created_5m + self.created_1h


class Prefix(Struct, frozen=True):
    """A request up to the end of one block: the key of everything so far, and the breakpoint on that block."""

    key: bytes
    end: tuple[str, int, int]
    """Where it ends: `tools`, `system` or `messages`, the index there, and the block's index in the message."""
    control: CacheControl | None


class PromptCache:
    """The cached prefixes and when each expires; reading one renews it."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def use(self, request: Prompt, tools: tuple[Tool, ...], media: Media, model: Model) -> Counters:
        """Look up and store the prefixes of a request that carry breakpoints."""
        if not any(control for _, _, control in _blocks(request, tools)):
            return Counters()  # as nearly every request: no prefix of it need be hashed
        prefixes = list(_prefixes(request, tools, model))
        marked = [prefix for prefix in prefixes if prefix.control]
        reachable = prefixes[: prefixes.index(marked[-1]) + 1]
        hit = next((prefix for prefix in reversed(reachable) if self._alive(prefix.key)), None)
        read = _tokens(request, tools, media, hit) if hit else 0
        created = {"5m": 0, "1h": 0}
        counted = read
        for prefix in marked:
            tokens = _tokens(request, tools, media, prefix)
            if tokens < model.minimum_cached or prefix.control is None:
                continue
            created[prefix.control.ttl] += max(tokens - counted, 0)
            counted = max(counted, tokens)
            self._store(prefix.key, _SECONDS[prefix.control.ttl])
        return Counters(read, created["5m"], created["1h"])

    def _alive(self, key: bytes) -> bool:
        until, seconds = self._until.get(key, (0.0, 0.0))
        if until < time.monotonic():
            return False
        self._store(key, seconds)
        return True

    def _store(self, key: bytes, seconds: float) -> None:
        self._until[key] = (time.monotonic() + seconds, seconds)
        self._until.move_to_end(key)
        if len(self._until) > _MOST_ENTRIES:
            self._until.popitem(last=False)


def _prefixes(request: Prompt, tools: tuple[Tool, ...], model: Model) -> Iterator[Prefix]:
    """The prefixes of a request, shortest first, each keyed by all that stands before its end, markers apart."""
    digest = hashlib.sha256(model.id.encode())
    for end, block, control in _blocks(request, tools):
        digest.update(b"\0" + end[0].encode() + msgspec.json.encode(_unmarked(msgspec.to_builtins(block))))
        yield Prefix(digest.digest(), end, control)


def _blocks(
    request: Prompt, tools: tuple[Tool, ...]
) -> Iterator[tuple[tuple[str, int, int], object, CacheControl | None]]:
    for index, tool in enumerate(tools):
        yield ("tools", index, 0), tool, tool.cache_control
    system = [request.system] if isinstance(request.system, str) else request.system or []
    for index, text in enumerate(system):
        yield ("system", index, 0), text, getattr(text, "cache_control", None)
    last = len(request.messages) - 1
    for index, message in enumerate(request.messages):
        for number, block in enumerate(message.blocks):
            control = _strongest(block)
            if index == last and number == len(message.blocks) - 1:
                control = last_control(request) or request.cache_control or control
            yield ("messages", index, number), (message.role, block), control


def _strongest(block: object) -> CacheControl | None:
    """The breakpoint of a block, or of the last piece inside it that has one."""
    own = getattr(block, "cache_control", None)
    inner = getattr(block, "content", None)
    nested = (
        [piece.cache_control for piece in inner if getattr(piece, "cache_control", None)]
        if isinstance(inner, list)
        else []
    )
    return own or (nested[-1] if nested else None)


def _unmarked(value: object) -> object:
    """A value without its breakpoints, which are no part of the prompt."""
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list | tuple):
        return [_unmarked(item) for item in value]
    return value


def _tokens(request: Prompt, tools: tuple[Tool, ...], media: Media, prefix: Prefix) -> int:
    """The input tokens of a request up to the end of a prefix."""
    section, index, number = prefix.end
    kept = tools[: index + 1] if section == "tools" else tools
    system = request.system
    if section == "tools":
        system = msgspec.UNSET
    elif section == "system" and isinstance(system, list):
        system = system[: index + 1]
    messages = _until(request.messages, index, number) if section == "messages" else []
    shortened = msgspec.structs.replace(request, system=system, messages=messages, output_config=msgspec.UNSET)
    return counts_input(conversation_of(shortened, kept, media))


def _until(messages: list[Message], index: int, number: int) -> list[Message]:
    last = messages[index]
    return [*messages[:index], msgspec.structs.replace(last, content=list(last.blocks[: number + 1]))]
