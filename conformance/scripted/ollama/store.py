"""The state of an Ollama: its models, those in memory, who is signed in; models are pulled and created step by step."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from conformance.scripted.ollama.library import GIGABYTE, LIBRARY, Model, base_of, full_name, is_cloud, offered

MEMORY = 64 * GIGABYTE
"""What this machine can hold in bytes."""


class OllamaRefusal(Exception):
    """A request that the server declines, in the server's own words."""

    def __init__(self, message: str, status: int = 400, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **more}


class Store:
    """The state behind the face; one for each process."""

    def __init__(self) -> None:
        self.installed: dict[str, Model] = {"scripted:latest": LIBRARY["scripted"]}
        self.loaded: dict[str, datetime] = {}
        """When each model in memory leaves it again."""
        self.fetched: dict[str, int] = {}
        """The bytes that a broken pull left behind."""
        self.blobs: dict[str, int] = {}
        """The uploaded files: digest to size."""
        self.signed_in = False

    def model(self, name: str) -> Model:
        """The installed model, or the cloud's: those need no pull."""
        model = self.installed.get(full_name(name)) or (offered(name) if is_cloud(name) else None)
        if model is None:
            raise OllamaRefusal(f"model '{name}' not found", 404)
        return model

    def install(self, name: str, model: Model) -> None:
        self.installed[full_name(name)] = replace(model, modified_at=timestamp())

    def delete(self, name: str) -> None:
        if full_name(name) not in self.installed:
            raise OllamaRefusal(f"model '{name}' not found", 404)
        del self.installed[full_name(name)]
        self.loaded.pop(full_name(name), None)

    def copy(self, source: str, destination: str) -> None:
        self.install(destination, self.model(source))

    def load(self, name: str, minutes: float = 5) -> Model:
        """Bring a model into memory; nothing is loaded for one that another machine runs."""
        model = self.model(name)
        if model.remote_host:
            return model
        if model.size > MEMORY:
            needed, there = model.size / 2**30, MEMORY / 2**30
            raise OllamaRefusal(
                f"model requires more system memory ({needed:.1f} GiB) than is available ({there:.1f} GiB)", 500
            )
        self.loaded[full_name(name)] = datetime.now(UTC) + timedelta(minutes=minutes)
        return model

    def unload(self, name: str) -> None:
        self.model(name)
        self.loaded.pop(full_name(name), None)

    def in_memory(self) -> list[tuple[str, Model, datetime]]:
        """The loaded models with the time when each leaves; those whose time has come have left."""
        now = datetime.now(UTC)
        self.loaded = {name: until for name, until in self.loaded.items() if until > now}
        return [(name, self.installed[name], until) for name, until in self.loaded.items()]

    def check_account(self, model: Model, signin_url: str) -> None:
        """Models of the cloud answer only to somebody who has signed in."""
        if "ollama.com" in model.remote_host and not self.signed_in:
            raise OllamaRefusal("unauthorized", 401, signin_url=signin_url)


def timestamp(moment: datetime | None = None) -> str:
    """In the form that Go writes."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def details(model: Model) -> dict[str, Any]:
    """What `/api/tags`, `/api/ps` and `/api/show` say of any model."""
    if model.remote_host:
        return {
            "parent_model": "",
            "format": "",
            "family": "",
            "families": None,
            "parameter_size": "",
            "quantization_level": "",
        }
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters_in_words,
        "quantization_level": "Q4_K_M",
        "context_length": model.context_length,
        "embedding_length": 4096,
    }


Step = dict[str, Any]
Steps = AsyncIterator[Step]
"""The last one says `success`, or has an `error`."""


async def pulling(store: Store, name: str) -> Steps:
    yield {"status": "pulling manifest"}
    model = offered(name)
    if model is None:
        yield {"error": "pull model manifest: file does not exist"}
        return
    if not is_cloud(name):
        async for step in _downloading(store, name, model):
            yield step
            if "error" in step:
                return
        yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    store.install(name, model)
    yield {"status": "success"}


_STEPS = 10


async def _downloading(store: Store, name: str, model: Model) -> Steps:
    base = base_of(name)
    if store.installed.get(full_name(name)) is not None:
        return
    done = store.fetched.get(base, 0)
    fails = base == "broken-pull" or (base == "flaky-pull" and not done)
    layer = {"status": f"pulling {model.digest[:12]}", "digest": f"sha256:{model.digest}", "total": model.size}
    while done < model.size:
        yield {**layer, "completed": done} if done else layer
        if fails and done >= model.size // 2:
            yield {"error": "max retries exceeded: unexpected EOF"}
            return
        done = min(done + model.size // _STEPS, model.size)
        store.fetched[base] = done if base != "broken-pull" else 0
        await asyncio.sleep(0.2 if base == "slow-pull" else 0.002)
    store.fetched.pop(base, None)
    yield {**layer, "completed": done}


async def creating(store: Store, name: str, source: str, *, parameters: dict[str, Any], remote_host: str) -> Steps:
    """A model from another: nothing is copied, so it is there at once, unless the other has to be pulled first."""
    if remote_host:
        model = Model(size=400, remote_model=source, remote_host=remote_host)
    elif not source:
        yield {"error": "neither 'from' or 'files' was specified"}
        return
    else:
        if full_name(source) not in store.installed:
            async for step in pulling(store, source):
                if "error" in step:
                    yield step
                    return
        model = _with_parameters(store.model(source), parameters)
        yield {"status": f"using existing layer sha256:{model.digest}"}
    if "disk-full" in {base_of(name), base_of(source)}:
        yield {"error": f"write /root/.ollama/models/blobs/sha256-{model.digest}-partial: no space left on device"}
        return
    yield {"status": "writing manifest"}
    store.install(name, model)
    yield {"status": "success"}


async def assembling(store: Store, name: str, files: dict[str, str], parameters: dict[str, Any]) -> Steps:
    """A model from files that were uploaded; the scripted model answers for it, whatever is in them."""
    for file, digest in files.items():
        if digest not in store.blobs:
            yield {"error": f"open /root/.ollama/models/blobs/{digest.replace(':', '-')}: no such file or directory"}
            return
        yield {"status": f"parsing GGUF {file}"}
    yield {"status": "writing manifest"}
    size = sum(store.blobs[digest] for digest in files.values())
    able = ("completion", "tools", "thinking")
    model = Model(size=size, family="qwen3", parameters_in_words="1.89M", capabilities=able, context_length=32_768)
    store.install(name, _with_parameters(model, parameters))
    yield {"status": "success"}


def _with_parameters(model: Model, parameters: dict[str, Any]) -> Model:
    rest = tuple((key, str(value)) for key, value in parameters.items() if key != "num_ctx")
    return replace(model, num_ctx=parameters.get("num_ctx", model.num_ctx), parameters=model.parameters + rest)
