"""The skills for agents: installed whole, and every command in them run against a simulated Ollama."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Command

from conformance.cli.commands.skills import SKILLS

NAMES = ("claude-code-integration", "ollama-cloud")


def commands() -> list[tuple[str, str]]:
    """Every line of every block of shell, with the skill that it stands in."""
    found = []
    for name in NAMES:
        text = (SKILLS / name / "SKILL.md").read_text()
        for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
            found += [(name, line.strip()) for line in block.splitlines() if line.strip()]
    return found


COMMANDS = commands()


@pytest.fixture(scope="module")
def ollama() -> Iterator[str]:
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--face", "ollama"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


def test_they_are_installed_where_one_says(conformance: Command, tmp_path: Path) -> None:
    done = conformance("skills", "--to", str(tmp_path / "skills"))
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        installed = tmp_path / "skills" / name / "SKILL.md"
        assert installed.read_text() == (SKILLS / name / "SKILL.md").read_text()
        assert str(installed.parent) in done.stdout
    assert conformance("skills", "--to", str(tmp_path / "skills")).returncode == 0, "a second time renews them"


def test_they_are_listed_with_what_they_are_for(conformance: Command) -> None:
    listed = conformance("skills").stdout
    assert all(f"{name}: " in listed for name in NAMES)


def test_a_folder_that_cannot_be_written_is_one_line(conformance: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = conformance("skills", "--to", str(tmp_path / "file"))
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_says_its_name_and_when_to_use_it(name: str) -> None:
    head = (SKILLS / name / "SKILL.md").read_text().split("---")[1]
    assert f"name: {name}\n" in head
    assert " Use when " in head
    assert len(head) < 1024


@pytest.mark.parametrize(("skill", "line"), COMMANDS)
def test_every_command_in_them_works(skill: str, line: str, ollama: str, tmp_path: Path) -> None:
    """The cloud is not there in a test: its commands must end with one clear line, not with a traceback."""
    program = tmp_path / "conformance"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m conformance "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OLLAMA_HOST": ollama,
        "MODEL": "scripted",
        "CLOUD_MODEL": "glm-5.1:cloud",
        "BASE_URL": ollama,
    }
    quickly = " --select claude-code.turn.main --allow-improvements --no-witness --no-evidence"
    select = quickly if "--profile claude-code" in line else ""
    done = subprocess.run(
        ["bash", "-c", line + select], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    if "--target ollama-cloud" in line and "env" not in line:
        assert done.returncode == 4
        assert "OLLAMA_API_KEY" in done.stderr
    elif "doctor" in line:
        assert done.returncode in (0, 1)
        assert "ok  " in done.stdout
    else:
        assert done.returncode == 0, done.stdout + done.stderr
