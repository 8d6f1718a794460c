"""What a run does to its folder: torn logs, two runs, full disks, and folders that are somebody else's."""

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest
from command_line import FULL, Begun, Command, called, extent
from servers import scripted

from conformance.cli import published
from conformance.cli.display import echo_line
from conformance.cli.run_suite import default_folder
from conformance.engine.events import CaseJudged
from conformance.engine.ledger import Ledger
from conformance.engine.question import Question
from conformance.errors import UserError
from conformance.files import LinkedError
from conformance.fuzz.folder import FoundLine, FuzzFolder, HeadLine
from conformance.fuzz.laws import BrokenLaw
from conformance.keys import KNOWN
from conformance.report.write import write_summaries
from conformance.runs.evidence_store import FOLDER, PLAIN, EvidenceStore, copy_evidence, pack_evidence, remove_evidence
from conformance.runs.evidence_store import PACKED as PACKED_EVIDENCE
from conformance.runs.log import FILE, LOCK, RunLog, read_log
from conformance.runs.run_folder import FolderError, RunFolder
from conformance.runs.snapshots import snapshot_file
from conformance.targets.target import Target

SELECT = "messages.*" if FULL else "messages.t*"
FEW = ("--select", SELECT, "--no-witness", "--attempts", "1")
AGAIN = FEW[:3]


def run(conformance: Command, *words: str) -> tuple[int, str]:
    """A run in this process: its exit code, and what it said."""
    ended = conformance("run", *words)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stderr + ended.stdout


def shape(log: RunLog) -> dict[tuple[str, str], str]:
    return {(row.case, row.mode): row.verdict for row in log.cases}


def rules(log: RunLog) -> dict[str, tuple[str, int]]:
    return {row.rule: (row.verdict, row.violations) for row in log.rules}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, reference: tuple[str, ...]) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    ended = called(["run", *FEW, *reference, "--out", "out"], folder)
    assert ended.returncode == 0, ended.stderr
    return folder / "out"


def disturbed(undisturbed: Path, tmp_path: Path, log: bytes) -> Path:
    """The run as something has left it: a part of its log, and all of its evidence."""
    folder = tmp_path / "out"
    folder.mkdir()
    for file in undisturbed.iterdir():
        if file.is_file() and file.name.startswith("evidence"):
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / FILE).write_bytes(log)
    return folder


CUTS: dict[str, tuple[Callable[[list[bytes]], bytes], str]] = {
    "a torn line": (lambda lines: b"".join(lines[:12]) + lines[12][:200], "was torn"),
    "the head alone": (lambda lines: lines[0], "had no catalog"),
    "head and catalog": (lambda lines: b"".join(lines[:2]), ""),
    "half of the head": (lambda lines: lines[0][:100], "holds no row: the run begins anew"),
    "five bytes": (lambda lines: lines[0][:5], "holds no row: the run begins anew"),
    "nothing": (lambda lines: b"", "holds no row: the run begins anew"),
    "all but the end": (lambda lines: b"".join(lines[:-1]), ""),
    "all but the head": (lambda lines: b"".join(lines[1:]), "had no head: it has been written again"),
    "rows without head and catalog": (lambda lines: b"".join(lines[2:30]), "had no head: it has been written again"),
    "rows without head, torn": (lambda lines: b"".join(lines[1:9]) + lines[9][:99], "had no head"),
}
"""What is left of a log, and what is said when the run goes on."""


@pytest.mark.parametrize(
    "kept", extent(CUTS, ["a torn line", "the head alone", "half of the head", "rows without head, torn"])
)
def test_a_log_that_ends_anywhere_is_resumed_whole(
    kept: str, undisturbed: Path, tmp_path: Path, conformance: Command, reference: tuple[str, ...]
) -> None:
    cut, says = CUTS[kept]
    left = cut((undisturbed / FILE).read_bytes().splitlines(keepends=True))
    folder = disturbed(undisturbed, tmp_path, left)
    if "begins anew" in says:
        for file in folder.glob("evidence*"):  # which is written behind the head
            file.unlink()
    code, said = run(conformance, *AGAIN, *reference, "--resume", str(folder))
    assert code == 0, said
    assert shape(read_log(folder)) == shape(read_log(undisturbed))
    assert len(read_log(folder).catalog.rows) == len(read_log(undisturbed).catalog.rows)
    assert (folder / FILE).read_bytes().startswith(b'{"type":"run"')
    assert says in said


