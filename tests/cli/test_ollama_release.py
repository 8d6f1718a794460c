"""One version of Ollama: got with its checksum, started in an empty home, asked, stopped, its log kept."""

import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conformance.cli import ollama_release
from conformance.cli.ollama_release import ARCHITECTURES, downloaded, refuse_another_program
from conformance.errors import UserError

MACHINE = ARCHITECTURES[platform.machine().lower()]
ARCHIVE = f"ollama-{platform.system().lower()}-{MACHINE}.tgz"


class Releases:
    """A host of releases: `files` map a path to its bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        releases = self

        class Handler(BaseHTTPRequestHandler):
            wbufsize = 65536

            def do_GET(self) -> None:
                releases.asked.append(self.path)
                content = releases.files.get(self.path)
                self.send_response(200 if content is not None else 404)
                self.send_header("content-length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def publish(self, version: str, archive: bytes, checksum: str | None = None) -> None:
        checksum = checksum or hashlib.sha256(archive).hexdigest()
        self.files[f"/v{version}/{ARCHIVE}"] = archive
        self.files[f"/v{version}/sha256sum.txt"] = f"{checksum}  ./{ARCHIVE}\n".encode()


@pytest.fixture
def releases() -> Iterator[Releases]:
    host = Releases()
    thread = threading.Thread(target=host.server.serve_forever, args=(0.02,))
    thread.start()
    yield host
    host.server.shutdown()
    thread.join()
    host.server.server_close()


def archive(path: str = "bin/ollama", content: bytes = b"#!/bin/sh\n") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_a_release_is_got_once_and_its_checksum_compared(releases: Releases, tmp_path: Path) -> None:
    releases.publish("0.33.0", archive())
    binary = downloaded("v0.33.0", tmp_path, releases.url)
    assert os.access(binary, os.X_OK)
    asked = len(releases.asked)
    assert downloaded("0.33.0", tmp_path, releases.url) == binary
    assert len(releases.asked) == asked
    assert [path.name for path in tmp_path.iterdir()] == ["0.33.0"]


def test_what_has_another_checksum_is_not_used_and_not_kept(releases: Releases, tmp_path: Path) -> None:
    releases.publish("0.33.0", archive(), checksum="0" * 64)
    with pytest.raises(UserError, match="not used"):
        downloaded("0.33.0", tmp_path, releases.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("packed", "part"), [(b"no archive", "cannot be unpacked"), (archive("README"), "holds no bin/ollama")]
)
def test_an_archive_of_something_else_is_said(releases: Releases, tmp_path: Path, packed: bytes, part: str) -> None:
    releases.publish("0.33.0", packed)
    with pytest.raises(UserError, match=part):
        downloaded("0.33.0", tmp_path, releases.url)
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_there_is_not_and_a_host_that_is_not_there(releases: Releases, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no release 9\.9\.9"):
        downloaded("9.9.9", tmp_path, releases.url)
    with pytest.raises(UserError, match="--binary"):
        downloaded("0.33.0", tmp_path, "http://127.0.0.1:1")


def session(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", "ollama", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


VERSIONED = '#!/bin/sh\n[ "$1" = --version ] && { echo "Warning: client version is 0.0.0 of Ollama"; exit; }\n'
"""How a program begins that is taken for an Ollama."""


def program(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o755)
    return path


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """A program that takes `ollama serve` with OLLAMA_HOST, as the scripted model's own Ollama."""
    return program(
        tmp_path / "ollama",
        VERSIONED
        + 'echo "home $HOME remotes $OLLAMA_REMOTES cloud $OLLAMA_NO_CLOUD key $OLLAMA_API_KEY$ANTHROPIC_API_KEY"\n'
        'echo "parallel $OLLAMA_NUM_PARALLEL flash $OLLAMA_FLASH_ATTENTION"\n'
        f'exec {sys.executable} -m conformance.scripted serve --face ollama --port "${{OLLAMA_HOST##*:}}"\n',
    )


