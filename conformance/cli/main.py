"""The command line: `conformance COMMAND`; the module of a command is imported only when it is called."""

import io
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from conformance import __version__
from conformance.bounded import end_by_signals
from conformance.cli import startup
from conformance.cli.parser import Parser, near, near_or_all
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless

COMMANDS = {
    "run": "ask an endpoint, judge its answers, write log and report",
    "compare": "ask two endpoints or models, and show them side by side",
    "serve": "start the scripted model behind one of its faces",
    "fuzz": "ask generated requests, and shrink what breaks a law to the smallest",
    "report": "render one matrix from any number of runs",
    "diff": "compare two runs, row by row",
    "rejudge": "judge the evidence of a run again with today's rules",
    "merge": "join the shards of a run into one",
    "record": "record the real API, for so much money at most",
    "evidence": "list the exchanges of a run, or print one of them",
    "share": "copy a run with hosts, names, paths, addresses, ids and private models masked",
    "expect": "write a run's unexpected verdicts into a target's file as known gaps",
    "lint": "check the cases, the surface, the profiles and the targets",
    "list": "list the cases, rows, rules, targets, profiles, variants or faults",
    "faults": "list the faults that the reference endpoint can commit",
    "variants": "list the legal variants in which the reference endpoint can answer",
    "surface": "list what the official SDK's types name and the surface does not",
    "explain": "say what a rule, a case or a row is about, and what turns it red",
    "new": "write the skeleton of a case",
    "prepare": "get a model ready on a target: pull, long context, alias",
    "doctor": "find what keeps a target from working, with the command that mends it",
    "ollama": "ask one version of Ollama, started for this run alone",
    "env": "print what Claude Code and the SDKs need in order to reach a target",
    "skills": "install the skills for agents into a folder",
}
MODULES = {
    "list": "listing",
    **dict.fromkeys(("serve", "faults", "variants"), "scripted"),
    **dict.fromkeys(("lint", "new"), "case_files"),
    **dict.fromkeys(("diff", "evidence", "merge", "rejudge", "report"), "recorded_runs"),
    **dict.fromkeys(("prepare", "doctor", "ollama"), "ollama"),
}
"""The module of a command where it is not called like it, or holds several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code is the process's."""
    end_by_signals()
    _print_anything()
    startup.collect_seldom()
    startup.keep_one_heap()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except UserError as error:
        print(harmless(f"conformance: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("conformance: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.INTERRUPTED  # nobody knows what would have been said: a script with `pipefail` must not pass
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        print(harmless(f"conformance: {where}{problem.strerror or problem}"), file=sys.stderr)
        return ExitCode.BAD_USAGE


def _print_anything() -> None:
    """Lets characters that standard output has no code for, and names that are no text, be named instead."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _dispatch(words: list[str]) -> int:
    if words[0:1] == ["help"] and len(words) > 1:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if words else ExitCode.BAD_USAGE
    if words[0] in ("-V", "--version"):
        print(f"messages-conformance {__version__}")
        return 0
    name, rest = (words[0], words[1:]) if words[0] in COMMANDS else _of_address(words)
    declare, run = functions_of(name)
    about = COMMANDS[name]
    parser = Parser(f"conformance {name}", f"{about[0].upper()}{about[1:]}.")
    declare(parser)
    return int(run(parser.read(rest)))


def functions_of(name: str) -> tuple[Callable[[Parser], None], Callable[[Namespace], int]]:
    """What declares a command's arguments, and what runs it."""
    module = import_module(f"conformance.cli.commands.{MODULES.get(name, name)}")
    own = f"_{name}" if hasattr(module, f"run_{name}") else ""
    return getattr(module, f"declare{own}"), getattr(module, f"run{own}")


def _of_address(words: list[str]) -> tuple[str, list[str]]:
    """The command that is meant where the first word is none: `run` for an address; UserError for anything else."""
    word = words[0]
    if word.startswith("-"):
        if meant := near(word, ["--version", "--help"]):
            raise UserError(f"unknown option {word!r}{meant}")
        raise UserError(f"the command comes first: conformance run {' '.join(words)}")
    if Path(word).exists():
        raise UserError(f"{word} is a file or folder here, and no command: conformance report {word} shows a run")
    if "://" in word or "." in word or ":" in word:
        return "run", words
    raise UserError(f"there is no command {word!r}{near_or_all(word, [*COMMANDS, '--version'])}")


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {about}" for name, about in COMMANDS.items()]
    usage = "usage: conformance COMMAND [ARGUMENT ...]\n       conformance URL, short for conformance run URL"
    return "\n".join([usage, "", *lines, "", "conformance COMMAND --help says more."])


if __name__ == "__main__":
    raise SystemExit(main())
