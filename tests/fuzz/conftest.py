"""A reference endpoint for the tests of this folder, which commits any fault and any legal variant below its path."""

from collections.abc import Iterator
from functools import partial

import pytest
from fuzzing import Asking

from conformance.engine.scripted_process import ScriptedProcess
from conformance.fuzz.asking import Asker
from conformance.targets.target import Auth, Target

KEY = "fuzz-test-key"


def _target(url: str) -> Target:
    return Target(name="none", base_url=url, model="scripted", auth=Auth(), key=KEY)


@pytest.fixture(scope="session")
def asking() -> Iterator[Asking]:
    """`asking("/fault/RQ14")`: a program that asks the reference endpoint, bent in that way; "" for the correct one."""
    with ScriptedProcess("anthropic", ["--api-key", KEY]) as process:
        yield partial(_asker, process.url)


def _asker(url: str, below: str = "") -> Asker:
    return Asker(_target(url + below), timeout=20)


@pytest.fixture(scope="session")
def through_gateway() -> Iterator[Asking]:
    """The same of the gateway in front of the scripted model, for variants of what goes up."""
    with (
        ScriptedProcess("openai") as model,
        ScriptedProcess("anthropic", ["--api-key", KEY, "--upstream", model.url]) as gateway,
    ):
        yield partial(_asker, gateway.url)
