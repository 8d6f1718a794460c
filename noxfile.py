"""Every job of the project: `nox -l` lists them, `nox -s NAME` runs one in an environment of its own."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nox

if sys.version_info < (3, 11):  # noqa: UP036 - who has an older one should hear of it, not of a package
    raise SystemExit(f"messages-conformance needs Python 3.11 or later; nox runs on {sys.version.split()[0]}")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "conformance", "lint", "types"]

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Where it is set, each of the many processes of a job compiles anew all that it imports: some seconds each."""

HERE = Path(__file__).parent
LOCKS = HERE / ".ci" / "locks"
"""Exact versions with hashes, of which `nox -s lock` makes new ones."""
PROBE_MODEL = HERE / "conformance" / "targets" / "probe-model" / "conformance-probe.gguf"
RUN, ALL = (LOCKS / f"{name}.txt" for name in ("run", "all"))
SLOWEST = ["--durations=3", "--durations-min=0.5"]
"""What shows the three tests that a job waits for the longest."""
PARTS = {"1/3": ("cli",), "2/3": ("scripted", "fuzz", "detection")}
"""Folders of tests that CI runs side by side, each about a third of the time; the last third is all the others."""
READERS = ("stream", "answer", "log", "evidence", "cases", "target")
"""What `tests/fuzz/by_coverage.py` reads with."""
CHECKED = ["conformance", "tests", "bench", "probe-model", "noxfile.py"]


@contextmanager
def timed(session: nox.Session) -> Iterator[None]:
    """Says how long a job took, so that CI shows where its minutes go."""
    began = time.monotonic()
    yield
    session.log(f"{session.name}: {time.monotonic() - began:.0f} s")


def install(session: nox.Session, lock: Path) -> None:
    """Installs what a lock names, and this project beside it."""
    session.install("--require-hashes", "-r", str(lock))
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


def programs(session: nox.Session, name: str) -> Path:
    """The programs of a lock of Python packages, in an environment of their own; installed anew when it has changed."""
    lock, folder = LOCKS / f"{name}.txt", HERE / ".nox" / name
    installed = folder / "lock.txt"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        session.run("python", "-m", "venv", str(folder), silent=True)
        installer = (
            ["uv", "pip", "install", "--python", str(folder)]
            if shutil.which("uv")
            else [str(folder / "bin" / "python"), "-m", "pip", "install"]
        )
        session.run(*installer, "-q", "--require-hashes", "-r", str(lock), external=True)
        shutil.copyfile(lock, installed)
    return folder / "bin"


def npm(session: nox.Session, name: str) -> Path:
    """The `node_modules` of a lock below `.ci/locks/npm`, installed anew when the lock has changed."""
    lock = LOCKS / "npm" / name
    folder = HERE / ".nox" / "npm" / name
    kept = folder / "package-lock.json"
    current = kept.exists() and kept.read_bytes() == (lock / "package-lock.json").read_bytes()
    if not current or not (folder / "node_modules").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(lock, folder)
        session.run("npm", "ci", "--silent", "--prefix", str(folder), external=True)
    return folder / "node_modules"


def third_party(session: nox.Session) -> dict[str, str]:
    """Where the servers are that others wrote, in the variables that `tests/support/third_party.py` reads."""
    node = str(npm(session, "gateways"))
    return {
        "LITELLM": str(programs(session, "litellm") / "litellm"),
        "GATEWAYS": str(programs(session, "gateways")),
        "CLAUDE_CODE_ROUTER": node,
        "AIMOCK": node,
    }


def llama_server(session: nox.Session) -> str:
    """The program `llama-server`: the one that LLAMA_SERVER names, else that of the lock."""
    if given := os.environ.get("LLAMA_SERVER"):
        return given
    installer = HERE / "probe-model" / "llama_server.py"
    said = session.run("python", str(installer), str(HERE / ".nox" / "llama-server"), silent=True)
    return str(said).strip().splitlines()[-1]


