"""What the reference endpoint answers: messages, streams, usage, citations, the prompt cache."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from reference_client import ECHO, asking, events_in, post, talk

from conformance.scripted.anthropic import application
from conformance.scripted.protocol import Setting

KEYS = {
    "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "container",
    "diagnostics", "usage",
}  # fmt: skip
USAGE_KEYS = {
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
    "output_tokens_details", "server_tool_use", "service_tier", "inference_geo", "speed",
}  # fmt: skip
CALL = 'Call the tool echo with this input: {"text": "Grüße 世界"}'
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
THINKING = asking("Think in 30 words, then reply with exactly: done", thinking={"type": "adaptive"})
CONVERSATIONS = {
    "text": asking("Reply with exactly: one two three four five six seven"),
    "one word": asking(),
    "unicode": asking("Reply with exactly: Grüße, 世界! 👋🏽"),
    "thinking": THINKING,
    "thinking omitted": {**THINKING, "thinking": {"type": "adaptive", "display": "omitted"}},
    "tool": asking(CALL, tools=[ECHO]),
    "two tools": asking('Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}', tools=[ECHO]),
    "tool without input": asking(
        "Call the tool now with this input: {}", tools=[{"name": "now", "input_schema": {"type": "object"}}]
    ),
    "cut": asking("Count from 1 to 50.", max_tokens=5),
    "stopped": asking("Reply with exactly: a HALT b", stop_sequences=["HALT"]),
    "long": asking("Count from 1 to 200.", max_tokens=1000),
    "schema": asking(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
}


def accumulated(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a stream builds, by the letter of the protocol."""
    message: dict[str, Any] = events[0]["message"]
    arguments = ""
    for event in events:
        match event:
            case {"type": "content_block_start", "content_block": block}:
                message["content"].append(block)
                arguments = ""
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}:
                message["content"][-1]["text"] += text
            case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": text}}:
                message["content"][-1]["thinking"] += text
            case {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": signature}}:
                message["content"][-1]["signature"] = signature
            case {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": citation}}:
                message["content"][-1]["citations"].append(citation)
            case {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}}:
                arguments += piece
            case {"type": "content_block_stop"} if message["content"][-1]["type"] == "tool_use":
                message["content"][-1]["input"] = json.loads(arguments or "{}")
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                message.update(delta)
                message["usage"].update(usage)
    return message


def without_identity(message: dict[str, Any]) -> dict[str, Any]:
    for block in message["content"]:
        block.pop("id", None)
        block.pop("signature", None)
    return {key: value for key, value in message.items() if key != "id"}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_stream_builds_the_message_that_json_says(name: str) -> None:
    whole = post(CONVERSATIONS[name])
    stream = post({**CONVERSATIONS[name], "stream": True})
    assert whole.headers["content-type"] == "application/json"
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert whole.headers["request-id"].startswith("req_")
    message = whole.json()
    assert set(message) == KEYS
    assert set(message["usage"]) == USAGE_KEYS
    events = events_in(stream.text)
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert without_identity(accumulated(events)) == without_identity(message)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_official_sdk_reads_the_stream_and_the_message_alike(name: str) -> None:
    transport = httpx2.ASGITransport(application(Setting()))

    async def script() -> tuple[Any, Any]:
        async with anthropic.AsyncAnthropic(
            api_key="any",
            base_url="http://reference",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=transport),
        ) as client:
            async with client.messages.stream(**CONVERSATIONS[name]) as stream:
                streamed = await stream.get_final_message()
            return streamed, await client.messages.create(**CONVERSATIONS[name])

    import asyncio

    streamed, whole = asyncio.run(script())
    assert [block.type for block in streamed.content] == [block.type for block in whole.content]
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_a_stream_keeps_the_grammar() -> None:
    events = events_in(
        post(
            {
                **CONVERSATIONS["thinking"],
                "stream": True,
                "messages": [{"role": "user", "content": CALL}],
                "tools": [ECHO],
            }
        ).text
    )
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    thinking, call = (
        [event for event in events if event.get("index") == index and event["type"] == "content_block_delta"]
        for index in (0, 1)
    )
    assert [delta["delta"]["type"] for delta in thinking][-1] == "signature_delta"
    assert call[0]["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert len(call) > 2


def test_stop_reasons_and_what_they_owe() -> None:
    cut = post(CONVERSATIONS["cut"]).json()
    assert (cut["stop_reason"], cut["usage"]["output_tokens"]) == ("max_tokens", 5)
    stopped = post(CONVERSATIONS["stopped"]).json()
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "HALT")
    assert stopped["content"][0]["text"].strip() == "a"
    called = post(CONVERSATIONS["two tools"]).json()
    assert called["stop_reason"] == "tool_use"
    assert len({block["id"] for block in called["content"]}) == 2
    warmed = post(asking(max_tokens=0)).json()
    assert (warmed["content"], warmed["stop_reason"], warmed["usage"]["output_tokens"]) == ([], "max_tokens", 0)


