"""Asks one version of Ollama, from its release or from a binary, in an empty home of its own.

    conformance ollama --version 0.33.0 --scripted
    conformance ollama --version 0.33.0 --probe-model
    conformance ollama --binary ./ollama --model qwen3:0.6b -- --select messages.text

A release is downloaded once, and checked against its checksums. With `--scripted` no weights are needed: the model is a
remote stub that the scripted model's `ollama` face answers, so what is asked is Ollama's Messages layer and nothing
else. With `--probe-model` the suite's own weights are uploaded, so that the engine is asked, too. What follows `--`
goes to `conformance run`.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO

from conformance.cli.commands import run as run_command
from conformance.cli.parser import Parser
from conformance.doors import is_version
from conformance.engine.scripted_process import ScriptedProcess
from conformance.errors import ExitCode, UserError
from conformance.report.write import refuse_others, render
from conformance.runs.log import FILE as LOG
from conformance.runs.log import read_log
from conformance.targets.ollama.client import Ollama, OllamaError
from conformance.targets.ollama.prepare import NATIVE_SINCE, prepare, prepare_probe_model
from conformance.targets.probe_model import OLLAMA_ENVIRONMENT, SLOTS
from conformance.targets.wire import Unreachable

RELEASES = "https://github.com/ollama/ollama/releases/download"
CHECKSUMS = "sha256sum.txt"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
CHUNK = 2**20


def downloaded(version: str, cache: Path, releases: str = RELEASES) -> Path:
    """The `ollama` of a release such as 0.33.0, below `cache`; UserError says why it cannot be had.

    The archive's SHA-256 must stand in the release's own list. Nothing is left behind of a download that fails.
    """
    version = version.removeprefix("v")
    if not is_version(version):
        raise UserError(f"{version!r} is no version of a release such as 0.33.0")
    folder = cache / version
    binary = folder / "bin" / "ollama"
    if binary.exists():
        return binary
    sums = _checksums(f"{releases}/v{version}/{CHECKSUMS}", version)
    name = next((name for name in _archives() if name in sums), None)
    if name is None:
        raise UserError(f"the release {version} has none of {', '.join(_archives())}; give a binary with --binary")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        archive = Path(work) / name
        found = _fetch(f"{releases}/v{version}/{name}", archive)
        if found != sums[name]:
            raise UserError(f"{name} of {version} has the checksum {found}, its release says {sums[name]}: not used")
        unpacked = Path(work) / "unpacked"
        unpacked.mkdir()
        _unpack(archive, unpacked)
        if not (unpacked / "bin" / "ollama").is_file():
            raise UserError(f"{name} of {version} holds no bin/ollama; give a binary with --binary")
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)
    return binary


def _archives() -> tuple[str, ...]:
    """What the archive of this machine is called: compressed by zstd in newer releases, by gzip in older ones."""
    system = platform.system().lower()
    machine = ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower())
    if system == "darwin":
        return ("ollama-darwin.tgz",)
    return (f"ollama-{system}-{machine}.tar.zst", f"ollama-{system}-{machine}.tgz")


def _checksums(url: str, version: str) -> dict[str, str]:
    import httpx2

    try:
        answer = httpx2.get(url, follow_redirects=True, timeout=30)
    except httpx2.HTTPError as problem:
        raise UserError(f"no network to {url} ({problem}); give a binary with --binary") from problem
    if answer.status_code == 404:
        raise UserError(f"there is no release {version}: https://github.com/ollama/ollama/releases lists them")
    if answer.status_code != 200:
        raise UserError(f"{url} answers {answer.status_code}; give a binary with --binary")
    pairs = (line.split() for line in answer.text.splitlines())
    return {pair[1].lstrip("*").removeprefix("./"): pair[0] for pair in pairs if len(pair) == 2}


def _fetch(url: str, file: Path) -> str:
    """Downloads to a file; the SHA-256 of what came."""
    import httpx2

    digest = hashlib.sha256()
    try:
        with httpx2.stream("GET", url, follow_redirects=True, timeout=60) as answer, file.open("wb") as output:
            if answer.status_code != 200:
                raise UserError(f"{url} answers {answer.status_code}")
            for chunk in answer.iter_bytes(CHUNK):
                digest.update(chunk)
                output.write(chunk)
    except (httpx2.HTTPError, OSError) as problem:
        raise UserError(f"the download of {url} broke off ({problem})") from problem
    return digest.hexdigest()


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".zst" and shutil.which("zstd") is None:
        raise UserError(
            "the archive is compressed by zstd, which is not installed: apt-get install zstd, or give --binary"
        )
    done = subprocess.run(  # noqa: S603 - a checked archive, unpacked into an empty folder
        ["tar", "--extract", "--no-same-owner", "--file", str(archive), "--directory", str(folder)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        raise UserError(f"{archive.name} cannot be unpacked: {done.stderr.strip()[:300]}")


VERSION_SECONDS = 20.0
"""How long a binary may take to tell its version, which a cold disk makes long."""
MOST_SAID = 2**20
"""Bytes in which it may tell it."""
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


NOBODY = "127.0.0.1:9"
NO_NETWORK = {
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), f"http://{NOBODY}"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
}
"""Sends whatever would leave the machine to a port where nobody is, so that verdicts do not depend on a network."""
SEVERAL = Path("reports", "ollama")
"""Where the runs of several versions and their report go, unless --out says otherwise."""


def ask_release(arguments: argparse.Namespace) -> int:
    """Runs `conformance ollama`; the exit code is that of `conformance run`, of several versions the worst."""
    for binary in arguments.binary:
        refuse_another_program(binary)
    wanted: list[tuple[str, Path | None]] = [(version, None) for version in arguments.version]
    wanted += [(path.parent.name if path.name == "ollama" else path.name, path) for path in arguments.binary]
    if len(wanted) == 1:
        return _asked(arguments, *wanted[0], arguments.out)
    folder = arguments.out or SEVERAL
    refuse_others(folder)
    names = [f"{number}-{name}" for number, (name, _) in enumerate(wanted, start=1)]
    codes = [
        _asked(arguments, version, binary, folder / name) for name, (version, binary) in zip(names, wanted, strict=True)
    ]
    runs = [read_log(folder / name) for name in names if (folder / name / LOG).is_file()]
    print(f"one report of all: {render(runs, folder)}")
    return max(codes, key=WORST.index)


def _ended(process: "subprocess.Popen[bytes]", says: IO[bytes]) -> int | None:
    """The exit code; None where it does not end in time, or has said more than anybody says of a version."""
    until = time.monotonic() + VERSION_SECONDS
    while time.monotonic() < until and os.fstat(says.fileno()).st_size < MOST_SAID:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.05)
    return None


def _kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process with whatever it has started, where the system knows of groups, else the process alone."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def refuse_another_program(binary: Path) -> None:
    """UserError unless this calls itself Ollama: `serve` may mean anything to another program."""
    give_it = "give the path of an `ollama` with --binary"
    if not binary.exists():
        raise UserError(f"{binary} is not there; {give_it}")
    if binary.is_dir():
        raise UserError(f"{binary} is a folder; {give_it}")
    if not os.access(binary, os.X_OK):
        raise UserError(f"{binary} is not executable: `chmod +x` it, or {give_it}")
    with tempfile.TemporaryDirectory() as home, Path(home, "says").open("w+b") as says:
        try:
            process = subprocess.Popen(  # noqa: S603 - the caller's own binary
                [str(binary.resolve()), "--version"],
                env={**_kept(), "HOME": home, "OLLAMA_HOST": NOBODY},
                stdin=subprocess.DEVNULL,
                stdout=says,  # a pipe would stay open as long as a child of the program lives
                stderr=says,
                start_new_session=True,
            )
        except OSError as problem:
            raise UserError(f"{binary} cannot be started ({problem.strerror}); {give_it}") from problem
        try:
            code = _ended(process, says)
        finally:
            _kill_all(process)
        if code is None:
            silent = f"{binary} is no Ollama: it tells no version within {VERSION_SECONDS:g} s and 1 MB; {give_it}"
            raise UserError(silent)
        says.seek(0)
        told = " ".join(says.read(2000).decode(errors="replace").split())
    if "ollama" not in told.lower():
        words = f"says {told[:60]!r}" if told else f"says nothing and ends with {code}"
        raise UserError(f"{binary} is no Ollama: `--version` {words}; {give_it}")


def _asked(arguments: argparse.Namespace, version: str, given: Path | None, out: Path | None) -> int:
    """Asks one version."""
    binary = given or downloaded(version, arguments.cache)
    scripted = arguments.model is None and arguments.probe_model is None
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-ollama-")))
        log = home / "ollama.log"
        try:
            environment = OLLAMA_ENVIRONMENT if arguments.probe_model else {}
            url = stack.enter_context(started(binary.resolve(), home, log, remotes=scripted, environment=environment))
            if scripted:
                upstream = stack.enter_context(ScriptedProcess("ollama"))
                model = asyncio.run(_stub(url, upstream.url))
            elif arguments.probe_model:
                model = asyncio.run(_uploaded(url, native=arguments.probe_model == "native"))
            else:
                model = asyncio.run(_pulled(url, arguments.model))
            return _ask(url, model, arguments, out, scripted=scripted)
        finally:
            _keep(log, out)


@contextlib.contextmanager
def started(
    binary: Path, home: Path, log: Path, *, remotes: bool, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """An Ollama on a free port with nothing in its home; its address. It ends with the block.

    `remotes` lets its models answer from this machine's other ports, which OLLAMA_NO_CLOUD would forbid; it reaches no
    other machine then. Without it nothing leaves the machine but a pull. `environment` is added to its variables.
    """
    port = _free_port()
    variables = {**_kept(), **environment, "HOME": str(home)}
    variables |= {"OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(home / "models")}
    variables |= {"OLLAMA_REMOTES": "127.0.0.1", **NO_NETWORK} if remotes else {"OLLAMA_NO_CLOUD": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - the caller's own binary
            [str(binary), "serve"], env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, log)
            yield url
        finally:
            _stop(process)


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


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


async def _uploaded(url: str, *, native: bool) -> str:
    async with Ollama(url) as ollama:
        prepared = await prepare_probe_model(ollama)
    if native and not prepared.native:
        raise UserError(f"this Ollama renders prompts itself: only from {NATIVE_SINCE} on does its engine do so")
    return prepared.native if native else prepared.model


async def _pulled(url: str, model: str) -> str:
    async with Ollama(url) as ollama:
        return (await prepare(ollama, model, context=4096)).model


def _ask(url: str, model: str, arguments: argparse.Namespace, out: Path | None, *, scripted: bool) -> int:
    words = ["--target", "ollama", "--base-url", url, "--model", model]
    if scripted:
        words += [word for ability in STUB_ABILITIES for word in ("--capability", ability)]
        words += ["--timeout", STUB_PATIENCE, "--concurrency", "8"]
    if arguments.probe_model:
        words += ["--concurrency", str(SLOTS)]
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
