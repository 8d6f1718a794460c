"""A case file or a target file of a stranger may be wrong, but never dangerous, and never slow.

The server of fixtures gives files and nothing else, whatever it is asked for.
"""

import copy
import itertools
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, nullcontext, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from command_line import FULL, Command, called, extent
from msgspec import structs

from conformance.catalog.case import Ask
from conformance.catalog.load import load_catalog
from conformance.catalog.problem import CatalogError
from conformance.cli.commands import recorded_runs, share
from conformance.cli.configuration import ConfigurationError, configured
from conformance.cli.main import main
from conformance.engine.fixture_server import FixtureServer
from conformance.errors import UserError
from conformance.harmless import harmless
from conformance.probe.request import Setting, StepError, render
from conformance.runs.detection import read_figures
from conformance.runs.log import FILE, read_log
from conformance.runs.options import RunOptions, kept, options_in
from conformance.runs.snapshots import read_snapshot
from conformance.targets.load import TargetFileError, load_target_file
from conformance.targets.resolve import Choices, TargetProblem, _refuse_to_tell, resolve
from conformance.targets.target import Target

CASE = """family: f
about: a
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


SOURCES = ("a pipe", "a device", "a link to a pipe", "a file of somebody's", "a folder", "a file without an end")
"""What may stand where a file is expected."""


def stands(file: Path, source: str, mine: Path) -> None:
    """Puts a thing in the place of a file."""
    match source:
        case "a pipe":
            os.mkfifo(file)
        case "a device":
            file.symlink_to("/dev/zero")
        case "a link to a pipe":
            os.mkfifo(mine / "pipe")
            file.symlink_to(mine / "pipe")
        case "a file of somebody's":
            file.symlink_to(mine / "notes.yaml")
        case "a folder":
            file.mkdir()
        case "a file without an end":
            file.touch()
            os.truncate(file, 8 * 2**30)


LEADS = {
    "a case": "area/x.yaml",
    "the areas": "surface/areas.yaml",
    "a profile": "profiles/p.yaml",
    "the capabilities": "capabilities.yaml",
    "a fixture": "fixtures/f.yaml",
    "a picture": "fixtures/f.png",
    "a text": "fixtures/f.txt",
}


def of_somebody(tmp_path: Path) -> Path:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.yaml").write_text("secret-word: [1\n")
    return mine


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("lead", LEADS)
def test_a_folder_of_cases_leads_nowhere_and_ends(lead: str, source: str, tmp_path: Path) -> None:
    folder, mine = tmp_path / "cases", of_somebody(tmp_path)
    for name in LEADS.values():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    used = LEADS[lead].removeprefix("fixtures/").removesuffix(".yaml") if "fixtures" in LEADS[lead] else "f.txt"
    (folder / "fixtures" / "f.txt").write_text("f")
    (folder / "area" / "a.yaml").write_text(CASE.replace("{line}", f"effect: [{{at: text, equals: {{$use: {used}}}}}]"))
    (folder / LEADS[lead]).unlink(missing_ok=True)
    stands(folder / LEADS[lead], source, mine)
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("place", ["all", "area/all", "fixtures/all", "surface"])
def test_a_link_to_a_folder_among_the_cases_is_not_entered(place: str, tmp_path: Path) -> None:
    """One to the root of the disk had all of it read; one file that vanished meanwhile was all that was said."""
    folder, afar = tmp_path / "cases", tmp_path / "afar"
    for path in (folder / "area", folder / "fixtures", afar / "deep"):
        path.mkdir(parents=True)
    (folder / "area" / "a.yaml").write_text(CASE.replace("{line}", ASK + SEEN))
    for file in ("areas.yaml", "deep/x.yaml", "deep/y.yaml"):
        (afar / file).write_text("secret-word: [1\n")
    (folder / place).symlink_to(afar)
    if place in ("area/all", "fixtures/all"):
        assert list(load_catalog(folder).cases) == ["a.case"]
        return
    with pytest.raises(CatalogError, match="link") as refused:
        load_catalog(folder)
    assert "secret-word" not in str(refused.value)


TOLD = {
    "lint": ("title: T", r'title: "\e[31m\n::error::x"'),
    "explain": ("title: T", r'title: "\e[31m\u202e\n::error::x\n##[error]y"'),
    "list": ("title: T", r'title: "\e]0;t\a\n::error::x"'),
}
"""What a case file holds that a command prints."""


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("command", TOLD)
def test_what_stands_in_a_strangers_case_moves_no_terminal(
    command: str, form: tuple[str, ...], tmp_path: Path, conformance: Command
) -> None:
    (tmp_path / "cases" / "area").mkdir(parents=True)
    text = CASE.replace(*TOLD[command]).replace("{line}", ASK + SEEN)
    if command == "lint":
        text = text.replace("surface: request.model", r'surface: "\e[31m\n::error::x"')
    (tmp_path / "cases" / "area" / "x.yaml").write_text(text)
    words = {"lint": ["lint"], "explain": ["explain", "a.case", *form], "list": ["list", "cases", *form]}[command]
    said = conformance(*words, "--cases", "cases").stdout
    assert "error" in said
    assert said.replace("\n", "").isprintable()
    assert not any(line.lstrip().startswith(("::", "##[")) for line in said.splitlines())


def test_a_picture_that_is_sent_is_a_file_of_the_folder(tmp_path: Path) -> None:
    folder, mine = tmp_path / "fixtures", of_somebody(tmp_path)
    folder.mkdir()
    for source in SOURCES:
        stands(folder / f"{source}.png", source, mine)
    setting = Setting(target=Target(name="t", base_url="http://127.0.0.1:1"), mode="json", nonce="n", fixtures=folder)
    with FixtureServer(folder) as server:
        for source in SOURCES:
            with pytest.raises(StepError):
                render(Ask(path="/v1/files", multipart={"file": f"@{source}.png"}), setting)
            assert fetched(server.url, f"/{quote(source)}.png".encode()).split(b" ")[1] == b"404", source


@pytest.mark.parametrize("source", [*SOURCES, "a chain"])
@pytest.mark.parametrize("how", ["named", "extended"])
def test_a_target_file_that_is_none_is_a_line(how: str, source: str, tmp_path: Path) -> None:
    file, mine = tmp_path / "t.yaml", of_somebody(tmp_path)
    if source == "a chain":
        for number in range(2000):
            (tmp_path / f"t{number}.yaml").write_text(f"name: t\nextends: ./t{number + 1}.yaml\n")
        file.write_text("name: t\nextends: ./t0.yaml\n")
    else:
        stands(file, source, mine)
    heir = tmp_path / "heir.yaml"
    heir.write_text("name: h\nextends: ./t.yaml\n")
    with pytest.raises(TargetFileError) as caught:
        load_target_file(heir if how == "extended" else file)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_configuration_that_is_none_is_a_line(source: str, tmp_path: Path) -> None:
    stands(tmp_path / "conformance.toml", source, of_somebody(tmp_path))
    if source in ("a file of somebody's", "a file without an end"):
        with pytest.raises((ConfigurationError, OSError)) as caught:
            configured(RunOptions(), tmp_path)
        assert len(str(caught.value).splitlines()) == 1
    else:
        assert configured(RunOptions(), tmp_path) == RunOptions()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("read", [read_figures, read_snapshot])
def test_a_file_beside_the_runs_that_is_none_is_a_line(
    read: Callable[[Path], object], source: str, tmp_path: Path
) -> None:
    stands(tmp_path / "f.json", source, of_somebody(tmp_path))
    with suppress(UserError, OSError):
        assert not read(tmp_path / "f.json")


def test_links_that_lead_in_a_circle_are_a_line(tmp_path: Path, conformance: Command) -> None:
    """Python 3.11 raises RuntimeError for them."""
    for name in ("circle", "circle.yaml", "run/run.jsonl", "run/evidence.jsonl", "cases/area/circle.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(tmp_path / name)
    (tmp_path / "heir.yaml").write_text("name: h\nextends: ./circle.yaml\n")
    for words in (
        *(["list", "cases", "--cases", "circle"], ["list", "cases", "--cases", "cases"], ["report", "run"]),
        *(["evidence", "run"], ["rejudge", "circle"], ["run", "--resume", "circle"], ["run", "--out", "circle"]),
        *(["run", "--target", "circle.yaml"], ["run", "--target", "heir.yaml"], ["report", "run", "-o", "circle"]),
    ):
        ended = conformance(*words)
        assert ended.returncode == 4, (words, ended.stderr)
        assert len(ended.stderr.splitlines()) == 1, (words, ended.stderr)


@pytest.mark.parametrize("versions", [">=" + "9" * 5000, "==1." + "0" * 5000 + "1", "nonsense"])
def test_a_range_of_versions_that_nobody_can_compare_is_a_line(versions: str, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(f"name: t\nknown:\n- {{case: a.b, verdict: [broken], why: w, versions: '{versions}'}}\n")
    with pytest.raises(TargetFileError, match="version range") as refused:
        load_target_file(file)
    assert len(str(refused.value)) < 1000


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


WRONG: dict[str, object] = {
    "nothing": None,
    "yes": True,
    "a number": 7,
    "a fraction": -1.5,
    "a huge number": 10**30,
    "a text": "x",
    "a list": [],
    "lists": [[]],
    "a mapping": {},
    "mappings": {"a": {}},
    "controls": "\x00\x1b[31m\n::error::x",
}
"""What a field may hold that somebody else wrote, right types among them."""
NO_ROWS = b'{"type":"catalog","rows":[],"rules":[]}\n'
LONGEST_END = 12
"""Lines of what a command says at its end."""
COMMANDS = ("report", "diff", "rejudge", "run", "merge", "share", "evidence", "expect")


def said_of(command: str, run: Path, out: Path) -> list[str]:
    """The words that have a command read a run."""
    return {
        "report": ["report", str(run), "--format", "annotations"],
        "diff": ["diff", str(run), str(run)],
        "run": ["run", "--resume", str(run)],
        "merge": ["merge", str(run), "-o", str(out)],
        "evidence": ["evidence", str(run / FILE)],
        "expect": ["expect", str(run), "--to", str(out / "mine.yaml")],
    }.get(command, [command, str(run), "-o", str(out)])


def places(value: object, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each field of the head of a log, and each that lies in one."""
    if at and at != ("type",):  # a line of another type is no head
        yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*at, name))


