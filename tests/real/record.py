"""`nox -s publish`: asks the reference endpoint and the third-party servers again, and renders the page.

The runs of other servers stand beside them as they were recorded; `nox -s rejudge` judges those anew.

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

from conformance.detection.client_servers import Server, client_servers
from conformance.runs.evidence_store import copy_evidence, pack_evidence
from conformance.runs.frames import BEST
from conformance.runs.log import pack_log

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
    wanted = sys.argv[1:] or ["reference", *SERVERS]
    with servers.scripted("--face", "openai") as upstream:
        for name in wanted:
            if name == "reference":
                _ask(name)
                continue
            with _folder() as folder, SERVERS[name](upstream, folder) as server:
                _ask(name, "--target", f"{name}@{VERSIONS[name]}", *server.words, **server.environment)
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


def _ask(server: str, *words: str, **environment: str) -> None:
    """Asks a server, and puts what it said in the place of its published runs."""
    with _folder() as folder:
        command = [sys.executable, "-m", "conformance", "run", *words, "--out", "run"]
        done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{server} could not be asked: exit {done.returncode}")
        for old in (ROOT / "reports" / "runs").glob(f"{server}*"):
            shutil.rmtree(old)
        _published("add", str(folder / "run"), "--behind", BEHIND.get(server, "scripted model"))


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
