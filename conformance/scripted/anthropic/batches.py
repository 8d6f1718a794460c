"""The batch endpoints; a batch takes a moment, so that it can be seen in progress and be cancelled.

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from conformance.scripted.anthropic.answer import Answer, Piece, json_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal, invalid, not_found
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.messages import VERSION
from conformance.scripted.anthropic.request import MessagesRequest, parse_json, typed
from conformance.scripted.anthropic.service import Service
from conformance.scripted.anthropic.stores import Batch, BatchRequest, Item, Result, page, timestamp

SECONDS_IN_PROGRESS = 0.3
SECONDS_CANCELING = 0.1


async def create(service: Service, call: Call, _: object) -> Answer:
    request = typed(parse_json(call.body), BatchRequest)
    seen: set[str] = set()
    for index, item in enumerate(request.requests):
        if item.custom_id in seen:
            raise invalid(f"requests.{index}.custom_id", f"{item.custom_id} was used before; each must be unique")
        seen.add(item.custom_id)
    batch = Batch(
        id=fresh("msgbatch"),
        items=request.requests,
        version=call.headers.get(VERSION),
        betas=call.betas,
        created=datetime.now(UTC),
        due=time.monotonic() + SECONDS_IN_PROGRESS,
    )
    service.batches[batch.id] = batch
    return json_answer(_described(batch, call))


async def listing(service: Service, call: Call, _: object) -> Answer:
    batches = [await _current(service, name) for name in reversed(list(service.batches)) if name in service.batches]
    return json_answer(page([_described(batch, call) for batch in batches], call))


async def retrieve(service: Service, call: Call, _: object) -> Answer:
    return json_answer(_described(await _current(service, call.names["batch"]), call))


async def cancel(service: Service, call: Call, _: object) -> Answer:
    batch = await _current(service, call.names["batch"])
    if batch.status == "in_progress":
        batch.canceled = datetime.now(UTC)
        batch.due = time.monotonic() + SECONDS_CANCELING
    return json_answer(_described(batch, call))


async def delete(service: Service, call: Call, _: object) -> Answer:
    batch = await _current(service, call.names["batch"])
    if batch.status != "ended":
        raise invalid("", f"the batch {batch.id} is still {batch.status}; cancel it first, or wait until it has ended")
    del service.batches[batch.id]
    return json_answer({"id": batch.id, "type": "message_batch_deleted"})


async def results(service: Service, call: Call, _: object) -> Answer:
    batch = await _current(service, call.names["batch"])
    if batch.status != "ended":
        raise not_found(f"the batch {batch.id} is still {batch.status}; it has results when it has ended")
    body = b"".join(msgspec.json.encode(result) + b"\n" for result in batch.results)
    headers = (("content-type", "application/x-jsonl"), ("content-length", str(len(body))))
    return Answer(headers=headers, pieces=(Piece(body),))


async def _current(service: Service, name: str) -> Batch:
    """A batch as it stands now, or a 404."""
    batch = service.batches.get(name)
    if batch is None:
        raise not_found(f"batch: {name}")
    if batch.ended is None and time.monotonic() >= batch.due:
        batch.due = math.inf  # whoever looks meanwhile finds it in progress
        batch.results = [await _result(service, batch, item) for item in batch.items]
        batch.ended = datetime.now(UTC)
    return batch


async def _result(service: Service, batch: Batch, item: Item) -> Result:
    if batch.canceled:
        return {"custom_id": item.custom_id, "result": {"type": "canceled"}}
    try:
        result = {"type": "succeeded", "message": await _message(service, batch, item.params)}
    except Refusal as refusal:
        result = {"type": "errored", "error": refusal.envelope(None)}
    return {"custom_id": item.custom_id, "result": result}


async def _message(service: Service, batch: Batch, params: dict[str, Any]) -> dict[str, Any]:
    asked = await service.understand(params, MessagesRequest, batch.version, batch.betas)
    assert isinstance(asked.request, MessagesRequest)
    if asked.request.stream:
        raise invalid("stream", "a request in a batch cannot be streamed")
    if asked.request.max_tokens == 0:
        raise invalid("max_tokens", "0 cannot be used in a batch")
    message = await service.message(service.prepare(asked))
    return {**message, "usage": {**message["usage"], "service_tier": "batch"}}


def _described(batch: Batch, call: Call) -> dict[str, Any]:
    kinds = [result["result"]["type"] for result in batch.results]
    counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
    url = f"{call.base_url}/v1/messages/batches/{batch.id}/results"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": batch.status,
        "request_counts": {"processing": 0 if batch.ended else len(batch.items), **counts},
        "created_at": timestamp(batch.created),
        "expires_at": timestamp(batch.created + timedelta(hours=24)),
        "ended_at": timestamp(batch.ended) if batch.ended else None,
        "archived_at": None,
        "cancel_initiated_at": timestamp(batch.canceled) if batch.canceled else None,
        "results_url": url if batch.ended else None,
    }
