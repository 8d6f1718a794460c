"""The key goes to the origin of the target and to no other, whatever an answer, a case file or a redirect says."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from misbehaving import Behaviour, Peer, Server, answers, serving

from conformance.catalog.case import Ask, Case, Step
from conformance.probe.asking import Asked, ask_case
from conformance.probe.client import Client
from conformance.probe.recording import Limits
from conformance.probe.request import Setting, StepError, render
from conformance.probe.trouble import Patience
from conformance.targets.address import AddressError, origin, url_below
from conformance.targets.target import Auth, Target

KEY = "sk-canary-of-one-origin-91"
LIMITS = Limits(connect=30, first_byte=30, idle=30, total=60)

FORMS = {
    "userinfo by suffix": "@{stranger}/x",
    "userinfo in full": "http://{own}@{stranger}/x",
    "userinfo with a password": "http://user:{own}@{stranger}/x",
    "escaped userinfo": "%40{stranger}/x",
    "suffix of the host": ".{stranger}/x",
    "suffix of the port": "0@{stranger}/x",
    "digits behind the port": "1/x",
    "another port": "http://{stranger}/x",
    "another scheme": "https://{own}/x",
    "a scheme that is none": "gopher://{stranger}/x",
    "a file": "file:///etc/passwd",
    "no scheme": "//{stranger}/x",
    "no scheme and a backslash": "/\\{stranger}/x",
    "backslashes": "\\\\{stranger}\\x",
    "a backslash before the at sign": "http://{own}\\@{stranger}/x",
    "a fragment before the at sign": "http://{own}#@{stranger}/x",
    "a query before the at sign": "http://{own}?@{stranger}/x",
    "a slash escaped": "http://{own}%2f@{stranger}/x",
    "a newline in the host": "http://{own}\r\n@{stranger}/x",
    "a header by newline": "http://{own}/x\r\nhost: {stranger}\r\n",
    "a tab in the scheme": "ht\ttp://{stranger}/x",
    "a blank first": " http://{stranger}/x",
    "a NUL": "http://{own}\x00@{stranger}/x",
    "capitals": "HTTP://{stranger}/X",
    "IPv6 that means the same machine": "http://[::ffff:127.0.0.1]:{port}/x",
    "a name that means the same machine": "http://localhost:{port}/x",
    "a number that means the same machine": "http://2130706433:{port}/x",
    "full width dots": "http://127\u30020\u30020\u30021:{port}/x",
    "full width at sign": "http://{own}\uff20{stranger}/x",
    "a port that is none": "http://127.0.0.1:99999/x",
    "no host": "http://",
    "an open bracket": "http://[::1/x",
    "nothing": "",
    "3 MB": "http://{own}/" + "a" * 3_000_000,
    "a half of a surrogate pair": "http://{own}/\ud800",
    "not a text": 17,
}
"""What an answer gives as an address that is not the target's; some of these are asked of the target itself."""

FOLLOWED = {
    "its own": "http://{own}/v1/results",
    "its own, relative": "/v1/results",
    "its own in capitals": "HTTP://{own}/v1/results?after=1#here",
}


def two_steps(transport: Any = "http") -> Case:
    steps = [
        Step("ended", Ask(method="GET", path="/v1/messages/batches/b")),
        Step("results", Ask(method="GET", path="{steps.ended.message.results_url}", query={"limit": "5"})),
    ]
    return Case(id="a.b", title="", surface="r", steps=steps, transport=transport)


async def asked(case: Case, server: Server, documents: Any, *, mode: Any = "json", auth: Auth | None = None) -> Asked:
    target = Target(name="t", base_url=server.url, key=KEY, model="m", auth=auth or Auth())
    async with Client(limits=LIMITS, keys=[KEY]) as client:
        return await ask_case(case, target, mode, 1, client, Patience(1), proceed=lambda *_: documents)


def heard(server: Server) -> str:
    return b"".join(server.requests).decode("latin-1")


@pytest.mark.parametrize("form", FORMS)
def test_an_address_in_an_answer_leads_no_key_to_another_origin(form: str) -> None:
    async def run() -> tuple[Asked, Server, Server]:
        async with serving(answers()) as own, serving(answers()) as stranger:
            given: Any = FORMS[form]
            if isinstance(given, str):
                for name, value in (("own", own.url[7:]), ("stranger", stranger.url[7:]), ("port", str(stranger.port))):
                    given = given.replace("{" + name + "}", value)
            told = await asked(two_steps(), own, {"message": {"results_url": given}})
            return told, own, stranger

    told, own, stranger = asyncio.run(run())
    assert stranger.connections == 0
    assert KEY not in heard(stranger)
    assert KEY in own.requests[0].decode("latin-1")
    for request in own.requests:  # what was sent to the target is one request, and no header of the answer's making
        assert request.split(b"\r\n\r\n")[0].lower().count(b"\nhost:") == 1
    if len(told.answers) == 1:
        assert told.stopped.startswith("message.results_url in the answer of step ended: ")
        assert len(told.stopped) < 400
    else:
        assert origin(told.answers[1].exchange.request.url.partition("?")[0]) == origin(own.url)


