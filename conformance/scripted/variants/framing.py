"""Variants of how server-sent events are written.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import json

from conformance.scripted.variants.variant import VariantGroup

FRAMING = VariantGroup("framing")


@FRAMING.stream_bytes("crlf", "lines end with CR LF")
def crlf(frame: bytes, _: int) -> bytes:
    return frame.replace(b"\n", b"\r\n")


@FRAMING.stream_bytes("cr", "lines end with CR")
def cr(frame: bytes, _: int) -> bytes:
    return frame.replace(b"\n", b"\r")


@FRAMING.stream_bytes("mixed-line-ends", "lines end now with CR LF, now with LF")
def mixed(frame: bytes, number: int) -> bytes:
    return frame.replace(b"\n", b"\r\n") if number % 2 else frame


@FRAMING.stream_bytes("comments", "comment lines stand between events and inside them")
def comments(frame: bytes, _: int) -> bytes:
    return b": keep-alive\n\n" + frame.replace(b"\n", b"\n: within\n", 1)


@FRAMING.stream_bytes("no-space", "no space follows the colon")
def no_space(frame: bytes, _: int) -> bytes:
    name, data = frame.split(b"\n", 1)
    return name.replace(b"event: ", b"event:") + b"\n" + data.replace(b"data: ", b"data:", 1)


@FRAMING.stream_bytes("id-and-retry", "events have id: and retry: fields")
def id_and_retry(frame: bytes, number: int) -> bytes:
    return b"id: %d\nretry: 3000\n" % number + frame


@FRAMING.stream_bytes("unknown-fields", "events have fields that the standard does not know")
def unknown_fields(frame: bytes, _: int) -> bytes:
    return b"origin: upstream\nflag\n" + frame


@FRAMING.stream_bytes("data-first", "the data stands before the name of the event")
def data_first(frame: bytes, _: int) -> bytes:
    name, data = frame.rstrip(b"\n").split(b"\n", 1)
    return data + b"\n" + name + b"\n\n"


@FRAMING.stream_bytes("data-lines", "the data of an event is spread over several lines")
def data_lines(frame: bytes, _: int) -> bytes:
    head, data = frame.decode().rstrip("\n").split("data: ", 1)
    lines = json.dumps(json.loads(data), indent=1, ensure_ascii=False).split("\n")
    return (head + "\n".join(f"data: {line}" for line in lines) + "\n\n").encode()


@FRAMING.stream_bytes("blank-lines", "several blank lines stand between events")
def blank_lines(frame: bytes, _: int) -> bytes:
    return b"\n\n" + frame + b"\n"
