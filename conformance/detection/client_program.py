"""The client under test: installed from the npm registry in a named version, and run without a network but loopback."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.errors import ExitCode, UserError

PACKAGE = "@anthropic-ai/claude-code"
PINNED = "2.1.332"
"""The version with which `clients/claude-code.tsv` and the shapes of the cases were measured."""
INSTALL_SECONDS = 600
PLATFORM = "linux-x64"


def installed(version: str = PINNED, folder: Path = Path(".nox", "claude-code")) -> Path:
    """The program of this version, installed with npm where it is not there yet; UserError where that fails."""
    home = folder / version
    program = home / "node_modules" / "@anthropic-ai" / f"claude-code-{PLATFORM}" / "claude"
    if program.is_file():
        return program.resolve()
    if shutil.which("npm") is None:
        raise UserError("Claude Code comes from npm, and there is no npm here: install Node.js", ExitCode.OUR_FAULT)
    home.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home)]
    try:
        done = subprocess.run(  # noqa: S603 - npm, with a package that this module names
            [*command, f"{PACKAGE}@{version}"], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"npm did not install {PACKAGE}@{version} within ten minutes", ExitCode.OUR_FAULT) from None
    if done.returncode != 0 or not program.is_file():
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or ["no program for here"]
        raise UserError(f"npm could not install {PACKAGE}@{version}: {lines[0]}", ExitCode.OUR_FAULT)
    return program.resolve()


def newest() -> str:
    """The newest version that the registry has; UserError where it cannot be asked."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError("Claude Code comes from npm, and there is no npm here: install Node.js", ExitCode.OUR_FAULT)
    try:
        done = subprocess.run(  # noqa: S603 - npm, with a package that this module names
            [npm, "view", PACKAGE, "version"], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"npm did not say which {PACKAGE} is the newest", ExitCode.OUR_FAULT) from None
    version = done.stdout.strip()
    if done.returncode != 0 or not version:
        raise UserError(f"npm could not say which {PACKAGE} is the newest", ExitCode.OUR_FAULT)
    return version


def program_of(named: str | None, version: str) -> Path:
    """The program that the caller names, or the pinned one."""
    if named is None:
        return installed(version)
    found = shutil.which(named)
    if found is None or not os.access(found, os.X_OK):
        raise UserError(f"{named} is no program that can be started")
    return Path(found).resolve()  # it is started in a folder of its own


INSIDE = "CONFORMANCE_LOOPBACK_ONLY"
"""Set in the process that runs inside."""
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP = 0x1  # IFF_UP
_UNSHARE = ("--user", "--map-root-user", "--net")


def available() -> bool:
    """Whether this machine lets a user make a network of its own."""
    unshare = shutil.which("unshare")
    if unshare is None or not sys.platform.startswith("linux"):
        return False
    done = subprocess.run([unshare, *_UNSHARE, "true"], capture_output=True, check=False)  # noqa: S603 - util-linux
    return done.returncode == 0


def is_inside() -> bool:
    return os.environ.get(INSIDE) == "1"


def run_inside(module: str, arguments: Sequence[str]) -> int:
    """Runs a module of ours where only loopback can be reached; its exit code."""
    command = [shutil.which("unshare") or "unshare", *_UNSHARE, sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode  # noqa: S603 - our own module


def bring_up() -> None:
    """Switches the loopback interface of a new namespace on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
