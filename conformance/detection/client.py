"""`python -m conformance.detection.client`: sessions of the real Claude Code, compared with what is known of each.

Each outcome is written with a digest of what was said; one that differs from the known one is measured again, and
counts where two sessions agree. `--watch` takes the newest client, compares the shapes of its requests with those that
are committed, and holds a session with every server that is known.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.detection.client_figures import EXPECTED, OUTCOMES, outcomes, with_outcomes
from conformance.detection.client_program import (
    PINNED,
    available,
    bring_up,
    is_inside,
    newest,
    program_of,
    run_inside,
)
from conformance.detection.client_seats import MODEL, REFERENCE, Seat, Servers, seats
from conformance.detection.client_session import Session, run_session
from conformance.detection.client_shapes import compared, read_shape, shape_file, shape_lines
from conformance.errors import ExitCode, UserError
from conformance.runs.detection import ClientOutcome

MODULE = "conformance.detection.client"


class Held(Struct, frozen=True, kw_only=True):
    """The outcome of a session, as the file keeps it."""

    endpoint: str
    client: str
    outcome: ClientOutcome
    known: ClientOutcome | None
    digest: str
    errors: list[str]
    wrong: list[str]
    extra: int

    @property
    def columns(self) -> list[str]:
        """The line of the outcomes file, after the name of the fault."""
        return [self.outcome, " ".join(self.errors), " ".join(self.wrong), str(self.extra), self.digest]

    @property
    def changed(self) -> bool:
        """Whether it is not what it was known to be."""
        return self.known in EXPECTED and self.outcome != self.known


def main(arguments: Sequence[str] | None = None, servers: Servers | None = None, module: str = MODULE) -> int:
    """Holds the sessions that the words ask for; `module` is started again inside a network of loopback alone."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        asked = _parsed(words)
        program = program_of(asked.program, asked.version)  # from the registry, before the network is left
        if asked.base_url is None and not is_inside() and available():
            return run_inside(module, [*words, "--program", str(program), "--version", asked.version])
        if is_inside():
            bring_up()
        return _main(asked, str(program), servers or {})
    except UserError as problem:
        print(f"client: {problem}", file=sys.stderr)
        return int(problem.exit_code)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s claude-code --", description="Sessions of the real Claude Code.")
    parser.add_argument("--fault", action="append", default=[], metavar="ID", help="a fault of the reference endpoint")
    parser.add_argument("--all", action="store_true", help="every fault of which the outcome is known")
    parser.add_argument(
        "--short", action="store_true", help="the reference, six faults drawn by the date, two gateways"
    )
    parser.add_argument(
        "--watch", action="store_true", help="the newest client: its shapes, and a session with each known server"
    )
    parser.add_argument(
        "--like", action="append", default=[], metavar="TARGET@VERSION", help="the likeness of a server"
    )
    parser.add_argument("--server", action="append", default=[], metavar="NAME", help="a server that nox installs")
    parser.add_argument("--base-url", metavar="URL", help="any endpoint")
    parser.add_argument("--model", default=MODEL, help="of --base-url; default: %(default)s")
    parser.add_argument("--api-key-env", metavar="VAR", help="the NAME of the variable that holds its key")
    parser.add_argument("--version", help=f"of the client; default: {PINNED}, with --watch the newest")
    parser.add_argument("--program", metavar="FILE", help="a client that is installed already, of --version")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the outcomes go, one JSON line each")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where --watch writes what changed, in Markdown")
    parser.add_argument(
        "--shapes", type=Path, metavar="FILE", help="where the client's requests to the first endpoint go"
    )
    parser.add_argument(
        "--write-shapes", action="store_true", help="keep the lines of those shapes as what this version sends"
    )
    parser.add_argument(
        "--write-outcomes",
        action="store_true",
        help="keep the outcomes of faults of the pinned version on which two sessions agree",
    )
    asked = parser.parse_args(arguments)
    if asked.version is None:
        asked.version = newest() if asked.watch else PINNED
    return asked


