"""Pulling and creating models, step by step, as a progress bar shows it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace

from conformance.scripted.ollama.library import Model, base_of, full_name, is_cloud, offered
from conformance.scripted.ollama.store import Store

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


def _with_parameters(model: Model, parameters: dict[str, Any]) -> Model:
    rest = tuple((key, str(value)) for key, value in parameters.items() if key != "num_ctx")
    return replace(model, num_ctx=parameters.get("num_ctx", model.num_ctx), parameters=model.parameters + rest)
