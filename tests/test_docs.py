"""The documentation says what the code does: every word is named, every command line parses, every example holds."""

import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest
from correct_exchanges import message, told

from conformance import words
from conformance.catalog.fixtures import DIRECTIVES
from conformance.catalog.lint import GENERIC, lint
from conformance.catalog.load import cases_folder, load_catalog
from conformance.catalog.matchers import MATCHERS
from conformance.cli.generate import docs_folder
from conformance.cli.main import COMMANDS, functions_of
from conformance.cli.parser import Parser
from conformance.judge.answer import read
from conformance.judge.cause import CauseKind
from conformance.judge.rules import RULES
from conformance.scripted.listing import list_faults
from conformance.targets.load import load_target_file

DOCS = docs_folder()
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
ROOT = DOCS.parent
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page) if kind == language]


@pytest.mark.parametrize(
    ("page", "vocabulary"),
    [
        ("cases.md", [name.rstrip("_") for name in MATCHERS]),
        ("cases.md", [f"{{{directive}" for directive in DIRECTIVES]),
        ("cases.md", get_args(words.Kind)),
        ("cases.md", get_args(words.Basis)),
        ("cases.md", [f"{kind}:" for kind in GENERIC]),
        ("cases.md", list(read(told(message([])), "json").document)),
        ("faults.md", [f"{kind}:" for kind in GENERIC]),
        ("faults.md", sorted({re.split(r"[\d-]", fault.id)[0] for fault in list_faults()})),
        ("verdicts.md", words.VERDICTS),
        ("verdicts.md", words.STATUSES),
        ("verdicts.md", words.CONFORMANCE_LEVELS),
        ("verdicts.md", get_args(words.Basis)),
        ("verdicts.md", get_args(words.Tier)),
        ("verdicts.md", get_args(CauseKind)),
    ],
)
def test_every_word_is_named(page: str, vocabulary: list[str]) -> None:
    assert [word for word in vocabulary if f"`{word}" not in PAGES[page]] == []


def documents() -> dict[str, str]:
    """The pages with commands in them, by name."""
    beside = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")
    return PAGES | {name: (ROOT / name).read_text(encoding="utf-8") for name in beside}


def command_lines() -> list[tuple[str, str]]:
    """Page and command, of every line of a block of shell and of every command within a text."""
    found: list[tuple[str, str]] = []
    for name, page in documents().items():
        lines = [
            line
            for language, text in BLOCK.findall(page)
            if language in ("", "sh", "console")
            for line in text.splitlines()
        ]
        inline = [" ".join(text.split()) for text in re.findall(r"(?<!`)`([^`]+)`(?!`)", BLOCK.sub("", page))]
        commands = [part.strip() for line in (*lines, *inline) for part in line.split("&&")]
        found += [(name, line) for line in commands if line.startswith(("conformance ", "nox -s ", "python -m "))]
    return list(dict.fromkeys(found))


SHELL = [line for line in command_lines() if line[1].startswith("conformance ")]
SESSIONS = [line for line in command_lines() if line[1].startswith("nox -s ")]
PROGRAMS = [line for line in command_lines() if line[1].startswith("python -m ")]


@pytest.mark.parametrize(("page", "line"), SHELL)
def test_every_command_line_parses(page: str, line: str) -> None:
    given = shlex.split(re.split(r">>|\|\|", line)[0], comments=True)[1:]
    if "://" in given[0] or given[0] in ("URL", "--help"):
        given.insert(0, "run")
    given = ["run", *given] if "://" in given[0] else given
    assert given[0] in COMMANDS, page
    parser = Parser(f"conformance {given[0]}")
    functions_of(given[0])[0](parser)
    if len(given) > 1 and "--help" not in given:  # alone, it is the name of a command
        parser.read(given[1:])


@pytest.mark.parametrize(("page", "line"), SESSIONS)
def test_every_session_is_there(page: str, line: str) -> None:
    told = re.findall(r'^def (\w+)\(session: nox|nox\.session\(name="([\w-]+)"', NOXFILE, re.MULTILINE)
    named = line.partition(" -- ")[0].partition("#")[0].split()[2:]
    assert set(named) <= {name for pair in told for name in pair}, page


@pytest.mark.parametrize(("page", "line"), PROGRAMS)
def test_every_program_is_there(page: str, line: str) -> None:
    module = line.split()[2]
    assert module.split(".")[0] in ("conformance", "bench"), page
    assert find_spec(module) is not None, page


def test_the_cases_of_the_docs_are_clean(tmp_path: Path) -> None:
    """Each example stands in a file of its own beside the cases that ship, and lint has nothing to say about it."""
    folder = shutil.copytree(cases_folder(), tmp_path / "cases")
    before = set(load_catalog().cases)
    (folder / "docs").mkdir()
    examples = [text for text in blocks(PAGES["cases.md"], "yaml") if "\ncases:" in text]
    assert len(examples) == 7
    for number, text in enumerate(examples):
        (folder / "docs" / f"example-{number}.yaml").write_text(text, encoding="utf-8")
    catalog = load_catalog(folder)
    assert len(catalog.cases) > len(before)
    rules = {rule.id: rule.surface for rule in RULES.values()}
    assert [str(problem) for problem in lint(catalog, rules, [fault.id for fault in list_faults()])] == []
    assert {catalog.cases[id_].kind for id_ in catalog.cases.keys() - before} == set(get_args(words.Kind))


@pytest.mark.parametrize(
    "text",
    [text for page in PAGES.values() for text in blocks(page, "yaml") if not {"cases:", "jobs:"} & {*text.split()}],
)
def test_the_target_files_of_the_docs_load(text: str, tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text(text, encoding="utf-8")
    assert load_target_file(tmp_path / "target.yaml").name


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        (name, link)
        for name, page in PAGES.items()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page)
        if not (DOCS / link).is_file()
    ]
    assert broken == []


def test_every_page_is_linked_from_the_front() -> None:
    for front in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (ROOT / front).read_text(encoding="utf-8")
        assert [name for name in PAGES if f"docs/{name}" not in text] == [], front


PATCHES = sorted((DOCS / "adopt").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_patch_for_a_server_is_short_and_applies(patch: Path, tmp_path: Path) -> None:
    """It is applied to what it was made from: the lines around it, which it names itself."""
    lines = patch.read_text(encoding="utf-8").splitlines()
    hunk = lines[next(number for number, line in enumerate(lines) if line.startswith("@@")) + 1 :]
    assert len([line for line in hunk if line.startswith("+")]) <= 20
    file = tmp_path / next(line.removeprefix("+++ b/") for line in lines if line.startswith("+++ "))
    if not any(line.startswith("new file") for line in lines):
        file.parent.mkdir(parents=True)
        file.write_text("\n".join(line[1:] for line in hunk if not line.startswith("+")) + "\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "--unidiff-zero", str(patch)], cwd=tmp_path, check=True)
    added = file.read_text()
    words = re.search(r"conformance (?:run|ollama) [^\n\\]*", added.replace("\\\n", " "))
    assert words is not None
    given = shlex.split(words[0])
    parser = Parser("conformance")
    functions_of(given[1])[0](parser)
    parser.read(given[2:])
