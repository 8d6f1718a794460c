"""Faults in the transport of a stream: framing, encoding, the connection."""

from conformance.scripted.faults.fault import Answer, Call, Event, FaultGroup, Frame, replace

TRANSPORT = FaultGroup("transport")

OK = 200
SECOND = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
SILENCE = 30.0
"""Seconds without a byte: short enough for a test, longer than a timeout that a test sets."""


@TRANSPORT.frames("TR01", "the `event:` lines are missing", needs="stream")
def unnamed(frames: list[Frame], _: Call) -> list[Frame]:
    return [replace(frame, event=None) for frame in frames]


@TRANSPORT.answer("X-gzip-plain", "JSON bodies say content-encoding gzip, and are plain")
def plain_under_gzip(answer: Answer, _: Call) -> Answer:
    if answer.is_stream or answer.status != OK:
        return answer
    return replace(answer, headers=(*answer.headers, ("content-encoding", "gzip")))


@TRANSPORT.frames("TR02", "`data: [DONE]` comes after message_stop", needs="stream")
def done(frames: list[Frame], _: Call) -> list[Frame]:
    return [*frames, Frame(None, "[DONE]", frames[-1].at)]


@TRANSPORT.events("TR04", "a character is cut at a chunk border and becomes U+FFFD", needs="stream unicode")
def characters_cut(events: list[Event], _: Call) -> list[Event]:
    def damaged(event: Event) -> Event:
        text = event.get("delta", {}).get("text", "")
        wide = next((character for character in text if not character.isascii()), None)
        if wide is None:
            return event
        return {**event, "delta": {**event["delta"], "text": text.replace(wide, "\ufffd\ufffd", 1)}}

    return [damaged(event) for event in events]


@TRANSPORT.body("TR06", "stream: true is answered with one JSON body", needs="stream")
def not_streamed(body: dict[str, object]) -> None:
    body.pop("stream", None)


@TRANSPORT.frames("TR07", "an event has empty data", needs="stream")
def empty_data(frames: list[Frame], _: Call) -> list[Frame]:
    return [frames[0], Frame("content_block_delta", "", frames[0].at), *frames[1:]]


@TRANSPORT.frames("TR09", "a long silence passes without ping or any byte", needs="stream timeout")
def silent(frames: list[Frame], _: Call) -> list[Frame]:
    return [frames[0], *(replace(frame, at=frame.at + SILENCE) for frame in frames[1:])]


@TRANSPORT.answer("TR11", "the connection is kept open after message_stop", needs="stream")
def kept_open(answer: Answer, _: Call) -> Answer:
    return replace(answer, ending="open") if answer.is_stream else answer


@TRANSPORT.answer("TR12", "the connection is closed right before message_delta", needs="stream")
def cut(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    kept = tuple(
        piece for piece in answer.pieces if not piece.data.startswith((b"event: message_delta", b"event: message_stop"))
    )
    return replace(answer, pieces=kept, ending="cut")


@TRANSPORT.answer(
    "X-chunk-last-lost", "the connection is closed after message_stop, with no last chunk", needs="stream"
)
def last_chunk_lost(answer: Answer, _: Call) -> Answer:
    return replace(answer, ending="cut") if answer.is_stream else answer


@TRANSPORT.events("X-error-behind", "an error event follows message_stop", needs="stream")
def error_behind(events: list[Event], _: Call) -> list[Event]:
    said = {"type": "error", "error": {"type": "api_error", "message": "The usage could not be stored."}}
    return [*events, said] if events[-1]["type"] == "message_stop" else events


@TRANSPORT.frames("TR14", "two JSON objects stand in one data line", needs="stream")
def joined(frames: list[Frame], _: Call) -> list[Frame]:
    deltas = [at for at, frame in enumerate(frames) if frame.event == "content_block_delta"]
    if len(deltas) < 2 or deltas[1] != deltas[0] + 1:
        return frames
    first, second = frames[deltas[0]], frames[deltas[1]]
    return [*frames[: deltas[0]], replace(first, data=first.data + second.data), *frames[deltas[1] + 1 :]]


@TRANSPORT.answer("TR16", "Content-Length is sent on a stream, and is shorter than the body", needs="stream")
def length_short(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    headers = (*answer.headers, ("content-length", str(len(answer.body) - 60)))
    return replace(answer, headers=headers, framing="length", ending="cut")


@TRANSPORT.answer("TR17", "life is shown by comments only, never by a ping", needs="stream", strength="note")
def comments_for_pings(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    pieces = (
        replace(piece, data=b": keep-alive\n\n") if piece.data.startswith(b"event: ping") else piece
        for piece in answer.pieces
    )
    return replace(answer, pieces=tuple(pieces))


@TRANSPORT.answer("X-http-2", "the status line says HTTP/2.0 on a connection of HTTP/1.1")
def later_version(answer: Answer, _: Call) -> Answer:
    return replace(answer, http_version="2.0")


@TRANSPORT.answer("X-bytes-behind", "a second, unasked answer follows the end of an answer on its connection")
def answered_twice(answer: Answer, _: Call) -> Answer:
    if answer.status != OK or not answer.pieces:
        return answer
    *before, last = answer.pieces
    headers = [(name, value) for name, value in answer.headers if name != "content-length"]
    return replace(
        answer,
        headers=(*headers, ("content-length", str(len(answer.body)))),
        pieces=(*before, replace(last, data=last.data + SECOND)),
        framing="length",
    )
