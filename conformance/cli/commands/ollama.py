"""Ollama: `conformance prepare` gets a model ready, `doctor` finds what is wrong, `ollama` asks one version of it."""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.cli.parser import Parser, from_one
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless

if TYPE_CHECKING:
    from conformance.targets.ollama.client import Ollama, Progress
    from conformance.targets.ollama.doctor import Diagnosis

OLLAMA_TARGETS = ("ollama",)
PROBE_MODES = ("rendered", "native")
SIGNS = {"good": "ok  ", "note": "note", "warning": "warn", "problem": "BAD "}
UNREACHABLE = {"unreachable", "busy", "not-running", "not-installed"}


def target_arguments(parser: argparse.ArgumentParser, targets: Sequence[str]) -> None:
    parser.add_argument("--target", choices=targets, default=targets[0], help=f"default: {targets[0]}")
    parser.add_argument(
        "--base-url", metavar="URL", help="where it listens; default: OLLAMA_URL, OLLAMA_HOST, port 11434"
    )


def local_ollama(arguments: argparse.Namespace) -> "Ollama":
    """The server that the flags or the environment name; UserError for an address that cannot be used."""
    from conformance.targets.ollama.client import Ollama

    ollama = Ollama(arguments.base_url) if arguments.base_url else Ollama.local()
    ollama.on_wait = _say
    return ollama


def cloud_ollama() -> "Ollama":
    """ollama.com with the key in OLLAMA_API_KEY, the only variable that is read for it."""
    from conformance.targets.ollama.client import Ollama

    key = os.environ.get("OLLAMA_API_KEY", "").strip()
    if not key:
        raise UserError("OLLAMA_API_KEY is not set; make a key at https://ollama.com/settings/keys and export it")
    ollama = Ollama.cloud(key)
    ollama.on_wait = _say
    return ollama


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def declare_ollama(parser: Parser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--version",
        metavar="V",
        action="append",
        default=[],
        help="a release such as 0.33.0: downloaded, its checksum compared (repeatable: one report of all)",
    )
    which.add_argument(
        "--binary",
        metavar="PATH",
        type=Path,
        action="append",
        default=[],
        help="an ollama that is here already (repeatable)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", metavar="M", help="a model to pull and ask (default: the scripted stub)")
    what.add_argument("--scripted", action="store_true", help="the scripted model behind it: no weights (default)")
    what.add_argument(
        "--probe-model",
        nargs="?",
        const="rendered",
        choices=PROBE_MODES,
        help="the suite's own model of 4 MB, to ask the engine, too: rendered by Ollama's template, or native",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="where run log, report and server log go")
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, default=Path(".nox/ollama"), help="where releases are kept"
    )
    parser.words_after_dashes("run_arguments", "ARGUMENT", "of `conformance run`, such as --select or --strict")


def run_ollama(arguments: argparse.Namespace) -> int:
    from conformance.cli.ollama_release import ask_release

    return ask_release(arguments)


def declare_prepare(parser: argparse.ArgumentParser) -> None:
    target_arguments(parser, (*OLLAMA_TARGETS, "llama.cpp"))
    parser.add_argument("--model", metavar="M", help="such as qwen3-coder; without it, the recommended ones are listed")
    parser.add_argument(
        "--context", metavar="N", type=from_one, default=65_536, help="tokens of context (default: 65536)"
    )
    parser.add_argument("--alias", metavar="NAME", help="a second name for it, such as claude-3-5-sonnet")
    parser.add_argument("--clean", action="store_true", help="take away what an earlier prepare made")
    parser.add_argument("--probe-model", action="store_true", help="the suite's own model of 4 MB, to test an engine")


def run_prepare(arguments: argparse.Namespace) -> int:
    if arguments.probe_model and (arguments.model or arguments.alias or arguments.clean):
        raise UserError("--probe-model stands alone: `ollama rm conformance-probe` takes it away again")
    if arguments.target == "llama.cpp":
        return _tell_llama_server(arguments)
    if arguments.probe_model:
        return asyncio.run(_run_prepare(arguments))
    if arguments.model is None:
        raise UserError("which model? Name it with --model; Ollama recommends:\n" + _recommendations())
    if arguments.context < 1024:
        raise UserError(f"--context {arguments.context} is too small for anything; 65536 holds a Claude Code session")
    return asyncio.run(_run_prepare(arguments))


