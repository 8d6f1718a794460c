"""Asks the questions of a client's profile of the servers on which the real client was run, and keeps the answers.

`nox -s publish -- clients` calls it. The runs lie under `tests/recorded/clients`; what the real client did on each of
the servers stands in `conformance/detection/clients/servers.yaml`.
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
from third_party import SERVERS, Started

from conformance.detection.client_servers import Server, client_servers
from conformance.runs.evidence_store import copy_evidence, pack_evidence
from conformance.runs.frames import BEST
from conformance.runs.log import pack_log

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "recorded" / "clients"
PROFILE = "claude-code"


def main() -> None:
    wanted = set(sys.argv[1:])
    with servers.scripted("--face", "openai") as upstream:
        for server in client_servers():
            if not wanted or server.server in wanted:
                with tempfile.TemporaryDirectory() as name, _started(server, upstream, Path(name)) as started:
                    _record(server, started)


@contextmanager
def _started(server: Server, upstream: str, folder: Path) -> Iterator[Started]:
    if server.likeness:
        with servers.scripted("--like", server.server) as url:
            yield Started(url)
    else:
        with SERVERS[server.server](upstream, folder) as started:
            yield started


def _record(server: Server, started: Started) -> None:
    with tempfile.TemporaryDirectory() as name:
        words = ["run", "--profile", PROFILE, "--target", "none", *started.words, "--no-witness", "--out", "run"]
        done = subprocess.run(
            [sys.executable, "-m", "conformance", *words],
            cwd=name,
            env={**os.environ, **started.environment},
            check=False,
        )
        if done.returncode not in (0, 1):
            raise SystemExit(f"{server.server} could not be asked: exit {done.returncode}")
        folder = RECORDED / server.server
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        copy_evidence(Path(name, "run"), folder)
        pack_evidence(folder, BEST)
        shutil.copyfile(Path(name, "run", "run.jsonl"), folder / "run.jsonl")
        pack_log(folder)


if __name__ == "__main__":
    main()
