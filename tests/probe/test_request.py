"""From an ask to a request: what is added, what is left alone, and what placeholders become."""

import gzip
import itertools
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.catalog.case import Ask
from conformance.probe.request import BLOCK, AddressFault, Outgoing, Setting, StepError, fill, new_nonce, render
from conformance.targets.target import Auth, Target
from conformance.words import Mode

TARGET = Target(name="t", base_url="http://host:1/prefix/", model="org/m 1", key="sk-right")
BODY: dict[str, Any] = {"max_tokens": 10, "messages": [{"role": "user", "content": "Reply with exactly: {nonce}"}]}
DOCUMENTS = {"call": {"message": {"id": "msg_1", "content": [{"type": "tool_use", "id": "t1"}], "n": 7}}}


def setting(mode: Mode = "json", target: Target = TARGET, **given: Any) -> Setting:
    return Setting(target=target, mode=mode, nonce="abcdefghij", documents=DOCUMENTS, **given)


def sent(ask: Ask, mode: Mode = "json", *, asks_max_tokens: bool = False, **target: Any) -> dict[str, Any]:
    asked = msgspec.structs.replace(TARGET, **target)
    body = render(ask, setting(mode, asked), asks_max_tokens=asks_max_tokens).body
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded


def headers(outgoing: Outgoing) -> dict[str, str]:
    assert len({name for name, _ in outgoing.headers}) == len(outgoing.headers)
    return dict(outgoing.headers)


def test_a_message_request_is_completed() -> None:
    outgoing = render(Ask(body=BODY), setting("stream"))
    assert (outgoing.method, outgoing.url) == ("POST", "http://host:1/prefix/v1/messages")
    assert msgspec.json.decode(outgoing.body) == {
        "model": "org/m 1",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "Reply with exactly: abcdefghij"}],
        "stream": True,
    }
    told = headers(outgoing)
    assert re.fullmatch(r"messages-conformance/\S+", told.pop("user-agent"))
    assert told == {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "x-api-key": "sk-right",
    }


def test_both_modes_say_whether_they_want_a_stream() -> None:
    """A server whose default is a stream fails the one question that is silent about it, and no other."""
    assert sent(Ask(body=BODY))["stream"] is False
    assert sent(Ask(body=BODY), "stream")["stream"] is True
    assert "stream" not in sent(Ask(body=BODY, omits=["stream"]))
    assert "model" not in sent(Ask(body=BODY, omits=["model"]))


def test_what_the_case_names_is_left_alone() -> None:
    body = {**BODY, "model": None, "stream": False, "temperature": 1}
    told = sent(Ask(body=body), "stream", defaults={"temperature": 0, "top_p": 1})
    assert (told["model"], told["stream"], told["temperature"], told["top_p"]) == (None, False, 1, 1)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (Ask(body=BODY), {"temperature": 0, "x": 1}),
        (Ask(body=BODY, version=None), {"temperature": 0, "x": 1}),
        (Ask(body=BODY, version="2026-10-21"), {"x": 1}),
        (Ask(body={**BODY, "thinking": {"type": "adaptive"}}), {"x": 1}),
        (Ask(body=BODY, path="/v1/messages/count_tokens"), {}),
    ],
)
def test_defaults_go_only_where_the_api_takes_them(ask: Ask, expected: dict[str, int]) -> None:
    told = sent(ask, defaults={"temperature": 0, "x": 1})
    assert {name: told[name] for name in ("temperature", "x") if name in told} == expected


def test_headroom_is_added_unless_the_limit_is_the_question() -> None:
    assert sent(Ask(body=BODY), headroom=4096)["max_tokens"] == 4106
    assert sent(Ask(body=BODY), headroom=4096, asks_max_tokens=True)["max_tokens"] == 10
    for odd in (0, -1, "10", True, 1.5, None):
        assert sent(Ask(body={**BODY, "max_tokens": odd}), headroom=4096)["max_tokens"] == odd