def _tell_llama_server(arguments: argparse.Namespace) -> int:
    from conformance.targets.probe_model import llama_server_command

    if not arguments.probe_model:
        raise UserError("llama-server is given its model when it is started; --probe-model tells how to give it ours")
    print(shlex.join(llama_server_command()))
    print("next, beside it: conformance run http://127.0.0.1:8080")
    return 0


async def _run_prepare(arguments: argparse.Namespace) -> int:
    from conformance.targets.ollama.client import OllamaError
    from conformance.targets.ollama.prepare import clean, prepare, prepare_probe_model
    from conformance.targets.wire import Silent, Unreachable

    options = {"context": arguments.context, "alias": arguments.alias}
    async with local_ollama(arguments) as ollama:
        try:
            if arguments.clean:
                print(harmless("\n".join(await clean(ollama, arguments.model, **options))))
                return 0
            if arguments.probe_model:
                prepared = await prepare_probe_model(ollama)
                print(harmless("\n".join(prepared.done)))
                print(f"next: conformance run {ollama.url} --model {prepared.model}")
                return 0
            with PullBar() as bar:
                prepared = await prepare(ollama, arguments.model, **options, on_progress=bar.show)
        except OllamaError as problem:
            raise UserError(f"{ollama.url} refuses: {problem}") from problem
        except Silent as problem:
            raise UserError(f"{problem}; `ollama ps` says with what", ExitCode.OUR_FAULT) from problem
        except Unreachable as problem:
            raise UserError(f"{problem}; start it with `ollama serve`", ExitCode.OUR_FAULT) from problem
    print(harmless("\n".join(prepared.done)))
    print(f"next: conformance env --target ollama --model {prepared.model}")
    return 0


class PullBar:
    """A progress bar for each layer of a pull, on a terminal only."""

    def __init__(self) -> None:
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> "PullBar":
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, model: str, step: "Progress") -> None:
        if step.total is None:
            return
        key = step.digest or step.status
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(f"{model} {key.removeprefix('sha256:')[:12]}", total=step.total)
        self._progress.update(self._tasks[key], completed=step.completed or 0, total=step.total)  # type: ignore[arg-type]


def _recommendations() -> str:
    from conformance.targets.ollama.models import recommended

    lines = []
    for entry in recommended():
        takes = f"about {entry.memory_gb:g} GB of memory" if entry.memory_gb else "runs on ollama.com"
        lines.append(f"  {entry.name:<18} {takes:<26} {entry.good_for}")
    return "\n".join(lines)


def declare_doctor(parser: argparse.ArgumentParser) -> None:
    target_arguments(parser, ("ollama", "ollama-cloud"))
    parser.add_argument("--model", metavar="M", help="the model to examine; not needed where one is installed")
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run_doctor(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run_doctor(arguments))


async def _run_doctor(arguments: argparse.Namespace) -> int:
    from conformance.targets.ollama.doctor import Hardware, examine

    cloud = arguments.target == "ollama-cloud"
    async with cloud_ollama() if cloud else local_ollama(arguments) as ollama:
        tell = (lambda _: None) if arguments.json else _tell
        found = await examine(ollama, arguments.model, Hardware.here(), tell)
    if arguments.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    if any(diagnosis.id in UNREACHABLE for diagnosis in found):
        return ExitCode.OUR_FAULT
    return ExitCode.UNEXPECTED if any(diagnosis.severity == "problem" for diagnosis in found) else 0


def _tell(diagnosis: "Diagnosis") -> None:
    print(harmless(f"{SIGNS[diagnosis.severity]}  {_in_one_line(diagnosis.says)}"), flush=True)
    if diagnosis.mend:
        print(harmless(f"      mend: {_in_one_line(diagnosis.mend)}"), flush=True)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