def test_an_answer_that_fills_the_window_says_so() -> None:
    body = asking(
        "word " * 8170 + "\nReply with exactly: one two three four five six seven eight nine ten",
        model="scripted-small",
    )
    assert post(body).json()["stop_reason"] == "model_context_window_exceeded"


def test_thinking_comes_back_as_it_was_given() -> None:
    async def script(client: httpx2.AsyncClient) -> tuple[int, int, str]:
        body = asking(CALL, tools=[ECHO], thinking={"type": "adaptive"})
        message = (await client.post("/v1/messages", json=body)).json()
        result = {"type": "tool_result", "tool_use_id": message["content"][1]["id"], "content": "done"}
        turns = [
            *body["messages"],
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": [result]},
        ]
        genuine = await client.post("/v1/messages", json={**body, "messages": turns})
        message["content"][0]["thinking"] += " changed"
        forged = await client.post("/v1/messages", json={**body, "messages": turns})
        return genuine.status_code, forged.status_code, genuine.json()["content"][-1]["text"]

    assert talk(script) == (200, 400, "done")


def test_signatures_are_never_the_same() -> None:
    first, second = (post(THINKING).json()["content"][0]["signature"] for _ in range(2))
    assert first != second


LONG_SYSTEM = [{"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral"}}]


def test_a_marked_prefix_is_written_once_and_then_read() -> None:
    async def script(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        bodies = [asking(f"Reply with exactly: {word}", system=LONG_SYSTEM) for word in ("a", "b c")]
        return [(await client.post("/v1/messages", json=body)).json()["usage"] for body in bodies]

    first, second = talk(script)
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] == 1500
    assert first["cache_creation"] == {"ephemeral_5m_input_tokens": 1500, "ephemeral_1h_input_tokens": 0}
    assert (first["cache_read_input_tokens"], second["cache_creation_input_tokens"]) == (0, 0)
    assert second["input_tokens"] == first["input_tokens"] + 1 < 20


