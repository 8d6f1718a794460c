"""Whatever answers before the first question: one line that can be printed, an exit code, and an end in time."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hostile_endpoints import BOMB, ODD, endless, response, slowly
from misbehaving import Peer, answers, hurried, serving

import conformance.targets.wire as wire
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless
from conformance.probe.client import Client
from conformance.probe.preflight import PreflightProblem, preflight
from conformance.probe.recording import Limits
from conformance.targets.resolve import Choices, resolve
from conformance.targets.target import Target

PEM = Path(__file__).parent.parent / "support" / "self-signed.pem"
KEY = "sk-canary-hostile-7731"


def models(*names: str) -> bytes:
    return response(json.dumps({"data": [{"id": name, "type": "model"} for name in names]}).encode())


def drips(data: bytes) -> AsyncIterator[bytes]:
    return slowly(*(bytes([one]) for one in data), pause=0.2)


LISTS: dict[str, tuple[Callable[[], "bytes | AsyncIterator[bytes]"], str]] = {
    "a byte that is no UTF-8": (lambda: response(b'{"data":[{"id":"caf\xe9"}]}'), "--model"),
    "a name that is no name": (lambda: response(b'{"data":[{"id":NaN}]}'), "--model"),
    "a name that is a number": (lambda: response(b'{"data":[{"id":7},{"id":null},{"id":{}},7]}'), "--model"),
    "a list that is none": (lambda: response(b'{"data":{"id":"x"}}'), "--model"),
    "deep nesting": (lambda: response(b"[" * 100_000), "--model"),
    "an endless list": (lambda: endless(b"HTTP/1.1 200 OK\r\n\r\n[", b" " * 65536), "more than 8388608 bytes"),
    "a bomb": (lambda: response(BOMB, "content-encoding: gzip"), "more than 8388608 bytes"),
    "names that move the cursor": (
        lambda: models(ODD, "\x1b[31mred", "\u202eevil", "::error::x", "$(touch x)"),
        "--model",
    ),
    "the key as a name": (lambda: models(KEY, f"x-{KEY}", "y"), "--model"),
    "long names": (lambda: models("a" * 1_000_000, "b", "c"), "--model"),
    "endless headers": (
        lambda: endless(b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"b" * 500 + b"\r\n"),
        "does not speak HTTP",
    ),
    "a status that is none": (lambda: b"HTTP/1.1 abc OK\r\n\r\n", "does not speak HTTP"),
    "two lengths": (
        lambda: b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        "does not speak HTTP",
    ),
    "another protocol": (lambda: b"SSH-2.0-OpenSSH_9.2 \x1b[31m\x00\xff\r\n", "does not speak HTTP"),
    "an answer of a byte now and then": (lambda: drips(models("m")), "has not answered within"),
    "a head of a byte now and then": (
        lambda: drips(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100),
        "has not answered within",
    ),
    "nothing": (lambda: slowly(b"", b"", pause=60), "does not answer"),
    "the end of the connection": (lambda: b"", "does not speak HTTP"),
    "an unknown encoding": (lambda: response(b"\x8f" * 500, "content-encoding: br"), "--model"),
    "a body that is not of its encoding": (lambda: response(b"{}", "content-encoding: gzip"), "--model"),
}
"""What `GET /v1/models` is answered with, and what the line says."""


SLOW = ("has not answered within", "does not answer")
"""What is said where time is over: only there it is made short, for a busy machine may take long for all the others."""


def hasty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "ANSWER_SECONDS", 0.3)
    patch.setattr(wire, "CONNECT_SECONDS", 0.3)


@pytest.mark.parametrize("name", LISTS)
def test_a_hostile_list_of_models_is_a_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, says = LISTS[name]
    if says in SLOW:
        hasty(monkeypatch)

    async def behaves(peer: Peer) -> None:
        while True:
            asked = await peer.request()
            if not asked.startswith(b"GET /v1/models"):
                await peer.send(response(b"{}", status="404 Not Found"))
                continue
            answer = attack()
            if isinstance(answer, bytes):
                await peer.send(answer)
                return
            async for piece in answer:
                await peer.send(piece)

    async def run() -> UserError:
        async with serving(behaves) as server:
            choices = Choices(target="none", base_url=server.url, api_key_env="K")
            with pytest.raises(UserError) as caught:
                await asyncio.to_thread(resolve, choices, {"K": KEY}, lambda _: None)
            return caught.value

    problem = asyncio.run(run())
    line = harmless(str(problem))
    assert says in line, line
    assert problem.exit_code in (ExitCode.OUR_FAULT, ExitCode.BAD_USAGE)
    assert all(sign.isprintable() or sign == "\n" for sign in line)
    assert not any(one.lstrip().startswith(("::", "##[")) for one in line.split("\n"))
    assert len(line) < 8000
    assert KEY not in line


@asynccontextmanager
async def secure(
    behaviour: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], tls: bool
) -> AsyncIterator[int]:
    """A listener, with a certificate that nobody trusts or without one; its port."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)

    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        made = behaviour(reader, writer)
        if asyncio.iscoroutine(made):
            await made
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:  # one that is still closing would outlive the loop
            writer.transport.abort()
        await asyncio.sleep(0)