def test_only_bodies_for_messages_get_a_model() -> None:
    assert sent(Ask(path="/v1/messages/count_tokens", body={}), "stream") == {"model": "org/m 1"}
    assert sent(Ask(path="/v1/messages/batches", body={"requests": []}), "stream") == {"requests": []}


def test_a_raw_body_goes_out_to_the_letter() -> None:
    outgoing = render(Ask(raw='{"model": "{model}", "x": {nonce'), setting("stream"))
    assert outgoing.body == b'{"model": "org/m 1", "x": {nonce'
    assert headers(outgoing)["content-type"] == "application/json"


def test_a_raw_body_may_go_out_as_other_bytes_than_utf_8() -> None:
    latin, packed = (render(Ask(raw='"{nonce} ÿ"', encoding=name), setting()) for name in ("latin-1", "gzip"))
    assert latin.body == b'"abcdefghij \xff"'
    assert gzip.decompress(packed.body).decode() == '"abcdefghij ÿ"'
    assert "content-encoding" not in headers(packed)


def test_a_request_without_a_body_has_no_media_type() -> None:
    outgoing = render(Ask(method="GET", path="/v1/models", query={"limit": "2", "after_id": "{model}"}), setting())
    assert outgoing.url == "http://host:1/prefix/v1/models?limit=2&after_id=org%2Fm+1"
    assert outgoing.body == b""
    assert "content-type" not in headers(outgoing)


def test_headers_of_the_case_add_replace_and_remove() -> None:
    ask = Ask(body=BODY, version=None, headers={"Accept": "x/{nonce}", "X-New": "1", "Content-Type": None})
    told = headers(render(ask, setting()))
    assert (told["accept"], told["x-new"]) == ("x/abcdefghij", "1")
    assert "anthropic-version" not in told
    assert "content-type" not in told


@pytest.mark.parametrize(
    ("auth", "key", "ask_key", "expected"),
    [
        (Auth(), "k", "right", {"x-api-key": "k"}),
        (Auth(header="bearer"), "k", "right", {"authorization": "Bearer k"}),
        (Auth(header="both"), "k", "right", {"x-api-key": "k", "authorization": "Bearer k"}),
        (Auth(header="none"), "k", "right", {}),
        (Auth(placeholder="p"), None, "right", {"x-api-key": "p"}),
        (Auth(), None, "right", {}),
        (Auth(), "k", "none", {}),
        (Auth(), "k", "both", {"x-api-key": "k", "authorization": "Bearer k"}),
        (Auth(), "k", "wrong", {"x-api-key": "wrong-key-abcdefghij"}),
        (Auth(header="bearer"), "k", "wrong", {"authorization": "Bearer wrong-key-abcdefghij"}),
        (Auth(), "k", "wrong-bearer", {"authorization": "Bearer wrong-key-abcdefghij"}),
        (Auth(), "k", "empty", {"x-api-key": ""}),
    ],
)
def test_credentials(auth: Auth, key: str | None, ask_key: Any, expected: dict[str, str]) -> None:
    target = Target(name="t", base_url="http://h", auth=auth, key=key)
    told = headers(render(Ask(body=BODY, key=ask_key), setting(target=target)))
    assert {name: told[name] for name in ("x-api-key", "authorization") if name in told} == expected


def test_placeholders_take_values_with_their_types() -> None:
    value = {
        "whole": "{steps.call.message.content}",
        "number": "{steps.call.message.n}",
        "path": "{steps.call.message.content[?type=='tool_use'].id | [0]}",
        "inside": "{steps.call.message.id} {steps.call.message.content[*].id}, {model}, {base_url}, {fixtures}",
        "no placeholder": ['{"text": "{nonce}"}', "{}", "{other}", "{steps}", 1, None, True],
    }
    assert fill(value, setting(fixtures_url="http://f")) == {
        "whole": [{"type": "tool_use", "id": "t1"}],
        "number": 7,
        "path": "t1",
        "inside": 'msg_1 ["t1"], org/m 1, http://host:1/prefix, http://f',
        "no placeholder": ['{"text": "abcdefghij"}', "{}", "{other}", "{steps}", 1, None, True],
    }


