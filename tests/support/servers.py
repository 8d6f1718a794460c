"""Server processes of a test, the scripted model among them; nothing outlives its `with`."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

START_SECONDS = 300


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], ready: str, folder: Path, **environment: str) -> Iterator[None]:
    """A server process, ready once an address answers at all; its output stays in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "OPENAI"))}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**kept, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            for _ in range(START_SECONDS * 5):
                if _answers(ready):
                    break
                assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.2)
            else:
                raise AssertionError(f"{command[0]} did not start: {(folder / 'server.log').read_text()[-3000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def scripted(*words: str) -> Iterator[str]:
    """The scripted model, `scripted("--face", "openai")`; its address. It ends with the tests, however they end."""
    command = [sys.executable, "-m", "conformance.scripted", "serve", *words, "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.kill()
