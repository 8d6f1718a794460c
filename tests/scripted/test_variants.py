"""Every legal variant differs on the wire, and none of them from what the official SDK reads."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import pytest
from reference_client import ECHO, asking
from reference_probes import MESSAGES, masked

from conformance.scripted.variants import variants

CHANGING = ("date:", "request-id:", "anthropic-ratelimit-requests-reset:")
CHANGED = {
    "unknown-block",
    "text-before-tool",
    "two-text-blocks",
    "thinks-unasked",
    "redacted-thinking",
    "text-between-calls",
    "text-after-tool",
    "two-thoughts",
}
"""Variants with another number of blocks."""
ASKED = [MESSAGES[name] for name in ("text", "thinking", "tool", "tools", "stopped", "cited")]
REFUSED = asking(model=5)
LONG = asking("word " * 6000 + "\nReply with exactly: hello")
UNLIMITED = asking(max_tokens=-1)
FRACTION = asking('Call the tool echo with this input: {"text": "a", "number": 1.0}', tools=[ECHO])
FOREIGN = asking(
    messages=[
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Well.", "signature": "of another"}]},
        {"role": "user", "content": "Reply with exactly: hello"},
    ]
)
NULL = asking(system=None)
BLOCKS = asking(system=[{"type": "text", "text": "One."}, {"type": "text", "text": "The secret word is fig."}])


def wire(address: str, path: str, body: dict[str, Any]) -> str:
    """All bytes of an answer, from the status line to the end of the connection."""
    sent = json.dumps(body).encode()
    fields = ("host: reference", "accept-encoding: gzip", "connection: close", f"content-length: {len(sent)}")
    head = "\r\n".join((f"POST {path} HTTP/1.1", *fields, "", ""))
    place = urlsplit(address)
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=5) as connection:
        connection.sendall(head.encode() + sent)
        received = bytearray()
        while data := connection.recv(65536):
            received += data
    lines = received.decode("latin-1").split("\r\n")
    return masked("\r\n".join(line for line in lines if not line.lower().startswith(CHANGING)))


UNSEEN = {
    "joins-blocks",
    "slow-to-begin",
    "reads-broken-json",
    "estimates-tokens",
    "braces-for-nothing",
    "cache-forgets",
}
"""Variants that show in time, in what the model reads, elsewhere or in other bodies: asked in tests of their own."""


HERE = [name for name, variant in variants().items() if "upstream" not in variant.needs]
"""Those that show without an upstream; `test_gateway.py` asks the others."""


@pytest.mark.parametrize("name", [name for name in HERE if name not in UNSEEN])
def test_a_variant_differs_on_the_wire(name: str, address: str) -> None:
    asked = (*ASKED, REFUSED, UNLIMITED, LONG, BLOCKS, FRACTION, FOREIGN, NULL)
    bodies = [{**body, "stream": stream} for body in asked for stream in (True, False)]
    assert any(
        wire(address, f"/variant/{name}/v1/messages", body) != wire(address, "/v1/messages", body) for body in bodies
    )


def test_a_cache_that_forgets_reads_nothing_of_a_conversation_that_it_knows(sdk: anthropic.Anthropic) -> None:
    known = [{"type": "text", "text": "word " * 3000, "cache_control": {"type": "ephemeral"}}]
    turns = [{"role": ("user", "assistant")[number % 2], "content": "Reply with exactly: wren"} for number in range(5)]

    def read(path: str) -> int:
        body = asking(system=known, messages=turns)
        answers = [sdk.post(f"{path}/v1/messages", cast_to=dict[str, Any], body=body) for _ in range(2)]
        return int(answers[1]["usage"]["cache_read_input_tokens"])

    assert read("") > 0
    assert read("/variant/cache-forgets") == 0


def content(message: Any) -> list[Any]:
    """What a reader of the message makes use of."""
    return [
        getattr(block, "text", None) or getattr(block, "thinking", None) or (block.name, block.input)
        for block in message.content
        if block.type != "mood"
    ]


@pytest.fixture(scope="module")
def sdk(address: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="any", base_url=address, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def correct(sdk: anthropic.Anthropic) -> list[tuple[list[Any], str | None]]:
    messages = [sdk.messages.create(**body) for body in ASKED]
    return [(content(message), message.stop_reason) for message in messages]


@pytest.mark.parametrize("name", [name for name in HERE if name not in CHANGED])
def test_the_sdk_reads_a_variant_as_the_correct_answer(
    name: str, address: str, sdk: anthropic.Anthropic, correct: list[Any]
) -> None:
    client = sdk.with_options(base_url=f"{address}/variant/{name}")
    for body, expected in zip(ASKED, correct, strict=True):
        whole = client.messages.create(**body)
        with client.messages.stream(**body) as stream:
            streamed = stream.get_final_message()
        assert (content(whole), whole.stop_reason) == (content(streamed), streamed.stop_reason) == expected


@pytest.mark.parametrize("name", HERE)
def test_what_a_variant_answers_it_takes_back(name: str, address: str, client: httpx2.Client) -> None:
    body = MESSAGES["tools"]
    base = f"{address}/variant/{name}/v1/messages"
    message = client.post(base, json=body).json()
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "done"} for block in calls]
    turns = [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": results}]
    answer = client.post(base, json={**body, "messages": [*body["messages"], *turns]})
    assert answer.status_code == 200, answer.text
    assert [block["text"] for block in answer.json()["content"] if block["type"] == "text"][-1] == "done"


def test_gzip_only_where_it_is_taken(address: str) -> None:
    with httpx2.Client() as client:
        for accepted, coding in (("gzip", "gzip"), ("identity", None)):
            answer = client.post(
                f"{address}/variant/gzip/v1/messages", json=asking(), headers={"accept-encoding": accepted}
            )
            assert answer.headers.get("content-encoding") == coding
            assert answer.json()["content"][0]["text"] == "hello"


def test_there_are_many_and_a_fault_can_be_spoken_in_one(address: str) -> None:
    assert len(variants()) >= 79
    answer = httpx2.post(f"{address}/variant/pretty/fault/SR04/v1/messages", json=asking(tools=[ECHO]))
    assert answer.json()["stop_reason"] is None
    assert answer.text.startswith("{\n")


def in_variant(address: str, name: str, **request: Any) -> httpx2.Response:
    return httpx2.post(f"{address}/variant/{name}/v1/messages", verify=False, **request)  # reads no certificates


def test_joined_blocks_hide_an_instruction_that_begins_no_line(address: str) -> None:
    blocks = [{"type": "text", "text": "Hello."}, {"type": "text", "text": "Reply with exactly: hello"}]
    body = asking(messages=[{"role": "user", "content": blocks}])
    assert in_variant(address, "joins-blocks", json=body).json()["content"][0]["text"] == "OK"
    blocks[1]["text"] = f"\n{blocks[1]['text']}"
    assert in_variant(address, "joins-blocks", json=body).json()["content"][0]["text"] == "hello"


def test_a_slow_server_takes_its_time(address: str) -> None:
    assert in_variant(address, "slow-to-begin", json=asking()).elapsed.total_seconds() >= 0.3


@pytest.mark.parametrize("ending", [b" trailing", b"\xff"])
def test_what_follows_the_json_is_read_over(address: str, ending: bytes) -> None:
    body = json.dumps(asking()).encode() + ending
    assert httpx2.post(f"{address}/v1/messages", content=body).status_code == 400
    assert in_variant(address, "reads-broken-json", content=body).json()["content"][0]["text"] == "hello"


@pytest.mark.parametrize("odd", [{"model": 5}, {"max_tokens": -1}, {"temperature": 7}, {"nobody_knows": 1}])
def test_lenient_servers_answer_what_the_api_refuses(address: str, odd: dict[str, Any]) -> None:
    assert in_variant(address, "accepts-anything", json=asking(**odd)).status_code == 200
    if "model" not in odd:
        assert in_variant(address, "lenient", json=asking(**odd)).json()["content"][0]["text"] == "hello"


def test_a_model_that_is_given_back_is_given_back_as_it_is(address: str) -> None:
    assert in_variant(address, "accepts-anything", json=asking(model=5)).json()["model"] == 5


@pytest.mark.parametrize(
    ("name", "words"), [("small-window", "maximum context"), ("small-window-llama", "context size")]
)
def test_a_small_window_refuses_in_its_vendors_words(address: str, name: str, words: str) -> None:
    answer = in_variant(address, name, json=LONG)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert words in answer.json()["error"]["message"]
    assert in_variant(address, name, json=asking()).status_code == 200


def test_bad_bytes_are_quoted_as_replacement_characters(address: str) -> None:
    answer = in_variant(address, "quotes-bad-bytes", content=b'{"model": "\xff"}')
    assert "\ufffd" in answer.json()["error"]["message"]


def test_an_estimate_is_above_what_is_weighed(address: str) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
    said = [
        httpx2.post(f"{address}{prefix}/v1/messages/count_tokens", json=body, headers={"x-api-key": "k"}).json()
        for prefix in ("", "/variant/estimates-tokens")
    ]
    assert said[1]["input_tokens"] == said[0]["input_tokens"] + 3


def test_a_call_without_arguments_may_say_so(address: str) -> None:
    tool = {"name": "now", "input_schema": {"type": "object", "properties": {}}}
    body = asking("Call the tool now with this input: {}", tools=[tool], stream=True)
    assert '"partial_json":"{}"' in wire(address, "/variant/braces-for-nothing/v1/messages", body)
    assert '"partial_json":"{}"' not in wire(address, "/v1/messages", body)
