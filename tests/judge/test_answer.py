"""What an answer says of itself: its place, its message, its text, its times, and whether it can be trusted."""

import pytest
from correct_exchanges import (
    CALL,
    MESSAGES,
    STREAM_HEADERS,
    TEXT,
    THOUGHT,
    asked,
    events_of,
    exchange,
    message,
    refused,
    sse,
    streamed,
    told,
)
from msgspec.structs import replace

from conformance.judge.answer import Reader, path_of, read
from conformance.judge.finding import finding_key
from conformance.probe.exchange import Chunk, Exchange


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h/v1/messages", "/v1/messages"),
        ("http://h/v1/messages?beta=true", "/v1/messages"),
        ("https://h/api/anthropic/v1/messages/", "/v1/messages"),
        ("http://h/fault/ST01/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("http://h/v1/messages/batches/msgbatch_01/results", "/v1/messages/batches/{id}/results"),
        ("http://h/v1/models/a%2Fb", "/v1/models/{id}"),
        ("http://h/prefix/v1/nowhere", "/v1/nowhere"),
        ("http://h/", "/"),
    ],
)
def test_a_path_is_known_whatever_stands_around_it(url: str, path: str) -> None:
    assert path_of(url) == path


def test_a_reader_reads_an_exchange_once_and_leaves_no_mark_on_it() -> None:
    one, reader = told(message([TEXT])), Reader()
    assert reader(one, "json") is reader(one, "json")
    assert "answer" not in vars(one)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_stream_accumulates_to_the_json_answer(name: str) -> None:
    request, whole = MESSAGES[name]
    answer = read(streamed(events_of(whole), request=request), "stream")
    assert answer.message == whole
    assert answer.text == read(told(whole, request=request), "json").text


def test_what_never_came_is_missing_and_not_invented() -> None:
    events = [event for event in events_of(message([CALL], "tool_use")) if event["type"] != "message_start"]
    answer = read(streamed(events, request=asked(tools=[])), "stream")
    assert set(answer.message) == {"stop_reason", "stop_sequence", "usage", "content"}


def test_thinking_is_no_text() -> None:
    assert (
        read(told(message([THOUGHT, {"type": "text", "text": " a "}, {"type": "text", "text": "b\n"}])), "json").text
        == "a b"
    )


def test_the_document_is_what_paths_look_into() -> None:
    events = events_of(message([TEXT]))
    body = sse(events)
    chunks = (Chunk(0.5, body[:30]), Chunk(2.0, body[30:]))
    answer = read(
        exchange(b"", request=asked(stream=True), headers=STREAM_HEADERS, chunks=chunks, finished=2.0), "stream"
    )
    document = answer.document
    assert document["status"] == 200
    assert document["headers"]["content-type"].startswith("text/event-stream")
    assert document["text"] == TEXT["text"]
    assert [event["event"] for event in document["events"]] == [event["type"] for event in events]
    assert document["events"][0]["data"] == events[0]
    assert document["timing"]["deltas"] == 3
    assert document["timing"]["first_event"] == 2.0
    assert document["timing"]["longest_silence"] == 1.5
    assert document["timing"]["span"] == 0.0


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        (told(message([TEXT])), None),
        (refused(400, "invalid_request_error"), None),
        (refused(501, "api_error"), None),
        (exchange(b"<html>", status=404), None),
        (refused(500, "api_error"), "server-error"),
        (exchange(b"<html>", request=asked()), "not-json"),
        (told([], request=asked()), "not-an-object"),
        (told(message([TEXT]) | {"content": "Hello"}), "no-content"),
        (told(message([TEXT]) | {"content": None}), None),
        (told({"error": "no"}), "error-in-success"),
        (told(message([TEXT]), request=asked(stream=True)), "not-a-stream"),
        (told(message([TEXT]), outcome="cut"), "cut"),
        (streamed(events_of(message([TEXT]))), None),
        (streamed(events_of(message([TEXT])), outcome="unfinished"), None),
        (streamed(events_of(message([TEXT]))[:-1]), "missing"),
        (streamed(events_of(message([TEXT]))[:4]), "cut"),
        (streamed([{"type": "error", "error": {"type": "api_error", "message": "x"}}]), "error-event"),
    ],
)
def test_an_answer_that_cannot_be_trusted_says_why(exchange: Exchange, kind: str | None) -> None:
    unreadable = read(exchange, "json").unreadable
    assert (unreadable.kind if unreadable else None) == kind


def test_the_error_is_found_in_an_envelope_and_in_an_event() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    assert read(told({"type": "error", "error": error}, status=529), "json").error == error
    assert read(streamed([{"type": "error", "error": error}]), "stream").error == error


def test_a_key_names_the_kind_of_a_finding_and_not_its_place() -> None:
    key = finding_key("stream.delta-open", "POST /v1/messages", "stream", "event/12/index", "closed")
    assert key == "stream.delta-open POST /v1/messages stream event/*/index closed"
    place = "/content/0/citations/3"
    assert finding_key("message.text", "POST /v1/messages", "json", place, "null").endswith(
        "/content/*/citations/* null"
    )


def test_what_may_have_come_while_the_suite_was_held_up_is_no_silence() -> None:
    chunks = (Chunk(1.0, b"a"), Chunk(91.0, b"b"), Chunk(96.0, b"c"))
    slow = Exchange(request=told(message([])).request, outcome="complete", chunks=chunks, first_byte=1.0, finished=96.0)
    assert read(slow, "stream").longest_silence == 90.0
    assert read(replace(slow, held_up=((31.0, 91.0),)), "stream").longest_silence == 30.0
    assert read(replace(slow, held_up=((31.0, 60.0),)), "stream").longest_silence == 90.0, (
        "it looked, and there was none"
    )
