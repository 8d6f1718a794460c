"""`conformance skills`: installs the skills for agents into a folder."""

import argparse
from pathlib import Path

import conformance
from conformance.errors import UserError
from conformance.files import folder_below, replace_file

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
            _install(skill, folder)
        except OSError as problem:
            raise UserError(f"{folder / skill.name} cannot be written: {problem.strerror}") from problem
        print(folder / skill.name)
    return 0


def _install(skill: Path, folder: Path) -> None:
    """Copies a skill; a link in the folder of a project that was handed over leads no file elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(path for path in skill.rglob("*") if path.is_file()):
        place = file.relative_to(skill.parent)
        replace_file(folder_below(folder, *place.parent.parts) / place.name, file.read_bytes())


def _about(skill: Path) -> str:
    lines = (skill / "SKILL.md").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("description: ") for line in lines if line.startswith("description: "))