def _main(arguments: argparse.Namespace, program: str, servers: Servers) -> int:
    client = f"claude-code {arguments.version}"
    every: list[Held] = []
    shapes: list[str] = []
    for seat in seats(arguments, servers):
        written = arguments.write_outcomes and seat.name != REFERENCE
        session = _agreed(program, seat, short=arguments.short, twice=written)
        if not every:
            shapes = _kept(arguments, seat, session)
        held = _held(seat, client, session)
        every.append(held)
        print(_line_of(held), flush=True)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_bytes(b"".join(msgspec.json.encode(held) + b"\n" for held in every))
    if arguments.write_outcomes:
        _write_outcomes(arguments, every)
    changed = [held for held in every if held.changed]
    for held in changed:
        print(_difference(held), file=sys.stderr)
    if arguments.watch:
        print("\n".join(shapes) or f"{client} asks as {PINNED} does", flush=True)
        if arguments.report is not None:
            arguments.report.write_text(report(client, shapes, changed), encoding="utf-8")
    return int(ExitCode.UNEXPECTED if changed or shapes else ExitCode.AS_EXPECTED)


def _write_outcomes(arguments: argparse.Namespace, every: Sequence[Held]) -> None:
    if arguments.version != PINNED or arguments.short:
        raise UserError(f"--write-outcomes keeps whole sessions of {PINNED} alone")
    faults = {*arguments.fault, *(outcomes() if arguments.all else ())}
    lines = {held.endpoint: held.columns for held in every if held.endpoint in faults}
    OUTCOMES.write_text(with_outcomes(OUTCOMES.read_text(encoding="utf-8"), lines), encoding="utf-8")


def _kept(arguments: argparse.Namespace, seat: Seat, session: Session) -> list[str]:
    """Writes the shapes of a session where they are wanted; with --watch, what is new in them and what is gone."""
    if arguments.shapes is not None:
        arguments.shapes.write_bytes(msgspec.json.format(msgspec.json.encode(session.shapes), indent=1))
    if seat.name != REFERENCE:
        return []
    lines = shape_lines(session.shapes)
    if arguments.write_shapes:
        file = shape_file(arguments.version)
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return compared(read_shape(PINNED), lines) if arguments.watch else []


def _agreed(program: str, seat: Seat, *, short: bool, twice: bool = False) -> Session:
    """A session; where its outcome is not the known one, the one on which two sessions agree; with `twice` always."""
    seen: list[Session] = []
    for _ in range(3):
        address = seat.address
        session = run_session([program], address.url, address.model, token=address.token, short=short)
        if (session.outcome == seat.known and not twice) or any(session.outcome == earlier.outcome for earlier in seen):
            return session
        seen.append(session)
        if seat.known is None and not twice:
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


def _line_of(held: Held) -> str:
    parts = [f"{held.endpoint}: {held.outcome}"]
    if held.errors:
        parts.append(f"errors in {' '.join(held.errors)}")
    if held.wrong:
        parts.append(f"wrong: {' '.join(held.wrong)}")
    if held.extra:
        parts.append(f"{held.extra} extra requests")
    return f"{'; '.join(parts)} [{held.digest}]"


def _difference(held: Held) -> str:
    return f"changed: {held.endpoint} was known as {held.known}, and is {held.outcome} now"


def report(client: str, shapes: Sequence[str], changed: Sequence[Held]) -> str:
    """What a maintainer has to know of a new client, in Markdown: who breaks, then what it sends otherwise.

    The first line is the title of the issue.
    """
    broken = [held.endpoint for held in changed if held.outcome in ("wrong", "fails")]
    others = [held.endpoint for held in changed if held.endpoint not in broken]
    happened = [f"breaks {', '.join(broken)}"] if broken else []
    happened += [f"does something else on {', '.join(others)}"] if others else []
    happened += ["sends something new"] if shapes and not happened else []
    lines = [f"{client} {' and '.join(happened) or 'is as before'}", ""]
    lines += [
        "It was run against the reference endpoint, the committed likenesses and the servers that nox installs.",
        "",
    ]
    lines += [f"- {_line_of(held)}; known as {held.known}" for held in changed] or [
        "Every server does what it did before."
    ]
    if shapes:
        lines += ["", f"Its requests, compared with those of {PINNED} (`+` is new, `-` is gone):", ""]
        lines += ["```", *shapes, "```"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    raise SystemExit(main())