@pytest.mark.parametrize("form", FOLLOWED)
def test_an_address_of_the_same_origin_is_asked_with_the_key(form: str) -> None:
    async def run() -> tuple[Asked, Server]:
        async with serving(answers()) as own:
            given = FOLLOWED[form].replace("{own}", own.url[7:])
            return await asked(two_steps(), own, {"message": {"results_url": given}}), own

    told, own = asyncio.run(run())
    assert [answer.exchange.status for answer in told.answers] == [200, 200]
    line = own.requests[1].split(b"\r\n")[0]
    assert line in (b"GET /v1/results?limit=5 HTTP/1.1", b"GET /v1/results?after=1&limit=5 HTTP/1.1")
    assert KEY.encode() in own.requests[1]


def redirecting(to: str, status: int) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(f"HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n".encode())

    return behaviour


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("transport", ["http", "sdk", "sdk-async"])
@pytest.mark.parametrize("header", ["x-api-key", "bearer"])
def test_a_redirect_leads_no_key_to_another_origin(status: int, transport: Any, header: Any) -> None:
    async def run() -> tuple[Asked, Server]:
        async with serving(answers()) as stranger, serving(redirecting(f"{stranger.url}/x", status)) as own:
            ask = Ask(body={"messages": [], "max_tokens": 9})
            case = Case(id="a.b", title="", surface="r", ask=ask, transport=transport)
            return await asked(case, own, {}, auth=Auth(header=header)), stranger

    told, stranger = asyncio.run(run())
    assert stranger.connections == 0
    assert told.answers[0].exchange.status == status


PATHS: Sequence[str] = (
    *("@{stranger}/x", ":80@{stranger}/x", ".{stranger}/", "", "x"),
    *("http://{stranger}/", "\\x", "/a b", "/\r\n"),
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("base", ["http://own.test", "http://own.test:81", "https://own.test/prefix", "http://[::1]:8"])
def test_a_path_of_a_case_file_stays_on_the_target(path: str, base: str) -> None:
    path = path.replace("{stranger}", "127.0.0.1:9")
    with pytest.raises(AddressError):
        url_below(base, path)
    with pytest.raises(StepError):
        render(Ask(path=path), Setting(target=Target(name="t", base_url=base, key=KEY), mode="json", nonce="n"))


@pytest.mark.parametrize(
    ("base", "path", "query", "url"),
    [
        ("http://h:1/prefix/", "/v1/messages", "", "http://h:1/prefix/v1/messages"),
        ("http://h", "/v1/models?limit=1", "after=2", "http://h/v1/models?limit=1&after=2"),
        ("http://h", "//evil/x", "", "http://h//evil/x"),
        ("http://h:80", "http://H/x", "", "http://h:80/x"),
        ("https://h", "https://h:443/x?y", "", "https://h/x?y"),
        ("http://[::1]:8", "http://[::1]:8", "", "http://[::1]:8/"),
    ],
)
def test_a_url_is_made_of_its_parts(base: str, path: str, query: str, url: str) -> None:
    assert url_below(base, path, query) == url


def test_a_case_may_ask_the_server_of_fixtures_and_nobody_else_without_a_key() -> None:
    target = Target(name="t", base_url="http://own:1", key=KEY)
    documents = {"done": {"message": {"url": "http://fixtures:2/a.png", "other": "http://stranger:3/a.png"}}}
    setting = Setting(target=target, mode="json", nonce="n", documents=documents, fixtures_url="http://fixtures:2")
    for path in ("{fixtures}/a.png", "{steps.done.message.url}"):
        outgoing = render(Ask(method="GET", path=path, foreign="fixture"), setting)
        assert outgoing.url == "http://fixtures:2/a.png"
        assert KEY not in str(outgoing.headers)
    with pytest.raises(StepError):
        render(Ask(method="GET", path="{steps.done.message.other}", foreign="fixture"), setting)
    bare = msgspec.structs.replace(setting, fixtures_url="")
    with pytest.raises(StepError):
        render(Ask(method="GET", path="{fixtures}/a.png", foreign="fixture"), bare)


def test_an_address_from_an_answer_fills_a_path_as_one_segment_only() -> None:
    ask = Ask(method="GET", path="/v1/models/{steps.list.message.id}")
    for given in ("../../x", "@stranger/x", "a?b#c", "\r\nx: y", json.loads('"\\u0000"')):
        documents = {"list": {"message": {"id": given}}}
        setting = Setting(target=Target(name="t", base_url="http://h"), mode="json", nonce="n", documents=documents)
        assert render(ask, setting).url.count("/") == 5
