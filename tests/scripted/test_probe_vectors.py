"""The probe language: every vector holds for the brain, and on every face over a socket."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
import pytest
from probe_vectors import VECTORS, Fails, Mode, Vector, conversation_of
from wires import WIRES, Heard, Wire

from conformance.scripted.brain import answer
from conformance.scripted.conversation import Invocation, Reply, Speech, Thought

Serve = Callable[..., str]


def spoken(vectors: Iterable[Vector]) -> list[Any]:
    return [
        pytest.param(vector, WIRES[face], mode, id=f"{face}-{mode}-{vector.id}")
        for vector in vectors
        for face in vector.faces
        for mode in vector.modes
    ]


ANSWERS = spoken(vector for vector in VECTORS if vector.answer.fails is None)
FAILURES = spoken(vector for vector in VECTORS if vector.answer.fails is not None)


def test_there_is_one_vector_of_each_id() -> None:
    ids = [vector.id for vector in VECTORS]
    assert len(ids) == len(set(ids)) >= 90


@pytest.mark.parametrize(("vector", "wire", "mode"), ANSWERS)
def test_an_answer(vector: Vector, wire: Wire, mode: Mode, served: Serve, client: httpx2.Client) -> None:
    response = client.post(
        served("--face", wire.name) + wire.path,
        json=wire.request(vector.body, stream=mode == "stream"),
        headers={"anthropic-version": "2023-06-01"},
    )
    assert response.status_code == 200, response.text
    heard = wire.streamed(response.content) if mode == "stream" else wire.whole(response.content)
    assert _told(heard, vector) == vector.answer.blocks
    named = wire.name == "openai" and vector.body.get("tool_choice", {}).get("type") == "tool"
    assert heard.stop_reason == ("stop" if named else wire.stop(vector.answer.stop_reason))
    if wire.name == "anthropic":
        assert heard.stop_sequence == vector.answer.stop_sequence
    assert heard.input_tokens > 0
    assert heard.output_tokens <= vector.body["max_tokens"]


IN_MIND = [
    pytest.param(vector, id=vector.id)
    for vector in VECTORS
    if not vector.id.startswith("received")  # the parts of a request differ from wire to wire
]


@pytest.mark.parametrize("vector", IN_MIND)
def test_the_brain(vector: Vector) -> None:
    only_upstream = bool(vector.faces) and "anthropic" not in vector.faces
    reply = answer(conversation_of(vector.body, upstream=only_upstream))
    assert (reply.failure is not None) == (vector.answer.fails is not None or vector.id == "fail.split-bytes")
    if vector.answer.fails is None:
        assert _told(_heard(reply), vector) == vector.answer.blocks
        assert {"end": "end_turn", "length": "max_tokens", "sequence": "stop_sequence", "tool": "tool_use"}[
            reply.stop
        ] == vector.answer.stop_reason
        assert reply.stop_sequence == vector.answer.stop_sequence


def _heard(reply: Reply) -> Heard:
    content: list[dict[str, Any]] = []
    for block in reply.blocks:
        match block:
            case Thought(text):
                content.append({"type": "thinking", "thinking": text})
            case Speech(text):
                content.append({"type": "text", "text": text})
            case Invocation(name, given):
                content.append({"type": "tool_use", "name": name, "input": given})
    return Heard(content, reply.stop, reply.stop_sequence, reply.input_tokens, reply.output_tokens)


def _told(heard: Heard, vector: Vector) -> list[dict[str, Any]]:
    """What was heard, with as much of the thinking as the vector says."""
    wanted = iter(block for block in vector.answer.blocks if block["type"] == "thinking")
    told = []
    for block in heard.content:
        if block["type"] == "thinking":
            words = {"words": len(block["thinking"].split())} if "words" in next(wanted, {}) else {}
            assert block["thinking"]
            told.append({"type": "thinking", **words})
        else:
            told.append(block)
    return told


@pytest.mark.parametrize(("vector", "wire", "mode"), FAILURES)
def test_a_failure(vector: Vector, wire: Wire, mode: Mode, served: Serve, client: httpx2.Client) -> None:
    fails = vector.answer.fails
    assert fails is not None
    streamed = mode == "stream"
    response, body, ended = _heard_until_it_ends(
        client, served("--face", wire.name) + wire.path, wire, vector, streamed
    )
    if fails.status is not None:
        assert response.status_code == fails.status
        assert response.headers.get("retry-after") == (None if fails.retry_after is None else str(fails.retry_after))
        assert json.loads(body)["error"]
    elif fails.body is not None:
        assert response.status_code == 200
        assert body.decode().removeprefix("data: ").strip() == fails.body
    elif fails.then == "error" and not streamed:
        assert response.status_code == 500
        assert json.loads(body)["error"]
    else:
        assert response.status_code == 200
        assert ended == {"cut": "cut", "silence": "silence", "error": "whole"}[str(fails.then)]
        if streamed:
            _said_before(fails, wire, body)
        else:
            assert len(body) < int(response.headers["content-length"])


def _said_before(fails: Fails, wire: Wire, body: bytes) -> None:
    text = ""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line]
    for line in lines[:-1] if fails.then == "error" else lines:
        part = json.loads(line)
        text += (part["message"] if wire.name == "ollama" else part["choices"][0]["delta"]).get("content") or ""
    assert text == fails.after
    assert ("error" in json.loads(lines[-1])) == (fails.then == "error")


def _heard_until_it_ends(
    client: httpx2.Client, url: str, wire: Wire, vector: Vector, streamed: bool
) -> tuple[httpx2.Response, bytes, str]:
    """The answer, its bytes, and how it ended: `whole`, `cut`, or `silence` where a while passes without a byte."""
    body = b""
    timeout = httpx2.Timeout(10, read=0.3)
    with client.stream("POST", url, json=wire.request(vector.body, stream=streamed), timeout=timeout) as response:
        try:
            for piece in response.iter_raw():
                body += piece
        except httpx2.ReadTimeout:
            return response, body, "silence"
        except httpx2.RemoteProtocolError:
            return response, body, "cut"
        return response, body, "whole"
