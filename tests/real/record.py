"""`nox -s publish`: asks the reference endpoint and the third-party servers again, and renders the page.

The runs of other servers stand beside them as they were recorded; `nox -s rejudge` judges those anew.

With `unasked` first, servers are asked only what their published runs lack: the questions that are new or have changed.

With `clients` it asks the likenesses on which the real client was run the questions of the client's profile, and keeps
their answers under `tests/recorded/clients`: `conformance/detection/clients/servers.yaml` says what it did there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import servers
from third_party import SERVERS, VERSIONS

from conformance.catalog.load import load_catalog
from conformance.detection.client_servers import Server, client_servers
from conformance.engine.merge import unasked
from conformance.runs.evidence_store import copy_evidence, pack_evidence
from conformance.runs.frames import BEST
from conformance.runs.log import pack_log, read_log

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "recorded" / "clients"
PROFILE = "claude-code"
THINKS_UNTOLD = "thinks_by_default"
"""The gap that a likeness is asked without: in the sessions, the model behind the real one thought only where told."""
BEHIND = {"aimock": "canned answers"}
"""What does not prove itself in the run."""


def main() -> None:
    if sys.argv[1:] == ["clients"]:
        return _clients()
    only_unasked = sys.argv[1:2] == ["unasked"]
    wanted = sys.argv[1 + only_unasked :] or ["reference", *SERVERS]
    with servers.scripted("--face", "openai") as upstream:
        for name in wanted:
            words = _what_is_unasked(name) if only_unasked else []
            if words is None:
                print(f"{name}: all that is asked today is published")
            elif name == "reference":
                _ask(name, *words)
            else:
                with _folder() as folder, SERVERS[name](upstream, folder) as server:
                    _ask(name, "--target", f"{name}@{VERSIONS[name]}", *words, *server.words, **server.environment)
    return _published("page")


def _clients() -> None:
    for server in client_servers():
        if server.likeness:
            with servers.scripted("--like", f"{server.server} - {THINKS_UNTOLD}") as url:
                _record_likeness(server, url)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _runs(server: str) -> list[Path]:
    return sorted((ROOT / "reports" / "runs").glob(f"{server}*"))


def _what_is_unasked(server: str) -> list[str] | None:
    """The words that select what a published run lacks; None where it lacks nothing."""
    (folder,) = _runs(server)
    ids = unasked(read_log(folder), load_catalog())
    return ["--select", " or ".join(f"id:{one}" for one in ids)] if ids else None


def _ask(server: str, *words: str, **environment: str) -> None:
    """Asks a server, and puts what it said in the place of its published runs, or beside what they have of others."""
    behind = ("--behind", BEHIND.get(server, "scripted model"))
    with _folder() as folder:
        command = [sys.executable, "-m", "conformance", "run", *words, "--out", "run"]
        done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{server} could not be asked: exit {done.returncode}")
        if "--select" in words:
            return _published("add", str(folder / "run"), *behind, "--extend")
        for old in _runs(server):
            shutil.rmtree(old)
        return _published("add", str(folder / "run"), *behind)


def _published(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "conformance.cli.published", *words], cwd=ROOT, check=True)


def _record_likeness(server: Server, url: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        words = ["run", url, "--profile", PROFILE, "--target", "none", "--no-witness", "--out", "run"]
        done = subprocess.run([sys.executable, "-m", "conformance", *words], cwd=name, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{server.server} could not be asked: exit {done.returncode}")
        folder = CLIENTS / server.server
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        copy_evidence(Path(name, "run"), folder)
        pack_evidence(folder, BEST)
        shutil.copyfile(Path(name, "run", "run.jsonl"), folder / "run.jsonl")
        pack_log(folder)


if __name__ == "__main__":
    main()