@pytest.mark.parametrize("lacking", ["{steps.call.message.nothing}", "{steps.other.message.id}", "a {steps.call.x} b"])
def test_what_an_earlier_answer_lacks_is_said(lacking: str) -> None:
    with pytest.raises(StepError, match="the answer of step"):
        fill(lacking, setting())


def test_values_in_a_path_are_one_segment() -> None:
    assert render(Ask(method="GET", path="/v1/models/{model}"), setting()).url.endswith("/v1/models/org%2Fm%201")


def test_an_address_from_an_answer_is_asked_as_it_is_unless_it_is_a_strangers() -> None:
    ask = Ask(method="GET", path="{steps.done.message.results_url}")

    def asked(url: str) -> Outgoing:
        documents = {"done": {"message": {"results_url": url}}}
        return render(ask, Setting(target=TARGET, mode="json", nonce="n", documents=documents))

    own = asked("http://host:1/prefix/v1/results?x=1")
    assert own.url == "http://host:1/prefix/v1/results?x=1"
    assert headers(own)["x-api-key"] == "sk-right"
    for stranger in ("http://host:2/v1", "https://host:1/v1", "http://host.evil:1/v1", "http://evil/host:1"):
        with pytest.raises(AddressFault, match="another server"):
            asked(stranger)


def test_a_form_holds_texts_and_files_of_the_fixtures(tmp_path: Path) -> None:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    (folder / "page.txt").write_bytes(b"\x00bytes")
    (tmp_path / "secret.txt").write_text("secret")
    ask = Ask(path="/v1/files", multipart={"name": "{nonce}", "file": "@page.txt"})
    outgoing = render(ask, setting(fixtures=folder))
    kind = headers(outgoing)["content-type"]
    boundary = kind.removeprefix("multipart/form-data; boundary=").encode()
    assert outgoing.body.split(b"--" + boundary) == [
        b"",
        b'\r\ncontent-disposition: form-data; name="name"\r\n\r\nabcdefghij\r\n',
        (
            b'\r\ncontent-disposition: form-data; name="file"; filename="page.txt"\r\ncontent-type: text/plain\r\n\r\n'
            b"\x00bytes\r\n"
        ),
        b"--\r\n",
    ]
    for stolen in ("@../secret.txt", f"@{tmp_path}/secret.txt", "@none.txt"):
        with pytest.raises(StepError):
            render(Ask(path="/v1/files", multipart={"file": stolen}), setting(fixtures=folder))


def test_nonces_are_fresh_and_have_their_form() -> None:
    nonces = {new_nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    for nonce in nonces:
        assert re.fullmatch(r"[a-z][a-z2-9]{9}", nonce)
        assert all(one != other for one, other in itertools.pairwise(nonce))


def test_a_padded_body_grows_by_white_space_that_is_recorded_nowhere() -> None:
    """Only the size of a request is in question: whoever reads its JSON reads the same."""
    plain, padded = (render(Ask(body=BODY, padded_to=size), setting()) for size in (0, 5000))
    assert padded.body == plain.body == plain.sent
    assert len(padded.sent) == 5000
    assert msgspec.json.decode(padded.sent) == msgspec.json.decode(plain.body)
    assert render(Ask(body=BODY, padded_to=10), setting()).sent == plain.body
    large = render(Ask(body=BODY, padded_to=33 * 2**20), setting())
    assert max(map(len, large.pieces)) <= BLOCK  # 33 MiB in one took 200 MB on their way out
    assert sum(map(len, large.pieces)) == 33 * 2**20