@nox.session
def conformance(session: nox.Session) -> None:
    """Asks an endpoint, the embedded reference by default: `nox -s conformance -- --base-url URL`."""
    with timed(session):
        install(session, RUN)
        session.run("conformance", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Runs the tests of the suite itself; `-- --part 1/3` to `3/3` are three parts that CI runs side by side."""
    with timed(session):
        install(session, ALL)
        elsewhere = [f"--ignore=tests/{name}" for name in ("browser", "real", "hostile", "recorded")]
        session.run("pytest", *SLOWEST, *elsewhere, *part(session.posargs))


def part(words: list[str]) -> list[str]:
    """The words for pytest in which `--part 1/3` is the folders of that part, and `--part 3/3` all that are in none."""
    if "--part" not in words:
        return words
    at = words.index("--part")
    others = [f"--ignore=tests/{name}" for names in PARTS.values() for name in names]
    chosen = [f"tests/{name}" for name in PARTS[words[at + 1]]] if words[at + 1] in PARTS else others
    return [*words[:at], *chosen, *words[at + 2 :]]


@nox.session
def hostile(session: nox.Session) -> None:
    """Asks hostile endpoints, reads hostile files, kills runs; `-- --full` asks more of them, and kills thirty runs."""
    with timed(session):
        install(session, ALL)
        kills = "30" if "--full" in session.posargs else "3"
        given = [word for word in session.posargs if word != "--full"]
        full = kills == "30"
        environment = {"CONFORMANCE_KILLS": kills, "CONFORMANCE_HOSTILE": "full" if full else "short"}
        figures = HERE / ".nox" / "hostile-memory.psv"
        if full:  # what each endpoint takes: name, MB of the run at its peak, and of the SDK's process
            figures.unlink(missing_ok=True)
            environment["HOSTILE_FIGURES"] = str(figures)

        def half(files: list[str]) -> None:
            print(session.run("pytest", *SLOWEST, *files, env=environment, silent=True))

        if given:  # a choice of tests may leave one half without any
            session.run("pytest", *SLOWEST, "tests/hostile", *given, env=environment)
            return
        waiting = [f"tests/hostile/test_{name}.py" for name in ("folders", "own_failures", "time", "parsers")]
        others = ["tests/hostile", *(f"--ignore={file}" for file in waiting)]
        with ThreadPoolExecutor() as side_by_side:  # they wait as long as they work
            list(side_by_side.map(half, [waiting, others]))
        if full:
            print(figures.read_text(encoding="utf-8"))


@nox.session(name="fuzz-parsers")
def fuzz_parsers(session: nox.Session) -> None:
    """Reads and judges made-up bytes for long: `-- 100000` examples for each parser in place of 20000.

    `-- --coverage 600` bends what reaches new lines instead, with atheris, for so many seconds for each reader.
    """
    with timed(session):
        install(session, ALL)
        if "--coverage" in session.posargs:
            session.install("atheris>=3.0")
            seconds = next((word for word in session.posargs if word.isdigit()), "60")
            for reader in READERS:
                session.run("python", "tests/fuzz/by_coverage.py", reader, seconds)
            return
        examples = next((word for word in session.posargs if word.isdigit()), "20000")
        given = [word for word in session.posargs if not word.isdigit()]
        session.run("pytest", "tests/hostile/test_parsers.py", *given, env={"EXAMPLES": examples})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Asks generated requests: `-- --base-url URL --seed 1`; `-- --sweep` asks every fault, every legal variant."""
    with timed(session):
        install(session, ALL)
        if "--sweep" in session.posargs:
            session.run(
                "pytest", "-rP", "tests/fuzz/sweep.py", *[word for word in session.posargs if word != "--sweep"]
            )
        else:
            session.run("conformance", "fuzz", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Lints the code and the cases."""
    with timed(session):
        install(session, ALL)
        session.run("ruff", "check", *CHECKED)
        session.run("ruff", "format", "--check", *CHECKED)
        session.run("conformance", "lint")


@nox.session
def page(session: nox.Session) -> None:
    """Checks the scripts of the page: types, lint, format, and that they still parse as one."""
    with timed(session):
        folder = npm(session, "page").parent
        sources = folder / "page"
        shutil.rmtree(sources, ignore_errors=True)
        shutil.copytree(HERE / "conformance" / "report" / "page", sources)
        programs = folder / "node_modules" / ".bin"
        with session.chdir(folder):
            session.run(str(programs / "tsc"), "-p", ".", external=True)
            session.run(str(programs / "eslint"), "page", external=True)
            session.run(str(programs / "prettier"), "--log-level", "warn", "--check", "page/*.js", external=True)
            joiner = HERE / "conformance" / "report" / "javascript.py"
            session.run("python", str(joiner), "page", "main.js", "joined.js")
            session.run("node", "--check", "joined.js", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Checks the types, strictly."""
    with timed(session):
        install(session, ALL)
        session.run("mypy")


@nox.session
def real(session: nox.Session) -> None:
    """Asks servers that others wrote, installed apart: gateways before the scripted model, llama-server with ours."""
    with timed(session):
        install(session, ALL)
        environment = {**third_party(session), "LLAMA_SERVER": llama_server(session)}
        session.run("pytest", *SLOWEST, "tests/real", *session.posargs, env=environment)


@nox.session(name="probe-model")
def probe_model(session: nox.Session) -> None:
    """Trains the suite's own model anew, and counts what it obeys through llama-server: `-- --steps 4600`.

    `-- --from conformance/targets/probe-model/conformance-probe.gguf --steps 600 --rate 0.002` goes on from the weights
    that ship; `-- --evaluate` counts for them. Training takes PyTorch, which is some gigabytes, and two cores.
    """
    with timed(session):
        install(session, RUN)
        folder, made = HERE / "probe-model", PROBE_MODEL
        if "--evaluate" not in session.posargs:
            session.install("torch==2.13.0", "gguf==0.19.0")
            made = HERE / ".nox" / PROBE_MODEL.name
            session.run("python", str(folder / "train.py"), "--out", str(made), *session.posargs)
        figures = ["--server", llama_server(session), "--out", str(HERE / ".nox" / "probe-model.json")]
        session.run("python", str(folder / "evaluate.py"), "--model", str(made), *figures)


@nox.session
def ollama(session: nox.Session) -> None:
    """Asks one version of Ollama: `-- --version 0.33.0 --scripted`, `-- --binary PATH [--model M]`."""
    with timed(session):
        install(session, RUN)
        session.run("conformance", "ollama", *session.posargs)


@nox.session
def detect(session: nox.Session) -> None:
    """Measures what the suite catches: every fault, every legal variant, every mutant; `-- --full` sweeps all cases."""
    with timed(session):
        install(session, RUN)
        session.run("python", "-m", "conformance.detection", *session.posargs)


@nox.session(name="claude-code")
def claude_code(session: nox.Session) -> None:
    """Holds sessions with the real Claude Code, from npm: `-- --short`, `-- --fault ID`, `-- --server litellm`."""
    with timed(session):
        install(session, RUN)
        hold_sessions(session, *session.posargs)


@nox.session(name="client-watch")
def client_watch(session: nox.Session) -> None:
    """Asks whether the newest Claude Code sends something new, and which known server breaks: `-- --report FILE`."""
    with timed(session):
        install(session, RUN)
        hold_sessions(session, "--watch", *session.posargs)


def hold_sessions(session: nox.Session, *words: str) -> None:
    """Sessions of the real client; the servers that others wrote are installed only where they are asked."""
    wanted = {"--short", "--server", "--watch"} & set(words)
    folders = os.pathsep.join(("tests/support", "tests/real"))
    environment = {"PYTHONPATH": folders, **(third_party(session) if wanted else {})}
    session.run("python", "-m", "sessions", *words, env=environment)


@nox.session
def witnesses(session: nox.Session) -> None:
    """Shows every fault to the official SDKs for Python, TypeScript and, with a toolchain, Go; writes the table."""
    with timed(session):
        install(session, ALL)
        environment = {"ANTHROPIC_SDK_MODULES": str(npm(session, "anthropic-sdk"))}
        if shutil.which("go"):
            program = HERE / ".nox" / "ask-go"
            with session.chdir(HERE / "conformance" / "detection" / "sdks" / "go"):
                session.run("go", "build", "-o", str(program), ".", external=True)
            environment["ANTHROPIC_SDK_GO"] = str(program)
        session.run("python", "-m", "conformance.detection.witnesses", *session.posargs, env=environment)


@nox.session
def browser(session: nox.Session) -> None:
    """Opens the published page in Debian's Chromium and uses it as a person would."""
    with timed(session):
        install(session, ALL)
        if not Path("/usr/bin/chromium").exists() and os.environ.get("CI"):
            session.run("apt-get", "update", "-qq", external=True)
            session.run("apt-get", "install", "-y", "-qq", "chromium", external=True)
        axe = npm(session, "page") / "axe-core" / "axe.min.js"
        session.run("pytest", *SLOWEST, *(session.posargs or ["tests/browser"]), env={"AXE": str(axe)})


@nox.session
def publish(session: nox.Session) -> None:
    """Asks the reference and the third-party servers again (`-- reference` asks one), and renders the page.

    `-- unasked` asks them only what their published runs lack (`-- unasked litellm` asks one).
    `-- clients` records the answers of likenesses to the questions of a client's profile instead.
    """
    with timed(session):
        install(session, RUN)
        installed = {} if "clients" in session.posargs else third_party(session)
        environment = {**installed, "PYTHONPATH": "tests/support"}
        session.run("python", "tests/real/record.py", *session.posargs, env=environment)


@nox.session
def report(session: nox.Session) -> None:
    """Renders the page of the committed runs, `reports/index.html`, with its summaries."""
    with timed(session):
        install(session, RUN)
        session.run("python", "-m", "conformance.cli.published", "page")


@nox.session
def rejudge(session: nox.Session) -> None:
    """Judges all published runs again, rewrites their logs, lists the rows that changed, and renders the page."""
    with timed(session):
        install(session, RUN)
        session.run("python", "-m", "conformance.cli.published", "rejudge")
        session.run("python", "-m", "conformance.cli.published", "page")


@nox.session
def recorded(session: nox.Session) -> None:
    """Judges all published runs again: fails where a committed log, the last release, or a person says otherwise."""
    with timed(session):
        install(session, ALL)
        today = HERE / ".nox" / "rejudged"
        shutil.rmtree(today, ignore_errors=True)
        session.run("python", "-m", "conformance.cli.published", "rejudge", "--check", "--into", str(today))
        session.run("python", "-m", "conformance.cli.release")
        session.run("pytest", *SLOWEST, "tests/recorded", *session.posargs, env={"REJUDGED": str(today)})


@nox.session
def lock(session: nox.Session) -> None:
    """Resolves the newest versions that pyproject.toml allows, and writes them with their hashes to `.ci/locks`."""
    session.install("uv")
    compiled = ["uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", "3.11"]
    compiled += ["--generate-hashes", "--no-header", "--no-annotate"]
    extras = ["--all-extras"]
    groups = [word for name in ("build", "tests", "lint", "types", "browser") for word in ("--group", name)]
    session.run(*compiled, "pyproject.toml", *extras, "--group", "build", "-o", str(RUN))
    session.run(*compiled, "pyproject.toml", *extras, *groups, "-o", str(ALL))
    for name in ("litellm", "gateways"):
        session.run(*compiled, "--group", name, "-o", str(LOCKS / f"{name}.txt"))
    for folder in sorted((LOCKS / "npm").iterdir()):
        session.run(
            "npm",
            "install",
            "--silent",
            "--package-lock-only",
            "--omit-lockfile-registry-resolved",
            "--prefix",
            str(folder),
            external=True,
        )


@nox.session
def bench(session: nox.Session) -> None:
    """Measures speed as ratios in one run against a plain HTTP loop."""
    with timed(session):
        install(session, RUN)
        session.run("python", "-m", "bench", *session.posargs)