def with_value(head: dict[str, Any], at: tuple[str, ...], value: object) -> bytes:
    changed = copy.deepcopy(head)
    inside = changed
    for name in at[:-1]:
        inside = inside[name]
    inside[at[-1]] = value
    return msgspec.json.encode(changed)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, reference: tuple[str, ...]) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    words = ["run", *reference, "--select", "messages.text", "--no-witness", "--shard", "1/1", "--out", "out"]
    assert called(words, folder).returncode == 0
    return folder / "out"


def head_of(run: Path) -> dict[str, Any]:
    """The head of a log with every option."""
    head: dict[str, Any] = msgspec.json.decode((run / FILE).read_bytes().partition(b"\n")[0])
    return head | {"options": msgspec.to_builtins(RunOptions()) | head["options"]}


def told_in_a_line(words: list[str], capsys: pytest.CaptureFixture[str], why: object) -> int:
    """The exit code of a command, which neither raises nor complains at length."""
    code = main(words)
    said = capsys.readouterr()
    assert code in (0, 1, 2, 3, 4), why
    assert len(said.err.splitlines()) <= (LONGEST_END if code in (0, 1) else 3), (why, said.err)
    assert said.err.replace("\n", "").isprintable(), (why, said.err)
    return code


def test_a_field_of_the_head_that_holds_anything_is_a_line_in_every_command(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = head_of(recorded)
    folder = tmp_path / "run"
    folder.mkdir()
    refused, turns = 0, itertools.cycle(WRONG.values())
    for at in places(head):
        for value in WRONG.values() if FULL else itertools.islice(turns, 2):
            (folder / FILE).write_bytes(with_value(head, at, value) + b"\n" + NO_ROWS)
            if told_in_a_line(said_of("diff", folder, tmp_path / "out"), capsys, (at, value)) == 0:
                continue
            codes = [told_in_a_line(said_of(one, folder, tmp_path / "out"), capsys, (at, value)) for one in COMMANDS]
            assert codes == [4] * len(COMMANDS), (at, value)
            refused += 1
    assert refused > (400 if FULL else 60), refused


CATALOG = load_catalog()
ODD: dict[str, dict[tuple[str, ...], object]] = {
    "an address that is none": {("target", "base_url"): "http://[::1"},
    "an address of another kind": {("target", "base_url"): "file:///etc/passwd"},
    "a port that is none": {("target", "base_url"): "http://127.0.0.1:99999"},
    "options with an address that is none": {("options", "base_url"): "http://[::1"},
    "a selection that is a list": {("options", "select"): ["a"]},
    "a selection that is no expression": {("options", "select"): "((("},
    "a shard that is none": {("options", "shard"): "9/2"},
    "a shard of no number": {("options", "shard"): "x"},
    "a profile that is not there": {("profile",): "../../x"},
    "a target that is a device": {("options", "target"): "/dev/zero"},
    "a target that is a folder": {("options", "target"): "/etc/"},
    "a target that is a file of somebody's": {("options", "target"): "/etc/passwd"},
    "a target that is a pipe": {("options", "target"): "{folder}/pipe.yaml"},
    "a target that is no path": {("options", "target"): "a\x00/b.yaml"},
    "a target with a long name": {("options", "target"): "x" * 9000 + ".yaml"},
    "a target that extends a pipe": {("options", "target"): "{folder}/heir.yaml"},
    "a baseline that is a device": {("options", "baseline"): "/dev/zero"},
    "a baseline that is a pipe": {("options", "baseline"): "{folder}/pipe.yaml"},
    "a baseline that is no path": {("options", "baseline"): "a\x00b"},
    "a baseline of another kind": {("options", "baseline"): "/etc/passwd"},
    "a version that is none": {("suite", "version"): "\x00"},
    "a version of many digits": {("target", "name"): "ollama", ("target", "version"): "9" * 5000},
    "a day that is none": {("started",): "never"},
    "a name that is a path": {("target", "name"): "../../x", ("target", "version"): "../../y"},
    "a target that nobody knows": {("target", "name"): "x", ("options", "target"): "y@z@"},
    "nothing but empty texts": {("target", "name"): "", ("target", "model"): "", ("started",): ""},
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_value_in_the_head_of_a_run_is_a_line(
    what: str, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "above" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    folder = here / "run"
    shutil.copytree(recorded, folder)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "heir.yaml").write_text("name: heir\nextends: ./pipe.yaml\n")
    first, *rest = (folder / FILE).read_bytes().splitlines(keepends=True)
    head = msgspec.json.decode(first)
    for at, value in ODD[what].items():
        value = value.replace("{folder}", str(folder)) if isinstance(value, str) else value
        head = msgspec.json.decode(with_value(head, at, value))
    (folder / FILE).write_bytes(msgspec.json.encode(head) + b"\n" + b"".join(rest))
    for room in (recorded_runs, share):
        monkeypatch.setattr(room, "load_catalog", lambda _: CATALOG)
    for command in extent(COMMANDS, ["rejudge", "run", "expect"]):
        if command != "run" or "target" in str(ODD[what]) or "base_url" in str(ODD[what]):
            told_in_a_line(said_of(command, folder, here / command), capsys, (what, command))
    assert sorted(path for path in tmp_path.rglob("*") if here not in path.parents) == [here.parent, here]


ASKS_FOR_A_KEY: dict[str, dict[str, object]] = {
    "an address in the head": {"base_url": "{url}"},
    "a target file that the head names": {"base_url": None, "target": "{folder}/theirs.yaml"},
    "an address and a vendor's name": {"base_url": "{url}", "target": "anthropic"},
    "another address of this machine": {"base_url": "http://localhost:{port}"},
}


@pytest.mark.parametrize("how", ASKS_FOR_A_KEY)
def test_a_key_does_not_go_where_only_the_folder_of_a_run_says(
    how: str,
    recorded: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(recorded, folder)
    monkeypatch.setenv("MY_KEY", "sk-mine-20261129")
    with socket.create_server(("127.0.0.1", 0)) as thief:
        thief.settimeout(0.1)
        port = thief.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        (folder / "theirs.yaml").write_text(f"name: t\nbase_url: {url}\n")
        first, *rest = (folder / FILE).read_bytes().splitlines(keepends=True)
        head = msgspec.json.decode(first)
        for name, value in ASKS_FOR_A_KEY[how].items():
            text = value.format(url=url, port=port, folder=folder) if isinstance(value, str) else value
            head["options"][name] = text
        (folder / FILE).write_bytes(msgspec.json.encode(head) + b"\n" + b"".join(rest))
        assert told_in_a_line(["run", "--resume", str(folder), "--api-key-env", "MY_KEY"], capsys, how) == 4
        with pytest.raises(TimeoutError):
            thief.accept()
    assert (folder / FILE).read_bytes().endswith(rest[-1])


@pytest.mark.parametrize(
    "says", ['base-url = "{url}"', 'target = "theirs.yaml"', 'base-url = "{url}"\ntarget = "ollama"']
)
def test_a_key_does_not_go_where_only_a_repository_says(
    says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "sk-mine-20261129")
    with socket.create_server(("127.0.0.1", 0)) as thief:
        thief.settimeout(0.1)
        url = f"http://127.0.0.1:{thief.getsockname()[1]}"
        (tmp_path / "conformance.toml").write_text(says.format(url=url))
        (tmp_path / "theirs.yaml").write_text(f"name: t\nbase_url: {url}\n")
        assert main(["run", "--model", "m", "--api-key-env", "MY_KEY"]) == 4
        assert f"say --base-url {url} too" in capsys.readouterr().err
        with pytest.raises(TimeoutError):
            thief.accept()


@pytest.mark.parametrize("target", ["../private.yaml", "link.yaml", "heir.yaml", "{above}/private.yaml"])
def test_a_repository_names_no_target_file_outside_of_it(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "private.yaml").write_text("name: private\npassword: hunter2\n")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "link.yaml").symlink_to(tmp_path / "private.yaml")
    (repository / "heir.yaml").write_text("name: heir\nextends: ../private.yaml\n")
    (repository / "conformance.toml").write_text(f'target = "{target.format(above=tmp_path)}"\n')
    with chdir(repository):
        assert main(["run", "--base-url", "http://127.0.0.1:1"]) == 4
    said = capsys.readouterr().err
    assert "--target can name any file" in said
    assert "password" not in said


def test_a_key_goes_to_an_address_that_is_typed_beside_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "theirs.yaml").write_text("name: t\n")
    (tmp_path / "conformance.toml").write_text('base-url = "http://127.0.0.1:1"\ntarget = "theirs.yaml"\n')
    for typed in (RunOptions(base_url="http://127.0.0.1:2"), RunOptions(base_url="http://h", target="none")):
        assert configured(typed, tmp_path).address_from is None
    (tmp_path / "conformance.toml").write_text('target = "theirs.yaml"\n')
    assert configured(RunOptions(target="mine.yaml"), tmp_path).address_from is None


@pytest.mark.parametrize("option", ["target", "baseline"])
@pytest.mark.parametrize("command", ["rejudge", "merge", "share", "run", "expect"])
def test_the_head_of_a_run_leads_to_no_file_elsewhere(
    option: str, command: str, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of one's own is not read, nor named with a word of what stands in it, nor through a link or an heir."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "private.yaml").write_text("name: private\npassword: hunter2\n")
    (tmp_path / "here").mkdir()
    folder = tmp_path / "here" / "run"
    shutil.copytree(recorded, folder)
    (folder / "link.yaml").symlink_to(tmp_path / "mine" / "private.yaml")
    (folder / "heir.yaml").write_text("name: heir\nextends: ../../mine/private.yaml\n")
    first, *rest = (folder / FILE).read_bytes().splitlines(keepends=True)
    with chdir(tmp_path / "here"):
        for path in ("../mine/private.yaml", str(tmp_path / "mine" / "private.yaml"), "run/link.yaml", "run/heir.yaml"):
            if option == "baseline" and (path == "run/heir.yaml" or command not in ("rejudge", "merge")):
                continue
            head = with_value(msgspec.json.decode(first), ("options", option), path)
            (folder / FILE).write_bytes(head + b"\n" + b"".join(rest))
            assert told_in_a_line(said_of(command, Path("run"), Path("out")), capsys, path) == 4
            assert main(said_of(command, Path("run"), Path("out"))) == 4
            said = capsys.readouterr().err
            assert "it is not read" in said
            assert "password" not in said


def test_what_the_head_of_a_run_names_within_reach_is_read_and_said(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded, tmp_path / "run")
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    first, *rest = (tmp_path / "run" / FILE).read_bytes().splitlines(keepends=True)
    head = msgspec.json.decode(with_value(msgspec.json.decode(first), ("options", "target"), "mine.yaml"))
    (tmp_path / "run" / FILE).write_bytes(
        with_value(head, ("options", "baseline"), str(recorded)) + b"\n" + b"".join(rest)
    )
    assert main(["rejudge", "run", "-o", "out"]) == 4
    monkeypatch.chdir(tmp_path.parent)
    head["options"] |= {"target": str(tmp_path / "mine.yaml"), "baseline": str(recorded)}
    (tmp_path / "run" / FILE).write_bytes(msgspec.json.encode(head) + b"\n" + b"".join(rest))
    assert main(["rejudge", str(tmp_path / "run"), "-o", str(tmp_path / "out")]) in (0, 1)
    assert capsys.readouterr().err.count("is read, too: the head of") == 2


def test_a_key_goes_where_the_caller_says(recorded: Path, tmp_path: Path, conformance: Command) -> None:
    url = read_log(recorded).run.target.base_url
    shutil.copytree(recorded, tmp_path / "run")
    words = ["run", "--resume", "run", "--no-witness"]
    assert conformance(*words, "--base-url", url, "--api-key-env", "MY_KEY", MY_KEY="mine-20261129").returncode == 0
    refused = conformance(*words, "--api-key-env", "MY_KEY", MY_KEY="mine-20261129")
    assert refused.returncode == 4
    assert f"say --base-url {url} too" in refused.stderr


def test_the_key_of_a_vendor_goes_to_the_vendor_whatever_names_its_address() -> None:
    for url, variable, told in (
        ("https://api.anthropic.com", "ANTHROPIC_API_KEY", True),
        ("https://api.anthropic.com:444", "ANTHROPIC_API_KEY", False),
        ("https://api.anthropic.com.evil.example", "ANTHROPIC_API_KEY", False),
        ("https://api.anthropic.com", "MY_KEY", False),
    ):
        choices = Choices(base_url=url, api_key_env=variable, address_from=Path("run"))
        with nullcontext() if told else pytest.raises(TargetProblem, match=f"--base-url {url} too"):
            _refuse_to_tell(choices, url)


def test_the_options_of_a_head_are_those_of_a_run() -> None:
    options = RunOptions(
        target="ollama", baseline=Path("last"), out=Path("a/b"), capability=("tools",), price=(1.0, 2.5), command="x"
    )
    head = msgspec.json.decode(msgspec.json.encode(kept(options)))
    assert head.keys() == {"target", "baseline", "out", "capability", "price"}
    assert options_in(head) == structs.replace(options, command="")


def test_programs_in_the_folder_of_a_run_are_not_run(conformance: Command, tmp_path: Path) -> None:
    """The processes that a run starts of its own (scripted model, SDK) are looked for where the suite is installed."""
    for name in ("msgspec", "anthropic", "uvicorn", "conformance"):
        (tmp_path / f"{name}.py").write_text("open('it-was-run', 'w')")
    done = conformance("run", "--select", "messages.text", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "it-was-run").exists()
    assert {row.sdk for row in read_log(tmp_path / "out").cases} == {"accepts"}
    assert conformance("faults").returncode == 0
    assert not (tmp_path / "it-was-run").exists()
