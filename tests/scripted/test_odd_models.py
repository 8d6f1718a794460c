"""Odd models: what they were asked they may not do, what the protocol owes they do."""

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from reference_client import ECHO, asking, post, talk

from conformance.scripted.odd_models import ODD_MODELS


def answered(name: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: httpx2.Response = talk(lambda client: client.post(f"/model/{name}/v1/messages", json=body))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("name", ODD_MODELS)
def test_what_the_protocol_owes_stays_right(name: str) -> None:
    forced = answered(name, asking("Reply with exactly: no", tools=[ECHO], tool_choice={"type": "any"}))
    assert [block["name"] for block in forced["content"]] == ["echo"]
    assert forced["stop_reason"] == "tool_use"
    forbidden = answered(name, asking("Say something.", tools=[ECHO], tool_choice={"type": "none"}))
    assert "tool_use" not in {block["type"] for block in forbidden["content"]}
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert (
        len([b for b in answered(name, asking(tools=[ECHO], tool_choice=alone))["content"] if b["type"] == "tool_use"])
        < 2
    )
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    shaped = answered(
        name, asking("Fill the schema.", output_config={"format": {"type": "json_schema", "schema": schema}})
    )
    assert isinstance(json.loads(shaped["content"][0]["text"])["a"], int)
    limited = answered(name, asking("Count from 1 to 90.", max_tokens=3))
    assert limited["usage"]["output_tokens"] <= 3
    stopped = answered(name, asking("Reply with exactly: one two three", stop_sequences=["two"]))
    assert "two" not in "".join(block["text"] for block in stopped["content"])


@pytest.mark.parametrize("name", ODD_MODELS)
def test_each_is_odd_in_its_way(name: str) -> None:
    asked = [
        asking("Reply with exactly: Grüße, lovely strawberries"),
        asking('Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}', tools=[ECHO]),
        asking(tools=[ECHO]),
        asking("Reply with only the secret word.", system="The secret word is fig."),
        asking("Reply with exactly: k3mp7xq2ab"),
        asking('Call the tool echo with this input: {"n": 1}', tools=[ECHO], thinking={"type": "adaptive"}),
    ]
    right = [content(post(body).json()) for body in asked]
    assert [content(answered(name, body)) for body in asked] != right


def content(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in block.items() if key != "id"} for block in message["content"]]


def test_an_unknown_model_is_a_404() -> None:
    answer = talk(lambda client: client.post("/model/genius/v1/messages", json=asking()))
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_they_are_listed() -> None:
    command = [sys.executable, "-m", "conformance.scripted", "models", "--json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert [entry["id"] for entry in listed] == list(ODD_MODELS)