def test_a_stream_uses_the_cache_once() -> None:
    async def script(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        body = asking("Reply with exactly: a", system=LONG_SYSTEM, stream=True)
        texts = [(await client.post("/v1/messages", json=body)).text for _ in range(2)]
        return [events_in(text)[0]["message"]["usage"] for text in texts]

    first, second = talk(script)
    assert (first["cache_creation_input_tokens"], first["cache_read_input_tokens"]) == (1500, 0)
    assert (second["cache_creation_input_tokens"], second["cache_read_input_tokens"]) == (0, 1500)


def test_the_automatic_breakpoint_moves_with_the_conversation() -> None:
    async def script(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = [{"role": "user", "content": "word " * 1500}]
        longer = [*turns, {"role": "assistant", "content": "OK"}, {"role": "user", "content": "more"}]
        control = {"type": "ephemeral", "ttl": "1h"}
        bodies = [asking(messages=messages, cache_control=control) for messages in (turns, longer)]
        return [(await client.post("/v1/messages", json=body)).json()["usage"] for body in bodies]

    first, second = talk(script)
    assert first["cache_creation"]["ephemeral_1h_input_tokens"] == first["cache_creation_input_tokens"] > 1500
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert second["cache_creation_input_tokens"] > 0


def test_a_short_prefix_is_not_cached() -> None:
    control = {"type": "ephemeral"}
    usage = post(asking(cache_control=control)).json()["usage"]
    assert usage["cache_creation_input_tokens"] == usage["cache_read_input_tokens"] == 0


PDF = (
    b"%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj\n"
    b"3 0 obj <</Type /Page /Parent 2 0 R /Contents 4 0 R>> endobj\n4 0 obj <</Length 70>> stream\n"
    b"BT /F1 12 Tf (Some words.) Tj 0 -14 Td (The secret word is zebra.) Tj ET\nendstream endobj\n%%EOF"
)
SECRET = "Some words. The secret word is zebra."
ON = {"enabled": True}


def documents() -> dict[str, dict[str, Any]]:
    import base64

    pdf = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()}
    pieces = [{"type": "text", "text": "Some words."}, {"type": "text", "text": "The secret word is zebra."}]
    return {
        "char_location": {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": SECRET},
            "citations": ON,
        },
        "page_location": {"type": "document", "source": pdf, "citations": ON, "title": "A page"},
        "content_block_location": {
            "type": "document",
            "source": {"type": "content", "content": pieces},
            "citations": ON,
        },
        "search_result_location": {
            "type": "search_result",
            "source": "https://example.com",
            "title": "T",
            "content": pieces,
            "citations": ON,
        },
    }


@pytest.mark.parametrize("kind", list(documents()))
def test_an_answer_cites_the_document_that_it_quotes(kind: str) -> None:
    question = {"type": "text", "text": "Reply with only the secret word."}
    body = asking(messages=[{"role": "user", "content": [documents()[kind], question]}])
    text = post(body).json()["content"][0]
    assert text["text"] == "zebra"
    (citation,) = text["citations"]
    assert citation["type"] == kind
    assert citation["cited_text"] == "The secret word is zebra."
    if kind == "char_location":
        assert SECRET[citation["start_char_index"] : citation["end_char_index"]] == citation["cited_text"]
    streamed = accumulated(events_in(post({**body, "stream": True}).text))["content"][0]
    assert streamed == text


def test_without_the_setting_nothing_is_cited() -> None:
    question = {"type": "text", "text": "Reply with only the secret word."}
    document = {key: value for key, value in documents()["char_location"].items() if key != "citations"}
    body = asking(messages=[{"role": "user", "content": [document, question]}])
    assert post(body).json()["content"][0]["citations"] is None


def test_a_forced_schema_wins_over_the_prompt() -> None:
    body = asking(
        "Reply with exactly: no JSON at all", output_config={"format": {"type": "json_schema", "schema": SCHEMA}}
    )
    assert isinstance(json.loads(post(body).json()["content"][0]["text"])["a"], int)


def test_context_management_is_reported_when_asked_for() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    assert post(asking(context_management=edits)).json()["context_management"] == {"applied_edits": []}


def test_a_changed_prompt_is_diagnosed() -> None:
    async def script(client: httpx2.AsyncClient) -> list[Any]:
        first = asking(system="Be kind.", diagnostics={"previous_message_id": None})
        message = (await client.post("/v1/messages", json=first)).json()
        longer = [*first["messages"], {"role": "assistant", "content": "OK"}, {"role": "user", "content": "more"}]
        again = {"diagnostics": {"previous_message_id": message["id"]}}
        bodies = [
            {**first, **again, "messages": longer},
            {**first, **again, "system": "Be brief."},
            {**first, **again, "tools": [ECHO]},
            {**first, **again, "messages": longer[1:]},
            {**first, "diagnostics": {"previous_message_id": "msg_unknown"}},
        ]
        answers = [(await client.post("/v1/messages", json=body)).json()["diagnostics"] for body in bodies]
        return [message["diagnostics"], *(answer and answer["cache_miss_reason"]["type"] for answer in answers)]

    assert talk(script) == [
        None,
        None,
        "system_changed",
        "tools_changed",
        "messages_changed",
        "previous_message_not_found",
    ]
