"""Ollama's own API as far as preparing and examining it takes, asynchronous, and one prompt through `/v1/messages`.

    async with Ollama.local() as ollama:
        await ollama.pull_model("qwen3-coder", on_progress=print)
        print(await ollama.generate("qwen3-coder", "Say hello in one sentence."))

    async with Ollama.cloud(os.environ["OLLAMA_API_KEY"]) as ollama:
        print(await ollama.generate("gemma4:31b", "Say hello in one sentence."))

The official client is not used: it reads OLLAMA_API_KEY by itself and sends it to whatever host it is given, knows no
`/api/version`, and drops the keys that its types do not name. The API itself: https://docs.ollama.com/api.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
from msgspec import Struct

from conformance.doors import from_json
from conformance.errors import UserError
from conformance.targets.address import base_url, is_loopback
from conformance.targets.discover import Abilities, read_show, same_model
from conformance.targets.recognise import look
from conformance.targets.wire import CONNECT_SECONDS, LARGEST_ANSWER, Silent, reachable

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

LOCAL = "http://127.0.0.1:11434"
CLOUD = "https://ollama.com"
PORT = 11434

PATIENCE = 300.0
"""Seconds without a byte after which a request is given up; loading a large model takes minutes."""
SAID_AFTER = 5.0
"""Seconds without an answer after which a person is told what is waited for."""

LONGEST_LINE = 2**20


class OllamaError(UserError):
    """A request that Ollama refused or broke off, in Ollama's own words."""

    def __init__(self, message: str, status: int | None = None, signin_url: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.signin_url = signin_url


class Progress(Struct, frozen=True):
    """One step of a pull or a creation; bytes are known while a layer is on its way."""

    status: str
    digest: str = ""
    total: int | None = None
    completed: int | None = None


class Installed(Struct, frozen=True):
    """A model that `/api/tags` lists; `size` in bytes, `remote_host` where another machine answers."""

    name: str
    digest: str = ""
    size: int = 0
    remote_host: str = ""


class Loaded(Struct, frozen=True):
    """A model in memory, as `/api/ps` lists it: `size` and its part in `size_vram` in bytes."""

    name: str
    size: int = 0
    size_vram: int = 0
    context_length: int | None = None


class Account(Struct, frozen=True):
    """The account of a server at ollama.com: signed in or not (None: it cannot tell), and where to sign in."""

    signed_in: bool | None
    signin_url: str = ""


class Ollama:
    """A server that speaks Ollama's API: on this machine or ollama.com itself; an async context manager.

    Every method raises wire.Unreachable where nothing answers, and OllamaError for what the server refuses. `on_wait`
    is told in one line what is waited for, where a busy server takes its time.
    """

    def __init__(self, url: str = LOCAL, *, api_key: str | None = None) -> None:
        import httpx2

        self.url = base_url(url, default_port=PORT)
        self.on_wait: Callable[[str], object] = lambda _: None
        headers = {"user-agent": "messages-conformance"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._client = httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(PATIENCE, connect=CONNECT_SECONDS),
            follow_redirects=False,
            verify=self.url.startswith(
                "https:"
            ),  # reading the certificates takes 0.1 s that plain HTTP need not wait for
            trust_env=not is_loopback(self.url),
        )

    @classmethod
    def local(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The server that OLLAMA_URL or OLLAMA_HOST names, or the one at the usual port; it needs no key."""
        environ = os.environ if environ is None else environ
        named = (environ.get(name, "").strip() for name in ("OLLAMA_URL", "OLLAMA_HOST"))
        return cls(next((url for url in named if url), LOCAL))

    @classmethod
    def cloud(cls, api_key: str) -> Self:
        """ollama.com itself, which takes keys as Bearer only."""
        return cls(CLOUD, api_key=api_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def version(self) -> str:
        """Such as `0.33.0`, or `0.0.0` for a build from source."""
        found = look("version", await self._json("GET", "/api/version"))
        if not isinstance(found, str):
            raise OllamaError(f"{self.url} answers, but not as Ollama does: /api/version tells no version")
        return found

    async def models(self) -> list[Installed]:
        return _each(look("models", await self._json("GET", "/api/tags")), Installed)

    async def has(self, model: str) -> bool:
        return any(same_model(model, installed.name) for installed in await self.models())

    async def show(self, model: str) -> Abilities | None:
        """What a model can do, or None when it is not installed."""
        try:
            document = await self._json("POST", "/api/show", {"model": model})
        except OllamaError as problem:
            if problem.status == 404:
                return None
            raise
        return read_show(document)

    async def loaded(self) -> list[Loaded]:
        return _each(look("models", await self._json("GET", "/api/ps")), Loaded)

    async def load(self, model: str) -> None:
        """Brings a model into memory, which its first prompt would do otherwise."""
        await self._json("POST", "/api/generate", {"model": model, "stream": False})

    async def account(self) -> Account:
        """Whether cloud models can be asked through this server."""
        try:
            await self._json("POST", "/api/me")
        except OllamaError as problem:
            if problem.status == 401:
                return Account(False, problem.signin_url)
            return Account(None)
        return Account(True)

    async def pull_model(self, model: str, on_progress: Callable[[Progress], object] | None = None) -> None:
        """Downloads a model; layers that are here already, and parts of them, are not fetched again."""
        await self._steps("/api/pull", {"model": model, "stream": True}, on_progress)

    async def create(
        self,
        model: str,
        *,
        source: str = "",
        files: Mapping[str, str] | None = None,
        template: str = "",
        parameters: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> None:
        """Makes a model from another, whose layers it shares, or from files that were uploaded.

        `files` are names and the digests that `upload` gave; without a `template` the one inside a GGUF file holds.
        """
        body: dict[str, Any] = {"model": model, "stream": True}
        body |= {"files": dict(files)} if files else {"from": source}
        if template:
            body["template"] = template
        if parameters:
            body["parameters"] = dict(parameters)
        if remote_host:
            body["remote_host"] = remote_host
        await self._steps("/api/create", body, on_progress)

    async def upload(self, content: bytes) -> str:
        """Brings a file to the server, unless it is there already; its digest, by which `create` names it."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = f"/api/blobs/{digest}"
        async with self._answer("HEAD", path) as response:
            if response.status_code == 200:
                return digest
        async with self._answer("POST", path, content=content) as response:
            if response.status_code >= 400:
                raise _refusal(response.status_code, (await response.aread())[:LONGEST_LINE])
        return digest

    async def unload(self, model: str) -> None:
        """Takes a model out of memory: of two that are made of one file, the second is else answered by the first's."""
        await self._json("POST", "/api/generate", {"model": model, "keep_alive": 0, "stream": False})

    async def copy(self, source: str, destination: str) -> None:
        """Gives a model a second name."""
        await self._json("POST", "/api/copy", {"source": source, "destination": destination})

    async def delete(self, model: str) -> None:
        await self._json("DELETE", "/api/delete", {"model": model})

    async def generate(self, model: str, prompt: str, *, max_tokens: int = 1024) -> str:
        """The text that a model answers to one prompt, through the Messages API."""
        body = {"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": prompt}]}
        document = await self._json("POST", "/v1/messages", body)
        blocks = look("content[?type=='text'].text", document)
        return "".join(text for text in blocks if isinstance(text, str)) if isinstance(blocks, list) else ""

    async def _json(self, method: str, path: str, body: Any = None) -> Any:
        async with self._answer(method, path, body) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise OllamaError(f"{self.url}{path} answers with more than {LARGEST_ANSWER} bytes")
            if response.status_code >= 400:
                raise _refusal(response.status_code, bytes(content))
            return _decoded(bytes(content))

    async def _steps(self, path: str, body: Any, on_progress: Callable[[Progress], object] | None) -> None:
        """Follows a stream of steps to its `success`; an error in the stream comes with a status of 200."""
        last = ""
        async with self._answer("POST", path, body) as response:
            if response.status_code >= 400:
                raise _refusal(response.status_code, (await response.aread())[:LONGEST_LINE])
            async for line in _lines(response):
                document = _decoded(line)
                if (error := look("error", document)) is not None:
                    raise OllamaError(str(error))
                step = _read(document, Progress)
                if step is None:
                    continue
                last = step.status
                if on_progress is not None:
                    on_progress(step)
        if last != "success":
            raise OllamaError(f"it broke off after {last!r}" if last else "it broke off before the first step")

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, body: Any = None, *, content: bytes | None = None
    ) -> "AsyncIterator[httpx2.Response]":
        """The answer to a request with a JSON body, or with `content` as it is."""
        headers = {} if body is None else {"content-type": "application/json"}
        content = content if body is None else msgspec.json.encode(body)
        says = f"{self.url} has not answered {method} {path} yet: waiting, for at most {PATIENCE:g} s"
        timer = asyncio.get_running_loop().call_later(SAID_AFTER, self.on_wait, says)
        try:
            with reachable(self.url):
                async with self._client.stream(method, path, content=content, headers=headers) as response:
                    timer.cancel()
                    yield response
        except Silent as problem:
            raise Silent(f"{self.url} has not answered {method} {path} within {PATIENCE:g} s: it is busy") from problem
        finally:
            timer.cancel()


async def _lines(response: "httpx2.Response") -> AsyncIterator[bytes]:
    pending = b""
    async for chunk in response.aiter_bytes():
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(pending) > LONGEST_LINE:
            raise OllamaError(f"a line of the answer is longer than {LONGEST_LINE} bytes")
    if pending.strip():
        yield pending


def _refusal(status: int, content: bytes) -> OllamaError:
    document = _decoded(content)
    message = look("error.message || error", document)
    signin = look("signin_url", document)
    return OllamaError(
        message if isinstance(message, str) and message else f"HTTP {status} without a reason",
        status,
        signin if isinstance(signin, str) else "",
    )


def _decoded(content: bytes) -> Any:
    return from_json(content)


def _read(document: Any, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(document, kind, strict=False)
    except msgspec.ValidationError:
        return None


def _each(documents: Any, kind: type[T]) -> list[T]:
    if not isinstance(documents, list):
        return []
    return [read for document in documents if (read := _read(document, kind)) is not None]
