"""Servers that say what a test wants, over real sockets."""

from collections.abc import Callable, Iterator

import pytest
from servers import Stub


@pytest.fixture
def stub() -> Iterator[Callable[[], Stub]]:
    stubs: list[Stub] = []

    def make() -> Stub:
        stubs.append(Stub())
        return stubs[-1]

    yield make
    for made in stubs:
        made.close()


@pytest.fixture
def ollama(stub: Callable[[], Stub]) -> Stub:
    """An Ollama 0.33.0 with one model that can call tools."""
    return stub().says(
        GET_api_version={"version": "0.33.0"},
        GET_api_tags={
            "models": [{"name": "qwen3-coder:latest", "model": "qwen3-coder:latest", "size": 10, "digest": "d1"}]
        },
        POST_api_show={
            "capabilities": ["completion", "tools"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262144},
        },
    )
