"""What a run does to its folder: torn logs, two runs, full disks, and folders that are somebody else's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from command_line import Begun

from conformance.errors import UserError
from conformance.runs.log import FILE, RunLog, read_log
from conformance.runs.run_folder import LOCK, FolderError, RunFolder

FEW = ("--select", "messages.*", "--no-witness", "--attempts", "1")


def run(bent: Begun, *words: str, code: str = "") -> tuple[int, str]:
    process = bent(code, "run", *words)
    out, err = process.communicate(timeout=200)
    assert "Traceback" not in err, err
    return process.returncode, err + out


def shape(log: RunLog) -> dict[tuple[str, str], str]:
    return {(row.case, row.mode): row.verdict for row in log.cases}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(
        [sys.executable, "-m", "conformance", "run", *FEW, "--out", "out"], cwd=folder, check=True, capture_output=True
    )
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


@pytest.mark.parametrize(
    "kept", ["a torn line", "the head alone", "head and catalog", "half of the head", "all but the end"]
)
def test_a_log_that_ends_anywhere_is_resumed_whole(kept: str, undisturbed: Path, tmp_path: Path, bent: Begun) -> None:
    whole = (undisturbed / FILE).read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = {
        "a torn line": b"".join(lines[:12]) + lines[12][:200],
        "the head alone": lines[0],
        "head and catalog": b"".join(lines[:2]),
        "half of the head": lines[0][:100],
        "all but the end": b"".join(lines[:-1]),
    }[kept]
    folder = disturbed(undisturbed, tmp_path, cut)
    code, said = run(bent, "--resume", str(folder))
    if kept == "half of the head":
        assert code == 4
        return
    assert code == 0, said
    assert shape(read_log(folder)) == shape(read_log(undisturbed))
    assert len(read_log(folder).catalog.rows) == len(read_log(undisturbed).catalog.rows)
    assert ("was torn" in said) is (kept == "a torn line")
    assert ("had no catalog" in said) is (kept == "the head alone")


def test_a_run_that_is_killed_at_any_moment_is_resumed_to_the_same(
    undisturbed: Path, tmp_path: Path, bent: Begun
) -> None:
    moments = int(os.environ.get("CONFORMANCE_KILLS", "3"))
    for number in range(moments):
        folder = tmp_path / f"killed-{number}"
        process = bent("", "run", *FEW, "--out", str(folder))
        until = time.monotonic() + 60
        wanted = 2 + number * 40 // moments  # lines of the log: how far it had got, whatever the speed of the machine
        while time.monotonic() < until and process.poll() is None:
            if (folder / FILE).exists() and (folder / FILE).read_bytes().count(b"\n") >= wanted:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = [
            msgspec.json.decode(line) for line in (folder / FILE).read_bytes().splitlines() if line.endswith(b"}")
        ]
        code, said = run(bent, "--resume", str(folder))
        assert code == 0, said
        after = read_log(folder)
        assert shape(after) == shape(read_log(undisturbed))
        rows = (folder / FILE).read_bytes().splitlines()[: len(before)]
        assert [msgspec.json.decode(row) for row in rows] == before  # what was answered is not asked again


def test_a_full_disk_is_a_line_and_a_log_that_goes_on(undisturbed: Path, tmp_path: Path, bent: Begun) -> None:
    code = """
import errno
import conformance.runs.appending as room
honest = room.LineFile.write
count = 0
def write(self, line):
    global count
    count += 1
    if count > 20:
        self._file.write(line[:50])
        raise OSError(errno.ENOSPC, "No space left on device")
    honest(self, line)
room.LineFile.write = write
"""
    folder = tmp_path / "out"
    ended, said = run(bent, *FEW, "--out", str(folder), code=code)
    assert ended == 2, said
    assert "No space left on device" in said
    assert f"--resume {folder}" in said
    ended, said = run(bent, "--resume", str(folder))
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
