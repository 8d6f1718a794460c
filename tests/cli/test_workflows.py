"""Every shell step of the workflows and of the action is run here as its runner would, the outside world played."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
Step = Callable[..., subprocess.CompletedProcess[str]]


def shell_steps() -> dict[tuple[str, str], dict[str, Any]]:
    """Each step with a script by its file and name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for file in WORKFLOWS:
        for job in yaml.decode(file.read_bytes())["jobs"].values():
            found |= {(file.name, step["name"]): step for step in job["steps"] if "run" in step}
    action = yaml.decode((ROOT / "action.yml").read_bytes())
    return found | {("action.yml", step["name"]): step for step in action["runs"]["steps"] if "run" in step}


STEPS = shell_steps()
RUNNERS = {"github.action_path", "github.token", "github.repository", "github.event.pull_request.number"}
"""What an action may read that is no input of its own."""

PYTHON = f"""#!/bin/bash
case "$*" in
  "-m pip install "*) echo "$*" >> "$WORLD/pip" ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
PLAYED = """#!/bin/bash
echo "$@" >> "$WORLD/called"
case "$2" in
  build) mkdir -p dist; touch dist/made-1.whl ;;
  venv)
    mkdir -p "$3/bin"
    for name in pip conformance; do
      printf '#!/bin/sh\\necho %s "$@" >> "$WORLD/called"\\n' $name > "$3/bin/$name"; chmod +x "$3/bin/$name"
    done ;;
esac
"""
"""A Python that builds and installs nothing, and tells what it was asked."""
CONFORMANCE = f"""#!/bin/bash
case "$*" in
  "ollama --version "*) shift 3; exec {sys.executable} -m conformance ollama --binary "$WORLD/ollama" "$@" -- $REST ;;
  *) exec {sys.executable} -m conformance "$@" ;;
