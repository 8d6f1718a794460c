"""One session of a real client against an endpoint, in an environment of its own, and its outcome."""

import contextlib
import hashlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from conformance.detection.client_tasks import ClientOutput, Task, prepare, tasks
from conformance.detection.relay import relay
from conformance.errors import UserError
from conformance.runs.detection import ClientOutcome
from conformance.targets.environment import claude_code_environment

ANY_WORD = "none"
"""The token where a server asks for none: what `conformance env` prints then."""
TURN_SECONDS = 60.0
"""Seconds that a turn may take: a turn of a client that works takes one or two."""
FLAGS = (
    *("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"),
    *("--max-turns", "12", "--allowedTools", "Read", "Write", "Agent", "Task", "ToolSearch"),
)
_ID = re.compile(r"\b(?=[a-z]{0,16}\d)[0-9a-z_-]{8,64}\b|\d+(?:\.\d+)?(?=m?s\b)|(?<=: )\d+")
FAILED = ("API Error", "Please run /login", "could not be parsed", "never arrived", "Connection lost", "malformed")


class TaskOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of one task."""

    task: str
    right: bool
    error: bool
    extra: int
    pictures: bool = False


class Session(Struct, frozen=True, kw_only=True):
    """A whole session: its turns, its outcome, and a digest of what was said, without ids, times and folders."""

    turns: list[TaskOutcome]
    outcome: ClientOutcome
    digest: str
    shapes: list[dict[str, Any]] = []
    """The requests, for those who watch their shapes."""


def outcome_of(turns: Sequence[TaskOutcome]) -> ClientOutcome:
    """The outcome that the turns amount to, in the words of the outcomes file."""
    if any(turn.error for turn in turns):
        return "fails"
    wrong = [turn for turn in turns if not turn.right]
    if any(not turn.pictures for turn in wrong):
        return "wrong"
    if wrong:
        return "limited"
    return "degraded" if any(turn.extra for turn in turns) else "works"


def run_session(
    command: Sequence[str], base_url: str, model: str, *, token: str = ANY_WORD, short: bool = False
) -> Session:
    """A session of the client that `command` starts; its folder, keys and words are gone afterwards."""
    with TemporaryDirectory(prefix="client-") as name, relay(base_url) as relayed:
        folder = Path(name, "garden")
        folder.mkdir()
        prepare(folder)
        environment = _environment(Path(name, "home"), relayed.url, model, token)
        with _started([*command, *FLAGS], folder, environment) as client:
            turns, said = [], []
            for task in tasks(folder, short=short):
                before = relayed.posts()
                answered = client.ask(task.prompt)
                turns.append(_turn(task, answered, relayed.posts() - before))
                said.append(_masked(answered, folder))
                if client.dead:
                    break
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
        return Session(turns=turns, outcome=outcome_of(turns), digest=digest, shapes=list(relayed.requests))


def _environment(home: Path, url: str, model: str, token: str) -> dict[str, str]:
    """What `conformance env` prints, and nothing of this machine but where its programs are."""
    home.mkdir()
    printed = claude_code_environment(url, model, token=token)
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "CLAUDE_CODE_MAX_RETRIES": "2",
        **{name: value for name, value in printed.items() if isinstance(value, str)},
    }


def _turn(task: Task, answered: ClientOutput | None, requests: int) -> TaskOutcome:
    if answered is None:
        return TaskOutcome(task=task.id, right=False, error=True, extra=0, pictures=False)
    error = answered.is_error or any(words in answered.result for words in FAILED)
    right = not error and task.right(answered)
    extra = max(0, requests - task.requests) if task.requests else 0
    return TaskOutcome(task=task.id, right=right, error=error, extra=extra, pictures=task.pictures)


def _masked(answered: ClientOutput | None, folder: Path) -> list[Any]:
    """What was said, in a form that is equal in two sessions in which the same happened."""
    if answered is None:
        return ["nothing"]
    result = answered.result.replace(str(folder), "")
    return [answered.is_error, _ID.sub("(id)", result), len(answered.results)]


class _Client:
    """A running client that takes turns on its standard input."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.dead = False

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def close(self) -> None:
        """Waits for what the process, which has ended, still said."""
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def ask(self, prompt: str) -> ClientOutput | None:
        """The client's answer to one turn; None where it ends, or says nothing for too long."""
        assert self._process.stdin is not None
        message = {"type": "user", "message": {"role": "user", "content": prompt}}
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:
            self.dead = True
            return None
        return self._answer()

    def _answer(self) -> ClientOutput | None:
        results: list[str] = []
        until = time.monotonic() + TURN_SECONDS
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            event = _event_of(line)
            if event.get("type") == "user":
                results += _results(event)
            if event.get("type") == "result":
                result = event.get("result")
                return ClientOutput(
                    result=result if isinstance(result, str) else "",
                    is_error=bool(event.get("is_error")),
                    results=results,
                )
        self.dead = True
        return None


def _event_of(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _results(event: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the tool results that the client gives to the model."""
    content = (event.get("message") or {}).get("content")
    for block in content if isinstance(content, list) else []:
        if isinstance(block, dict) and block.get("type") == "tool_result":
            inner = block.get("content")
            parts = inner if isinstance(inner, list) else [{"text": inner}]
            yield "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Iterator[_Client]:
    try:
        process = subprocess.Popen(  # noqa: S603 - the client that the caller named
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
    except OSError as problem:
        raise UserError(f"{command[0]} is no program that can be started: {problem.strerror}") from None
    client = _Client(process)
    try:
        yield client
    finally:
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # it and what it started, in the session of its own
            process.wait()
        client.close()