def test_a_binary_is_started_in_an_empty_home_asked_and_stopped(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hush")
    out = tmp_path / "out"
    rest = ["--", "--select", "messages.text", "--allow-improvements", "--no-witness", "--no-evidence"]
    done = session("--binary", str(binary), "--scripted", "--out", str(out), *rest, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "serves at http://127.0.0.1:" in done.stdout
    assert "asked as Ollama" in done.stdout + done.stderr
    log = (out / "ollama.log").read_text()
    home = log.split()[1]
    assert not Path(home).exists()
    assert "remotes 127.0.0.1" in log
    assert "hush" not in log
    assert "parallel  flash \n" in log


@pytest.mark.parametrize(("mode", "model"), [((), "conformance-probe"), (("native",), "conformance-probe:native")])
def test_a_binary_is_given_the_probe_model(binary: Path, tmp_path: Path, mode: tuple[str, ...], model: str) -> None:
    rest = ["--", "--select", "stop.sequence*", "--allow-improvements", "--no-witness", "--no-evidence"]
    words = ["--binary", str(binary), "--probe-model", *mode, "--out", str(tmp_path / "out"), *rest]
    done = session(*words, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the suite's own probe model" in done.stdout + done.stderr
    log = (tmp_path / "out" / "run.jsonl").read_text()
    assert f'"model":"{model}"' in log
    assert '"behind":"probe model"' in log
    said = (tmp_path / "out" / "ollama.log").read_text()
    assert "cloud 1" in said
    assert "parallel 4 flash 0\n" in said


def test_several_versions_are_asked_one_after_the_other_and_make_one_report(tmp_path: Path) -> None:
    programs = []
    for version in ("0.33.0", "0.14.0"):
        says = (
            VERSIONED + "echo proxy $HTTPS_PROXY besides $NO_PROXY\n"
            f"exec {sys.executable} -m conformance.scripted serve --face ollama --port ${{OLLAMA_HOST##*:}}\n"
        )
        programs += ["--binary", str(program(tmp_path / version / "ollama", says))]
    rest = ["--", "--select", "messages.text", "--allow-improvements", "--no-witness", "--no-evidence"]
    done = session(*programs, "--out", "out", *rest, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"1-0.33.0", "2-0.14.0", "index.html"}
    said = (tmp_path / "out" / "2-0.14.0" / "ollama.log").read_text()
    assert "proxy http://127.0.0.1:9 besides 127.0.0.1,localhost" in said


def test_a_binary_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    ends = program(tmp_path / "ollama", VERSIONED + "echo out of luck >&2\nexit 3\n")
    done = session("--binary", str(ends), folder=tmp_path)
    assert done.returncode == 2
    assert "out of luck" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["--binary", "/no/such/program"], ["--version", "1", "--binary", "x"]])
def test_a_mistake_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = session(*words, folder=tmp_path)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1


WRONG = {
    "no program": (b"just words\n", r"cannot be started \(Exec format error\)"),
    "cut off": (b"#!/no/such/shell\n", r"cannot be started \(No such file or directory\)"),
    "another program": (b"#!/bin/sh\necho git version 2.39.5\n", "is no Ollama: `--version` says 'git version 2.39.5'"),
    "without words": (b"#!/bin/sh\nexit 3\n", "is no Ollama: `--version` says nothing and ends with 3"),
    "without end": (b"#!/bin/sh\nexec sleep 30\n", r"is no Ollama: it tells no version within 0\.3 s"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_what_is_no_ollama_is_told_before_it_is_started(
    content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_release, "VERSION_SECONDS", 0.3 if "exec sleep" in content.decode() else 20.0)
    with pytest.raises(UserError, match=told):
        refuse_another_program(program(tmp_path / "ollama", content))


LEAVES = b"#!/bin/sh\nsleep 500 & echo $! > %s\necho git version 2\n"


@pytest.mark.parametrize("last", [b"", b"wait\n", b"exec yes '\x1b[31m::error::'\n"])
def test_nothing_that_another_program_starts_is_left(
    last: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children went on, and one that spoke without end filled the disk for twenty seconds."""
    monkeypatch.setattr(ollama_release, "VERSION_SECONDS", 2.0 if last == b"wait\n" else 100.0)
    child = tmp_path / "child"
    with pytest.raises(UserError, match="is no Ollama"):
        refuse_another_program(program(tmp_path / "ollama", LEAVES % str(child).encode() + last))
    until = time.monotonic() + 60
    while time.monotonic() < until and lives(child.read_text().strip()):
        time.sleep(0.05)
    assert not lives(child.read_text().strip())


def lives(process: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        refuse_another_program(tmp_path)
    (tmp_path / "ollama").write_bytes(b"\x7fELF")
    with pytest.raises(UserError, match=r"is not executable: `chmod \+x` it"):
        refuse_another_program(tmp_path / "ollama")


def test_a_wrong_binary_among_several_is_told_before_any_is_asked(binary: Path, tmp_path: Path) -> None:
    done = session("--binary", str(binary), "--binary", sys.executable, folder=tmp_path)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert f"{sys.executable} is no Ollama" in done.stderr
    assert "serves" not in done.stdout
