"""What the reference endpoint refuses, and the twin of each that it accepts."""

import base64
from typing import Any

import pytest
from reference_client import ECHO, asking, post, talk

from conformance.scripted.anthropic.identity import sign

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0c"
    b"IDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
).decode()
USER = {"role": "user", "content": "hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {"text": "a"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a"}
CALLED = [USER, {"role": "assistant", "content": [CALL]}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
THINK = {"type": "enabled", "budget_tokens": 1024}


def said(*content: Any, role: str = "user") -> dict[str, Any]:
    return asking(messages=[{"role": role, "content": list(content)}])


def marked(*controls: Any, **fields: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": f"block {n}", "cache_control": control} for n, control in enumerate(controls)]
    return asking(messages=[{"role": "user", "content": blocks}], **fields)


def image(media_type: str = "image/png", data: str = PNG) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def document(**fields: Any) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, **fields}


def schema(**fields: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": {**SCHEMA, **fields}}}}


def thinking_turn(signature: str) -> dict[str, Any]:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    reply = {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}
    return asking(messages=[USER, reply, USER])


REFUSED = {
    "model missing": (asking(model=...), "model: "),
    "model not a string": (asking(model=5), "model: "),
    "max_tokens missing": (asking(max_tokens=...), "max_tokens: "),
    "max_tokens negative": (asking(max_tokens=-1), "max_tokens: "),
    "max_tokens fractional": (asking(max_tokens=1.5), "max_tokens: "),
    "max_tokens above the model's": (asking(max_tokens=1_000_000), "max_tokens: "),
    "max_tokens zero, streamed": (asking(max_tokens=0, stream=True), "max_tokens: "),
    "max_tokens zero, schema": (asking(max_tokens=0, **schema()), "max_tokens: "),
    "max_tokens zero, forced": (asking(max_tokens=0, tools=[ECHO], tool_choice={"type": "any"}), "max_tokens: "),
    "messages missing": (asking(messages=...), "messages: "),
    "messages empty": (asking(messages=[]), "messages: "),
    "messages not a list": (asking(messages="hello"), "messages: "),
    "role unknown": (asking(messages=[{"role": "tool", "content": "a"}]), "messages.0.role: "),
    "message with a key too many": (asking(messages=[{**USER, "name": "me"}]), "messages.0.name: "),
    "content missing": (asking(messages=[{"role": "user"}]), "messages.0.content: "),
    "content empty": (asking(messages=[{"role": "user", "content": ""}]), "messages.0.content: "),
    "content white": (asking(messages=[{"role": "user", "content": " \n"}]), "messages.0.content: "),
    "content an empty list": (said(), "messages.0.content: "),
    "text empty": (said({"type": "text", "text": ""}), "messages.0.content.0.text: "),
    "text with a key too many": (said({"type": "text", "text": "a", "x": 1}), "messages.0.content.0.x: "),
    "block unknown": (said({"type": "sound", "text": "a"}), "messages.0.content.0.type: "),
    "block without a type": (said({"text": "a"}), "messages.0.content.0.type: "),
    "call by the user": (said(CALL), "messages.0.content.0: "),
    "result by the assistant": (asking(messages=[USER, {"role": "assistant", "content": [RESULT]}]), "messages.1."),
    "key unknown": (asking(nonsense=1), "nonsense: "),
    "stream not boolean": (asking(stream="yes"), "stream: "),
    "system empty": (asking(system=[{"type": "text", "text": ""}]), "system.0.text: "),
    "system with an image": (asking(system=[image()]), "system.0.type: "),
    "system first": (asking(messages=[{"role": "system", "content": "a"}, USER]), "messages.0.role: "),
    "system before user": (asking(messages=[USER, {"role": "system", "content": "a"}, USER]), "messages.1.role: "),
    "stop sequence empty": (asking(stop_sequences=["a", ""]), "stop_sequences.1: "),
    "stop sequence white": (asking(stop_sequences=[" "]), "stop_sequences.0: "),
    "stop sequences a string": (asking(stop_sequences="a"), "stop_sequences: "),
    "temperature high": (asking(temperature=1.1), "temperature: "),
    "temperature a string": (asking(temperature="1"), "temperature: "),
    "top_p negative": (asking(top_p=-0.1), "top_p: "),
    "top_k negative": (asking(top_k=-1), "top_k: "),
    "user id long": (asking(metadata={"user_id": "x" * 513}), "metadata.user_id: "),
    "metadata unknown": (asking(metadata={"name": "x"}), "metadata.name: "),
    "service tier unknown": (asking(service_tier="gold"), "service_tier: "),
    "prefill with trailing space": (asking(messages=[USER, {"role": "assistant", "content": "a "}]), "messages.1."),
    "call unanswered": (asking(messages=[*CALLED, USER], tools=[ECHO]), "messages.1: "),
    "call unanswered at the end": (asking(messages=CALLED, tools=[ECHO]), "messages.1: "),
    "result without call": (said(RESULT), "messages.0.content.0.tool_use_id: "),
    "result twice": (
        asking(messages=[*CALLED, {"role": "user", "content": [RESULT, RESULT]}]),
        "messages.2.content.1.",
    ),
    "call id twice": (
        asking(messages=[USER, {"role": "assistant", "content": [CALL, CALL]}]),
        "messages.1.content.1.id: ",
    ),
    "call id malformed": (
        asking(messages=[USER, {"role": "assistant", "content": [{**CALL, "id": "a b"}]}]),
        "messages.1.",
    ),
    "call input a string": (
        asking(messages=[USER, {"role": "assistant", "content": [{**CALL, "input": "{}"}]}]),
        "messages.1.",
    ),
    "tool names twice": (asking(tools=[ECHO, ECHO]), "tools.1.name: "),
    "tool name malformed": (asking(tools=[{**ECHO, "name": "no spaces"}]), "tools.0.name: "),
    "tool without schema": (asking(tools=[{"name": "echo"}]), "tools.0.input_schema: "),
    "tool schema not of an object": (
        asking(tools=[{**ECHO, "input_schema": {"type": "array"}}]),
        "tools.0.input_schema",
    ),
    "tool schema invalid": (
        asking(tools=[{**ECHO, "input_schema": {"type": "object", "properties": {"a": {"type": "text"}}}}]),
        "tools.0.input_schema",
    ),
    "tool with a key too many": (asking(tools=[{**ECHO, "parameters": {}}]), "tools.0.parameters: "),
    "tool of an unknown type": (asking(tools=[{**ECHO, "type": "function"}]), "tools.0.type: "),
    "tool of the server": (asking(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "tools.0.type: "),
    "tool bash renamed": (asking(tools=[{"type": "bash_20250124", "name": "shell"}]), "tools.0.name: "),
    "toolset with an unknown member": (
        asking(tools=[{"type": "computer_toolset_20260801", "configs": {"fly": {}}}]),
        "tools.0.configs",
    ),
    "tools all deferred": (asking(tools=[{**ECHO, "defer_loading": True}]), "tools: "),
    "strict tool with an open schema": (asking(tools=[{**ECHO, "strict": True}]), "tools.0.input_schema"),
    "choice a string": (asking(tools=[ECHO], tool_choice="auto"), "tool_choice: "),
    "choice unknown": (asking(tools=[ECHO], tool_choice={"type": "some"}), "tool_choice.type: "),
    "choice without a name": (asking(tools=[ECHO], tool_choice={"type": "tool"}), "tool_choice.name: "),
    "choice of an unknown tool": (
        asking(tools=[ECHO], tool_choice={"type": "tool", "name": "x"}),
        "tool_choice.name: ",
    ),
    "choice none with parallel": (
        asking(tools=[ECHO], tool_choice={"type": "none", "disable_parallel_tool_use": True}),
        "tool_choice.disable_parallel_tool_use: ",
    ),
    "choice without tools": (asking(tool_choice={"type": "any"}), "tool_choice: "),
    "choice with thinking": (
        asking(tools=[ECHO], tool_choice={"type": "any"}, thinking=THINK, max_tokens=2000),
        "tool_choice: ",
    ),
    "thinking budget small": (asking(thinking={**THINK, "budget_tokens": 1023}), "thinking.budget_tokens: "),
    "thinking budget not below max_tokens": (asking(thinking=THINK, max_tokens=1024), "thinking.budget_tokens: "),
    "thinking without a budget": (asking(thinking={"type": "enabled"}), "thinking.budget_tokens: "),
    "thinking unknown": (asking(thinking={"type": "hard"}), "thinking.type: "),
    "thinking without a type": (asking(thinking={"budget_tokens": 1024}), "thinking.type: "),
    "thinking with temperature": (asking(thinking={"type": "adaptive"}, temperature=0.5), "temperature: "),
    "thinking forged": (thinking_turn("Zm9yZ2VkIHNpZ25hdHVyZQ=="), "messages.1.content.0: "),
    "thinking of other words": (thinking_turn(sign("other")), "messages.1.content.0: "),
    "thinking last": (
        asking(
            messages=[
                USER,
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": sign("")}]},
            ]
        ),
        "messages.1.content.0: ",
    ),
    "thinking last in an earlier turn": (
        asking(
            messages=[
                USER,
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": sign("")}]},
                USER,
            ]
        ),
        "messages.1.content.0: ",
    ),
    "effort unknown": (asking(output_config={"effort": "huge"}), "output_config.effort: "),
    "schema open": (asking(**schema(additionalProperties=True)), "output_config.format.schema.additionalProperties: "),
    "schema with bounds": (
        asking(**schema(properties={"a": {"type": "string", "minLength": 1}})),
        "output_config.format.schema.properties.a.minLength: ",
    ),
    "schema recursive": (asking(**schema(properties={"a": {"$ref": "#"}})), "output_config.format.schema"),
    "schema with citations": (
        {**said(document(citations={"enabled": True})), **schema()},
        "output_config.format: ",
    ),
    "schema with prefill": (asking(messages=[USER, {"role": "assistant", "content": "{"}], **schema()), "messages: "),
    "format unknown": (asking(output_config={"format": {"type": "yaml", "schema": SCHEMA}}), "output_config.format"),
    "image media type unknown": (said(image("image/bmp")), "messages.0.content.0.source.media_type: "),
    "image of another type": (said(image("image/jpeg")), "messages.0.content.0.source.base64.media_type: "),
    "image not base64": (said(image(data="%%%")), "messages.0.content.0.source.base64.data: "),
    "image empty": (said(image(data="")), "messages.0.content.0.source.data: "),
    "image not an image": (said(image(data="aGVsbG8=")), "messages.0.content.0.source: "),
    "image elsewhere": (
        said({"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}}),
        "messages.0.content.0.source.url: ",
    ),
    "image not reachable": (
        said({"type": "image", "source": {"type": "url", "url": "http://127.0.0.1:9/a.png"}}),
        "messages.0.content.0.source.url: ",
    ),
    "image in no file": (
        said({"type": "image", "source": {"type": "file", "file_id": "file_x"}}),
        "messages.0.content.0.source.file_id: ",
    ),
    "document title empty": (said(document(title="")), "messages.0.content.0.title: "),
    "document not a PDF": (
        said({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGVsbG8="}}),
        "messages.0.content.0.source: ",
    ),
    "citations on some documents": (said(document(citations={"enabled": True}), document()), "messages: "),
    "five breakpoints": (marked(SHORT, SHORT, SHORT, SHORT, SHORT), "A maximum of 4 blocks"),
    "four breakpoints and the automatic one": (
        marked(SHORT, SHORT, SHORT, SHORT, None, cache_control=SHORT),
        "A maximum",
    ),
    "automatic breakpoint of another ttl": (marked(SHORT, cache_control=LONG), "cache_control: "),
    "long breakpoint after a short one": (marked(SHORT, LONG), "messages.0.content.1.cache_control.ttl: "),
    "breakpoint unknown": (marked({"type": "forever"}), "messages.0.content.0.cache_control.type: "),
    "breakpoint of an odd ttl": (
        marked({"type": "ephemeral", "ttl": "2h"}),
        "messages.0.content.0.cache_control.ttl: ",
    ),
    "breakpoint on thinking": (
        asking(
            messages=[
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "", "signature": sign(""), "cache_control": SHORT},
                        {"type": "text", "text": "a"},
                    ],
                },
                USER,
            ]
        ),
        "messages.1.content.0.cache_control: ",
    ),
    "prompt too long": (asking("word " * 200_000), "prompt is too long: "),
}

ACCEPTED = {
    "plain": asking(),
    "max_tokens zero": asking(max_tokens=0),
    "everything that clients send": asking(
        system=[{"type": "text", "text": "Be kind.", "cache_control": SHORT}],
        metadata={"user_id": '{"device_id":"a","session_id":"b"}'},
        service_tier="auto",
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        output_config={"effort": "high"},
        thinking={"type": "adaptive"},
        max_tokens=32_000,
        cache_control=None,
        inference_geo=None,
        diagnostics={"previous_message_id": None},
    ),
    "system at index 1": asking(messages=[USER, {"role": "system", "content": "a"}]),
    "system before assistant": asking(
        messages=[USER, {"role": "system", "content": "a"}, {"role": "assistant", "content": "b"}, USER]
    ),
    "two user messages": asking(messages=[USER, USER]),
    "assistant first": asking(messages=[{"role": "assistant", "content": "a"}, USER]),
    "prefill": asking(messages=[USER, {"role": "assistant", "content": "a"}]),
    "empty final assistant": asking(messages=[USER, {"role": "assistant", "content": ""}]),
    "sampling": asking(temperature=0, top_p=0.5, top_k=0),
    "call with its result": asking(messages=[*CALLED, {"role": "user", "content": [RESULT]}], tools=[ECHO]),
    "result after text": asking(
        messages=[*CALLED, {"role": "user", "content": [{"type": "text", "text": "a"}, RESULT]}]
    ),
    "result without content": asking(
        messages=[*CALLED, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}]
    ),
    "result in a second user message": asking(messages=[*CALLED, {"role": "user", "content": [RESULT]}, USER]),
    "thinking with temperature one": asking(thinking=THINK, max_tokens=2000, temperature=1),
    "thinking replayed": thinking_turn(sign("hm")),
    "thinking off": asking(thinking={"type": "disabled"}),
    "defined tools": asking(
        tools=[
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 1},
            {"type": "memory_20250818", "name": "memory"},
            {"type": "computer_toolset_20260801", "configs": {"zoom": {"enabled": False}}},
            {"type": "browser_toolset_20260801"},
            {**ECHO, "type": "custom", "eager_input_streaming": True, "input_examples": [{"text": "a"}]},
        ]
    ),
    "schema": asking(**schema()),
    "schema by its old name": asking(output_format={"type": "json_schema", "schema": SCHEMA}),
    "image": said(image(), {"type": "text", "text": "What is this?"}),
    "four breakpoints": marked(LONG, LONG, SHORT, SHORT),
    "automatic breakpoint beside three": marked(SHORT, SHORT, SHORT, None, cache_control=SHORT),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_breaks_a_law_is_refused_with_the_path_first(name: str) -> None:
    body, beginning = REFUSED[name]
    answer = post(body)
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert error["error"]["type"] == "invalid_request_error"
    assert error["error"]["message"].startswith(beginning), error["error"]["message"]
    assert error["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_legal_request_is_answered(name: str) -> None:
    answer = post(
        ACCEPTED[name], headers={"anthropic-beta": "interleaved-thinking-2025-05-14,never-heard-of-2031-01-01"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == "message"


@pytest.mark.parametrize("name", [name for name, body in ACCEPTED.items() if "stream" not in body])
def test_counting_agrees_with_the_usage_of_the_same_request(name: str) -> None:
    body = ACCEPTED[name]
    kept = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")
    counted = post({key: value for key, value in body.items() if key in kept}, "/v1/messages/count_tokens").json()
    usage = post(body).json()["usage"]
    assert "output_format" in body or counted == {
        "input_tokens": usage["input_tokens"] + usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    }


@pytest.mark.parametrize("field", ["max_tokens", "stream", "stop_sequences", "metadata"])
def test_counting_refuses_what_belongs_to_an_answer(field: str) -> None:
    given = {"max_tokens": 5, "stream": False, "stop_sequences": ["a"], "metadata": {}}
    body = {"model": "scripted", "messages": [USER], field: given[field]}
    assert post(body, "/v1/messages/count_tokens").json()["error"]["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body",
    [
        asking(temperature=1.0),
        asking(top_p=1.0),
        asking(top_k=0),
        asking(messages=[USER, {"role": "assistant", "content": [document()]}, USER]),
        said(
            {
                "type": "text",
                "text": "a",
                "citations": [
                    {
                        "type": "char_location",
                        "cited_text": "a",
                        "document_index": 0,
                        "document_title": None,
                        "start_char_index": 0,
                        "end_char_index": 1,
                    }
                ],
            }
        ),
    ],
)
def test_the_newest_version_refuses_what_the_older_one_takes(body: dict[str, Any]) -> None:
    async def script(client: Any) -> list[int]:
        versions = ("2023-06-01", "2026-10-21")
        return [
            (await client.post("/v1/messages", json=body, headers={"anthropic-version": version})).status_code
            for version in versions
        ]

    assert talk(script) == [200, 400]


def test_what_is_no_version_is_refused_and_none_is_the_older_one() -> None:
    assert post(asking(), headers={"anthropic-version": "1999-01-01"}).status_code == 400
    assert post(asking(temperature=0.5)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff{}"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = talk(lambda client: client.post("/v1/messages", content=body))
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_an_unknown_model_is_not_found() -> None:
    answer = post(asking(model="nobody"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_the_small_model_refuses_what_it_lacks() -> None:
    for body in (
        {**said(image()), "model": "scripted-small"},
        asking(model="scripted-small", thinking={"type": "adaptive"}),
        asking("word " * 9000, model="scripted-small"),
    ):
        assert post(body).status_code == 400


def test_a_body_of_more_than_32_megabytes_is_too_large() -> None:
    answer = talk(lambda client: client.post("/v1/messages", content=b"x" * 32_000_001))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
