"""How the tests speak to the reference endpoint: in process, by the HTTP client that everybody uses."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx2

from conformance.scripted.anthropic import application
from conformance.scripted.protocol import Setting

T = TypeVar("T")

ECHO = {
    "name": "echo",
    "description": "Echoes.",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
}


def talk(script: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, T]], **setting: Any) -> T:
    """Run a script against a fresh reference endpoint."""

    async def run() -> T:
        transport = httpx2.ASGITransport(application(Setting(**setting)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://reference") as client:
            return await script(client)

    return asyncio.run(run())


def post(body: dict[str, Any], path: str = "/v1/messages", headers: dict[str, str] | None = None) -> httpx2.Response:
    """One request to a fresh endpoint."""
    return talk(lambda client: client.post(path, json=body, headers=headers))


def asking(text: str = "Reply with exactly: hello", **fields: Any) -> dict[str, Any]:
    """A request that is in order; a field set to ... is left out."""
    body = {"model": "scripted", "max_tokens": 256, "messages": [{"role": "user", "content": text}], **fields}
    return {key: value for key, value in body.items() if value is not ...}


def events_in(stream: str) -> list[dict[str, Any]]:
    """The events of a stream whose frames have the API's own form."""
    frames = [frame.split("\n") for frame in stream.strip().split("\n\n")]
    assert all(len(frame) == 2 for frame in frames)
    events = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name for name, _ in frames] == [f"event: {event['type']}" for event in events]
    return events


async def ended_batch(client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    """A batch once it has ended, which takes the reference a tenth of a second."""
    for _ in range(3000):
        batch: dict[str, Any] = (await client.get(address)).json()
        if batch["processing_status"] == "ended":
            return batch
        await asyncio.sleep(0.01)
    raise AssertionError(f"{address} does not end")
