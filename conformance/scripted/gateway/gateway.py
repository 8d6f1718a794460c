"""Asks the upstream, and says what it heard."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import httpx2
import msgspec

from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.request import MessagesRequest
from conformance.scripted.anthropic.service import Answered, Asked
from conformance.scripted.conversation import Reply
from conformance.scripted.gateway.hearing import Interrupted, nothing, streamed, whole
from conformance.scripted.gateway.passage import Asking, Heard, Trouble, refusal_of
from conformance.scripted.gateway.translation import chat_request
from conformance.scripted.openai.request import ChatRequest
from conformance.scripted.openai.understanding import understood
from conformance.scripted.tokens import counts_input

PATH = "/v1/chat/completions"
STREAM_PATIENCE = 3.0
"""Seconds between two bytes of a stream: the scripted model is never silent so long unless it is told to."""
JSON_PATIENCE = 30.0
"""Seconds until a whole answer."""
SUCCESS = 200


class Gateway:
    """Answers what was asked by asking the chat completions server at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client: httpx2.AsyncClient | None = None

    def counts(self, asked: Asked) -> int:
        """What the upstream will count: the translated request in the scripted model's own measure."""
        body = chat_request(asked)
        return counts_input(understood(msgspec.convert(body, ChatRequest), body))

    async def reply(self, asked: Asked, call: Call | None, hooks: Sequence[Hooks]) -> Answered:
        request = asked.request
        assert isinstance(request, MessagesRequest)
        if asked.conversation.max_tokens == 0:  # no upstream of this wire takes it, and there is nothing to say
            return Answered(Reply(blocks=(), stop="length", input_tokens=asked.input_tokens, output_tokens=0))
        asking = Asking(PATH, chat_request(asked))
        for hook in hooks:
            asking = hook.asking(asking, call) if hook.asking and call else asking
        heard = await self._ask(asking, stream=request.stream)
        for hook in hooks:
            heard = hook.heard(heard, call) if hook.heard and call else heard
        if heard.trouble is None:
            return Answered(heard.reply)
        refusal = refusal_of(heard.trouble)
        if heard.reply.blocks:
            return Answered(heard.reply, refusal)
        raise refusal

    async def _ask(self, asking: Asking, *, stream: bool) -> Heard:
        if self._client is None:
            self._client = httpx2.AsyncClient(trust_env=False)
        patience = httpx2.Timeout(JSON_PATIENCE, read=STREAM_PATIENCE if stream else JSON_PATIENCE)
        url = self._url + asking.path
        try:
            with _interruptions():
                async with self._client.stream("POST", url, json=asking.body, timeout=patience) as response:
                    return await _heard(response, stream=stream)
        except Interrupted as interrupted:
            return nothing(interrupted.trouble)


@contextmanager
def _interruptions() -> Iterator[None]:
    """What can happen to a connection, in the gateway's words."""
    try:
        yield
    except httpx2.ReadTimeout:
        raise Interrupted("silence", "the answer did not go on in time") from None
    except (httpx2.ReadError, httpx2.RemoteProtocolError):
        raise Interrupted("cut", "the answer was cut") from None
    except httpx2.TransportError as error:
        raise Interrupted("unreachable", f"cannot be reached ({type(error).__name__})") from None


async def _heard(response: httpx2.Response, *, stream: bool) -> Heard:
    if response.status_code != SUCCESS:
        return _refused(response, await response.aread())
    return await streamed(_lines(response)) if stream else whole(await response.aread())


async def _lines(response: httpx2.Response) -> AsyncIterator[str]:
    """Split as bytes: as text, U+2028 and its like inside a word of the answer would end a line too."""
    rest = b""
    with _interruptions():
        async for piece in response.aiter_bytes():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
    yield rest.decode(errors="replace")


def _refused(response: httpx2.Response, body: bytes) -> Heard:
    try:
        says = str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        says = f"answered with status {response.status_code}"
    return nothing(Trouble("status", says, response.status_code, response.headers.get("retry-after")))
