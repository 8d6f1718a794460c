"""`python -m conformance.detection.witnesses`: what the official SDKs make of each fault, into `runs/sdk-readings.tsv`.

Each SDK asks the reference endpoint and each of its faults for four answers: a text, and two calls beside thinking, as
JSON and as a stream, and puts streams together itself. It accepts a fault where its program sees what it sees of the
correct answers, rejects it where it throws, and misreads it where its program sees something else and is told nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from conformance.detection.gateway_mutants import Part, part_of_words
from conformance.detection.measure import own_of_faults
from conformance.engine.scripted_process import NamedFault, ScriptedProcess, named_faults
from conformance.errors import ExitCode, UserError
from conformance.runs.detection import READINGS, SdkReading, Witnessed, read_readings, written
from conformance.words import SdkTestimony

SDKS = Path(__file__).with_name("sdks")
CORRECT = "reference"
LONGEST_RUN = 3600
WORST: tuple[SdkTestimony, ...] = ("misreads", "rejects", "accepts")
"""Worst first: who rejects an answer at least knows of it."""


class SdkAnswer(Struct, frozen=True):
    """One answer as an SDK's program saw it: the message, or the name of the exception."""

    id: str
    asked: str
    answer: dict[str, Any] | None = None
    error: str = ""


Table = Mapping[str, Mapping[str, Witnessed]]
"""Fault to SDK to what it makes of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nox -s witnesses --", description=__doc__)
    parser.add_argument("--fault", action="append", default=[], metavar="ID", help="only these, and nothing is written")
    parser.add_argument(
        "--part",
        metavar="K/N",
        type=part_of_words,
        default=Part(),
        help="every N-th fault from the K-th on; the lines of the others stay as they are (default: all)",
    )
    parser.add_argument("--new", action="store_true", help="only the faults that have no line yet")
    asked = parser.parse_args(arguments)
    try:
        drivers = _drivers()
        every = {fault.id: fault for fault in named_faults() if "upstream" not in fault.needs}
        lost = not_here(read_readings().values(), drivers)
        if lost and not asked.fault:
            raise UserError(
                f"{READINGS.name} holds {' and '.join(lost)}, not installed here: `nox -s witnesses` has them"
            )
        listed = unread(every, read_readings()) if asked.new else list(every)
        faults = asked.fault or [fault for position, fault in enumerate(listed) if position in asked.part]
        with ScriptedProcess("anthropic") as process:
            lines = [f"{CORRECT} {process.url}", *(f"{fault} {process.url}/fault/{fault}" for fault in faults)]
            table = table_of(_driven(drivers, "\n".join(lines) + "\n"))
        if asked.fault:
            print(written(readings_in(table, every), list(drivers)), end="")
            return int(ExitCode.AS_EXPECTED)
        kept = kept_table(read_readings(), [fault for fault in every if fault not in faults], list(drivers))
    except UserError as problem:
        print(f"witnesses: {problem}", file=sys.stderr)
        return int(problem.exit_code)
    READINGS.write_text(written(readings_in({**kept, **table}, every), list(drivers)), encoding="utf-8")
    print(f"{len(table)} faults measured, {len(kept)} kept as they were; {', '.join(drivers)}: {READINGS.name}")
    return int(ExitCode.AS_EXPECTED)


def readings_in(table: Table, faults: Mapping[str, NamedFault]) -> list[SdkReading]:
    """The lines of a table, each with what is wrong and with the rules and cases that are about it."""
    own = own_of_faults()
    return [
        SdkReading(fault=fault, says=faults[fault].says, of=tuple(own.get(fault, ())), by=by)
        for fault, by in table.items()
    ]


def unread(faults: Iterable[str], table: Mapping[str, SdkReading]) -> list[str]:
    """The faults of which the table has no line."""
    return [fault for fault in faults if fault not in table]


def not_here(before: Iterable[SdkReading], sdks: Iterable[str]) -> list[str]:
    """The languages of which the table has a column and nobody asks now: what is known of them would be lost."""
    known = {sdk.partition(" ")[0] for reading in before for sdk in reading.by}
    return sorted(known - {sdk.partition(" ")[0] for sdk in sdks})


def kept_table(before: Mapping[str, SdkReading], faults: Iterable[str], sdks: Sequence[str]) -> Table:
    """What is known of faults that are not measured now; nothing that other versions of the SDKs made."""
    return {fault: before[fault].by for fault in faults if fault in before and before[fault].by.keys() == set(sdks)}


def _drivers() -> dict[str, list[str]]:
    """SDK and version to the command that asks with it; UserError where one is not installed."""
    import anthropic

    modules, program = os.environ.get("ANTHROPIC_SDK_MODULES"), os.environ.get("ANTHROPIC_SDK_GO")
    drivers = {f"python {anthropic.__version__}": [sys.executable, str(SDKS / "ask.py")]}
    if program and not os.access(program, os.X_OK):
        raise UserError(f"{program} is no program that can be started", ExitCode.OUR_FAULT)
    if modules and shutil.which("node"):
        package = msgspec.json.decode(Path(modules, "@anthropic-ai", "sdk", "package.json").read_bytes())
        drivers[f"typescript {package['version']}"] = ["node", str(SDKS / "ask.cjs")]
    if program:
        drivers[f"go {_go_version()}"] = [program]
    return drivers


def _go_version() -> str:
    """The version of the Go SDK that `go.mod` names."""
    words = (SDKS / "go" / "go.mod").read_text(encoding="utf-8").split()
    return words[words.index("github.com/anthropics/anthropic-sdk-go") + 1].removeprefix("v")


def _driven(drivers: Mapping[str, Sequence[str]], lines: str) -> dict[str, list[SdkAnswer]]:
    """SDK to its answers; the drivers run one after the other, so that none is slow because of another."""
    environment = {**os.environ, "NODE_PATH": os.environ.get("ANTHROPIC_SDK_MODULES", "")}
    found = {}
    for sdk, command in drivers.items():
        done = subprocess.run(  # noqa: S603 - our own programs
            command, input=lines, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_RUN
        )
        found[sdk] = [msgspec.json.decode(line, type=SdkAnswer) for line in done.stdout.splitlines()]
        if not any(answer.id == CORRECT for answer in found[sdk]):
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise UserError(f"{sdk} asked nothing: {last}", ExitCode.OUR_FAULT)
    return found


def table_of(answers: Mapping[str, Iterable[SdkAnswer]]) -> dict[str, dict[str, Witnessed]]:
    """Fault to SDK to the worst of what it makes of the four answers, compared with its own of the correct endpoint."""
    table: dict[str, dict[str, Witnessed]] = {}
    for sdk, found in answers.items():
        every = list(found)
        correct = {one.asked: one for one in every if one.id == CORRECT}
        for one in every:
            if one.id != CORRECT:
                said = table.setdefault(one.id, {})
                said[sdk] = min(said.get(sdk, Witnessed("accepts")), _compared(one, correct[one.asked]), key=_weight)
    return table


def _compared(one: SdkAnswer, correct: SdkAnswer) -> Witnessed:
    if one.answer is None:
        return Witnessed("rejects", one.error)
    wanted = correct.answer or {}
    other = [part for part, value in one.answer.items() if value != wanted.get(part)]
    return Witnessed("misreads", ", ".join(other)) if other else Witnessed("accepts")


def _weight(testimony: Witnessed) -> int:
    return WORST.index(testimony.says)


if __name__ == "__main__":
    raise SystemExit(main())
