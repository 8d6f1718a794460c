"""`prepare` and `doctor` as a person types them, against the scripted model's own Ollama and its troubles."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest
from command_line import Command, Serve, called


@pytest.fixture
def command(served: Serve, tmp_path: Path) -> Command:
    """A command that finds the scripted model's own Ollama where it looks for one."""
    host = served("--face", "ollama").removeprefix("http://")

    def run(*words: str) -> CompletedProcess[str]:
        done = called(words, tmp_path, {"OLLAMA_HOST": host}, alone=True)
        assert "Traceback" not in done.stderr
        return done

    return run


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
    for model in ("split", "on-cpu"):
        assert command("prepare", "--model", model).returncode == 0
    assert "mend: conformance doctor --target ollama --model " in command("doctor").stdout


def test_without_a_model_the_recommended_ones_are_listed(command: Command) -> None:
    done = command("prepare")
    assert done.returncode == 4
    assert "qwen3-coder        about 24 GB of memory" in done.stderr


def test_the_example_of_the_python_api_runs(
    served: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import textwrap

    import conformance.targets.ollama as api

    assert api.__doc__ is not None
    example = api.__doc__.split("\n\n    ", 1)[1].split("\n\n`Ollama.cloud", 1)[0]
    monkeypatch.setenv("OLLAMA_HOST", served("--face", "ollama"))
    exec(compile(textwrap.dedent("    " + example), "example", "exec"), {})
    said = capsys.readouterr().out
    assert "'ANTHROPIC_MODEL': 'claude-3-5-sonnet'" in said
