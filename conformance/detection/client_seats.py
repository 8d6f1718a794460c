"""The endpoints for sessions with a real client, each with its expected outcome."""

import argparse
import datetime as dt
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from msgspec import Struct

from conformance.detection.client_figures import EXPECTED, outcomes
from conformance.detection.client_program import PINNED
from conformance.detection.client_servers import client_servers
from conformance.detection.client_session import ANY_WORD
from conformance.detection.endpoints import behind_upstream, gateway_process
from conformance.engine.scripted_process import ScriptedProcess
from conformance.errors import UserError
from conformance.runs.detection import ClientOutcome

MODEL = "scripted"
DRAWN = 6
"""Faults of the short form, drawn by the date so that in a month all of them are met."""
REFERENCE = "reference"
IN_SHORT = ("claude-code-router", "litellm")
"""The two gateways of the short form."""


class Address(Struct, frozen=True, kw_only=True):
    """The address of a server, and how it is asked."""

    url: str
    model: str = MODEL
    token: str = ANY_WORD


Servers = Mapping[str, Callable[[], AbstractContextManager[Address]]]
"""Servers that the caller can start, by their names."""


class Seat(Struct, frozen=True, kw_only=True):
    """An endpoint that a session is held with."""

    name: str
    address: Address
    known: ClientOutcome | None = None
    """What the thirteen turns of a session with the same version of the client came to before."""


def seats(arguments: argparse.Namespace, servers: Servers) -> Iterator[Seat]:
    """The endpoints that the caller names, each open while it is asked."""
    measured = arguments.version == PINNED or arguments.watch
    of_servers = {server.server: server.session if measured else None for server in client_servers()}
    faults = _faults(arguments)
    if arguments.base_url is not None:
        token = _token(arguments.api_key_env)
        address = Address(url=arguments.base_url.rstrip("/"), model=arguments.model, token=token)
        yield Seat(name=arguments.base_url, address=address)
    if faults or arguments.short or arguments.watch or not (arguments.like or arguments.base_url or arguments.server):
        known = outcomes() if arguments.version == PINNED else {}
        with ScriptedProcess("anthropic") as process:
            yield Seat(name=REFERENCE, address=Address(url=process.url), known="works")
            yield from _of_faults(process.url, [one for one in faults if one not in behind_upstream()], known)
    if relayed := [one for one in faults if one in behind_upstream()]:
        with gateway_process() as gateway:
            yield from _of_faults(gateway, relayed, known)
    for likeness in _likenesses(arguments, list(of_servers)):
        with ScriptedProcess("anthropic", ["--like", likeness]) as process:
            yield Seat(name=likeness, address=Address(url=process.url), known=of_servers.get(likeness))
    for name in _named(arguments, servers):
        with servers[name]() as address:
            yield Seat(name=name, address=address, known=of_servers.get(name))


def _of_faults(url: str, faults: Sequence[str], known: Mapping[str, ClientOutcome]) -> Iterator[Seat]:
    for fault in faults:
        yield Seat(name=fault, address=Address(url=f"{url}/fault/{fault}"), known=known.get(fault))


def _faults(arguments: argparse.Namespace) -> list[str]:
    known = outcomes()
    for fault in arguments.fault:
        if fault not in known:
            print(f"{fault}: no outcome is known yet", file=sys.stderr)
    faults = list(arguments.fault)
    if arguments.all:
        faults += [fault for fault, outcome in known.items() if outcome in EXPECTED]
    if arguments.short:
        faults += drawn(dt.datetime.now(dt.UTC).date())
    return list(dict.fromkeys(faults))


def _likenesses(arguments: argparse.Namespace, known: list[str]) -> list[str]:
    return [*arguments.like, *(name for name in known if arguments.watch and "@" in name)]


def _named(arguments: argparse.Namespace, servers: Servers) -> list[str]:
    """The servers to start: UserError for one that cannot be started here."""
    wanted = list(arguments.server)
    if arguments.watch:
        wanted += [server.server for server in client_servers() if server.server in servers]
    if arguments.short:
        wanted += [name for name in IN_SHORT if name in servers]
    for name in wanted:
        if name not in servers:
            there = ", ".join(servers) or "none; `nox -s claude-code` installs them"
            raise UserError(f"{name} cannot be started here; servers that can: {there}")
    return list(dict.fromkeys(wanted))


def _token(variable: str | None) -> str:
    if variable is None:
        return ANY_WORD
    if not variable.isidentifier() or not os.environ.get(variable):
        raise UserError("--api-key-env takes the NAME of a variable that is set, such as GATEWAY_KEY")
    return os.environ[variable]


def drawn(day: dt.date) -> list[str]:
    """Six faults for a day: of those that break the client and of those that do not, the same for everybody."""
    chance = random.Random(day.isoformat())  # noqa: S311 - a draw, not a secret
    known = outcomes()
    breaking = [fault for fault, outcome in known.items() if outcome in ("wrong", "fails")]
    working = [fault for fault, outcome in known.items() if outcome == "works"]
    return chance.sample(breaking, DRAWN // 2) + chance.sample(working, DRAWN // 2)
