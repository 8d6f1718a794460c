"""`conformance skills`: installs the skills for agents into a folder."""

import argparse
import shutil
from pathlib import Path

import conformance
from conformance.errors import UserError

SKILLS = Path(conformance.__file__).parent / "skills"


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", metavar="DIR", type=Path, help="such as ~/.claude/skills; without it, they are listed")


def run(arguments: argparse.Namespace) -> int:
    skills = sorted(path.parent for path in SKILLS.glob("*/SKILL.md"))
    if arguments.to is None:
        print(*(f"{skill.name}: {_about(skill)}" for skill in skills), sep="\n")
        return 0
    folder = arguments.to.expanduser()
    for skill in skills:
        try:
            shutil.copytree(skill, folder / skill.name, dirs_exist_ok=True)
        except OSError as problem:
            raise UserError(f"{folder / skill.name} cannot be written: {problem.strerror}") from problem
        print(folder / skill.name)
    return 0


def _about(skill: Path) -> str:
    lines = (skill / "SKILL.md").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("description: ") for line in lines if line.startswith("description: "))
