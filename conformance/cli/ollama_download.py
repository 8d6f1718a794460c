"""Downloads releases of Ollama once, and checks them against the release's checksums."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from conformance.errors import UserError

RELEASES = "https://github.com/ollama/ollama/releases/download"
CHECKSUMS = "sha256sum.txt"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
CHUNK = 2**20


def downloaded(version: str, cache: Path, releases: str = RELEASES) -> Path:
    """The `ollama` of a release such as 0.33.0, below `cache`; UserError says why it cannot be had.

    The archive's SHA-256 must stand in the release's own list. Nothing is left behind of a download that fails.
    """
    version = version.removeprefix("v")
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
