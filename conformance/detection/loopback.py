"""A Linux network namespace with loopback alone, so that a client under test reaches nothing else."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

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