def test_the_doctor_says_in_a_line_what_a_server_is_that_speaks_no_utf_8(tmp_path: Path) -> None:
    async def run() -> "CompletedProcess[str]":
        async with serving(answers(b'{"version":"caf\xe9"}', "200 OK", "content-type: application/json")) as server:
            return await asyncio.to_thread(doctor, server.url)

    def doctor(url: str) -> "CompletedProcess[str]":
        command = [sys.executable, "-m", "conformance", "doctor", "--base-url", url]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)

    ended = asyncio.run(run())
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode in (ExitCode.OUR_FAULT, ExitCode.UNEXPECTED), ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).strip()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await asyncio.wait_for(reader.read(), 5)


def says(data: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    return lambda _, writer: writer.write(data)


HANDSHAKES = {
    "a certificate that nobody trusts": ("https", says(b""), True, "certificate"),
    "an alert with a text": ("https", says(b"\x15\x03\x01\x00\x02\x02\x28\x1b[31mHELLO"), False, "secure connection"),
    "no handshake": ("https", silent, False, "no connection within"),
    "an end in the handshake": ("https", says(b""), False, "connection"),
    "half of a record": ("https", says(b"\x16\x03\x03\x40"), False, "connection"),
    "plain HTTP": ("https", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), False, "secure connection"),
    "TLS where plain HTTP was asked for": ("http", says(b""), True, "closes the connection"),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_that_fails_is_a_line(name: str) -> None:
    scheme, behaviour, tls, words = HANDSHAKES[name]

    async def run() -> PreflightProblem | None:
        limits = Limits(connect=2.0 if behaviour is silent else 60.0)
        async with secure(behaviour, tls) as port, Client(limits=limits, keys=[KEY]) as client:
            target = Target(name="none", base_url=f"{scheme}://127.0.0.1:{port}", model="m", key=KEY)
            return await preflight(target, client)

    problem = hurried(run())
    assert problem is not None
    assert words in problem.line, problem.line
    assert problem.exit == ExitCode.OUR_FAULT
    assert harmless(problem.line).isprintable()


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_that_fails_while_a_server_is_asked_who_it_is_is_a_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, behaviour, tls, _ = HANDSHAKES[name]
    if behaviour is silent:
        hasty(monkeypatch)

    async def run() -> UserError:
        async with secure(behaviour, tls) as port:
            choices = Choices(base_url=f"{scheme}://127.0.0.1:{port}")
            with pytest.raises(UserError) as caught:
                await asyncio.to_thread(resolve, choices, {}, lambda _: None)
            return caught.value

    problem = asyncio.run(run())
    assert problem.exit_code == ExitCode.OUR_FAULT, problem
    assert harmless(str(problem)).isprintable()
    assert len(str(problem)) < 700
