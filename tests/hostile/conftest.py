"""Runs the command line in a process of its own, in a folder of its own, with the suite bent where a test says so."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Begun
from servers import scripted

from conformance.catalog import compiled, load
from conformance.catalog.load import Catalog

RUN = (
    "import runpy, sys; sys.argv = ['conformance', *sys.argv[1:]]; runpy.run_module('conformance', run_name='__main__')"
)


@pytest.fixture(scope="session", autouse=True)
def one_catalog() -> Iterator[None]:
    """A process reads the catalog once, and these tests call hundreds of commands in one."""
    kept: dict[Path, Catalog] = {}

    def once(kind: type[Catalog], folder: Path, read: Callable[[], Catalog]) -> Catalog:
        if folder not in kept:
            kept[folder] = compiled.compiled(kind, folder, read)
        return kept[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "compiled", once)
        yield


@pytest.fixture(scope="session")
def reference() -> Iterator[tuple[str, ...]]:
    """The words for a command that ask one scripted model, which stays up for all tests."""
    with scripted("--face", "anthropic") as url:
        yield ("--base-url", url, "--target", "none", "--model", "scripted")


@pytest.fixture
def bent(tmp_path: Path) -> Begun:
    """`bent(code, "run", ...)`: a started process in which the code was run before the command."""

    def start(code: str, *words: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", f"{code}\n{RUN}", *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
