"""The openai face beyond the probe vectors: the letter of the wire, what it refuses, and how it fails."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

Serve = Callable[..., str]
PATH = "/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "echo", "parameters": {"type": "object"}}}


@pytest.fixture
def chat(served: Serve, client: httpx2.Client) -> Callable[..., httpx2.Response]:
    def ask(prompt: str = "Reply with exactly: pine oak", **fields: Any) -> httpx2.Response:
        body = {"model": "any/model:v1", "messages": [{"role": "user", "content": prompt}], **fields}
        return client.post(served("--face", "openai") + PATH, json=body)

    return ask


def chunks(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, last, end = response.text.split("\n\n")
    assert (last, end) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_a_completion(chat: Callable[..., httpx2.Response]) -> None:
    completion = chat().json()
    assert completion["id"].startswith("chatcmpl-")
    assert completion["object"] == "chat.completion"
    assert completion["model"] == "any/model:v1"
    assert completion["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "pine oak", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(chat: Callable[..., httpx2.Response]) -> None:
    got = chunks(chat(stream=True))
    assert {chunk["object"] for chunk in got} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in got}) == 1
    choices = [chunk["choices"][0] for chunk in got]
    assert choices[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [choice["delta"] for choice in choices[1:]] == [{"content": "pine"}, {"content": " oak"}, {}]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "stop"]
    assert not any("usage" in chunk for chunk in got)


def test_usage_comes_last_and_only_if_asked_for(chat: Callable[..., httpx2.Response]) -> None:
    got = chunks(chat(stream=True, stream_options={"include_usage": True}))
    assert got[-1]["choices"] == []
    assert got[-1]["usage"] == chat().json()["usage"]
    assert [chunk["usage"] for chunk in got[:-1]] == [None] * (len(got) - 1)


def test_a_calls_id_and_name_come_once_and_its_arguments_in_pieces(chat: Callable[..., httpx2.Response]) -> None:
    prompt = 'Call these tools in one turn: echo {"text": "a longer text than one piece"}; echo {}'
    got = [chunk["choices"][0]["delta"] for chunk in chunks(chat(prompt, tools=[TOOL], stream=True))]
    assert got[0]["content"] is None
    calls = [call for delta in got for call in delta.get("tool_calls", [])]
    opened = [call for call in calls if "id" in call]
    assert [(call["index"], call["function"]) for call in opened] == [
        (0, {"name": "echo", "arguments": ""}),
        (1, {"name": "echo", "arguments": ""}),
    ]
    assert len({call["id"] for call in opened}) == 2
    assert len([call for call in calls if call["index"] == 0]) > 2


def test_a_message_of_calls_has_no_content(chat: Callable[..., httpx2.Response]) -> None:
    message = chat("Call the tool echo with this input: {}", tools=[TOOL]).json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"][0]["function"] == {"name": "echo", "arguments": "{}"}


def test_reasoning_is_told_apart(chat: Callable[..., httpx2.Response]) -> None:
    prompt = "Think in 3 words, then reply with exactly: pine"
    asked: tuple[dict[str, Any], ...] = (
        {"reasoning_effort": "low"},
        {"thinking": {"type": "enabled", "budget_tokens": 5}},
    )
    for fields in asked:
        completion = chat(prompt, **fields).json()
        assert len(completion["choices"][0]["message"]["reasoning_content"].split()) == 3
        assert completion["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3
    unasked: tuple[dict[str, Any], ...] = ({}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}})
    for fields in unasked:
        assert "reasoning_content" not in chat(prompt, **fields).json()["choices"][0]["message"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_both_names_of_the_limit(chat: Callable[..., httpx2.Response], name: str) -> None:
    assert chat(**{name: 1}).json()["choices"][0] | {"message": None, "logprobs": None} == {
        "index": 0,
        "message": None,
        "logprobs": None,
        "finish_reason": "length",
    }


def test_a_stop_sequence_may_be_a_string(chat: Callable[..., httpx2.Response]) -> None:
    assert chat(stop=" oak").json()["choices"][0]["message"]["content"] == "pine"


def test_any_object_where_json_is_asked_for(chat: Callable[..., httpx2.Response]) -> None:
    assert chat(response_format={"type": "json_object"}).json()["choices"][0]["message"]["content"] == "{}"


def test_a_file_is_read(chat: Callable[..., httpx2.Response]) -> None:
    file = {"filename": "a.txt", "file_data": "data:text/plain;base64,VGhlIHNlY3JldCB3b3JkIGlzIG1hbmdvLg=="}
    parts = [{"type": "file", "file": file}, {"type": "text", "text": "Reply with only the secret word."}]
    assert chat(parts).json()["choices"][0]["message"]["content"] == "mango"


CALL = {"id": "call_1", "type": "function", "function": {"name": "echo", "arguments": "{}"}}
USER = {"role": "user", "content": "Good morning."}


def image(url: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, "messages[0].content[0].type"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "x", "content": "y"}]}, "messages.[1].role"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}]}, "messages"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, USER]}, "messages"),
        ({"messages": [image("https://example.com/a.png")]}, "messages"),
        ({"messages": [image("data:application/pdf;base64,AAAA")]}, "messages"),
        ({"messages": [image("data:image/png;base64,A")]}, "messages"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"tools": []}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "sing"}}}, "tool_choice"),
        ({"n": 2}, "n"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_by_the_name_of_its_parameter(
    chat: Callable[..., httpx2.Response], fields: dict[str, Any], param: str
) -> None:
    response = chat(**fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/responses", 404), ("GET", "/", 404), ("GET", PATH, 405), ("GET", "/v1/models/x", 404)],
)
def test_an_unknown_route_is_refused_in_the_same_form(
    served: Serve, client: httpx2.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, served("--face", "openai") + path)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}


def test_a_body_that_is_not_json(served: Serve, client: httpx2.Client) -> None:
    response = client.post(served("--face", "openai") + PATH, content=b"{")
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_models(served: Serve, client: httpx2.Client) -> None:
    url = served("--face", "openai") + "/v1/models"
    listing = client.get(url).json()
    assert listing["object"] == "list"
    assert [model["id"] for model in listing["data"]] == ["scripted"]
    assert client.get(f"{url}/scripted").json() == listing["data"][0]


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Bearer wrong", 401), ("right", 401), ("Bearer right", 200)]
)
def test_a_key(served: Serve, client: httpx2.Client, authorization: str | None, status: int) -> None:
    headers = {"authorization": authorization} if authorization else {}
    response = client.get(served("--face", "openai", "--api-key", "right") + "/v1/models", headers=headers)
    assert response.status_code == status
    assert status == 200 or response.json()["error"]["type"] == "invalid_request_error"


def test_an_error_in_the_stream_is_its_last_event(chat: Callable[..., httpx2.Response]) -> None:
    events = chat("Fail with error after 2 words.", stream=True).text.split("\n\n")
    assert json.loads(events[-2].removeprefix("data: "))["error"]["type"] == "server_error"
    assert "[DONE]" not in events[-1]


def test_split_bytes_have_borders_inside_characters(served: Serve, client: httpx2.Client) -> None:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Fail with split bytes."}]}
    with client.stream("POST", served("--face", "openai") + PATH, json=body) as response:
        pieces = list(response.iter_raw())
    assert any(0x80 <= piece[0] < 0xC0 for piece in pieces if piece)
    b"".join(pieces).decode()


def test_a_long_answer_takes_its_time_and_a_short_one_does_not(chat: Callable[..., httpx2.Response]) -> None:
    def seconds(words: int, *, stream: bool) -> float:
        begun = time.perf_counter()
        chat(f"Count from 1 to {words}.", stream=stream)
        return time.perf_counter() - begun

    for stream in (False, True):
        long = seconds(250, stream=stream)
        assert long >= 250 * 0.002
        assert min(seconds(100, stream=stream) for _ in range(5)) < long / 2


def test_many_at_once(served: Serve) -> None:
    """Each answer is its own: nothing of one conversation turns up in another."""
    import asyncio

    async def within() -> list[str]:
        async with httpx2.AsyncClient() as client:

            async def ask(number: int) -> str:
                messages = [{"role": "user", "content": f"Reply with exactly: {number} " + "x " * 150}]
                response = await client.post(
                    served("--face", "openai") + PATH, json={"model": "m", "messages": messages}
                )
                return str(response.json()["choices"][0]["message"]["content"]).split()[0]

            return await asyncio.gather(*map(ask, range(20)))

    assert asyncio.run(within()) == [str(number) for number in range(20)]
