"""The floor: a plain httpx2 loop that asks the same questions and reads the answers, and does nothing else.

`python -m bench.floor URL TIMES IN_FLIGHT json|stream`
"""

import asyncio
import json
import sys
from typing import Any

import httpx2

QUESTION: dict[str, Any] = {"model": "bench", "max_tokens": 1024, "messages": [{"role": "user", "content": "any"}]}


async def ask_json(client: httpx2.AsyncClient, url: str) -> None:
    answer = await client.post(url + "/v1/messages", json=QUESTION)
    assert answer.json()["stop_reason"] == "end_turn"


async def ask_stream(client: httpx2.AsyncClient, url: str) -> None:
    kind = None
    async with client.stream("POST", url + "/v1/messages", json=QUESTION | {"stream": True}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                kind = json.loads(line[5:])["type"]
    assert kind == "message_stop"


async def ask_all(url: str, times: int, in_flight: int, mode: str) -> None:
    ask = ask_stream if mode == "stream" else ask_json
    left = iter(range(times))
    async with httpx2.AsyncClient(verify=False, timeout=60) as client:

        async def worker() -> None:
            for _ in left:
                await ask(client, url)

        await asyncio.gather(*(worker() for _ in range(in_flight)))


if __name__ == "__main__":
    asyncio.run(ask_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
