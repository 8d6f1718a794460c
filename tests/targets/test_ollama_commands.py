"""`prepare` and `doctor` as a person types them, against the scripted model's own Ollama and its troubles."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    face = [sys.executable, "-m", "conformance.scripted", "serve", "--face", "ollama"]
    with subprocess.Popen(face, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            environment = {"PATH": os.environ["PATH"], "OLLAMA_HOST": url.removeprefix("http://")}
            done = subprocess.run(
                [sys.executable, "-m", "conformance", *words],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Traceback" not in done.stderr
            return done

        yield run
        process.terminate()


def test_from_nothing_to_a_prompt_and_back(command: Command) -> None:
    done = command("prepare", "--model", "qwen3-coder", "--alias", "claude-3-5-sonnet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "pulled qwen3-coder",
        "made qwen3-coder-64k: qwen3-coder with 65536 tokens of context",
        "claude-3-5-sonnet now means qwen3-coder-64k",
        "next: conformance env --target ollama --model claude-3-5-sonnet",
    ]
    examined = command("doctor", "--model", "claude-3-5-sonnet")
    assert examined.returncode == 0, examined.stdout
    assert "came back as asked" in examined.stdout.splitlines()[-1]
    cleaned = command("prepare", "--model", "qwen3-coder", "--alias", "claude-3-5-sonnet", "--clean")
    assert sorted(cleaned.stdout.splitlines()[:2]) == ["deleted claude-3-5-sonnet", "deleted qwen3-coder-64k"]


def test_a_pull_that_breaks_off_goes_on(command: Command) -> None:
    broken = command("prepare", "--model", "flaky-pull")
    assert broken.returncode == 4
    assert "goes on from there" in broken.stderr
    assert command("prepare", "--model", "flaky-pull").returncode == 0


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ("qwen3-codr", "did you mean qwen3-coder?"),
        ("broken-pull", "the pull of broken-pull failed"),
        ("disk-full", "no space left on device"),
        ("short-context", "--context 8192"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(command: Command, model: str, part: str) -> None:
    done = command("prepare", "--model", model)
    assert done.returncode == 4
    assert part in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"{model}-64k" not in command("doctor").stdout


@pytest.mark.parametrize(
    ("model", "code", "part"),
    [
        ("no-tools", 1, "BAD   no-tools cannot call tools"),
        ("split", 0, "warn  only 40 % of split is in graphics memory"),
        ("on-cpu", 0, "warn  on-cpu runs on the CPU alone"),
        ("huge", 1, "BAD   huge takes 900.0 GB"),
        ("remote", 0, "note  remote runs at http://192.0.2.1:11434"),
        ("gemma4", 1, "BAD   gemma4 is loaded with 4096 tokens of context"),
        ("glm-5.1:cloud", 1, "BAD   the server is not signed in at ollama.com"),
    ],
)
def test_the_doctor_finds_each_trouble(command: Command, model: str, code: int, part: str) -> None:
    if ":cloud" not in model:
        command("prepare", "--model", model)
    done = command("doctor", "--model", model)
    assert part in done.stdout
    assert done.returncode == code, done.stdout


def test_which_of_several_models_is_asked_back(command: Command) -> None:
    assert "mend: conformance doctor --target ollama --model " in command("doctor").stdout


def test_without_a_model_the_recommended_ones_are_listed(command: Command) -> None:
    done = command("prepare")
    assert done.returncode == 4
    assert "qwen3-coder        about 24 GB of memory" in done.stderr


def test_the_example_of_the_python_api_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import textwrap

    import conformance.targets.ollama as api

    assert api.__doc__ is not None
    example = api.__doc__.split("\n\n    ", 1)[1].split("\n\n`Ollama.cloud", 1)[0]
    face = [sys.executable, "-m", "conformance.scripted", "serve", "--face", "ollama"]
    with subprocess.Popen(face, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        monkeypatch.setenv("OLLAMA_HOST", process.stdout.readline().removeprefix("listening on ").strip())
        exec(compile(textwrap.dedent("    " + example), "example", "exec"), {})
        process.terminate()
    said = capsys.readouterr().out
    assert "'ANTHROPIC_MODEL': 'claude-3-5-sonnet'" in said
