"""Asks one version of Ollama, from its release or from a binary, in an empty home of its own.

    conformance ollama --version 0.33.0 --scripted
    conformance ollama --binary ./ollama --model qwen3:0.6b -- --select messages.text

With `--scripted` no weights are needed: the model is a remote stub that the scripted model's `ollama` face answers, so
what is asked is Ollama's Messages layer and nothing else. What follows `--` goes to `conformance run`.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from conformance.cli.commands import run as run_command
from conformance.cli.ollama_download import downloaded
from conformance.cli.parser import Parser
from conformance.engine.scripted_process import ScriptedProcess
from conformance.errors import ExitCode, UserError
from conformance.report.write import render
from conformance.runs.log import FILE as LOG
from conformance.runs.log import read_log
from conformance.targets.ollama.client import Ollama, OllamaError
from conformance.targets.ollama.prepare import prepare
from conformance.targets.wire import Unreachable

START_SECONDS = 60.0
STOP_SECONDS = 10.0
STUB = "scripted"
STUB_ABILITIES = ("tools", "vision", "thinking", "controlled-upstream")
"""What the scripted model can do; a stub does not say so itself."""
STUB_PATIENCE = "30"
"""Seconds: the scripted model answers at once, but for the one question that asks it to fall silent."""

WORST = (
    *(ExitCode.AS_EXPECTED, ExitCode.NOT_VERIFIED, ExitCode.UNEXPECTED),
    *(ExitCode.OUR_FAULT, ExitCode.BAD_USAGE, ExitCode.INTERRUPTED),
)
"""The exit codes of several versions, the worst last."""
KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "SYSTEMROOT")


NO_NETWORK = {
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
}
"""Sends whatever would leave the machine to a port where nobody is, so that verdicts do not depend on a network."""
SEVERAL = Path("reports", "ollama")
"""Where the runs of several versions and their report go, unless --out says otherwise."""


def ask_release(arguments: argparse.Namespace) -> int:
    """Runs `conformance ollama`; the exit code is that of `conformance run`, of several versions the worst."""
    wanted: list[tuple[str, Path | None]] = [(version, None) for version in arguments.version]
    wanted += [(path.parent.name if path.name == "ollama" else path.name, path) for path in arguments.binary]
    if len(wanted) == 1:
        return _asked(arguments, *wanted[0], arguments.out)
    folder = arguments.out or SEVERAL
    names = [f"{number}-{name}" for number, (name, _) in enumerate(wanted, start=1)]
    codes = [
        _asked(arguments, version, binary, folder / name) for name, (version, binary) in zip(names, wanted, strict=True)
    ]
    runs = [read_log(folder / name) for name in names if (folder / name / LOG).is_file()]
    print(f"one report of all: {render(runs, folder)}")
    return max(codes, key=WORST.index)


def _asked(arguments: argparse.Namespace, version: str, given: Path | None, out: Path | None) -> int:
    """Asks one version."""
    binary = given or downloaded(version, arguments.cache)
    if not os.access(binary, os.X_OK):
        raise UserError(f"{binary} is no program; give the path of an `ollama` with --binary")
    scripted = arguments.model is None
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-ollama-")))
        log = home / "ollama.log"
        try:
            url = stack.enter_context(started(binary.resolve(), home, log, remotes=scripted))
            if scripted:
                upstream = stack.enter_context(ScriptedProcess("ollama"))
                model = asyncio.run(_stub(url, upstream.url))
            else:
                model = asyncio.run(_pulled(url, arguments.model))
            return _ask(url, model, arguments, out, scripted=scripted)
        finally:
            _keep(log, out)


@contextlib.contextmanager
def started(binary: Path, home: Path, log: Path, *, remotes: bool) -> Iterator[str]:
    """An Ollama on a free port with nothing in its home; its address. It ends with the block.

    `remotes` lets its models answer from this machine's other ports, which OLLAMA_NO_CLOUD would forbid; it reaches no
    other machine then. Without it nothing leaves the machine but a pull.
    """
    port = _free_port()
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment |= {"HOME": str(home), "OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(home / "models")}
    environment |= {"OLLAMA_REMOTES": "127.0.0.1", **NO_NETWORK} if remotes else {"OLLAMA_NO_CLOUD": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - the caller's own binary
            [str(binary), "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, log)
            yield url
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise UserError(
                f"ollama ended with {process.returncode} instead of serving:\n{_tail(log)}", ExitCode.OUR_FAULT
            )
        with contextlib.suppress(Unreachable, OllamaError):
            print(f"ollama {asyncio.run(_version(url))} serves at {url}", flush=True)
            return
        time.sleep(0.1)
    raise UserError(f"ollama does not answer within {START_SECONDS:g} s:\n{_tail(log)}", ExitCode.OUR_FAULT)


async def _version(url: str) -> str:
    async with Ollama(url) as ollama:
        return await ollama.version()


async def _stub(url: str, upstream: str) -> str:
    async with Ollama(url) as ollama:
        try:
            await ollama.create(STUB, source=STUB, remote_host=upstream)
        except (OllamaError, Unreachable) as problem:
            says = f"this Ollama does not take a model that answers elsewhere ({problem}); ask it with --model instead"
            raise UserError(says) from problem
    return STUB


async def _pulled(url: str, model: str) -> str:
    async with Ollama(url) as ollama:
        return (await prepare(ollama, model, context=4096)).model


def _ask(url: str, model: str, arguments: argparse.Namespace, out: Path | None, *, scripted: bool) -> int:
    words = ["--target", "ollama", "--base-url", url, "--model", model]
    if scripted:
        words += [word for ability in STUB_ABILITIES for word in ("--capability", ability)]
        words += ["--timeout", STUB_PATIENCE, "--concurrency", "8"]
    if out is not None:
        words += ["--out", str(out)]
    parser = Parser("conformance run")
    run_command.declare(parser)
    return run_command.run(parser.read([*words, *arguments.run_arguments]))


def _keep(log: Path, folder: Path | None) -> None:
    if folder is not None and log.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, folder / "ollama.log")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
