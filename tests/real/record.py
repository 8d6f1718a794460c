"""`nox -s publish`: asks the reference endpoint and two gateways again, and renders the page from all published runs.

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

ROOT = Path(__file__).parents[2]
SCRIPTED = "scripted model"


def main() -> None:
    wanted = set(sys.argv[1:]) or {"reference", "litellm", "claude-code-router"}
    if "reference" in wanted:
        _ask("reference")
    with servers.scripted("--face", "openai") as upstream:
        if "litellm" in wanted:
            with _folder() as folder, servers.litellm(upstream, folder) as (url, key):
                words = (
                    "--target",
                    "litellm",
                    "--base-url",
                    url,
                    "--model",
                    "scripted",
                    "--api-key-env",
                    "GATEWAY_KEY",
                )
                _ask("litellm", *words, GATEWAY_KEY=key)
        if "claude-code-router" in wanted:
            with _folder() as folder, servers.claude_code_router(upstream, folder) as url:
                asked = ("--target", "claude-code-router", "--base-url", url, "--model", "scripted")
                _ask("claude-code-router", *asked)
    _published("page")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _ask(server: str, *words: str, **environment: str) -> None:
    """Asks a server, and puts what it said in the place of its published runs."""
    with _folder() as folder:
        command = [sys.executable, "-m", "conformance", "run", *words, "--out", str(folder / "run")]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{server} could not be asked: exit {done.returncode}")
        for old in (ROOT / "reports" / "runs").glob(f"{server}*"):
            shutil.rmtree(old)
        _published("add", str(folder / "run"), "--behind", SCRIPTED)


def _published(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "conformance.cli.published", *words], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
