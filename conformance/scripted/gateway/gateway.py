"""Asks the upstream, and passes on what it answers."""

import socket
import time
from asyncio import timeout
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic import citations
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.message import omits_thinking
from conformance.scripted.anthropic.request import MessagesRequest
from conformance.scripted.anthropic.service import CheckedRequest, MadeReply
from conformance.scripted.anthropic.stream import Event
from conformance.scripted.conversation import UNREADABLE, Invocation, Reply
from conformance.scripted.gateway.hearing import Hearing, Interrupted, streamed, troubled, whole
from conformance.scripted.gateway.live import events_while_heard
from conformance.scripted.gateway.passage import Asking, Heard, Trouble, refusal_of
from conformance.scripted.gateway.translation import chat_request
from conformance.scripted.openai.request import ChatRequest
from conformance.scripted.openai.understanding import understood
from conformance.scripted.protocol import NobodyThereError, near
from conformance.scripted.tokens import cost, counts_input, split

PATH = "/v1/chat/completions"
STREAM_PATIENCE = 3.0
"""Seconds between two bytes of a stream: the scripted model is never silent so long unless it is told to."""
JSON_PATIENCE = 30.0
"""Seconds until a whole answer, or a stream has begun: other requests of many megabytes may be read before it."""
SUCCESS = 200
START_PATIENCE = 5.0
"""Seconds that an upstream may take to start, as where both are started by one script."""
START_PAUSE = 0.1


def wait_for(url: str, say: Callable[[str], None]) -> None:
    """Returns when something listens at an address; NobodyThereError where nothing does, or there is no such host."""
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80))
    until = time.monotonic() + START_PATIENCE
    waiting = False
    while True:
        try:
            with socket.create_connection(place, timeout=START_PATIENCE):
                return
        except socket.gaierror as problem:
            raise NobodyThereError(
                f"there is no host {place[0]} ({problem.strerror}): --upstream is the address of a chat completions "
                f"server, such as http://127.0.0.1:8124{near(place[0], ['localhost'])}"
            ) from None
        except OSError as problem:
            if time.monotonic() > until:
                raise NobodyThereError(
                    f"nothing answers at {url} ({problem.strerror or problem}): start the upstream first, such as "
                    "`conformance serve --face openai --port 8124`"
                ) from None
        if not waiting:
            say(f"nothing answers at {url} yet: waiting {START_PATIENCE:.0f} s for it")
            waiting = True
        time.sleep(START_PAUSE)


class Gateway:
    """Answers what was asked by asking the chat completions server at `url`."""

    paces = False

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client: httpx2.AsyncClient | None = None

    def counts(self, asked: CheckedRequest) -> int:
        """What the upstream will count: the translated request in the scripted model's own measure."""
        body = chat_request(asked)
        return counts_input(understood(msgspec.convert(body, ChatRequest), body))

    async def reply(self, asked: CheckedRequest, call: Call | None, hooks: Sequence[Hooks]) -> MadeReply:
        request = asked.request
        assert isinstance(request, MessagesRequest)
        if asked.conversation.max_tokens == 0:  # no upstream of this wire takes it, and there is nothing to say
            return MadeReply(Reply(blocks=(), stop="length", input_tokens=asked.input_tokens, output_tokens=0))
        asking = _asking(asked, call, hooks)
        *_, hearing = [heard async for heard in self._ask(asking, hooks, stream=request.stream)]
        heard = Heard(_counted(hearing, asked), hearing.trouble, hearing.finish)
        for hook in hooks:
            heard = hook.heard(heard, call) if hook.heard and call else heard
        if heard.trouble is None:
            return MadeReply(heard.reply)
        refusal = refusal_of(heard.trouble)
        if heard.reply.blocks:
            return MadeReply(heard.reply, refusal)
        raise refusal

    async def live(
        self,
        asked: CheckedRequest,
        call: Call | None,
        hooks: Sequence[Hooks],
        message_of: Callable[[Reply], dict[str, Any]],
    ) -> AsyncIterator[Event] | None:
        """The events of the answer as they are heard; what is cited or left out is known at its end only."""
        if asked.conversation.max_tokens == 0 or citations.enabled(asked.request) or omits_thinking(asked.request):
            return None
        hearings = self._ask(_asking(asked, call, hooks), (), stream=True)
        first = await _begun(hearings)
        opening = message_of(Reply(blocks=(), stop="end", input_tokens=asked.input_tokens, output_tokens=1))
        return events_while_heard(_resumed(first, hearings), opening, lambda _: message_of(_counted(first, asked)))

    async def _ask(self, asking: Asking, hooks: Sequence[Hooks], *, stream: bool) -> AsyncGenerator[Hearing]:
        """What is heard, after each chunk of it; closing the generator hangs up."""
        if self._client is None:
            secure = self._url.startswith("https:")  # to read the certificates takes as long as ten answers
            self._client = httpx2.AsyncClient(trust_env=False, verify=secure)
        url = self._url + asking.path
        try:
            with _interruptions():
                async with self._client.stream("POST", url, json=asking.body, timeout=JSON_PATIENCE) as response:
                    if response.status_code != SUCCESS:
                        yield _refused(response, await response.aread())
                    elif stream:
                        async for hearing in streamed(_changed(_lines(response), hooks)):
                            yield hearing
                    else:
                        body = (await response.aread()).decode(errors="replace")
                        yield whole("".join([line async for line in _changed(_one(body), hooks)]).encode())
        except Interrupted as interrupted:
            yield troubled(interrupted.trouble)


