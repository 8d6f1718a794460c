"""Selects the target: the one named by the options or recognised at the address, else the embedded reference."""

import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack

from msgspec.structs import replace

from conformance.engine.scripted_process import ScriptedProcess
from conformance.runs.options import RunOptions
from conformance.targets.address import is_loopback
from conformance.targets.resolve import Choices, asks_reference, resolve, secret_in
from conformance.targets.target import Target

REFERENCE_KEY = "CONFORMANCE_REFERENCE_KEY"
"""Variable of this process only: a fresh key for the reference endpoint that this process starts."""
REFERENCE_MODEL = "scripted"


def who_is_asked(options: RunOptions, stack: ExitStack, say: Callable[[str], None]) -> Target:
    """The target of a run; a reference endpoint that this starts lives as long as `stack`."""
    choices = choices_of(options)
    if options.api_key_env is not None:
        secret_in(options.api_key_env, os.environ, "--api-key-env names it")  # before anything is asked
    if not asks_reference(choices):
        target = resolve(choices, os.environ, say)
        return with_circumstances(replace(target, simulated=target.simulated or options.simulated))
    key = f"reference-{secrets.token_urlsafe(24)}"
    process = stack.enter_context(ScriptedProcess("anthropic", ["--api-key", key]))
    os.environ[REFERENCE_KEY] = key
    asked = replace(
        choices,
        target="reference",
        base_url=process.url,
        api_key_env=REFERENCE_KEY,
        address_from=None,
        model=choices.model or REFERENCE_MODEL,
    )
    return with_circumstances(resolve(asked, os.environ, say))


def choices_of(options: RunOptions) -> Choices:
    """The choices about the target, from the options."""
    return Choices(
        target=options.target,
        base_url=options.base_url,
        model=options.model,
        api_key_env=options.api_key_env,
        capabilities=dict.fromkeys(options.capability, True) | dict.fromkeys(options.no_capability, False),
        concurrency=options.concurrency,
        address_from=options.address_from,
    )


def with_circumstances(target: Target) -> Target:
    """The target with what follows from how it is reached: its key, what it can fetch, and what its model can do."""
    circumstances = {
        "authentication": target.key is not None,
        "reachable-fixtures": is_loopback(target.base_url),
        "verbatim": target.model == REFERENCE_MODEL,
        "long-answers": True,
    }
    simulated = target.simulated and target.name != "reference"  # which is itself, and stands for nobody else
    return replace(target, capabilities=circumstances | target.capabilities, simulated=simulated)