esac
"""
TELLS_ITS_VERSION = '[ "$1" = --version ] && echo "ollama version is 0.33.0" && exit\n'
OLLAMA = f"""#!/bin/sh
{TELLS_ITS_VERSION}exec {sys.executable} -m conformance.scripted serve --face ollama --port "${{OLLAMA_HOST##*:}}"
"""


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """Runs the script of a step in an empty checkout, with the variables that the runner would have filled in."""
    world = tmp_path / "world"
    world.mkdir()
    program(world / "python", PYTHON)
    program(world / "ollama", OLLAMA)
    program(world / "conformance", CONFORMANCE)
    program(world / "gh", '#!/bin/sh\necho "$@" >> "$WORLD/gh-called"\n')

    def run(file: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        script = STEPS[file, name]
        asked = set(script.get("env", {}))
        assert asked <= set(environment), f"the step reads {asked - set(environment)} too"
        assert "${{" not in script["run"], "values go through env, never into the script"
        files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        path = f"{world}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script["run"]],
            cwd=tmp_path,
            env={**os.environ, **files, "WORLD": str(world), "PATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def reference() -> Iterator[str]:
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


def test_the_action_asks_an_endpoint_and_shows_its_summary(step: Step, reference: str, tmp_path: Path) -> None:
    assert step("action.yml", "Install the suite", SUITE=str(ROOT)).returncode == 0
    inputs = {
        "BASE_URL": reference,
        "TARGET": "reference",
        "MODEL": "",
        "API_KEY_ENV": "",
        "PROFILE": "",
        "BASELINE": "",
    }
    rest = "--select messages.text --no-witness --no-evidence"
    done = step("action.yml", "Ask the endpoint", **inputs, ARGUMENTS=rest, OUT="run dir")
    assert done.returncode == 0, done.stdout + done.stderr
    assert step("action.yml", "Tell the verdict", OUT="run dir").returncode == 0
    assert "reference" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert (tmp_path / "GITHUB_OUTPUT").read_text().splitlines() == ["level=none", "ready=", "regressions=0"]
    baseline = str(tmp_path / "run dir" / "run.jsonl")
    again = step("action.yml", "Ask the endpoint", **{**inputs, "BASELINE": baseline}, ARGUMENTS=rest, OUT="again")
    assert again.returncode == 0, again.stdout + again.stderr


def test_the_action_fails_where_the_endpoint_is_not_there(step: Step, tmp_path: Path) -> None:
    names = ("TARGET", "MODEL", "API_KEY_ENV", "PROFILE", "BASELINE", "ARGUMENTS")
    done = step("action.yml", "Ask the endpoint", BASE_URL="http://127.0.0.1:1", OUT="out", **dict.fromkeys(names, ""))
    assert done.returncode == 2
    assert step("action.yml", "Tell the verdict", OUT="out").returncode == 0
    pull = {"GH_TOKEN": "t", "REPOSITORY": "a/b", "PULL_REQUEST": "7"}
    assert step("action.yml", "Comment on the pull request", OUT="out", **pull).returncode == 0
    assert not (tmp_path / "world" / "gh-called").exists()
    assert not (tmp_path / "GITHUB_STEP_SUMMARY").exists()


def test_the_action_names_what_got_worse(step: Step, reference: str, tmp_path: Path) -> None:
    """The first run passes, the next fails: both by the words of the README's recipe for a baseline."""
    inputs = {"TARGET": "none", "MODEL": "scripted", "API_KEY_ENV": "", "PROFILE": "", "BASELINE": "last"}
    rest = "--select tools.choice.tool --no-witness"
    first = step("action.yml", "Ask the endpoint", BASE_URL=reference, **inputs, ARGUMENTS=rest, OUT="last")
    assert first.returncode == 0, first.stderr
    assert "last is not there yet" in first.stderr
    worse = step(
        "action.yml", "Ask the endpoint", BASE_URL=f"{reference}/fault/TO14", **inputs, ARGUMENTS=rest, OUT="now"
    )
    assert worse.returncode == 1
    told = step("action.yml", "Tell the verdict", OUT="now")
    assert told.returncode == 0
    assert re.search(r"^::error title=none%3A tools.choice.tool[^:]*::", told.stdout, re.MULTILINE)
    assert "regressions=1" in (tmp_path / "GITHUB_OUTPUT").read_text()
    pull = {"GH_TOKEN": "t", "REPOSITORY": "a/b", "PULL_REQUEST": "7"}
    assert step("action.yml", "Comment on the pull request", OUT="now", **pull).returncode == 0
    called = (tmp_path / "world" / "gh-called").read_text()
    assert called.startswith("pr comment 7 --repo a/b --edit-last")
    assert called.split()[-1] == "now/summary.md"


def test_every_variable_of_the_action_is_an_input() -> None:
    action = yaml.decode((ROOT / "action.yml").read_bytes())
    for each in action["runs"]["steps"]:
        for value in each.get("env", {}).values():
            word = value.removeprefix("${{ ").removesuffix(" }}")
            assert word in RUNNERS or word.removeprefix("inputs.") in action["inputs"]


@pytest.mark.parametrize(("wanted", "count"), [("", 11), ("0.33.0 0.32.15", 2)])
def test_the_versions_become_a_matrix(step: Step, tmp_path: Path, wanted: str, count: int) -> None:
    assert step("ollama.yml", "List the versions", VERSIONS=wanted).returncode == 0
    name, _, value = (tmp_path / "GITHUB_OUTPUT").read_text().strip().partition("=")
    assert name == "versions"
    assert len(json.loads(value)) == count


def test_versions_are_asked_reported_and_counted(step: Step, tmp_path: Path) -> None:
    assert step("ollama.yml", "Install the suite").returncode == 0
    rest = "--select messages.text --allow-improvements --no-witness --no-evidence"
    for version in ("0.32.15", "0.33.0"):
        done = step("ollama.yml", "Ask this version", VERSION=version, REST=rest)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "runs" / f"ollama-{version}" / "exit").read_text() == "0\n", done.stdout + done.stderr
    done = step("ollama.yml", "Render one report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").exists()
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    done = step("ollama.yml", "Comment the summary", GH_TOKEN="t", PULL_REQUEST="7")
    assert done.returncode == 0
    called = (tmp_path / "world" / "gh-called").read_text()
    assert called.startswith("pr comment 7 ")
    assert called.split()[-1] == "site/summary.md"
    assert step("ollama.yml", "Fail where a version was not as expected").returncode == 0
    (tmp_path / "runs" / "ollama-0.33.0" / "exit").write_text("1\n")
    done = step("ollama.yml", "Fail where a version was not as expected")
    assert done.returncode == 1
    assert done.stdout == "ollama-0.33.0: exit 1\n"


