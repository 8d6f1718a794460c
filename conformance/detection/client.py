"""`python -m conformance.detection.client`: sessions of the real Claude Code, compared with what is known of each.

Each outcome is written with a digest of what was said; one that differs from the known one is measured again, and
counts where two sessions agree.
"""

import argparse
import datetime as dt
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.detection import loopback
from conformance.detection.client_figures import EXPECTED, outcomes
from conformance.detection.client_program import PINNED, program_of
from conformance.detection.client_session import ANY_WORD, Session, run_session
from conformance.engine.scripted_process import ScriptedProcess
from conformance.errors import ExitCode, UserError
from conformance.runs.detection import ClientOutcome

MODEL = "scripted"
DRAWN = 6
"""Faults of the short form, drawn by the date so that in a month all of them are met."""


class Seat(Struct, frozen=True, kw_only=True):
    """An endpoint that a session is held with."""

    name: str
    base_url: str
    model: str = MODEL
    token: str = ANY_WORD
    known: ClientOutcome | None = None


class Held(Struct, frozen=True, kw_only=True):
    """What came of a session, as the file keeps it."""

    endpoint: str
    client: str
    outcome: ClientOutcome
    known: ClientOutcome | None
    digest: str
    errors: list[str]
    wrong: list[str]
    extra: int


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    try:
        asked = _parsed(words)
        program = program_of(asked.program, asked.version)  # from the registry, before the network is left
        if asked.base_url is None and not loopback.is_inside() and loopback.available():
            return loopback.run_inside("conformance.detection.client", [*words, "--program", str(program)])
        if loopback.is_inside():
            loopback.bring_up()
        return _main(asked, str(program))
    except UserError as problem:
        print(f"client: {problem}", file=sys.stderr)
        return int(problem.exit_code)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s claude-code --", description="Sessions of the real Claude Code.")
    parser.add_argument("--fault", action="append", default=[], metavar="ID", help="a fault of the reference endpoint")
    parser.add_argument("--all", action="store_true", help="every fault of which the outcome is known")
    parser.add_argument("--short", action="store_true", help="the reference and six faults drawn by the date")
    parser.add_argument(
        "--like", action="append", default=[], metavar="TARGET@VERSION", help="the likeness of a server"
    )
    parser.add_argument("--base-url", metavar="URL", help="any endpoint")
    parser.add_argument("--model", default=MODEL, help="of --base-url; default: %(default)s")
    parser.add_argument("--api-key-env", metavar="VAR", help="the NAME of the variable that holds its key")
    parser.add_argument("--version", default=PINNED, help="of the client; default: %(default)s")
    parser.add_argument("--program", metavar="FILE", help="a client that is installed already, of --version")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the outcomes go, one JSON line each")
    parser.add_argument(
        "--shapes", type=Path, metavar="FILE", help="where the client's requests to the first endpoint go"
    )
    return parser.parse_args(arguments)


def _main(arguments: argparse.Namespace, program: str) -> int:
    client = f"claude-code {arguments.version}"
    lines: list[bytes] = []
    changed: list[Held] = []
    with ExitStack() as stack:
        for seat in _seats(arguments, stack):
            session = _agreed(program, seat, short=arguments.short)
            if arguments.shapes is not None and not lines:
                arguments.shapes.write_bytes(msgspec.json.format(msgspec.json.encode(session.shapes), indent=1))
            held = _held(seat, client, session)
            lines.append(msgspec.json.encode(held))
            print(_told(held), flush=True)
            if held.known in EXPECTED and held.outcome != held.known:
                changed.append(held)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_bytes(b"".join(line + b"\n" for line in lines))
    for held in changed:
        print(f"changed: {held.endpoint} was known as {held.known}, and is {held.outcome} now", file=sys.stderr)
    return int(ExitCode.UNEXPECTED if changed else ExitCode.AS_EXPECTED)


def _seats(arguments: argparse.Namespace, stack: ExitStack) -> Iterator[Seat]:
    known = outcomes()
    for fault in arguments.fault:
        if fault not in known:
            print(f"{fault}: no outcome is known yet", file=sys.stderr)
    if arguments.base_url is not None:
        token = _token(arguments.api_key_env)
        yield Seat(name=arguments.base_url, base_url=arguments.base_url.rstrip("/"), model=arguments.model, token=token)
    for likeness in arguments.like:
        with _serving("--like", likeness) as url:
            yield Seat(name=likeness, base_url=url, known="works")
    faults = list(arguments.fault)
    if arguments.all:
        faults += [fault for fault, outcome in known.items() if outcome in EXPECTED]
    if arguments.short:
        faults += drawn(dt.datetime.now(dt.UTC).date())
    if faults or arguments.short or not (arguments.like or arguments.base_url):
        url = stack.enter_context(ScriptedProcess("anthropic")).url
        yield Seat(name="reference", base_url=url, known="works")
        for fault in dict.fromkeys(faults):
            yield Seat(name=fault, base_url=f"{url}/fault/{fault}", known=known.get(fault))


@contextmanager
def _serving(*arguments: str) -> Iterator[str]:
    with ScriptedProcess("anthropic", list(arguments)) as process:
        yield process.url


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


def _agreed(program: str, seat: Seat, *, short: bool) -> Session:
    """A session; where its outcome is not the known one, the one on which two sessions agree."""
    seen: list[Session] = []
    for _ in range(3):
        session = run_session([program], seat.base_url, seat.model, token=seat.token, short=short)
        if session.outcome == seat.known or any(session.outcome == earlier.outcome for earlier in seen):
            return session
        seen.append(session)
        if seat.known is None:
            break
    return seen[-1]


def _held(seat: Seat, client: str, session: Session) -> Held:
    return Held(
        endpoint=seat.name,
        client=client,
        outcome=session.outcome,
        known=seat.known,
        digest=session.digest,
        errors=[turn.task for turn in session.turns if turn.error],
        wrong=[turn.task for turn in session.turns if not turn.right and not turn.error],
        extra=sum(turn.extra for turn in session.turns),
    )


def _told(held: Held) -> str:
    parts = [f"{held.endpoint}: {held.outcome}"]
    if held.errors:
        parts.append(f"errors in {' '.join(held.errors)}")
    if held.wrong:
        parts.append(f"wrong: {' '.join(held.wrong)}")
    if held.extra:
        parts.append(f"{held.extra} extra requests")
    return f"{'; '.join(parts)} [{held.digest}]"


if __name__ == "__main__":
    raise SystemExit(main())
