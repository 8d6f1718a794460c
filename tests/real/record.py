"""`nox -s publish`: asks the reference endpoint and the third-party servers again, and renders the page.

The runs of other servers stand beside them as they were recorded; `nox -s rejudge` judges those anew.
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

ROOT = Path(__file__).parents[2]
BEHIND = {"aimock": "canned answers"}
"""What does not prove itself in the run."""


def main() -> None:
    wanted = sys.argv[1:] or ["reference", *SERVERS]
    with servers.scripted("--face", "openai") as upstream:
        for name in wanted:
            if name == "reference":
                _ask(name)
                continue
            with _folder() as folder, SERVERS[name](upstream, folder) as server:
                _ask(name, "--target", f"{name}@{VERSIONS[name]}", *server.words, **server.environment)
    _published("page")


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


if __name__ == "__main__":
    main()