@pytest.mark.parametrize("claimed", [True, False])
def test_a_folder_that_was_just_made_is_resumed_and_one_that_is_missing_is_not(
    tmp_path: Path, conformance: Command, reference: tuple[str, ...], claimed: bool
) -> None:
    (tmp_path / "out").mkdir()
    if claimed:
        (tmp_path / "out" / LOCK).write_text("1")
    code, said = run(conformance, "--select", "messages.text", "--no-witness", *reference, "--resume", "out")
    assert code == 0, said
    assert "begins anew" in said
    code, said = run(conformance, "--resume", "nowhere")
    assert code == 4
    assert "nowhere" in said


def test_a_log_without_a_head_does_not_go_on_with_another_server(
    undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    lines = (undisturbed / FILE).read_bytes().splitlines(keepends=True)
    folder = disturbed(undisturbed, tmp_path, b"".join(lines[1:]))
    with scripted("--face", "anthropic") as url:
        words = ("--base-url", url, "--target", "none", "--model", "scripted")
        code, said = run(conformance, *words, "--resume", str(folder))
    assert code == 4, said
    assert "leave out --resume" in said
    assert (folder / FILE).read_bytes() == b"".join(lines[1:])


def test_a_new_run_takes_the_folder_of_one_that_left_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for torn in (b"", b'{"type":"r', b'{"type":"run","format":2,"sui'):
        (folder / FILE).write_bytes(torn)
        with RunFolder(folder, resumed=False):
            pass
    (folder / FILE).write_bytes(b'{"type":"ru')
    (folder / "mine.txt").write_text("mine")
    with RunFolder(folder, resumed=True):
        pass
    assert (folder / "mine.txt").read_text() == "mine"


def asked_at(folder: Path) -> dict[str, float]:
    """When each exchange of a run was asked."""
    store = EvidenceStore(folder)
    return {name: store.read(name).answer.started for name in store}


def test_a_run_that_is_killed_at_any_moment_is_resumed_to_the_same(
    undisturbed: Path, tmp_path: Path, bent: Begun, conformance: Command, reference: tuple[str, ...]
) -> None:
    """Moments are counted in lines of the log, whatever the speed of the machine, and some milliseconds more."""
    chance = random.Random(20261129)
    whole = (undisturbed / FILE).read_bytes().count(b"\n")
    moments = int(os.environ.get("CONFORMANCE_KILLS", "3"))
    for number in range(moments):
        folder = tmp_path / f"killed-{number}"
        process = bent("", "run", *FEW, *reference, "--out", str(folder))
        wanted = chance.randint(0, whole) if number else 0
        until = time.monotonic() + 100
        while time.monotonic() < until and process.poll() is None and lines_of(folder) < wanted:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = (folder / FILE).read_bytes() if (folder / FILE).exists() else b""
        rows = [msgspec.json.decode(line) for line in before.splitlines(keepends=True) if line.endswith(b"\n")]
        answered = {name for row in rows if row["type"] == "case" for name in row["exchanges"]}
        times = asked_at(folder) if answered else {}
        code, said = run(conformance, *AGAIN, *reference, "--resume" if folder.exists() else "--out", str(folder))
        assert code == 0, (number, wanted, said)
        after = read_log(folder)
        assert after.complete
        assert shape(after) == shape(read_log(undisturbed))
        assert rules(after) == rules(read_log(undisturbed))
        now = [msgspec.json.decode(line) for line in (folder / FILE).read_bytes().splitlines()[: len(rows)]]
        assert now == rows  # no row is lost
        assert asked_at(folder).keys() == asked_at(undisturbed).keys()
        again = asked_at(folder)
        assert all(again[name] == times[name] for name in answered)  # what was answered is not asked again
        shutil.rmtree(folder)
        print(f"killed {number + 1} of {moments}: at line {wanted} of {whole}, {len(rows)} rows, {len(answered)} kept")


def lines_of(folder: Path) -> int:
    """How far a run has got: -1 before its folder is there."""
    if not folder.exists():
        return -1
    return (folder / FILE).read_bytes().count(b"\n") if (folder / FILE).exists() else 0


FULL_AT_THE_PAGE = """
import conformance.cli.display as room
honest = room.publish
def publish(*given, **more):
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
    return honest(*given, **more)
room.publish = publish
"""


def limit(place: str, undisturbed: Path) -> int:
    """The largest size of a file at which this place is the first that does not fit."""
    lines = (undisturbed / FILE).read_bytes().splitlines(keepends=True)
    return {
        "the head": 100,
        "the catalog": len(lines[0]) + 9_000,
        "a row": len(lines[0]) + len(lines[1]) + 20_000,
    }[place]


@pytest.mark.parametrize("place", extent(["the head", "the catalog", "a row", "the page"], ["a row", "the page"]))
def test_a_full_disk_is_a_line_and_a_log_that_goes_on(
    place: str, undisturbed: Path, tmp_path: Path, bent: Begun, conformance: Command, reference: tuple[str, ...]
) -> None:
    """The system itself refuses to let a file grow, as it does on a full disk."""
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    if place == "the page":
        code += FULL_AT_THE_PAGE
    else:
        code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit(place, undisturbed)},) * 2)"
    folder = tmp_path / "out"
    process = bent(code, "run", *FEW, *reference, "--out", str(folder))
    out, said = process.communicate(timeout=200)
    assert process.returncode == 2, out + said
    assert "Traceback" not in said
    assert "File too large" in said
    assert str(folder) in said
    assert len([line for line in said.splitlines() if "File too large" in line]) == 1
    if place == "the page":
        assert f"conformance report {folder}" in said
        assert read_log(folder).complete
        return
    assert f"--resume {folder}" in said
    ended, said = run(conformance, *AGAIN, *reference, "--resume", str(folder))
    assert ended == 0, said
    assert shape(read_log(folder)) == shape(read_log(undisturbed))


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "out", resumed=False):
        with pytest.raises(FolderError, match="another run"):
            RunFolder(tmp_path / "out", resumed=False)
        with pytest.raises(FolderError, match="another run"):
            RunFolder(tmp_path / "out", resumed=True)
    with RunFolder(tmp_path / "out", resumed=False):
        assert (tmp_path / "out" / LOCK).read_bytes() == str(os.getpid()).encode()
    assert not (tmp_path / "out" / LOCK).exists()


