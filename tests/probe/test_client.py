"""The client against servers that misbehave byte by byte: every answer is recorded, and its outcome named."""

import asyncio
import gzip
import socket
import time
import zlib

import pytest
from misbehaving import (
    EVENTS,
    OK,
    SMALL,
    STOP,
    Behaviour,
    Peer,
    answers,
    exchange,
    exchanges,
    hurried,
    post,
    resets,
    sends,
    serving,
    serving_aside,
)  # fmt: skip
from msgspec.structs import replace

from conformance.judge.answer import read
from conformance.judge.rules import RULES, examine
from conformance.judge.rules import stream as stream_rules
from conformance.probe.client import Client
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.recording import Limits
from conformance.probe.request import Outgoing
from conformance.probe.shelf import MANY, ShelvedChunks, shelved

SHORT = 0.2
"""Seconds, where a time that is over is the point."""
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize(
    "whole",
    [
        OK + b'content-type: application/json\r\ncontent-length: 18\r\n\r\n{"type":"message"}',
        OK + b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(STOP), STOP),
    ],
)
def test_half_of_an_answer_is_none_wherever_it_is_cut(whole: bytes) -> None:
    cut = exchanges(*(sends(whole[:size]) for size in range(len(whole))), times=len(whole))
    assert {one.outcome for one in cut} <= {"reset", "cut", "malformed"}
    assert exchange(sends(whole)).outcome == "complete"


@pytest.mark.parametrize("number", [10, 3000])
def test_many_chunks_wait_on_disk_though_they_are_small(number: int) -> None:
    many = Exchange(
        request=Request("POST", "http://h/v1/messages", ()),
        outcome="complete",
        chunks=tuple(Chunk(float(at), b"%d" % (at % 10)) for at in range(number)),
    )
    kept = shelved(many)
    assert isinstance(kept.chunks, ShelvedChunks) is (number > MANY)
    assert list(kept.chunks) == list(many.chunks)
    assert kept.body == many.body


