"""A case file or a target file of a stranger may be wrong, but never dangerous, and never slow.

The server of fixtures gives files and nothing else, whatever it is asked for.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalog.load import load_catalog
from conformance.catalog.problem import CatalogError
from conformance.engine.fixture_server import FixtureServer
from conformance.harmless import harmless
from conformance.targets.load import TargetFileError, load_target_file
from conformance.targets.resolve import Choices, TargetProblem, resolve

CASE = """family: f
cases:
  - id: a.case
    title: T
    surface: request.model
    {line}
"""
SEEN = "\n    effect: [{at: text, present: true}]"
ASK = "ask: {body: {max_tokens: 9, messages: []}}"

DANGEROUS = {
    "a name of a step that climbs": "steps: [{name: /../../pwned, ask: {path: /v1/x}}]" + SEEN,
    "a name of a step that is a path": "steps: [{name: a/b, ask: {path: /v1/x}}]" + SEEN,
    "a name of a step that is a folder": "steps: [{name: .., ask: {path: /v1/x}}]" + SEEN,
    "an empty name of a step": "steps: [{name: '', ask: {path: /v1/x}}]" + SEEN,
    "a path to another host": "ask: {path: '@127.0.0.1:9/steal'}" + SEEN,
    "a full URL": "ask: {path: 'http://127.0.0.1:9/steal'}" + SEEN,
    "a path that writes headers": 'ask: {path: "/v1\\r\\nx-evil: 1"}' + SEEN,
    "a schema from the network": ASK + "\n    effect: [{at: message, valid_under: {$ref: 'http://127.0.0.1:9/s'}}]",
    "a schema from the disk": ASK + "\n    effect: [{at: message, valid_under: {$ref: 'file:///etc/passwd'}}]",
    "a schema that is none": ASK + "\n    effect: [{at: message, valid_under: {type: nonsense}}]",
    "a pattern that looks back": ASK + "\n    effect: [{at: text, matches: '(a)\\1'}]",
    "a pattern without an end": ASK + "\n    effect: [{at: text, matches: '((a{1000}){1000}){1000}'}]",
    "a number of 5000 digits": f"level: {'9' * 5000}",
    "an id that climbs": ASK + "\n    id: ../../x",
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_case_file_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "area").mkdir()
    (tmp_path / "area" / "x.yaml").write_text(CASE.replace("{line}", DANGEROUS[name]))
    with pytest.raises(CatalogError) as caught:
        load_catalog(tmp_path)
    assert all(len(str(problem)) < 700 for problem in caught.value.problems)


def quick(work: Callable[[], object]) -> bool:
    began = time.process_time()
    with pytest.raises((CatalogError, TargetFileError)):
        work()
    return time.process_time() - began < 10


def test_unknown_keys_by_the_thousand_are_told_quickly_and_not_all(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("name: t\n" + "".join(f"unknown_{n}: 1\n" for n in range(20_000)))
    assert quick(lambda: load_target_file(file))
    with pytest.raises(TargetFileError) as caught:
        load_target_file(file)
    assert len(caught.value.problems) <= 20


SECRETS = {"AWS_SECRET_ACCESS_KEY": "aws-secret-1", "ANTHROPIC_API_KEY": "sk-ant-secret", "MY_KEY": "mine"}
FILES = {
    "a secret of somebody else": "name: t\nbase_url: {url}\nauth: {header: x-api-key, env: AWS_SECRET_ACCESS_KEY}\n",
    "a vendor's key at another address": "name: t\nextends: anthropic\nbase_url: {url}\n",
    "the same as a bearer": "name: t\nbase_url: {url}\nauth: {header: bearer, env: ANTHROPIC_API_KEY}\n",
    "one that was inherited twice": "name: t\nextends: ./u.yaml\nbase_url: {url}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_target_file_sends_no_secret_that_the_caller_did_not_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "u.yaml").write_text("name: u\nextends: anthropic\n")
    file = tmp_path / "t.yaml"
    file.write_text(FILES[name].replace("{url}", "http://127.0.0.1:1"))
    said: list[str] = []
    sent = _key_of(Choices(target=str(file), model="m"), said)
    assert sent is None
    assert any("stays here" in line and "--api-key-env" in line for line in said)
    assert not any(secret in line for line in said for secret in SECRETS.values())
    assert _key_of(Choices(target=str(file), model="m", api_key_env="MY_KEY"), said) == "mine"


def _key_of(choices: Choices, said: list[str]) -> str | None:
    from conformance.targets.resolve import _key, _named

    file, _ = _named(choices.target)
    assert file is not None
    return _key(choices, file, "http://127.0.0.1:1", SECRETS, said.append)


@pytest.mark.parametrize(
    "typed", ["sk-ant-api03-abcdef", "a1b2c3d4e5f6a7b8c9d0", "ABCDEF0123456789ABCDEF", "ghp_Secret1"]
)
def test_a_key_in_the_place_of_its_name_is_not_repeated(typed: str) -> None:
    with pytest.raises(TargetProblem) as caught:
        resolve(Choices(target="none", base_url="http://127.0.0.1:1", model="m", api_key_env=typed), {}, print)
    assert typed not in str(caught.value)
    if "127.0.0.1" not in str(caught.value):
        assert "--api-key-env" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("\x1b[31mred", "\x1b]0;title\x07", "a\rb", "\x9b31m", "\u202eevil", "::error file=x::y", "  ::add-mask::x"),
        *("\t::set-output name=x::y", "##[error]x", "a\n::stop-commands::t\nb", "x ##[add-path]y", "\x00", "\u2028::x"),
    ],
)
def test_nothing_from_outside_moves_a_terminal_or_commands_a_runner(text: str) -> None:
    shown = harmless(text)
    assert all(sign.isprintable() or sign in "\n\t" for sign in shown)
    assert not any(line.lstrip().startswith(("::", "##[")) for line in shown.split("\n"))
    assert "##[" not in shown
    assert harmless("plain: text, at 10::20 o'clock\n") == "plain: text, at 10::20 o'clock\n"


def fetched(url: str, target: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "target", [b"/%00", b"/a%00.txt", b"/..%2f..%2fetc%2fpasswd", b"/../../secret.txt", b"/%ff", b"/"]
)
def test_no_path_is_a_traceback_or_leads_out_of_the_folder(
    target: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.txt").write_text("a")
    with FixtureServer(tmp_path / "served") as server:
        answer = fetched(server.url, target)
        assert answer.split(b" ")[1] in (b"404", b"400"), answer
        assert b"secret" not in answer
        assert fetched(server.url, b"/a.txt").endswith(b"a")
    assert capfd.readouterr().err == ""