@pytest.mark.parametrize("mine", ["notes.txt", "evidence/case-files.txt", "run.jsonl", "index.html", ".hidden"])
def test_a_folder_of_ones_own_is_refused_and_left_as_it_is(mine: str, tmp_path: Path) -> None:
    file = tmp_path / "mine" / mine
    file.parent.mkdir(parents=True)
    file.write_text('{"of": "mine"}\n')
    with pytest.raises(FolderError, match="no run of this suite"):
        RunFolder(tmp_path / "mine", resumed=False)
    assert file.read_text() == '{"of": "mine"}\n'


def test_a_folder_that_cannot_be_written_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing/here")):
        with pytest.raises(UserError) as caught:
            RunFolder(out, resumed=False)
        assert "--out" in str(caught.value)


def test_an_id_of_a_strangers_evidence_never_becomes_a_path(tmp_path: Path) -> None:
    """A run that was handed over removed a file beside its folder as soon as somebody went on with it."""
    run = tmp_path / "run"
    (run / "evidence").mkdir(parents=True)
    mine = tmp_path / "user-data.json"
    mine.write_text("mine")
    (run / "evidence.jsonl").write_bytes(b'{"id":"../../user-data","case":"a.case"}\n')
    pack_evidence(run)
    assert mine.read_text() == "mine"


def test_evidence_that_is_a_link_is_neither_copied_nor_removed(tmp_path: Path) -> None:
    victim, run, copy = (tmp_path / name for name in ("victim", "run", "copy"))
    for folder in (victim, run, copy):
        folder.mkdir()
    (victim / "id.json").write_text("secret")
    (run / "evidence").symlink_to(victim)
    copy_evidence(run, copy)
    assert list(copy.iterdir()) == []
    remove_evidence(run)
    assert (victim / "id.json").read_text() == "secret"


PLACED: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "a file without an end": lambda file: os.truncate(os.open(file, os.O_WRONLY | os.O_CREAT), 8 * 2**30),
}
READS = ("evidence", "rejudge", "share", "report")


