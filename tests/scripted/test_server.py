"""The process that serves a face: how it starts, what it says, how it stops, and the socket that it hands out."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import pytest

from conformance.scripted.gateway.hearing import Hearing, streamed, whole
from conformance.scripted.server import serve
from conformance.scripted.wire import wire_of

COMMAND = [sys.executable, "-m", "conformance.scripted"]
MESSAGE = {"model": "m", "messages": [{"role": "user", "content": "Reply with exactly: pine"}]}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_in_the_middle_of_an_answer(number: signal.Signals) -> None:
    silence = {**MESSAGE, "stream": True, "messages": [{"role": "user", "content": "Fail with silence after 2 words."}]}
    command = [*COMMAND, "serve", "--face", "openai"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[-1]
        with (
            httpx2.Client() as client,
            client.stream("POST", f"{url}/v1/chat/completions", json=silence) as response,
        ):
            assert next(response.iter_lines()).startswith("data:")
            process.send_signal(number)
            assert process.wait(5) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


def test_it_stops_when_stdin_closes_if_asked() -> None:
    command = [*COMMAND, "serve", "--face", "openai", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(5) == 0


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = run("serve", "--face", "openai", "--port", str(taken.getsockname()[1]))
    assert found.returncode == 4
    assert "choose another with --port" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "--face", "smoke"], "invalid choice: 'smoke'"),
        (["serve", "--port", "70000"], "70000 is no port"),
        (["serve", "--face", "openai", "--disobey", "0"], "from 1 on"),
        (["serve", "--face", "openai", "--fault", "ST01"], "--face anthropic"),
        (["serve", "--face", "openai", "--like", "ollama@0.33"], "leave --like out"),
        (["serve", "--face", "ollama", "--like", "litellm@1"], "--like ollama@"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_4(arguments: list[str], says: str) -> None:
    found = run(*arguments)
    assert found.returncode == 4
    assert says in found.stderr
    assert "Traceback" not in found.stderr
    assert not found.stdout


def test_a_connection_is_kept_for_many_requests(served: Callable[..., str]) -> None:
    connection = HTTPConnection(served("--face", "openai").removeprefix("http://"))
    with closing(connection):
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("GET", "/v1/models")
            assert b'"object":"list"' in connection.getresponse().read()
            assert connection.sock is first


def test_a_weak_model_from_the_command_line(served: Callable[..., str], client: httpx2.Client) -> None:
    url = served("--face", "openai", "--disobey", "2") + "/v1/chat/completions"
    said = [client.post(url, json=MESSAGE).json()["choices"][0]["message"]["content"] for _ in range(4)]
    assert [text == "pine" for text in said] == [True, False, True, False]


# The raw socket


async def writes_itself(scope: Any, receive: Any, send: Any) -> None:
    """An application that writes the bytes of its answers itself."""
    await receive()
    if scope["path"] == "/asgi":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    wire = wire_of(scope)
    await wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    match scope["path"]:
        case "/finish":
            await wire.write(b"cd")
            wire.finish()
        case "/close":
            wire.close()
        case "/abort":
            await asyncio.sleep(0.05)
            wire.abort()


@pytest.fixture(scope="module")
def bending() -> Iterator[tuple[str, int]]:
    """A server whose application writes its own bytes: this file as a program."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        host, port = process.stdout.readline().split("//")[1].split(":")
        yield host, int(port)
        process.terminate()


def _heard(address: tuple[str, int], *paths: str) -> bytes:
    """All that arrives on one connection until it ends."""
    heard = b""
    with socket.create_connection(address, timeout=5) as connection:
        for path in paths:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            heard += connection.recv(4096)
        while piece := connection.recv(4096):
            heard += piece
    return heard


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def test_bytes_are_sent_as_they_are_written_and_the_connection_goes_on(bending: tuple[str, int]) -> None:
    assert _heard(bending, "/finish", "/finish", "/close") == OK + b"abcd" + OK + b"abcd" + OK + b"ab"


def test_an_answer_that_ends_too_early(bending: tuple[str, int]) -> None:
    assert _heard(bending, "/close") == OK + b"ab"


def test_an_answer_that_ends_with_a_reset(bending: tuple[str, int]) -> None:
    with pytest.raises(ConnectionResetError):
        _heard(bending, "/abort")


def test_an_answer_without_the_raw_socket_on_the_same_connection(bending: tuple[str, int]) -> None:
    heard = _heard(bending, "/asgi", "/close")
    assert heard.endswith(b"\r\n\r\nok" + OK + b"ab")


def test_of_several_faults_the_unknown_one_is_named() -> None:
    done = run("serve", "--fault", "ST29+TO1+US09")
    assert done.returncode == 4
    assert "there is no fault TO1; did you mean TO1" in done.stderr


if __name__ == "__main__":
    serve(writes_itself)


UNREADABLE = {
    "lists in lists": b"[" * 100_000,
    "objects in objects": b'{"model":' * 100_000,
    "lists in a field": b'{"model":"m","max_tokens":5,"messages":' + b"[" * 100_000,
    "a field of no UTF-8": b'{"model":"caf\xe9","messages":[]}',
    "half of a pair": b'{"model":"\\ud800","messages":[]}',
}
DOORS = (
    *(("anthropic", "/v1/messages"), ("anthropic", "/v1/messages/count_tokens"), ("anthropic", "/v1/messages/batches")),
    *(("openai", "/v1/chat/completions"), ("ollama", "/api/chat"), ("ollama", "/api/show"), ("ollama", "/v1/messages")),
)


@pytest.mark.parametrize(("face", "path"), DOORS)
def test_a_body_that_nobody_can_read_is_refused(
    face: str, path: str, served: Callable[..., str], client: httpx2.Client
) -> None:
    """Deep nesting was a traceback and a 500, at some doors bytes that are no UTF-8, too."""
    url = served("--face", face)
    for what, body in UNREADABLE.items():
        headers = {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"}
        answer = client.post(f"{url}{path}", content=body, headers=headers)
        assert answer.status_code in (400, 404), (what, answer.text)
        assert "error" in answer.json(), what


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_answer_from_upstream_that_nobody_can_read_is_trouble(what: str) -> None:
    async def told(body: bytes) -> Hearing:
        async def lines() -> AsyncIterator[str]:
            yield f"data: {body.decode(errors='replace')}"

        return [hearing async for hearing in streamed(lines())][-1]

    for body in (UNREADABLE[what], b'{"choices":' + UNREADABLE[what]):
        for hearing in (whole(body), asyncio.run(told(body))):
            assert hearing.trouble is not None
            assert hearing.trouble.mishap == "unreadable" or "UTF-8" in what
