"""Legal shapes of an upstream's answer: the gateway loses nothing of them, and passes on at once what it hears."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from reference_client import ECHO, asking, events_in
from wires import WIRES, Block, Heard

from conformance.scripted.ollama.shapes import SHAPES as OLLAMA_SHAPES
from conformance.scripted.openai.shapes import SHAPES

Serve = Callable[..., str]
CALLS = 'Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}'
BROKEN = {"no-finish-reason", "content-filter", "refusal"}
"""Shapes that end an answer otherwise."""
MODES = ("json", "stream")


@pytest.fixture
def gateway(served: Serve) -> str:
    return served("--upstream", served("--face", "openai"))


def heard(gateway: str, client: httpx2.Client, shape: str, prompt: str, mode: str, **fields: Any) -> Heard:
    body = asking(f"Shape: {shape}.\n{prompt}", stream=mode == "stream", **fields)
    answer = client.post(f"{gateway}/v1/messages", json=body)
    assert answer.status_code == 200, answer.text
    wire = WIRES["anthropic"]
    return wire.streamed(answer.content) if mode == "stream" else wire.whole(answer.content)


def inputs(answer: Heard) -> list[Block]:
    return [block["input"] for block in answer.content if block["type"] == "tool_use"]


def text(answer: Heard) -> str:
    return "".join(block["text"] for block in answer.content if block["type"] == "text")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - BROKEN))
def test_no_call_is_lost(gateway: str, client: httpx2.Client, shape: str, mode: str) -> None:
    answer = heard(gateway, client, shape, CALLS, mode, tools=[ECHO])
    assert inputs(answer) == [{"text": "a"}, {"text": "b"}]
    assert answer.stop_reason == "tool_use"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - BROKEN))
def test_no_text_is_lost(gateway: str, client: httpx2.Client, shape: str, mode: str) -> None:
    answer = heard(gateway, client, shape, "Reply with exactly: pine oak elm", mode)
    assert (text(answer), answer.stop_reason) == ("pine oak elm", "end_turn")
    assert answer.output_tokens == 3


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ("text-and-call-in-one-delta", ["text", "tool_use", "tool_use"]),
        ("text-beside-arguments", ["tool_use", "tool_use", "text"]),
        ("text-after-call", ["tool_use", "tool_use", "text"]),
        ("reasoning", ["thinking", "tool_use", "tool_use"]),
        ("reasoning-content", ["thinking", "tool_use", "tool_use"]),
    ],
)
def test_a_stream_keeps_the_order(gateway: str, client: httpx2.Client, shape: str, kinds: list[str]) -> None:
    answer = heard(gateway, client, shape, CALLS, "stream", tools=[ECHO])
    assert [block["type"] for block in answer.content] == kinds


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_one(gateway: str, client: httpx2.Client, mode: str) -> None:
    answer = heard(gateway, client, "refusal", "Reply with exactly: pine", mode)
    assert (text(answer), answer.stop_reason) == ("I cannot help with that.", "refusal")
    assert heard(gateway, client, "content-filter", "Reply with exactly: pine", mode).stop_reason == "refusal"


def test_a_stream_without_a_reason_is_broken_off(gateway: str, client: httpx2.Client) -> None:
    body = asking("Shape: no-finish-reason.\nReply with exactly: pine oak", stream=True)
    events = events_in(client.post(f"{gateway}/v1/messages", json=body).text)
    assert events[-1]["type"] == "error"


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_told_apart(gateway: str, client: httpx2.Client, stream: bool) -> None:
    body = asking("Shape: cached-tokens.\nReply with exactly: pine", stream=stream)
    answer = client.post(f"{gateway}/v1/messages", json=body)
    usage = events_in(answer.text)[-2]["usage"] if stream else answer.json()["usage"]
    assert usage["input_tokens"] == 1
    assert usage["cache_read_input_tokens"] > 1


def test_words_are_passed_on_while_the_upstream_speaks(gateway: str, client: httpx2.Client) -> None:
    """The sixth word is said 1.5 seconds after the first request at the earliest."""
    begun = time.monotonic()
    body = asking("Pace: 300 ms.\nReply with exactly: one two three four five six", stream=True)
    with client.stream("POST", f"{gateway}/v1/messages", json=body) as answer:
        pieces = ((time.monotonic() - begun, piece) for piece in answer.iter_text())
        spoken = [at for at, piece in pieces if "text_delta" in piece]
    assert spoken[-1] >= 1.5
    assert len(spoken) > 1


def how_it_ended(gateway: str, client: httpx2.Client, word: str) -> str:
    asked = asking(f"Reply with only how the answer that began with {word} ended.")
    return str(client.post(f"{gateway}/v1/messages", json=asked).json()["content"][0]["text"])


def test_an_upstream_that_streams_is_hung_up_on(gateway: str, client: httpx2.Client) -> None:
    body = asking(f"Pace: 1000 ms.\nReply with exactly: streams {'and on ' * 10}", stream=True)
    with client.stream("POST", f"{gateway}/v1/messages", json=body) as answer:
        next(answer.iter_raw())
    assert how_it_ended(gateway, client, "streams") == "left"


def test_an_upstream_that_answers_in_one_piece_is_hung_up_on(gateway: str, client: httpx2.Client) -> None:
    body = asking(f"Pace: 1000 ms.\nReply with exactly: stays {'and on ' * 10}")
    with pytest.raises(httpx2.ReadTimeout):
        client.post(f"{gateway}/v1/messages", json=body, timeout=httpx2.Timeout(10, read=1.5))
    assert how_it_ended(gateway, client, "stays") == "left"


def test_a_gateway_that_does_not_hang_up(gateway: str, client: httpx2.Client) -> None:
    body = asking("Pace: 500 ms.\nReply with exactly: goes on and on and on and on")
    with pytest.raises(httpx2.ReadTimeout):
        client.post(f"{gateway}/fault/LC01/v1/messages", json=body, timeout=httpx2.Timeout(10, read=1))
    assert how_it_ended(gateway, client, "goes") == "whole"


def test_thinking_that_is_to_be_omitted_is(gateway: str, client: httpx2.Client) -> None:
    thinking = {"type": "adaptive", "display": "omitted"}
    answer = heard(gateway, client, "none", "Reply with exactly: pine", "stream", thinking=thinking)
    assert [block.get("thinking") for block in answer.content] == ["", None]


@pytest.mark.parametrize("shape", OLLAMA_SHAPES)
def test_the_shapes_of_ollama(served: Serve, client: httpx2.Client, shape: str) -> None:
    """JSON and stream say the same, in the order of their lines where there is one."""
    body = {
        "model": "scripted",
        "think": False,
        "messages": [{"role": "user", "content": f"Shape: {shape}.\n{CALLS}"}],
        "tools": [{"type": "function", "function": {"name": "echo", "parameters": ECHO["input_schema"]}}],
    }
    url = f"{served('--face', 'ollama')}/api/chat"
    lines = [json.loads(line) for line in client.post(url, json=body).text.splitlines()]
    whole = client.post(url, json={**body, "stream": False}).json()
    joined = "".join(line["message"]["content"] for line in lines)
    assert joined == whole["message"]["content"]
    called = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert [call["function"] for call in called] == [
        call["function"] for call in whole["message"].get("tool_calls", [])
    ]
    assert {key for key in lines[-1] if "duration" not in key} == {key for key in whole if "duration" not in key}
