"""The reference endpoint as a gateway: correct before the scripted upstream, and wrong in one thing by each fault."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from probe_vectors import VECTORS, Mode, Vector
from reference_client import ECHO, asking
from reference_probes import after_call
from wires import WIRES

from conformance.scripted.faults import faults
from conformance.scripted.variants import variants

Serve = Callable[..., str]
Ask = Callable[..., httpx2.Response]

WIRE = WIRES["anthropic"]
LOST = {"result.error", "received.not-here", "fail.not-here"}
"""What chat completions have no word for, and what holds only where no upstream is."""
SPOKEN = [
    pytest.param(vector, mode, id=f"{mode}-{vector.id}")
    for vector in VECTORS
    for mode in vector.modes
    if "anthropic" in vector.faces and vector.id not in LOST
]
OTHERWISE_ASKED = [name for name, variant in variants().items() if "upstream" in variant.needs]
UPSTREAM = [fault.id for fault in faults().values() if "upstream" in fault.needs]


@pytest.fixture
def ask(served: Serve, client: httpx2.Client) -> Ask:
    gateway = served("--upstream", served("--face", "openai"))
    return lambda body, fault="": client.post(f"{gateway}{fault and '/fault/'}{fault}/v1/messages", json=body)


def told(answer: httpx2.Response) -> Any:
    """What the upstream received, as it gave it back."""
    assert answer.status_code == 200, answer.text
    return json.loads(answer.json()["content"][0]["text"])


def giving_back(pointer: str, **fields: Any) -> dict[str, Any]:
    return asking(f"Reply with only the request you received at {pointer}.", max_tokens=4000, **fields)


@pytest.mark.parametrize(("vector", "mode"), SPOKEN)
def test_the_probe_language_passes_through(vector: Vector, mode: Mode, ask: Ask) -> None:
    answer = ask(WIRE.request(vector.body, stream=mode == "stream"))
    heard = WIRE.streamed(answer.content) if mode == "stream" else WIRE.whole(answer.content)
    shapes = [{"type": block["type"]} if block["type"] == "thinking" else block for block in heard.content]
    assert shapes == [
        {"type": block["type"]} if block["type"] == "thinking" else block for block in vector.answer.blocks
    ]
    assert (heard.stop_reason, heard.stop_sequence) == (vector.answer.stop_reason, vector.answer.stop_sequence)


def test_a_line_separator_ends_no_line_of_the_upstreams_stream(ask: Ask) -> None:
    answer = ask(asking("Reply with exactly: a\u2028b\x85c", stream=True))
    events = [json.loads(line[len(b"data: ") :]) for line in answer.content.split(b"\n") if line.startswith(b"data: ")]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(deltas) == "a\u2028b\x85c"


def test_what_it_counts_is_what_it_reports(served: Serve, client: httpx2.Client, ask: Ask) -> None:
    gateway = served("--upstream", served("--face", "openai"))
    body = after_call({"type": "tool_result", "tool_use_id": "toolu_1", "content": "a", "is_error": True}, "And?")
    counted = client.post(
        f"{gateway}/v1/messages/count_tokens", json={key: body[key] for key in ("model", "messages", "tools")}
    )
    assert counted.json()["input_tokens"] == ask(body).json()["usage"]["input_tokens"]


@pytest.mark.parametrize("name", OTHERWISE_ASKED)
def test_the_upstream_is_asked_otherwise_and_says_the_same(name: str, served: Serve, client: httpx2.Client) -> None:
    gateway = served("--upstream", served("--face", "openai"))

    def asked(body: dict[str, Any]) -> str:
        answer = client.post(f"{gateway}/variant/{name}/v1/messages", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["content"][0]["text"])

    def correct(body: dict[str, Any]) -> str:
        return str(client.post(f"{gateway}/v1/messages", json=body).json()["content"][0]["text"])

    called = after_call({"type": "tool_result", "tool_use_id": "toolu_1", "content": "a/é"}, "")
    everything = {
        **called,
        "max_tokens": 4000,
        "system": "Be brief.",
        "messages": [
            *called["messages"][:-1],
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a/é"},
                    {"type": "text", "text": "\nReply with only the request you received at ."},
                ],
            },
        ],
    }
    for block in everything["messages"][1]["content"]:
        if block["type"] == "tool_use":
            block["input"] = {"text": "a/é"}
    assert asked(everything) != correct(everything)
    assert asked(asking("Reply with exactly: hello")) == "hello"


FAILURES: list[tuple[str, int, str]] = [
    ("status 400", 400, "invalid_request_error"),
    ("status 401", 401, "authentication_error"),
    ("status 418", 400, "invalid_request_error"),
    ("status 429 retry-after 7", 429, "rate_limit_error"),
    ("status 500", 500, "api_error"),
    ("status 503", 529, "overloaded_error"),
    ("not json", 500, "api_error"),
    ("empty", 500, "api_error"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "status", "error"), FAILURES)
def test_a_failure_before_the_first_word_is_a_refusal(
    kind: str, status: int, error: str, stream: bool, ask: Ask
) -> None:
    answer = ask(asking(f"Fail with {kind}.", stream=stream))
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, error)
    assert answer.headers.get("retry-after") == ("7" if "retry-after" in kind else None)


@pytest.mark.parametrize("kind", ["cut after 3 words", "error after 3 words", "silence after 3 words"])
def test_a_failure_after_some_words_is_an_error_event(kind: str, ask: Ask) -> None:
    events = [json.loads(line[6:]) for line in ask(asking(f"Fail with {kind}.", stream=True)).text.split("\n")
              if line.startswith("data: ")]  # fmt: skip
    said = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert said.split() == ["1", "2", "3"]
    assert [event["type"] for event in events].count("content_block_stop") == 0
    assert (events[-1]["type"], events[-1]["error"]["type"]) == ("error", "api_error")


@pytest.mark.parametrize("prefix", [*(f"/variant/{name}" for name in variants()), "/fault/SR14"])
def test_what_breaks_off_can_be_bent_too(prefix: str, served: Serve, client: httpx2.Client) -> None:
    gateway = served("--upstream", served("--face", "openai"))
    answer = client.post(f"{gateway}{prefix}/v1/messages", json=asking("Fail with error after 3 words.", stream=True))
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")


@pytest.mark.parametrize("kind", ["cut after 3 words", "error after 3 words"])
def test_without_a_stream_it_is_a_refusal_all_the_same(kind: str, ask: Ask) -> None:
    answer = ask(asking(f"Fail with {kind}."))
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")


def test_an_upstream_that_is_gone(served: Serve, client: httpx2.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        gateway = served("--upstream", f"http://127.0.0.1:{upstream.getsockname()[1]}")
    answer = client.post(gateway + "/v1/messages", json=asking())
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")


MARKED = {"cache_control": {"type": "ephemeral"}}


def test_cache_control_stays_here_or_is_left_in(ask: Ask) -> None:
    body = giving_back("", system=[{"type": "text", "text": "Be brief.", **MARKED}], tools=[{**ECHO, **MARKED}])
    assert "cache_control" not in json.dumps(told(ask(body)))
    bent = told(ask(body, "GW02"))
    assert "cache_control" in bent["messages"][0]["content"][0]
    assert "cache_control" in bent["tools"][0]


def test_tool_choice_is_translated_or_not(ask: Ask) -> None:
    body = giving_back("/tool_choice", tools=[ECHO], tool_choice={"type": "any"})
    assert ask(body).json()["content"][0]["type"] == "tool_use"
    assert ask(body, "GW03").status_code == 400


def test_a_stream_asks_for_its_usage_or_not(ask: Ask) -> None:
    body = giving_back("/stream_options/include_usage", stream=True)
    assert [WIRE.streamed(ask(body, fault).content).content[0]["text"] for fault in ("", "GW01")] == ["true", "unknown"]


def test_the_route_is_chat_completions_or_another(ask: Ask) -> None:
    assert ask(asking()).status_code == 200
    assert ask(asking(), "GW06").status_code == 404


def test_a_later_system_message_stays_one_or_becomes_a_note(ask: Ask) -> None:
    body = giving_back("/messages/1/role")
    body["messages"].append({"role": "system", "content": "Be brief."})
    assert [told(ask(body)), told(ask(body, "GW10"))] == ["system", "user"]


def test_a_limit_is_told_with_its_time_or_hidden(ask: Ask) -> None:
    body = asking("Fail with status 429 retry-after 7.")
    assert [ask(body, fault).status_code for fault in ("", "ER07", "ER07-retry-after")] == [429, 500, 429]
    assert "retry-after" not in ask(body, "ER07-retry-after").headers


def test_what_broke_off_ends_in_an_error_or_as_if_complete(ask: Ask) -> None:
    body = asking("Fail with cut after 3 words.", stream=True)
    assert '"type":"error"' in ask(body).text
    assert '"stop_reason":"end_turn"' in ask(body, "ER12").text


def test_a_failure_is_told_or_becomes_an_empty_answer(ask: Ask) -> None:
    answer = ask(asking("Fail with status 500."), "ER14").json()
    assert (answer["content"], answer["stop_reason"]) == ([], "end_turn")


def test_one_failure_leaves_the_next_alone_or_not(ask: Ask) -> None:
    assert [ask(asking("Fail with status 500."), fault).status_code for fault in ("", "GW07")] == [500, 500]
    assert [ask(asking(), fault).status_code for fault in ("", "GW07")] == [200, 429]


@pytest.mark.parametrize("name", UPSTREAM)
def test_without_an_upstream_such_a_fault_is_not_there(name: str, served: Serve, client: httpx2.Client) -> None:
    answer = client.post(f"{served()}/fault/{name}/v1/messages", json=asking())
    assert answer.status_code == 404
    assert "--upstream" in answer.json()["error"]["message"]


@pytest.mark.parametrize("words", [("--fault", "GW03"), ("--face", "openai", "--upstream", "http://127.0.0.1:9")])
def test_what_cannot_be_is_a_users_mistake(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "conformance.scripted", "serve", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 4
    assert "--upstream" in done.stderr


def test_batches_can_be_listed_while_others_come(served: Serve) -> None:
    batches = served("--upstream", served("--face", "openai")) + "/v1/messages/batches"
    body = {"requests": [{"custom_id": str(number), "params": asking()} for number in range(20)]}

    async def script() -> list[int]:
        async with httpx2.AsyncClient() as client:
            for _ in range(3):
                await client.post(batches, json=body)
            await asyncio.sleep(0.4)  # until their results are made by whoever looks first
            answers = [client.get(batches), *(client.post(batches, json=body) for _ in range(3)), client.get(batches)]
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    assert asyncio.run(script()) == [200] * 5
