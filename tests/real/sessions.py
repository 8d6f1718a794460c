"""`nox -s claude-code`: sessions of the real client, with the servers that others wrote among its endpoints."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import servers
from third_party import SERVERS

from conformance.detection.client import main
from conformance.detection.client_seats import Address
from conformance.errors import ExitCode, UserError


@contextmanager
def _in_one_line(name: str) -> Iterator[None]:
    """A server that does not start is told in one line, not as a failed test."""
    try:
        yield
    except AssertionError as problem:
        lines = str(problem).strip().splitlines() or ["no word of it"]
        raise UserError(f"{name} did not start: {lines[-1]}", ExitCode.OUR_FAULT) from None


@contextmanager
def _started(name: str) -> Iterator[Address]:
    """A server in front of the scripted model, as the client is told where it is."""
    with (
        _in_one_line(name),
        servers.scripted("--face", "openai") as upstream,
        tempfile.TemporaryDirectory() as folder,
        SERVERS[name](upstream, Path(folder)) as started,
    ):
        yield Address(url=started.url, model=started.model, token=started.key or "none")


if __name__ == "__main__":
    starters = {name: partial(_started, name) for name in SERVERS}
    raise SystemExit(main(sys.argv[1:], starters, module="sessions"))
