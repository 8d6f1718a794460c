"""The service behind the endpoint: turns a checked request into a message, and keeps files, batches and caches."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.caching import PromptCache
from conformance.scripted.anthropic.checks import check
from conformance.scripted.anthropic.checks.parameters import version_of
from conformance.scripted.anthropic.diagnostics import CacheDiagnostics, EarlierRequest
from conformance.scripted.anthropic.errors import BrokenOff, Refusal, invalid
from conformance.scripted.anthropic.fields import Tool
from conformance.scripted.anthropic.media import Media, load_media
from conformance.scripted.anthropic.message import message_of
from conformance.scripted.anthropic.models import Model, model_named
from conformance.scripted.anthropic.request import MessagesRequest, Prompt, typed, typed_tools, unattributed
from conformance.scripted.anthropic.stores import Batch, FileStore
from conformance.scripted.anthropic.stream import Event
from conformance.scripted.anthropic.translation import conversation_of
from conformance.scripted.conversation import Conversation, Reply
from conformance.scripted.protocol import Brain
from conformance.scripted.tokens import counts_input

if TYPE_CHECKING:
    from conformance.scripted.anthropic.call import Call
    from conformance.scripted.anthropic.hooks import Hooks


class CheckedRequest(Struct, frozen=True):
    """A request that passed every check, and what it comes to."""

    request: Prompt
    tools: tuple[Tool, ...]
    media: Media
    model: Model
    conversation: Conversation
    input_tokens: int = 0


class MadeReply(Struct, frozen=True):
    """A reply, and what broke it off where something did."""

    reply: Reply
    broken_off: Refusal | None = None


class Answerer(Protocol):
    """The source of replies behind the endpoint: the scripted model, or an upstream server."""

    paces: bool
    """Whether the endpoint keeps the pace that a request asks for; an upstream keeps it itself."""

    def counts(self, asked: CheckedRequest) -> int:
        """The input tokens of a request."""

    async def reply(self, asked: CheckedRequest, call: "Call | None", hooks: "Sequence[Hooks]") -> MadeReply:
        """The answer, or the refusal that it deserves; the hooks may bend what passes on the way."""

    async def live(
        self,
        asked: CheckedRequest,
        call: "Call | None",
        hooks: "Sequence[Hooks]",
        message_of: Callable[[Reply], dict[str, Any]],
    ) -> AsyncIterator[Event] | None:
        """The events of the answer as they are heard; None where they are not to be had before its end."""


class FromBrain:
    """The scripted model of this process."""

    paces = True

    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    def counts(self, asked: CheckedRequest) -> int:
        return counts_input(asked.conversation)

    async def reply(self, asked: CheckedRequest, _: "Call | None", hooks: "Sequence[Hooks]") -> MadeReply:
        brain = self._brain
        for hook in hooks:
            brain = hook.brain(brain) if hook.brain else brain
        return MadeReply(brain(asked.conversation))

    async def live(self, *_: object) -> AsyncIterator[Event] | None:
        """None: the scripted model's answer is there at once, and its pace is kept where it is sent."""
        return None


class PreparedRequest(Struct, frozen=True):
    """A request that is about to be answered."""

    asked: CheckedRequest
    made: Callable[[Reply], dict[str, Any]]


class Service:
    """The reference endpoint behind its routes; all that it keeps is in memory."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.cache = PromptCache()
        self.diagnosis = CacheDiagnostics()
        self.files = FileStore()
        self.batches: dict[str, Batch] = {}

    async def understand(
        self, document: Any, kind: type[Prompt], version: str | None, betas: frozenset[str] = frozenset()
    ) -> CheckedRequest:
        """A request body as what it asks, or the refusal that it deserves; `version` is the header's value."""
        version = version_of(version)
        request = unattributed(typed(document, kind))
        tools = typed_tools(request.tools or [])
        model = model_named(request.model)
        check(request, tools, model, version, betas)
        media = await load_media(request, model, self.files.content_of)
        conversation = conversation_of(request, tools, media)
        asked = CheckedRequest(request, tools, media, model, conversation)
        tokens = self.answerer.counts(asked)
        if tokens > model.window:
            raise invalid("", f"prompt is too long: {tokens} tokens > {model.window} maximum")
        return replace(asked, input_tokens=tokens)

    def prepare(self, asked: CheckedRequest) -> "PreparedRequest":
        """The request within the model's window, and what makes a message of its reply; it uses the cache, so once."""
        request = asked.request
        assert isinstance(request, MessagesRequest)
        room = asked.model.window - asked.input_tokens
        limited = replace(asked.conversation, max_tokens=min(request.max_tokens, room))
        counters = self.cache.use(request, asked.tools, asked.media, asked.model)

        def made(reply: Reply) -> dict[str, Any]:
            full = room < request.max_tokens
            return message_of(reply, request, asked.media, asked.model, counters, window_full=full)

        return PreparedRequest(replace(asked, conversation=limited), made)

    async def live(
        self, prepared: "PreparedRequest", call: "Call", hooks: "Sequence[Hooks]"
    ) -> AsyncIterator[Event] | None:
        """The events of the answer while an upstream still speaks; None where the answer has to be whole first."""
        if getattr(prepared.asked.request, "diagnostics", None) is not None:
            return None
        return await self.answerer.live(prepared.asked, call, hooks, prepared.made)

    async def message(
        self, prepared: "PreparedRequest", call: "Call | None" = None, hooks: "Sequence[Hooks]" = ()
    ) -> dict[str, Any]:
        """The message that answers a request, or the refusal that it deserves."""
        asked = prepared.asked
        answered = await self.answerer.reply(asked, call, hooks)
        message = prepared.made(answered.reply)
        if answered.broken_off:
            raise BrokenOff(answered.broken_off, message)
        assert isinstance(asked.request, MessagesRequest)
        record = EarlierRequest(asked.request, asked.tools, asked.input_tokens)
        message["diagnostics"] = self.diagnosis.compare(record)
        self.diagnosis.remember(message["id"], record)
        return message