async def ignores(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def stays_open(peer: Peer, *said: bytes) -> None:
    await peer.request()
    await peer.send(*said)
    await peer.gone()


def says_and_stays(*said: bytes) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await stays_open(peer, *said)

    return behaviour


async def resets_inside(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK + b"content-length: 100\r\n\r\n{")
    await asyncio.sleep(0.05)
    peer.reset()


def repeats(head: bytes, piece: bytes) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        while True:
            await peer.send(piece)
            await asyncio.sleep(0)  # both ends run on one loop, and each gets its turn

    return behaviour


@pytest.mark.parametrize(
    "answer",
    [
        sends(OK + b"content-length: 4\r\n\r\nbody"),
        sends(OK + b"\r\nbo", b"dy", pause=0.02),
        sends(b"HTTP/1.0 200 OK\r\n\r\nbody"),
        sends(
            OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nb\r\n3;x=y\r\nody\r\n", b"0\r\nt: u\r\n\r\n", pause=0.02
        ),
        sends(*(bytes([byte]) for byte in OK + b"Content-Length: 4\r\n\r\nbody")),
        sends(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 4\r\n\r\nbody"),
        sends(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"body")),
        sends(OK + b"content-encoding: gzip\r\n\r\n", *(bytes([byte]) for byte in gzip.compress(b"body"))),
        sends(OK + b"content-encoding: x-gzip\r\n\r\n" + gzip.compress(b"bo") + gzip.compress(b"dy") + b"\0\0"),
        sends(OK + b"content-encoding: deflate\r\n\r\n", *(bytes([byte]) for byte in zlib.compress(b"body"))),
        sends(OK + b"content-encoding: deflate\r\n\r\n" + zlib.compress(b"body", wbits=-15)),
        sends(OK + b"content-encoding: identity\r\ncontent-length: 4\r\n\r\nbody"),
        sends(OK + b"content-length: 4\r\nx: " + b"a" * 3000 + b"\r\n\r\nbody"),
    ],
)
def test_a_legal_body_is_recorded_whole(answer: Behaviour) -> None:
    seen = exchange(answer)
    assert (seen.outcome, seen.status, seen.body, seen.detail, seen.notes) == ("complete", 200, b"body", "", ())


def test_an_answer_to_head_may_name_the_encoding_of_the_body_that_it_leaves_out() -> None:
    async def ask() -> Exchange:
        async with serving(sends(OK + b"content-encoding: gzip\r\n\r\n")) as server, Client(limits=SMALL) as client:
            return await client.ask(Outgoing("HEAD", server.url + "/", ()))

    seen = hurried(ask())
    assert (seen.outcome, seen.status, seen.body) == ("complete", 200, b"")


def test_each_chunk_has_its_time() -> None:
    seen = exchange(sends(EVENTS, PING, PING, STOP, pause=0.05))
    assert [chunk.data for chunk in seen.chunks] == [PING, PING, STOP]
    times = [0.0, seen.first_byte or 0.0, *(chunk.at for chunk in seen.chunks), seen.finished]
    assert times == sorted(times)
    assert seen.chunks[-1].at - seen.chunks[0].at > 0.05


def test_headers_are_recorded_in_order_with_duplicates() -> None:
    seen = exchange(sends(OK + b"X-B: 1\r\nx-a: \xe9\r\nX-B: 2\r\ncontent-length: 0\r\n\r\n"))
    assert seen.headers == (("x-b", "1"), ("x-a", "\xe9"), ("x-b", "2"), ("content-length", "0"))


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (resets, "reset", None),
        (sends(), "reset", None),
        (resets_inside, "cut", 200),
        (sends(OK + b"content-length: 9\r\n\r\nshort"), "cut", 200),
        (sends(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nshort\r\n"), "cut", 200),
        (sends(OK + b"transfer-encoding: chunked\r\n\r\n9\r\nshort"), "cut", 200),
        (sends(OK + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n"), "malformed", 200),
        (sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "malformed", None),
        (sends(OK + b"content-encoding: gzip\r\n\r\nnot gzip"), "malformed", 200),
        (sends(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 1000)[:-9]), "malformed", 200),
        (sends(OK + b"content-encoding: br\r\n\r\nbody"), "malformed", 200),
        (ignores, "slow", None),
        (says_and_stays(OK), "slow", None),
        (says_and_stays(OK + b"content-length: 9\r\n\r\nshort"), "slow", 200),
        (says_and_stays(EVENTS, PING), "slow", 200),
        (says_and_stays(EVENTS, STOP), "unfinished", 200),
        (says_and_stays(EVENTS, b'data: {"type": "message_', b'stop"}\r', b"\n\r\n"), "unfinished", 200),
        (says_and_stays(EVENTS, b'event: error\ndata: {"type":"error"}\n\n'), "unfinished", 200),
        (sends(OK + b"x: " + b"a" * 5000 + b"\r\n\r\n"), "oversized", 200),
        (sends(OK + b"x: " + b"a" * 300_000), "oversized", None),
        (repeats(OK + b"\r\n", b" " * 1000), "oversized", 200),
        (repeats(EVENTS, PING), "oversized", 200),
        (sends(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"\0" * 10**8)), "oversized", 200),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_answer_has_a_name(answer: Behaviour, outcome: str, status: int | None) -> None:
    patience = "first_byte" if status is None else "idle" if outcome == "slow" else "grace"
    seen = exchange(answer, limits=replace(SMALL, **{patience: SHORT if outcome in ("slow", "unfinished") else 60.0}))
    assert (seen.outcome, seen.status) == (outcome, status)
    assert seen.detail


def test_what_came_before_the_end_is_kept() -> None:
    assert exchange(resets_inside).body == b"{"
    assert exchange(says_and_stays(EVENTS, PING, STOP), limits=replace(SMALL, grace=SHORT)).body == PING + STOP


def test_no_limit_is_passed_by_what_is_recorded() -> None:
    bomb = gzip.compress(b"\0" * 10**8)
    assert len(exchange(sends(OK + b"content-encoding: gzip\r\n\r\n" + bomb)).body) <= SMALL.body
    assert len(exchange(repeats(OK + b"\r\n", b" " * 1000)).body) <= SMALL.body


def test_a_drip_that_never_ends_ends_at_the_total_time() -> None:
    async def drips(peer: Peer) -> None:
        await peer.request()
        await peer.send(EVENTS)
        while True:
            await peer.send(b": still here\n\n")
            await asyncio.sleep(0.1)

    assert exchange(drips, limits=Limits(first_byte=0.3, idle=0.3, total=0.6)).outcome == "slow"


def test_text_that_names_message_stop_does_not_end_a_stream() -> None:
    delta = b'data: {"type":"content_block_delta","delta":{"text":"message_stop and error"}}\n\n'
    limits = Limits(grace=0.1)
    assert exchange(sends(EVENTS, delta, PING, STOP, pause=0.15), limits=limits).outcome == "complete"


def test_a_redirect_is_recorded_and_not_followed() -> None:
    async def ask() -> tuple[Exchange, list[bytes]]:
        async with serving(answers()) as other:
            head = b"HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\n"
            there = f"location: {other.url}/v1/messages\r\n\r\n".encode()
            async with serving(sends(head + there)) as server, Client(limits=SMALL) as client:
                return await client.ask(post(server.url, headers={"x-api-key": "k"})), other.requests

    seen, elsewhere = hurried(ask())
    assert (seen.status, elsewhere) == (307, [])


def test_a_body_goes_in_chunks_where_the_request_says_so() -> None:
    async def ask() -> list[bytes]:
        async with serving(answers()) as server, Client(limits=SMALL) as client:
            await client.ask(post(server.url, body=b'{"a":1}', headers={"Transfer-Encoding": "chunked"}))
            return server.requests

    head = asyncio.run(ask())[0].lower()
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_no_connection_is_unreachable(url: str) -> None:
    async def ask() -> Exchange:
        async with Client(limits=SMALL) as client:
            return await client.ask(post(url))

    seen = hurried(ask())
    assert seen.outcome == "unreachable"
    assert seen.detail


def test_a_connection_that_is_not_taken_is_unreachable() -> None:
    async def ask() -> Exchange:
        with socket.socket() as full:  # its queue holds one connection, and nobody takes it
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(2)]
            for first in waiting:
                first.setblocking(False)
                first.connect_ex(address)
            try:
                async with Client(limits=Limits(connect=0.2)) as client:
                    return await client.ask(post(f"http://127.0.0.1:{address[1]}"))
            finally:
                for first in waiting:
                    first.close()

    seen = hurried(ask())
    assert (seen.outcome, seen.detail) == ("unreachable", "no connection within 0.2 s")


async def refuses_to_understand(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def test_tls_against_a_plain_server_is_unreachable() -> None:
    async def ask() -> Exchange:
        async with serving(refuses_to_understand) as server, Client(limits=SMALL) as client:
            return await client.ask(post(server.url.replace("http:", "https:")))

    assert hurried(ask()).outcome == "unreachable"


def test_a_request_that_cannot_be_sent_is_our_fault() -> None:
    assert exchange_of_headers({"x-bad": "a\r\nb"}).outcome == "failed"


def exchange_of_headers(headers: dict[str, str]) -> Exchange:
    async def ask() -> Exchange:
        async with serving(answers()) as server, Client(limits=SMALL) as client:
            return await client.ask(post(server.url, headers=headers))

    return hurried(ask())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert exchange(answers()).outcome == "complete"


def test_a_request_goes_out_to_the_letter() -> None:
    async def ask() -> bytes:
        async with serving(answers()) as server, Client(limits=SMALL) as client:
            await client.ask(post(server.url, "/v1/models/a%2Fb?x=%20y", b'{"a": 1 }', {"accept": "x"}))
            return server.requests[0]

    sent = hurried(ask())
    head, _, body = sent.partition(b"\r\n\r\n")
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert sent.startswith(b"POST /v1/models/a%2Fb?x=%20y HTTP/1.1\r\n")
    assert names == {b"host", b"content-type", b"accept", b"content-length"}
    assert body == b'{"a": 1 }'


def test_cancelling_closes_the_connection() -> None:
    async def ask() -> bool:
        asked, closed = asyncio.Event(), asyncio.Event()

        async def waits(peer: Peer) -> None:
            await peer.request()
            asked.set()
            await peer.gone()
            closed.set()

        async with serving(waits) as server, Client(limits=Limits()) as client:
            asking = asyncio.create_task(client.ask(post(server.url)))
            async with asyncio.timeout(5):
                await asked.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            async with asyncio.timeout(5):
                await closed.wait()
            return closed.is_set()

    assert hurried(ask())


KEY = "sk-canary-7f3a/9+Q"


def test_no_key_reaches_a_recorded_byte() -> None:
    async def echoes(peer: Peer) -> None:
        sent = await peer.request()
        key = KEY.encode()
        await peer.send(
            OK + b"x-echo: Bearer " + key + b"\r\n\r\n" + sent[:20],
            key[:3],
            key[3:9],
            key[9:] + b" and " + key + key[:4],
            key[4:],
            b'{"said": "sk-canary-7f3a\\/9+Q", "quoted": "sk-canary-7f3a%2F9%2BQ", "all": "' + key + b'"}',
            pause=0.02,
        )  # fmt: skip

    async def ask() -> Exchange:
        async with serving(echoes) as server, Client(limits=SMALL, keys=[KEY, None]) as client:
            headers = {"x-api-key": KEY, "authorization": f"Bearer {KEY}"}
            return await client.ask(post(server.url, f"/v1/messages?key={KEY}", KEY.encode(), headers))

    seen = hurried(ask())
    text = repr((seen.request, seen.headers, seen.body, seen.detail, seen.notes))
    assert "canary" not in text
    assert text.count("[key removed]") == 11
    assert seen.body.startswith(b"POST /v1/messages?ke")
    assert [chunk.at for chunk in seen.chunks] == sorted(chunk.at for chunk in seen.chunks)


def test_a_key_that_is_a_word_is_removed_only_where_it_is_sent() -> None:
    async def ask() -> Exchange:
        async with serving(answers(b'{"model": "ollama"}')) as server, Client(limits=SMALL, keys=["ollama"]) as client:
            return await client.ask(post(server.url, headers={"x-api-key": "ollama"}))

    seen = hurried(ask())
    assert seen.body == b'{"model": "ollama"}'
    assert dict(seen.request.headers)["x-api-key"] == "[key removed]"


def test_requests_run_side_by_side() -> None:
    async def ask() -> int:
        arrived = asyncio.Barrier(8)

        async def waits_for_all(peer: Peer) -> None:
            await peer.request()
            await arrived.wait()
            await peer.send(OK + b"content-length: 2\r\n\r\n{}")

        async with serving(waits_for_all) as server, Client(limits=SMALL) as client:
            seen = await asyncio.gather(*(client.ask(post(server.url)) for _ in range(8)))
            return sum(each.outcome == "complete" for each in seen)

    assert hurried(ask()) == 8


def test_bytes_that_are_no_answer_are_told() -> None:
    seen = exchange(sends(b"SSH-2.0-OpenSSH_9.2 \x1b[31m\x00"))
    assert (seen.outcome, seen.status) == ("malformed", None)
    assert "SSH-2.0" in seen.detail
    assert seen.detail.isprintable()


@pytest.mark.parametrize(
    ("idle", "total", "said"), [(SHORT, 60.0, "no further byte within 0.2 s"), (60.0, 3.0, "no end")]
)
def test_a_slow_answer_says_which_time_was_over(idle: float, total: float, said: str) -> None:
    limits = Limits(idle=idle, total=total)
    seen = exchange(says_and_stays(OK + b"content-length: 9\r\n\r\nshort"), limits=limits)
    assert seen.outcome == "slow"
    assert seen.detail.startswith(said)


def test_a_length_is_judged_by_what_arrived_and_not_by_what_was_left_of_it() -> None:
    async def ask() -> Exchange:
        body = b'{"said": "' + KEY.encode() + b'"}'
        async with serving(answers(body)) as server, Client(limits=SMALL, keys=[KEY]) as client:
            return await client.ask(post(server.url, headers={"x-api-key": KEY}))

    seen = hurried(ask())
    assert len(seen.body) != int(seen.header("content-length") or 0)
    readings = {reading.rule.id: reading.violations for reading in examine(read(seen, "json"))}
    assert not readings.get("http.content-length")


def test_what_the_client_says_is_cut_after_keys_are_removed() -> None:
    async def ask(answer: bytes) -> Exchange:
        async with serving(sends(answer)) as server, Client(limits=SMALL, keys=[KEY]) as client:
            return await client.ask(post(server.url, headers={"x-api-key": KEY}))

    for length in range(380, 520, 7):
        seen = hurried(ask(OK + b"x" * length + b" " + KEY.encode() + b"\r\n\r\n"))
        assert KEY[:9] not in seen.detail


def test_a_server_that_answers_before_it_has_read_a_large_body_is_heard() -> None:
    """What it does not read is its own affair: 413 comes while most of the body still waits to be sent."""

    async def refuses_early(peer: Peer) -> None:
        await asyncio.sleep(0.05)  # nothing is read
        await peer.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\n{}")
        await asyncio.sleep(0.2)

    async def ask() -> Exchange:
        async with serving(refuses_early) as server, Client() as client:
            return await client.ask(replace(post(server.url), padding=30_000_000))

    told = hurried(ask())
    assert (told.outcome, told.status) == ("complete", 413)
    assert told.request.body == b"{}"
    assert any("30000000 bytes of white space" in note for note in told.notes)


WORDS = 120
LONG_STREAM = post("", body=b'{"stream": true}')


def spoken(words: int = WORDS) -> list[bytes]:
    """A correct stream of that many words, each in an event of its own."""
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":%s}\n\n'
    return [
        EVENTS + b'event: message_start\ndata: {"type":"message_start","message":{"content":[]}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n',
        *[delta % b'{"type":"text_delta","text":"word "}'] * words,
        STOP,
    ]


async def as_made(peer: Peer) -> None:
    """Words as they are made, from 0.1 s on: 4 ms between two of them."""
    await peer.request()
    await asyncio.sleep(0.1)
    await peer.send(*spoken(), pause=0.004)


def whole_at(wait: float) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(wait)
        await peer.send(b"".join(spoken()))

    return behaviour


def while_held_up(behaviour: Behaviour, *holds: tuple[float, float], limits: Limits = SMALL) -> Exchange:
    """What is recorded of a server of its own while the client's loop is blocked: from when on, and for how long."""

    async def ask(url: str) -> Exchange:
        async with Client(limits=limits) as client:
            for begins, lasts in holds:
                asyncio.get_running_loop().call_later(begins, time.sleep, lasts)
            return await client.ask(replace(LONG_STREAM, url=url + "/v1/messages"))

    with serving_aside(behaviour) as server:
        return asyncio.run(ask(server.url))


@pytest.fixture
def late_is_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_rules, "LATE", 0.4)


def incremental(exchange: Exchange) -> bool | None:
    """Whether an answer came as it was made; None where that cannot be said."""
    found = RULES["stream.incremental"].check(read(exchange, "stream"))
    return None if found is None else not found


@pytest.mark.usefixtures("late_is_early")
def test_a_server_is_not_accused_of_what_was_read_late() -> None:
    """Seen on a busy machine: everything was read at once, long after it had come."""
    for _ in range(20):  # a busy machine holds up the server, too, whose answer is then seen to come
        one = while_held_up(as_made, (0.03, 1.5), limits=replace(SMALL, events=500))
        assert incremental(one) is not False
        if incremental(one) is None:
            break
    first = read(one, "stream").timing.first_delta
    assert first is not None
    assert one.late > 1.0
    assert one.earliest(first) < first - 1.0


@pytest.mark.usefixtures("late_is_early")
@pytest.mark.parametrize("holds", [(), ((0.1, 0.3),)])
def test_a_server_that_holds_an_answer_back_is_found_on_a_quiet_loop(holds: tuple[tuple[float, float], ...]) -> None:
    """Whatever held the loop up before: only a delay right before the burst says that it may be none."""
    found = set()
    for _ in range(20):  # a busy machine holds up this loop, too
        found.add(incremental(while_held_up(whole_at(0.8), *holds, limits=replace(SMALL, events=500))))
        if False in found:
            break
    assert found <= {False, None}
    assert False in found


@pytest.mark.parametrize(
    "limits", [replace(SMALL, idle=0.5), replace(SMALL, first_byte=0.5), replace(SMALL, grace=0.5)]
)
def test_a_limit_that_is_over_while_nobody_looks_is_not_the_servers(limits: Limits) -> None:
    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(0.1)
        await peer.send(EVENTS, STOP, pause=0.1)
        await asyncio.sleep(0.1)

    assert while_held_up(behaviour, (0.01, 0.8), limits=limits).outcome == "complete"
    assert while_held_up(behaviour, (0.15, 0.8), limits=limits).outcome == "complete"
    assert while_held_up(behaviour, (0.25, 0.8), limits=limits).outcome == "complete"


def test_a_limit_that_is_over_stays_over() -> None:
    silent = while_held_up(sends(EVENTS, STOP, pause=1.5), (0.1, 0.2), limits=replace(SMALL, idle=0.5))
    assert silent.outcome == "slow"


DELTA = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}\n\n'


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"[" + b"0," * 90_000 + b"0]", "complete"),
        (b"[" + b"0," * 110_000 + b"0]", "oversized"),
        (DELTA * 30_000, "complete"),
        (b"[" + b"1e100," * 90_000 + b"0]", "complete"),
        (b"[" + b"1e308," * 4_000 + b"0]", "complete"),
        (b"[" + b"1e308," * 6_000 + b"0]", "oversized"),
        (b"[" + b"-1.7E-0305 , " * 6_000 + b"0]", "oversized"),
        (b'{"a":' + b'[{"a":2.5e+299},{"a":\n1e290}],' * 3_000 + b"0]", "oversized"),
        (b'{"a":"' + b"1e308 3e299, e305 9e2941" * 9_000 + b'"}', "complete"),
    ],
)
def test_a_limit_of_values_leaves_the_longest_stream_alone(body: bytes, outcome: str) -> None:
    """Thirty thousand tokens, an event for each, have 150,000 commas and brackets; JSON has not.

    A number near the largest or the smallest counts as twenty values: it takes a decoder so long.
    """
    asked = exchange(sends(OK + b"\r\n" + body), limits=Limits(connect=60))
    assert asked.outcome == outcome, asked.detail
