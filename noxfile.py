"""Every job of the project: `nox -l` lists them, `nox -s NAME` runs one in an environment of its own."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "conformance", "lint", "types"]

HERE = Path(__file__).parent
LITELLM = "litellm[proxy]==1.106.2"
TEST_TOOLS = ["hypothesis>=6.130", "pytest>=8.4", "ruff>=0.14"]
CHECKED = ["conformance", "tests", "bench", "noxfile.py"]


@contextmanager
def timed(session: nox.Session) -> Iterator[None]:
    """Says how long a job took, so that CI shows where its minutes go."""
    began = time.monotonic()
    yield
    session.log(f"{session.name}: {time.monotonic() - began:.0f} s")


def litellm(session: nox.Session) -> str:
    """LiteLLM's program, installed into an environment of its own."""
    folder = HERE / ".nox" / "litellm"
    if not (folder / "bin" / "litellm").exists():
        shutil.rmtree(folder, ignore_errors=True)
        session.run("python", "-m", "venv", str(folder), silent=True)
        installer = (
            ["uv", "pip", "install", "--python", str(folder)]
            if shutil.which("uv")
            else [str(folder / "bin" / "python"), "-m", "pip", "install"]
        )
        session.run(*installer, "-q", LITELLM, external=True)
    return str(folder / "bin" / "litellm")


@nox.session
def conformance(session: nox.Session) -> None:
    """Asks an endpoint, the embedded reference by default: `nox -s conformance -- --base-url URL`."""
    with timed(session):
        session.install("-e", ".")
        session.run("conformance", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Runs the tests of the suite itself."""
    with timed(session):
        session.install("-e", ".", *TEST_TOOLS)
        session.run("pytest", "--ignore=tests/browser", "--ignore=tests/real", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Lints the code and the cases."""
    with timed(session):
        session.install("-e", ".", "ruff>=0.14")
        session.run("ruff", "check", *CHECKED)
        session.run("ruff", "format", "--check", *CHECKED)
        session.run("conformance", "lint")


@nox.session
def types(session: nox.Session) -> None:
    """Checks the types, strictly."""
    with timed(session):
        session.install("-e", ".", "mypy>=1.18", "nox", "types-PyYAML", "types-jmespath")
        session.run("mypy")


@nox.session
def real(session: nox.Session) -> None:
    """Asks real third-party servers, installed into environments of their own, in front of the scripted model."""
    with timed(session):
        session.install("-e", ".", *TEST_TOOLS)
        session.run("pytest", "tests/real", *session.posargs, env={"LITELLM": litellm(session)})


@nox.session
def ollama(session: nox.Session) -> None:
    """Asks one version of Ollama: `-- --version 0.33.0 --scripted`, `-- --binary PATH [--model M]`."""
    with timed(session):
        session.install("-e", ".")
        session.run("python", "-m", "conformance.runner.ollama_release", *session.posargs)


@nox.session
def detect(session: nox.Session) -> None:
    """Measures what the suite catches: every fault, every legal variant, every mutant; `-- --full` sweeps all cases."""
    with timed(session):
        session.install("-e", ".")
        session.run("python", "-m", "conformance.runner.detection", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Opens the published page in Debian's Chromium and uses it as a person would."""
    with timed(session):
        session.install("-e", ".", *TEST_TOOLS, "playwright>=1.50")
        if not Path("/usr/bin/chromium").exists() and os.environ.get("CI"):
            session.run("apt-get", "update", "-qq", external=True)
            session.run("apt-get", "install", "-y", "-qq", "chromium", external=True)
        axe = HERE / ".nox" / "axe"
        if not (axe / "node_modules" / "axe-core" / "axe.min.js").exists():
            session.run("npm", "install", "--silent", "--prefix", str(axe), "axe-core@4", external=True)
        session.run(
            "pytest",
            "tests/browser",
            *session.posargs,
            env={"AXE": str(axe / "node_modules" / "axe-core" / "axe.min.js")},
        )


@nox.session
def publish(session: nox.Session) -> None:
    """Asks every server of the published report again: the reference, two gateways, the simulated Ollamas."""
    with timed(session):
        session.install("-e", ".")
        session.run("python", "tests/real/record.py", env={"LITELLM": litellm(session)})


@nox.session
def report(session: nox.Session) -> None:
    """Renders the published report again from the committed runs."""
    with timed(session):
        session.install("-e", ".")
        runs = sorted(str(path.parent) for path in (HERE / "reports" / "runs").glob("*/run.jsonl"))
        session.run("conformance", "report", *runs, "-o", "reports")


@nox.session
def bench(session: nox.Session) -> None:
    """Measures speed as ratios in one run against a plain HTTP loop."""
    with timed(session):
        session.install("-e", ".")
        session.run("python", "-m", "bench", *session.posargs)