@pytest.mark.parametrize("what", PLACED)
def test_evidence_that_is_no_file_holds_up_nobody(
    what: str, undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    """A pipe under the name of an exchange held up every command that reads evidence, for ever."""
    folder = tmp_path / "run"
    (folder / FOLDER).mkdir(parents=True)
    shutil.copy(undisturbed / FILE, folder / FILE)
    store = EvidenceStore(undisturbed)
    first, *rest = store
    for name in rest:
        (folder / FOLDER / f"{name}.json").write_bytes(store.line(name))
    PLACED[what](folder / FOLDER / f"{first}.json")
    ended = conformance("evidence", "run", first)
    assert ended.returncode == 4, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    for command in extent(READS[1:], ["report"]):
        ended = conformance(command, "run", "-o", command)
        assert ended.returncode in (0, 4), ended.stderr
        assert "Traceback" not in ended.stderr


NO_BYTES = [rb'"body":{"base64":"AAA"}', rb'"body":{"base64":"\\u00e9"}', rb'"url":"http://[::1"']


@pytest.mark.parametrize("wrong", NO_BYTES)
def test_evidence_of_no_bytes_or_of_no_address_is_a_line(
    wrong: bytes, undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    folder = copied(undisturbed, tmp_path / "run")
    store = EvidenceStore(undisturbed)
    text = re.compile(rb'"url":"[^"]*"' if b"url" in wrong else rb'"body":{"text":"[^"\\]*(\\.[^"\\]*)*"}')
    lines = [text.sub(wrong, store.line(name)) for name in store]
    remove_evidence(folder)
    (folder / PLAIN).write_bytes(b"\n".join(lines) + b"\n")
    for command in READS:
        ended = conformance(command, "run", *([next(iter(store))] if command == "evidence" else ["-o", command]))
        assert ended.returncode in (0, 4), ended.stderr
        assert "Traceback" not in ended.stderr
    assert conformance("diff", "run", str(undisturbed)).returncode in (0, 1, 4)


@pytest.mark.parametrize("name", [FILE, PLAIN, PACKED_EVIDENCE, FOLDER])
def test_what_leads_out_of_the_folder_of_a_run_is_not_read(
    name: str, undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    """The answers of a run of one's own stood in the page, and in the shared copy, of a stranger's."""
    folder, mine = copied(undisturbed, tmp_path / "run"), tmp_path / "mine"
    mine.mkdir()
    if name != FILE:
        remove_evidence(folder)
    (mine / name).mkdir() if name == FOLDER else (mine / name).write_bytes((undisturbed / FILE).read_bytes())
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(mine / name)
    for command in READS[name == FILE :]:
        ended = conformance(command, "run", *([] if command == "evidence" else ["-o", command]))
        assert ended.returncode == 4, (command, ended.stderr)
        assert f"{Path('run', name)} is a link that leads out of its folder" in ended.stderr
        assert not (tmp_path / command / FILE).exists()


REPLACED = (
    *("index.html", "summary.md", "junit.xml", "badge.json", "matrix.json", "verdict.json"),
    *("index.html.part", "evidence.jsonl.zst.part"),
)
"""Names that a run writes whole."""
APPENDED = (LOCK, FILE, "evidence.jsonl")
"""Names that a run appends to."""


def linked(path: Path, victim: Path, how: str) -> None:
    """Puts in the place of a file what leads to another one, or to nobody's."""
    path.unlink(missing_ok=True)
    match how:
        case "a link":
            path.symlink_to(victim)
        case "a link to nothing":
            path.symlink_to(victim.with_name("not there"))
        case "a second name":
            os.link(victim, path)
        case "a pipe":
            os.mkfifo(path)


def copied(undisturbed: Path, folder: Path) -> Path:
    shutil.copytree(undisturbed, folder)
    return folder


@pytest.mark.parametrize("how", ["a link", "a link to nothing", "a second name", "a pipe"])
@pytest.mark.parametrize("name", APPENDED)
def test_a_run_does_not_go_on_in_a_file_that_is_somebody_elses(name: str, how: str, tmp_path: Path) -> None:
    folder, victim = tmp_path / "out", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("mine")
    linked(folder / name, victim, how)
    with pytest.raises(LinkedError, match=name):
        RunFolder(folder, resumed=True)
    assert victim.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name == "not there"] == []
    assert not (folder / LOCK).exists() or name == LOCK


@pytest.mark.parametrize("how", extent(["a link", "a second name", "a link to nothing", "a pipe"], ["a link"]))
def test_a_resumed_run_replaces_the_names_of_its_reports(
    how: str, undisturbed: Path, tmp_path: Path, conformance: Command, reference: tuple[str, ...]
) -> None:
    folder, victim = copied(undisturbed, tmp_path / "out"), tmp_path / "victim"
    victim.write_text("mine")
    for name in REPLACED:
        linked(folder / name, victim, how)
    (folder / "badges").rename(tmp_path / "badges")
    code, said = run(conformance, *AGAIN, *reference, "--resume", str(folder))
    assert code == 0, said
    assert victim.read_text() == "mine"
    assert not (tmp_path / "not there").exists()
    left = [folder / name for name in REPLACED if not name.endswith(".part")]
    assert all(file.is_file() and not file.is_symlink() and file.stat().st_nlink == 1 for file in left)


@pytest.mark.parametrize("name", ["fuzz.jsonl", "cases", "cases/fuzz", "cases/fuzz/found.yaml"])
def test_a_search_does_not_go_on_through_a_link(name: str, tmp_path: Path) -> None:
    folder, victim = tmp_path / "search", tmp_path / "victim"
    head = HeadLine(target="t", model="m", seed=0)
    found = BrokenLaw(law="l", at="", says="s", mode="json", documents=({"id": "fuzz.found", "title": "T"},))
    first = FuzzFolder(folder, head)
    first.keep(found)
    first.close()
    (folder / name).rename(victim)
    before = victim.read_text() if victim.is_file() else [file.read_text() for file in victim.rglob("*.yaml")]
    (folder / name).symlink_to(victim)
    replaced = name == "cases/fuzz/found.yaml"
    with nullcontext() if replaced else pytest.raises(LinkedError), closing(FuzzFolder(folder, head)) as search:
        search.keep(found)
    assert (folder / name).is_symlink() is not replaced
    after = victim.read_text() if victim.is_file() else [file.read_text() for file in victim.rglob("*.yaml")]
    assert after == before


STRANGE: dict[str, dict[str, object]] = {
    "a file of somebody's": {"id": "a", "title": "T", "steps": [{"ask": {"multipart": {"file": "@../../mine.txt"}}}]},
    "a file by its path": {"id": "a", "title": "T", "steps": [{"ask": {"multipart": {"file": "@{mine}"}}}]},
    "a folder": {"id": "a", "title": "T", "steps": [{"ask": {"multipart": {"file": "@images"}}}]},
    "no title": {"id": "a"},
    "no id": {"title": "T"},
    "steps that are none": {"id": "a", "title": "T", "steps": 7},
    "a step that is none": {"id": "a", "title": "T", "steps": [7]},
    "an upload that is none": {"id": "a", "title": "T", "steps": [{"ask": {"multipart": {"file": 7}}}]},
    "a multipart that is none": {"id": "a", "title": "T", "steps": [{"ask": {"multipart": 7}}]},
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_search_of_a_stranger_copies_no_file_and_is_a_line(what: str, tmp_path: Path) -> None:
    """What its cases upload was read wherever it lay, and written into the folder, or beside it."""
    folder, mine = tmp_path / "search", tmp_path / "mine.txt"
    mine.write_text("hunter2")
    head = HeadLine(target="t", model="m", seed=0)
    document = msgspec.json.decode(msgspec.json.encode(STRANGE[what]).replace(b"{mine}", str(mine).encode()))
    found = FoundLine(id="a", law="l", at="", says="s", mode="json", documents=[document])
    folder.mkdir()
    (folder / "fuzz.jsonl").write_bytes(msgspec.json.encode(head) + b"\n" + msgspec.json.encode(found) + b"\n")
    with pytest.raises(UserError, match="name another folder with --out"):
        FuzzFolder(folder, head)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.txt", "fuzz.jsonl"]


def test_a_skill_is_not_installed_through_a_link(tmp_path: Path, conformance: Command) -> None:
    assert conformance("skills", "--to", "skills").returncode == 0
    skill = next((tmp_path / "skills").iterdir())
    (tmp_path / "victim").write_text("mine")
    linked(skill / "SKILL.md", tmp_path / "victim", "a link")
    assert conformance("skills", "--to", "skills").returncode == 0
    assert (tmp_path / "victim").read_text() == "mine"
    skill.rename(tmp_path / "elsewhere")
    skill.symlink_to(tmp_path / "elsewhere")
    ended = conformance("skills", "--to", "skills")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (4, 1)


def test_a_folder_below_a_run_that_is_a_link_is_not_written_into(undisturbed: Path, tmp_path: Path) -> None:
    folder = copied(undisturbed, tmp_path / "out")
    (folder / "badges").rename(tmp_path / "badges")
    (folder / "badges").symlink_to(tmp_path / "badges")
    for file in (tmp_path / "badges").iterdir():
        file.write_text("mine")
    with pytest.raises(LinkedError, match="badges"):
        write_summaries([read_log(folder)], folder)
    assert {file.read_text() for file in (tmp_path / "badges").iterdir()} == {"mine"}


REFUSED: dict[str, tuple[Callable[[Path, Path], object], tuple[str, ...], str]] = {
    "a copy beside the run that is a link": (
        lambda run, mine: run.with_name("out-rejudged").symlink_to(mine),
        ("rejudge", "out"),
        "out-rejudged is a link",
    ),
    "a shared copy that is a link": (
        lambda run, mine: run.with_name("out-shared").symlink_to(mine),
        ("share", "out"),
        "out-shared is a link",
    ),
    "evidence that leads out of the run": (
        lambda run, mine: linked(run / "evidence.jsonl", mine / "index.html", "a link"),
        ("rejudge", "out"),
        "evidence.jsonl is a link that leads out of its folder",
    ),
    "a page of somebody else, rejudged": (lambda *_: None, ("rejudge", "out", "-o", "mine"), "mine is not empty"),
    "a page of somebody else, merged": (lambda *_: None, ("merge", "out", "-o", "mine"), "mine is not empty"),
    "a page of somebody else, reported": (
        lambda *_: None,
        ("report", "out", "-o", "mine"),
        "mine/index.html was not written by this suite",
    ),
    "the same by its name": (
        lambda *_: None,
        ("report", "out", "-o", "mine/index.html"),
        "mine/index.html was not written by this suite",
    ),
    "a summary of somebody else beside a new page": (
        lambda *_: None,
        ("report", "out", "-o", "mine/new.html"),
        "mine/summary.md was not written by this suite",
    ),
    "somebody else's page where two are compared": (
        lambda *_: None,
        ("compare", "http://127.0.0.1:1", "http://127.0.0.1:2", "--out", "mine"),
        "mine/index.html was not written by this suite",
    ),
    "results of somebody else's tests": (
        lambda _, mine: [(mine / name).replace(mine / "junit.xml") for name in ("index.html", "summary.md")],
        ("report", "out", "-o", "mine"),
        "mine/junit.xml was not written by this suite",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_person_has_is_not_overwritten(
    what: str, undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    folder, mine = copied(undisturbed, tmp_path / "out"), tmp_path / "mine"
    mine.mkdir()
    for name in ("index.html", "summary.md"):
        (mine / name).write_text("mine")
    prepare, words, says = REFUSED[what]
    prepare(folder, mine)
    before = sorted(mine.iterdir())
    ended = conformance(*words)
    assert ended.returncode == 4, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert says in ended.stderr
    assert sorted(mine.iterdir()) == before
    assert {file.read_text() for file in mine.iterdir()} == {"mine"}


def test_a_report_of_ours_is_written_again(undisturbed: Path, tmp_path: Path, conformance: Command) -> None:
    for _ in range(2):
        ended = conformance("report", str(undisturbed), "-o", "page")
        assert ended.returncode == 0, ended.stderr
    (tmp_path / "page" / "summary.md").write_text("mine")
    assert conformance("report", str(undisturbed), "-o", "page").returncode == 4


@pytest.mark.parametrize("said", ["1.0/../../../pwned", "../../pwned", "..", "/tmp/pwned", "a\x00b", "x" * 5000])
def test_a_name_or_a_version_of_somebody_else_is_no_path(said: str) -> None:
    folder = default_folder(Target(name=said, version=said, base_url="http://127.0.0.1:1"))
    assert folder.parent == Path("reports", "runs")
    assert snapshot_file(said).parent == Path("reports", "snapshots")
    assert len(folder.name) < 255
    assert "\x00" not in folder.name


LEAVES: dict[str, Callable[[Path], object]] = {
    "is removed": shutil.rmtree,
    "is moved": lambda folder: folder.rename(folder.with_name("moved")),
    "has another log": lambda folder: (folder / FILE).rename(folder / "old.jsonl") and (folder / FILE).write_text(""),
}


@pytest.mark.parametrize("how", LEAVES)
def test_a_folder_that_goes_while_a_run_goes_on_is_a_line(
    how: str, tmp_path: Path, conformance: Command, reference: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, left = Ledger.judge_case, [tmp_path / "out"]

    def judged(ledger: Ledger, question: Question) -> CaseJudged:
        row = judge(ledger, question)
        if left:
            LEAVES[how](left.pop())
        return row

    monkeypatch.setattr(Ledger, "judge_case", judged)
    code, said = run(conformance, "--select", "messages.t*", "--no-witness", *reference, "--out", "out")
    assert code == 2, said
    assert "out was removed, moved or replaced" in said.splitlines()[-1]
    assert not (tmp_path / "out" / "index.html").exists()


def test_a_folder_in_use_is_refused_before_anybody_is_asked(
    undisturbed: Path, tmp_path: Path, conformance: Command
) -> None:
    folder = copied(undisturbed, tmp_path / "out")
    for words in (("--resume", str(folder)), ("--out", str(folder)), ("--out", "new")):
        with RunFolder(Path(words[1]) if words[1] != "new" else tmp_path / "new", resumed=words[0] == "--resume"):
            code, said = run(
                conformance, "--base-url", "http://127.0.0.1:1", "--target", "none", "--model", "m", *words
            )
        assert code == 4, said
        assert "another run" in said
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_folder_of_a_name_that_is_no_text_is_said(undisturbed: Path, tmp_path: Path, conformance: Command) -> None:
    name = os.fsdecode(b"run-\xff")
    copied(undisturbed, tmp_path / name)
    for words in (("rejudge", name), ("report", name, "-o", f"page-{name}"), ("diff", name, name)):
        ended = conformance(*words)
        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr


def test_signs_that_a_terminal_has_no_code_for_are_named(undisturbed: Path, bent: Begun) -> None:
    words = ("diff", str(undisturbed), str(undisturbed), "--format", "markdown")
    process = bent("", *words, PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert "\\u2192" in out


def half(content: BinaryIO, copy: BinaryIO) -> None:
    copy.write(content.read(100))
    raise KeyboardInterrupt


def nothing(*_: object) -> None:
    raise KeyboardInterrupt


PUBLISHING: dict[str, tuple[tuple[str, ...], object, str, Callable[..., None]]] = {
    "added, while it is judged": (("add", "run", "--server", "s"), published, "_judged", nothing),
    "added, while it is copied": (("add", "run", "--server", "s"), shutil, "copyfileobj", half),
    "judged again": (("rejudge",), published, "_judged", nothing),
    "judged again, while it is copied": (("rejudge",), shutil, "copyfileobj", half),
}
"""The words, and what is ended: the room, the function, and what it does."""


@pytest.fixture(scope="module")
def reports(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one published run."""
    folder = tmp_path_factory.mktemp("published") / "reports"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "end_by_signals", lambda: None)
        assert published.main(["--reports", str(folder), "add", str(undisturbed), "--server", "s"]) == 0
    return folder


@pytest.mark.parametrize("when", PUBLISHING)
def test_a_published_run_is_whole_whenever_somebody_ends_what_writes_it(
    when: str,
    undisturbed: Path,
    reports: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words, room, name, ended = PUBLISHING[when]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(published, "end_by_signals", lambda: None)
    shutil.copytree(undisturbed, tmp_path / "run")
    shutil.copytree(reports, tmp_path / "reports")
    folder = tmp_path / "reports" / "runs"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(before) == 2
    monkeypatch.setattr(room, name, ended)
    capsys.readouterr()
    assert published.main(["--reports", "reports", *words]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_rows_on_standard_output_hold_no_key_and_move_no_cursor(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    KNOWN.remember("sk-canary-of-the-echo-71f3")
    echo_line('{"observed":"sk-canary-of-the-echo-71f3 \x9b \u202e"}'.encode())
    said = capfdbinary.readouterr().out
    assert b"canary" not in said
    assert said.decode().strip().isprintable()
    assert msgspec.json.decode(said)["observed"].endswith(" \x9b \u202e")
