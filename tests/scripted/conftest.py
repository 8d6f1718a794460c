"""Faces for the tests of this room, and a client to ask them with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import httpx2
import pytest
from servers import started


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """Starts a face, once for each way of starting it, and stops it in the end; gives its address."""
    with ExitStack() as stack:
        yield cache(lambda *arguments: stack.enter_context(started(*arguments)))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The reference endpoint, of this module alone: what it keeps, its prompt cache and batches, no other test sees."""
    with started() as address:
        yield address


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=20) as client:
        yield client
