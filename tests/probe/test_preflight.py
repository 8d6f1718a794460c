"""The first question: every dead end is one line that says what to do, and an odd but legal server is let in."""

import asyncio
import json
from typing import Any

import pytest
from misbehaving import Behaviour, Peer, answers, answers_in_turn, hurried, sends, serving

from conformance.probe import preflight as module
from conformance.probe.client import Client
from conformance.probe.preflight import PreflightProblem, preflight
from conformance.probe.recording import Limits
from conformance.targets.target import Auth, Target

LIMITS = Limits(connect=60.0)
TARGET = Target(name="t", base_url="", model="m-1")
FINE = ("200 OK", b"{}")
REFUSED = ("500 Internal Server Error", b'{"error":{"message":"No api_key passed in."}}')
HTML = b"<!doctype html><html><title>Welcome</title></html>"


def error(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


def ask(
    *behaviours: Behaviour, path: str = "", said: list[str] | None = None, limits: Limits = LIMITS, **target: Any
) -> PreflightProblem | None:
    """The problem with a server that behaves like that; TARGET with what is given."""

    async def run() -> PreflightProblem | None:
        async with serving(*behaviours) as server, Client(limits=limits) as client:
            given: dict[str, Any] = {"name": "t", "base_url": server.url + path, "model": "m-1", **target}
            return await preflight(Target(**given), client, say=(lambda _line: None) if said is None else said.append)

    return hurried(run())


def check(base_url: str, **target: Any) -> PreflightProblem:
    async def run() -> PreflightProblem | None:
        async with Client(limits=LIMITS) as client:
            return await preflight(Target(**({"name": "t", "base_url": base_url, "model": "m"} | target)), client)

    problem = hurried(run())
    assert problem is not None
    return problem


@pytest.mark.parametrize(
    "legal",
    [
        answers(b"{}"),
        answers(b"not even JSON"),
        answers(b'{"type":"message"}', "200 OK", "content-type: text/html"),
        answers_in_turn(("400 Bad Request", error("invalid_request_error", "max_tokens: too small")), FINE),
        answers_in_turn(("400 Bad Request", error("invalid_request_error", "this model needs a system prompt")), FINE),
        answers_in_turn(("403 Forbidden", error("permission_error", "not today")), FINE),
        answers(error("rate_limit_error", "slow down"), "429 Too Many Requests"),
        answers_in_turn(("500 Internal Server Error", error("api_error", "oops")), FINE),
        answers_in_turn(("501 Not Implemented", b""), FINE),
        answers(error("overloaded_error", "busy"), "529 Overloaded"),
        answers(HTML, "307 Temporary Redirect", "location: /v1/messages/"),
        sends(b"HTTP/1.0 200 OK\r\n\r\n{}"),
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"),
    ],
)
def test_an_odd_server_is_let_in(legal: Behaviour) -> None:
    assert ask(legal) is None


def test_a_server_whose_every_answer_is_the_same_refusal_is_one_line() -> None:
    """LiteLLM answers a missing key with 500: a run would name it two hundred times."""
    problem = ask(answers_in_turn(REFUSED))
    assert problem is not None
    assert "refuses every request alike (status 500: No api_key passed in.)" in problem.line
    assert "--api-key-env" in problem.line
    assert problem.exit == 2


@pytest.mark.parametrize(
    "others",
    [[FINE], [REFUSED, FINE], [("500 Internal Server Error", b'{"error":{"message":"Another."}}')]],
)
def test_a_server_that_refuses_only_some_requests_is_asked(others: list[tuple[str, bytes]]) -> None:
    assert ask(answers_in_turn(REFUSED, *others)) is None


@pytest.mark.parametrize(
    "once",
    [
        ("401 Unauthorized", error("authentication_error", "not this time")),
        ("404 Not Found", error("not_found_error", "model: m-1")),
        ("502 Bad Gateway", HTML),
    ],
)
def test_one_answer_that_fails_does_not_end_a_run(once: tuple[str, bytes]) -> None:
    assert ask(answers_in_turn(once, FINE)) is None


def test_a_busy_server_is_asked_again_later() -> None:
    assert ask(answers(error("overloaded_error", "busy"), "529 Overloaded")) is None


@pytest.mark.parametrize(
    ("answer", "words", "code"),
    [
        (answers(HTML), "a web page", 2),
        (answers(HTML, "404 Not Found"), "a web page (status 404)", 2),
        (answers(HTML, "502 Bad Gateway"), "is the endpoint behind it running?", 2),
        (answers(b'{"detail":"Not Found"}', "404 Not Found"), "There is no Messages API at", 2),
        (answers(b"404 page not found", "404 Not Found"), "There is no Messages API at", 2),
        (answers(b"", "405 Method Not Allowed"), "status 405", 2),
        (answers(error("authentication_error", "invalid x-api-key"), "401 Unauthorized"), "--api-key-env", 4),
        (answers(b'{"detail":"who are you"}', "401 Unauthorized"), "--api-key-env", 4),
        (answers(error("auth_error", "Authentication Error, bad key"), "400 Bad Request"), "--api-key-env", 4),
        (answers(error("not_found_error", "model: m-1"), "404 Not Found"), "no model m-1", 4),
        (answers(error("not_found_error", "model 'm-1' not found"), "404 Not Found"), "--model", 4),
        (answers(error("x", "Invalid model name passed in model=m-1"), "400 Bad Request"), "--model", 4),
        (sends(), "is it an HTTP server", 2),
        (sends(b"SSH-2.0-x\r\n\r\n"), "does not speak HTTP", 2),
        (answers(b"", "308 Permanent Redirect", "location: https://h.example/a/v1/messages"), "https://h.example/a", 4),
    ],
)
def test_a_dead_end_is_one_line_with_a_remedy(answer: Behaviour, words: str, code: int) -> None:
    problem = ask(answer)
    assert problem is not None
    assert words in problem.line
    assert "\n" not in problem.line
    assert problem.exit == code


def test_nothing_listens() -> None:
    problem = check("http://127.0.0.1:1")
    assert problem.line.startswith("Nothing answers at http://127.0.0.1:1: Connection refused")
    assert problem.exit == 2


def test_what_to_start_is_said() -> None:
    assert "`ollama serve`" in check("http://localhost:1", name="ollama", start="ollama serve").line


def test_an_unknown_host_is_named() -> None:
    problem = check("http://no-such-host.invalid:80")
    assert "There is no host no-such-host.invalid" in problem.line
    assert problem.exit == 2


@pytest.mark.parametrize("typed", ["localhost:11434", "ftp://x", "http://", "http://h:port", "nonsense"])
def test_what_is_no_address_is_the_callers_mistake(typed: str) -> None:
    assert check(typed).exit == 4


def test_a_secure_address_for_a_plain_server() -> None:
    async def talks_plainly(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def run() -> PreflightProblem | None:
        async with serving(talks_plainly) as server, Client(limits=LIMITS) as client:
            return await preflight(Target(name="t", base_url=server.url.replace("http:", "https:")), client)

    problem = hurried(run())
    assert problem is not None
    assert "write http://" in problem.line
    assert problem.exit == 2


def test_a_server_that_never_answers() -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    problem = ask(silent, limits=Limits(first_byte=0.2))
    assert problem is not None
    assert "says nothing" in problem.line
    assert problem.exit == 2


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/base/v1", "/v1/messages"])
def test_a_base_url_that_ends_in_what_is_added_to_it(path: str) -> None:
    problem = ask(answers(b'{"detail":"Not Found"}', "404 Not Found"), path=path)
    assert problem is not None
    assert problem.exit == 4
    assert problem.line.split("--base-url ")[1].rstrip("/").endswith("/base" if "base" in path else "")
    assert not problem.line.endswith(("/v1", "/messages"))


def test_a_server_mounted_below_v1_is_let_in() -> None:
    assert ask(answers(b"{}"), path="/v1") is None


def listing(*models: str) -> Behaviour:
    """Refuses the model, and lists these."""
    listed = json.dumps({"data": [{"id": model} for model in models]}).encode()

    async def behaviour(peer: Peer) -> None:
        while True:
            asked = await peer.request()
            body = listed if asked.startswith(b"GET /v1/models ") else error("not_found_error", "model: m-1")
            status = "200 OK" if body is listed else "404 Not Found"
            await peer.send(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    return behaviour


def test_the_models_that_there_are_are_named() -> None:
    problem = ask(listing("b", "a"))
    assert problem is not None
    assert problem.line.endswith("it has a, b")


def test_a_model_that_is_listed_is_not_missing() -> None:
    assert ask(listing("a", "m-1")) is None


def test_ollama_is_told_how_to_get_a_model() -> None:
    problem = ask(listing("a"), name="ollama")
    assert problem is not None
    assert "`ollama pull m-1`" in problem.line


def test_a_wrong_key_is_not_shown() -> None:
    key = "sk-very-secret-99"

    async def run() -> PreflightProblem | None:
        refuses = answers(error("authentication_error", f"invalid key {key}"), "401 Unauthorized")
        async with serving(refuses) as server, Client(limits=LIMITS, keys=[key]) as client:
            return await preflight(Target(name="t", base_url=server.url, key=key, auth=Auth(env="KEY")), client)

    problem = hurried(run())
    assert problem is not None
    assert "refuses the key" in problem.line
    assert key not in problem.line


def test_a_loading_model_is_waited_for_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADING_PAUSE", 0.02)
    said: list[str] = []
    body = b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'

    async def loads(peer: Peer) -> None:
        while True:
            await peer.request()
            status = "503 Service Unavailable" if len(peer.requests) < 4 else "200 OK"
            await peer.send(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    assert ask(loads, said=said) is None
    assert len(said) == 1
    assert "loading the model" in said[0]


def test_a_slow_first_answer_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENT_FOR", 0.02)
    said: list[str] = []

    async def slow(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(0.1)
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n{}")

    assert ask(slow, said=said) is None
    assert len(said) == 1
    assert "waiting" in said[0]


def test_what_a_hostile_server_says_is_one_printable_line() -> None:
    problem = ask(answers(error("authentication_error", "\x1b[31mred\r\nsecond" + "x" * 5000), "401 Unauthorized"))
    assert problem is not None
    assert problem.line.isprintable()
    assert len(problem.line) < 500