def test_a_version_that_cannot_be_started_is_kept_as_that(step: Step, tmp_path: Path) -> None:
    program(tmp_path / "world" / "ollama", f"#!/bin/sh\n{TELLS_ITS_VERSION}exit 3\n")
    assert step("ollama.yml", "Ask this version", VERSION="9.9.9", REST="").returncode == 0
    assert (tmp_path / "runs" / "ollama-9.9.9" / "exit").read_text() == "2\n"


def test_a_job_of_ci_sets_up_nox_and_runs_its_sessions(step: Step, tmp_path: Path) -> None:
    for name in ("pip", "nox"):
        program(tmp_path / "world" / name, f'#!/bin/sh\necho {name} "$@" >> "$WORLD/called"\n')
    assert step("ci.yml", "Test").returncode == 0
    assert step("ci.yml", "Run the job", SESSION="lint types").returncode == 0
    installs = "pip install --quiet nox"
    called = (tmp_path / "world" / "called").read_text().splitlines()
    assert called == [installs, "nox -s tests", installs, "nox -s lint types"]


def test_every_night_all_sweeps_run(step: Step, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    program(tmp_path / ".ci" / "run", '#!/bin/sh\necho "$@" > "$WORLD/called"\n')
    assert step("nightly.yml", "Run all of it").returncode == 0
    assert (tmp_path / "world" / "called").read_text() == "--full\n"
    workflow = yaml.decode((ROOT / ".github" / "workflows" / "nightly.yml").read_bytes())
    assert "schedule" in workflow.get("on", workflow.get(True))


def test_ci_and_its_script_run_the_same_sessions() -> None:
    jobs = yaml.decode((ROOT / ".github" / "workflows" / "ci.yml").read_bytes())["jobs"]
    sessions = [words.partition(" -- ")[0] for words in jobs["jobs"]["strategy"]["matrix"]["session"]]
    named = {"tests", *" ".join(sessions).split()}
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert named == {word for line in re.findall(r"nox -s ((?:[a-z][a-z-]* ?)+)", script) for word in line.split()}


def test_the_reference_endpoint_is_up_when_its_step_ends(step: Step, tmp_path: Path) -> None:
    listening = "#!/bin/sh\nsleep 0.2\necho listening on http://127.0.0.1:8123\n"
    program(tmp_path / "world" / "conformance", listening)
    assert step("ci.yml", "Serve the reference endpoint").returncode == 0
    assert "listening" in (tmp_path / "serve.log").read_text()


@pytest.mark.parametrize("code", [0, 1])
def test_the_watch_keeps_its_report_and_how_it_ended(step: Step, tmp_path: Path, code: int) -> None:
    world = tmp_path / "world"
    program(world / "pip", "#!/bin/sh\n")
    program(
        world / "nox",
        f'#!/bin/sh\necho "$@" > "$WORLD/asked"\necho "Claude Code 9 sends more" > watch.md\nexit {code}\n',
    )
    assert step("client-watch.yml", "Watch").returncode == 0
    assert (world / "asked").read_text() == f"-s client-watch -- --report {tmp_path}/watch.md\n"
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"code={code}\n"
    assert "sends more" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()


@pytest.mark.parametrize("known", ["0", "1"])
def test_the_watch_opens_one_issue(step: Step, tmp_path: Path, known: str) -> None:
    world = tmp_path / "world"
    program(world / "gh", f'#!/bin/sh\necho "$@" >> "$WORLD/gh-called"\n[ "$2" = list ] && echo {known}\ntrue\n')
    (tmp_path / "watch.md").write_text("Claude Code 9 sends more\n")
    assert step("client-watch.yml", "Open an issue", GH_TOKEN="t").returncode == 0
    called = (world / "gh-called").read_text()
    assert "issue list --state open" in called
    assert ("issue create --title Claude Code 9 sends more --body-file watch.md" in called) == (known == "0")


def test_no_step_is_left_out() -> None:
    tests = Path(__file__).read_text()
    assert [step for step in STEPS if f'step("{step[0]}", "{step[1]}"' not in tests] == []


def test_actionlint_has_nothing_to_say() -> None:
    linter = shutil.which("actionlint") or shutil.which("actionlint", path=str(Path.home() / "go" / "bin"))
    if linter is None:
        for file in WORKFLOWS:
            assert {"name", "jobs", "permissions"} <= set(yaml.decode(file.read_bytes())), file.name
        return
    done = subprocess.run([linter, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_the_published_runs_are_rendered_for_pages(step: Step, tmp_path: Path) -> None:
    published = next((ROOT / "reports" / "runs").glob("ollama-0.33*"))
    shutil.copytree(published, tmp_path / "reports" / "runs" / published.name)
    shutil.copy(ROOT / "reports" / "detection.json", tmp_path / "reports" / "detection.json")
    done = step("pages.yml", "Render the published runs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").exists()
    assert (tmp_path / "site" / "runs" / published.name / "run.jsonl.zst").exists()


def test_the_recipe_of_the_readme_compares_with_the_last_run(reference: str, tmp_path: Path) -> None:
    """Under `bash -e`, as CI runs it: the first run passes, the same again too, a worse one fails and is kept."""
    readme = (ROOT / "README.md").read_text()
    recipe = next(block for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "--baseline last" in block)
    few = "--target none --select tools.choice.tool --no-witness --no-evidence"
    program(
        tmp_path / "conformance",
        f"""#!/bin/bash
case "$1" in
  run) exec {sys.executable} -m conformance "$@" {few} ;;
  *) exec {sys.executable} -m conformance "$@" ;;
esac
""",
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    codes = []
    for url in (reference, reference, f"{reference}/fault/TO14"):
        environment = {**os.environ, "PATH": path, "URL": url, "MODEL": "scripted"}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", recipe], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        codes.append(done.returncode)
    assert codes == [0, 0, 1]
    assert b"ignored" in (tmp_path / "last" / "run.jsonl").read_bytes()
    assert not (tmp_path / "now").exists()


def test_the_recipe_for_pages_makes_a_page_of_ones_own(reference: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "asking.md").read_text(encoding="utf-8"), re.DOTALL)
    recipe = next(block for block in blocks if "upload-pages-artifact" in block)
    steps = [step["run"] for step in yaml.decode(recipe)["jobs"]["page"]["steps"] if "run" in step]
    assert steps[0].startswith("pipx install git+https://")
    script = "\n".join(steps[1:]).replace("http://127.0.0.1:8080", f"{reference}/fault/RQ11")
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "conformance", f'#!/bin/sh\nexec {sys.executable} -m conformance "$@"\n')
    program(programs / "my-server", "#!/bin/sh\n")
    (tmp_path / "conformance.toml").write_text('select = "system.accepted-array, messages.text"\n')
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.replace("my-model", "scripted")],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, cwd=tmp_path, capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "system: must be a string" in (tmp_path / "site" / "summary.md").read_text(encoding="utf-8").replace(
        "\\", ""
    )
    assert (tmp_path / "site" / "index.html").exists()
    assert list((tmp_path / "site" / "badges").iterdir())


def test_a_release_is_checked_before_it_is_published(step: Step, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n')
    assert step("release.yml", "Compare the tag with the version", TAG="v1.2.3").returncode == 0
    assert step("release.yml", "Compare the tag with the version", TAG="v1.2.4").returncode == 1
    program(tmp_path / "world" / "python", PLAYED)
    assert step("release.yml", "Build and check").returncode == 0
    assert step("release.yml", "Ask the reference with what was built").returncode == 0
    called = (tmp_path / "world" / "called").read_text().splitlines()
    assert [line.split()[1] for line in called if line.startswith("-m")] == ["pip", "build", "twine", "venv"]
    assert called[2] == "-m twine check --strict dist/made-1.whl"
    assert called[-1] == "conformance run --profile quick --out run"
    workflow = yaml.decode((ROOT / ".github" / "workflows" / "release.yml").read_bytes())
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "password" not in str(workflow)