def _asking(asked: CheckedRequest, call: Call | None, hooks: Sequence[Hooks]) -> Asking:
    asking = Asking(PATH, chat_request(asked))
    for hook in hooks:
        asking = hook.asking(asking, call) if hook.asking and call else asking
    return asking


async def _begun(hearings: AsyncGenerator[Hearing]) -> Hearing:
    """The answer when its first block has begun; a refusal where it ends in trouble before."""
    hearing = Hearing()
    async for hearing in hearings:
        if hearing.blocks:
            return hearing
    if hearing.trouble is not None:
        raise refusal_of(hearing.trouble)
    return hearing


async def _resumed(first: Hearing, hearings: AsyncGenerator[Hearing]) -> AsyncIterator[Hearing]:
    async with aclosing(hearings):
        yield first
        async for hearing in hearings:
            yield hearing


def _counted(hearing: Hearing, asked: CheckedRequest) -> Reply:
    """The reply with the upstream's counts, or with counts of our own where it gave none."""
    reply = hearing.reply()
    if hearing.usage is not None:
        return reply
    said = sum(cost(block) if isinstance(block, Invocation) else len(split(block.text)) for block in reply.blocks)
    return replace(reply, input_tokens=asked.input_tokens, output_tokens=said)


@contextmanager
def _interruptions() -> Iterator[None]:
    """What can happen to a connection, in the gateway's words."""
    try:
        yield
    except (httpx2.ReadTimeout, TimeoutError):
        raise Interrupted("silence", "the answer did not go on in time") from None
    except (httpx2.ReadError, httpx2.RemoteProtocolError):
        raise Interrupted("cut", "the answer was cut") from None
    except httpx2.TransportError as error:
        raise Interrupted("unreachable", f"cannot be reached ({type(error).__name__})") from None


async def _lines(response: httpx2.Response) -> AsyncIterator[str]:
    """Split as bytes: as text, U+2028 and its like inside a word of the answer would end a line too."""
    rest = b""
    with _interruptions():
        async for piece in _pieces(response):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
    yield rest.decode(errors="replace")


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The pieces of a stream, each within its time."""
    pieces = response.aiter_bytes()
    while True:
        try:
            async with timeout(STREAM_PATIENCE):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece


async def _one(body: str) -> AsyncIterator[str]:
    yield body


async def _changed(lines: AsyncIterator[str], hooks: Sequence[Hooks]) -> AsyncIterator[str]:
    """The lines as they come; where a hook changes them, all together when the last one has come."""
    changes = [hook.lines for hook in hooks if hook.lines]
    if not changes:
        async for line in lines:
            yield line
        return
    kept: list[str] = []
    trouble: Interrupted | None = None
    try:
        async for line in lines:
            kept.append(line)
    except Interrupted as interrupted:
        trouble = interrupted
    for change in changes:
        kept = change(kept)
    for line in kept:
        yield line
    if trouble is not None:
        raise trouble


def _refused(response: httpx2.Response, body: bytes) -> Hearing:
    try:
        says = str(msgspec.json.decode(body)["error"]["message"])
    except (*UNREADABLE, LookupError, TypeError):
        says = f"answered with status {response.status_code}"
    return troubled(Trouble("status", says, response.status_code, response.headers.get("retry-after")))
