"""`nox -s publish`: asks all servers of the published page again, and renders the page from what they said.

Kept of each run is its log, and the evidence of what a reader may doubt: rows that are not supported, and the first
exchange of each finding. Large bodies are left out, so that a clone stays small.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import servers

from conformance.runs.log import RunLog, read_log
from conformance.targets import gateways

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "reports" / "runs"
OLLAMAS = ("0.14.0", "0.18.0", "0.23.4", "0.30.0", "0.33.0")
LARGEST = 48_000
"""Bytes of an evidence file that is kept."""


def _version(pinned: str) -> str:
    """`1.106.2` of `litellm[proxy]==1.106.2`, `2.0.0` of `@scope/name@2.0.0`."""
    return re.split("[=@]", pinned)[-1]


def main() -> None:
    _ask("reference")
    for version in OLLAMAS:
        with servers.scripted("--like", f"ollama@{version}") as url:
            _ask(f"ollama-{version}-simulated", "--base-url", url)
    with servers.scripted("--face", "openai") as upstream:
        with _folder() as folder, servers.litellm(upstream, folder) as (url, key):
            words = ("--target", "litellm", "--base-url", url, "--model", "scripted", "--api-key-env", "GATEWAY_KEY")
            _ask(f"litellm-{_version(gateways.LITELLM)}", *words, GATEWAY_KEY=key)
        with _folder() as folder, servers.claude_code_router(upstream, folder) as url:
            name = f"claude-code-router-{_version(gateways.CLAUDE_CODE_ROUTER)}"
            _ask(name, "--target", "claude-code-router", "--base-url", url, "--model", "scripted")
    _render(*sorted(str(path.parent) for path in RUNS.glob("*/run.jsonl")), out=ROOT / "reports")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _ask(name: str, *words: str, **environment: str) -> None:
    out = RUNS / name
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "conformance", "run", *words, "--out", str(out.relative_to(ROOT))]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)
    log = read_log(out)
    kept = _told(log)
    for file in (out / "evidence").iterdir():
        if file.stem not in kept or file.stat().st_size > LARGEST:
            file.unlink()
    _render(str(out), out=out)


def _told(log: RunLog) -> set[str]:
    """The evidence that a reader of the page may ask for."""
    doubtful = [case for case in log.cases if case.verdict not in ("supported", "not-applicable")]
    rows = [*log.cases, *log.rules]
    return {name for case in doubtful for name in case.exchanges} | {
        finding.exchange for row in rows for finding in row.findings if finding.exchange
    }


def _render(*runs: str, out: Path) -> None:
    subprocess.run([sys.executable, "-m", "conformance", "report", *runs, "-o", str(out)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
