"""`conformance prepare`: pulls a model, sets a long context, copies it under a second name, and prints each step."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from conformance.cli.commands.ollama_arguments import OLLAMA_TARGETS, local_ollama, target_arguments
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless

if TYPE_CHECKING:
    from conformance.targets.ollama.client import Progress


def declare(parser: argparse.ArgumentParser) -> None:
    target_arguments(parser, OLLAMA_TARGETS)
    parser.add_argument("--model", metavar="M", help="such as qwen3-coder; without it, the recommended ones are listed")
    parser.add_argument("--context", metavar="N", type=int, default=65_536, help="tokens of context (default: 65536)")
    parser.add_argument("--alias", metavar="NAME", help="a second name for it, such as claude-3-5-sonnet")
    parser.add_argument("--clean", action="store_true", help="take away what an earlier prepare made")


def run(arguments: argparse.Namespace) -> int:
    if arguments.model is None:
        raise UserError("which model? Name it with --model; Ollama recommends:\n" + _recommendations())
    if arguments.context < 1024:
        raise UserError(f"--context {arguments.context} is too small for anything; 65536 holds a Claude Code session")
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from conformance.targets.ollama.client import OllamaError
    from conformance.targets.ollama.prepare import clean, prepare
    from conformance.targets.wire import Unreachable

    options = {"context": arguments.context, "alias": arguments.alias}
    async with local_ollama(arguments) as ollama:
        try:
            if arguments.clean:
                print(harmless("\n".join(await clean(ollama, arguments.model, **options))))
                return 0
            with Bar() as bar:
                prepared = await prepare(ollama, arguments.model, **options, on_progress=bar.show)
        except OllamaError as problem:
            raise UserError(f"{ollama.url} refuses: {problem}") from problem
        except Unreachable as problem:
            raise UserError(f"{problem}; start it with `ollama serve`", ExitCode.OUR_FAULT) from problem
    print(harmless("\n".join(prepared.done)))
    print(f"next: conformance env --target ollama --model {prepared.model}")
    return 0


class Bar:
    """A progress bar for each layer of a pull, on a terminal only."""

    def __init__(self) -> None:
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> "Bar":
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
