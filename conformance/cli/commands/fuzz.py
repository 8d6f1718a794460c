"""`conformance fuzz`: generated requests, the laws of their answers, and the smallest request that breaks one."""

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from conformance.bounded import end_by_signals, within
from conformance.cli.commands.run import duration
from conformance.cli.parser import whole_number
from conformance.engine.scheduler import Deadline
from conformance.engine.target_selection import who_is_asked
from conformance.errors import ExitCode, UserError
from conformance.files import as_name
from conformance.harmless import harmless
from conformance.runs.options import RunOptions
from conformance.targets.target import Target


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base-url", metavar="URL", help="where it listens; without it, the embedded reference endpoint"
    )
    parser.add_argument("--target", metavar="NAME[@VERSION]|FILE|none", help="who it is; recognised by default")
    parser.add_argument("--model", metavar="M", help="the model to ask")
    parser.add_argument("--api-key-env", metavar="VAR", help="the environment variable that holds the key")
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="S", help="the same seed asks the same (default: 0)"
    )
    parser.add_argument(
        "--examples", type=whole_number, default=500, metavar="N", help="how many requests (default: 500)"
    )
    parser.add_argument("--time", type=duration, metavar="TIME", help="end after this time, such as 90s, 20m")
    parser.add_argument("--timeout", type=duration, default=60.0, metavar="S", help="for one answer (default: 60)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where it is kept; the same folder and seed go on")


def run(arguments: argparse.Namespace) -> int:
    try:
        from conformance.fuzz import asking, folder, laws, search, stored
    except ModuleNotFoundError as problem:
        if problem.name != "hypothesis":
            raise
        raise UserError(
            "fuzzing needs hypothesis, which the extra `fuzz` installs: pip install 'messages-conformance[fuzz]'"
        ) from problem
    end_by_signals()
    deadline = Deadline(arguments.time)
    with ExitStack() as stack:
        target = _found_out(arguments, stack, deadline)
        try:
            asker = stack.enter_context(asking.Asker(target, arguments.timeout, deadline))
        except asking.TimeOver:
            raise UserError(f"{target.base_url} has not answered within --time", ExitCode.OUR_FAULT) from None
        out = arguments.out or Path("reports", "fuzz", f"{as_name(target.name)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        kept = folder.FuzzFolder(out, folder.HeadLine(target=_named(target), model=target.model, seed=arguments.seed))
        stack.callback(kept.close)
        able = [name for name in ("tools", "vision") if target.capabilities.get(name) is not False]
        before = len(kept.found)
        ending = ExitCode.AS_EXPECTED
        try:
            asked = search.Search(
                ask=asker.ask,
                able=able,
                counts=search.has_counts(asker.ask),
                seed=arguments.seed,
                known=laws.Known(kept.known()),
                keeps=stored.what_is_kept(asker.ask),
            )
            asked.run(
                kept.asked,
                arguments.examples,
                enough=lambda: deadline.passed,
                progress=kept.progress,
                tell=lambda broken: print(folder.line_of(kept.keep(broken)), flush=True),
            )
        except asking.TimeOver:
            print("the time is over, and what was being asked is given up", file=sys.stderr)
        except KeyboardInterrupt:
            ending = ExitCode.INTERRUPTED
            print(f"conformance: interrupted; {out} keeps what was found, and --out {out} goes on", file=sys.stderr)
        print(f"{kept.asked} of {arguments.examples} examples, {asker.asked} requests: {len(kept.found)} findings")
        if before:
            print(f"{before} of them were found before, and are not reported again")
        if kept.found:
            print(f"conformance run --cases {out / 'cases'} --base-url {target.base_url} asks them again")
        return ending or (ExitCode.UNEXPECTED if kept.found else ExitCode.AS_EXPECTED)


def _found_out(arguments: argparse.Namespace, stack: ExitStack, deadline: Deadline) -> Target:
    """Who is asked; UserError where that is not known within the time."""
    try:
        return within(
            deadline.left,
            lambda: who_is_asked(_options(arguments), stack, lambda line: print(harmless(line), file=sys.stderr)),
        )
    except TimeoutError:
        whom = arguments.base_url or arguments.target
        raise UserError(f"{whom} has not said who it is within --time", ExitCode.OUR_FAULT) from None


def _options(arguments: argparse.Namespace) -> RunOptions:
    return RunOptions(
        base_url=arguments.base_url,
        target=arguments.target,
        model=arguments.model,
        api_key_env=arguments.api_key_env,
        command="conformance fuzz",
    )


def _named(target: Target) -> str:
    return " ".join(filter(None, (target.name, target.version)))
