"""The argument parser of every command."""

import argparse
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from conformance.errors import UserError

CALLED_ELSEWHERE = {
    "-u": "--base-url",
    "-m": "--model",
    "-t": "--target",
    "-p": "--profile",
    "-s": "--select",
    "-o": "--out",
    "-j": "--concurrency",
    "-q": "--quiet",
    "-v": "--debug",
    "--url": "--base-url",
    "--host": "--base-url",
    "--endpoint": "--base-url",
    "--api-base": "--base-url",
    "--api-key": "--api-key-env",
    "--key": "--api-key-env",
    "--token": "--api-key-env",
    "--output": "--out",
    "--output-dir": "--out",
    "--report": "--out",
    "--filter": "--select",
    "--only": "--select",
    "--test": "--select",
    "--jobs": "--concurrency",
    "--workers": "--concurrency",
    "--parallel": "--concurrency",
    "--retries": "--attempts",
    "--verbose": "--debug",
    "--silent": "--quiet",
    "--compare": "--baseline",
    "--against": "--baseline",
    "--config": "--target",
}
"""What other programs call an option that some command here has."""
OF_PYTEST = frozenset(
    re.findall(
        r"\S+",
        """-k -x -s -r -rA -ra -vv --exitfirst --maxfail --lf --last-failed --ff --failed-first --sw --stepwise
        --collect-only --co --durations --html --junitxml --junit-xml --tb --pdb --capture --snapshot-update""",
    )
)
"""Options that people know from pytest, and what a run adds to them."""
_CHOICES = re.compile(r"argument (?P<name>[^:]+): invalid choice: '(?P<given>.*?)' \(choose from (?P<legal>.*)\)")


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line with the nearest word, and the exit code for a mistake."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self._rest: str | None = None

    def words_after_dashes(self, destination: str, metavar: str, help: str) -> None:  # noqa: A002 - as argparse has it
        """Lets the words after `--` go to another program: they come as the list `destination`."""
        self._rest = destination
        self.epilog = f"-- {metavar} ...: {help}"

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments in these words; UserError names what there is in place of a word that is none."""
        own, rest = list(words), None
        if self._rest is not None:
            cut = own.index("--") if "--" in own else len(own)
            own, rest = own[:cut], own[cut + 1 :]
        found, unknown = self.parse_known_intermixed_args(own)
        if unknown:
            raise UserError(self._unknown(unknown[0]))
        if self._rest is not None:
            setattr(found, self._rest, rest)
        return found

    def error(self, message: str) -> NoReturn:
        if choice := _CHOICES.fullmatch(message):
            legal = re.findall(r"[\w.-]+", choice["legal"])
            guess = near(choice["given"], legal)
            raise UserError(f"{choice['name']} may be {', '.join(legal)}, not {choice['given']!r}{guess or self._help}")
        raise UserError(f"{message}{self._help}")

    def _unknown(self, word: str) -> str:
        options = [option for action in self._actions for option in action.option_strings]
        if not word.startswith("-"):
            takes = [option for option in ("--base-url", "--upstream") if option in options]
            if "://" in word and not self._rest and takes:
                return f"unknown argument {word!r}; did you mean {takes[0]} {word}?"
            if "://" in word and self._rest == "pytest_arguments":
                return f"unknown argument {word!r}: a run asks one address; `conformance compare` asks two"
            after = f"; arguments for {self._for} go after `--`" if self._rest else ""
            return f"unknown argument {word!r}{after}{self._help}"
        name = word.partition("=")[0]
        meant = CALLED_ELSEWHERE.get(name)
        if name in OF_PYTEST and self._rest == "pytest_arguments" and meant not in options:
            return f"unknown option {name!r}: it goes to pytest, after `--`: -- {word}"
        guess = f"; did you mean {meant}?" if meant in options else near_option(name, options)
        return f"unknown option {name!r}{guess or self._help}"

    @property
    def _help(self) -> str:
        return f"; `{self.prog} --help` lists what there is"

    @property
    def _for(self) -> str:
        return "pytest" if self._rest == "pytest_arguments" else "`conformance run`"


def whole_number(text: str) -> int:
    """A number as it is typed; ArgumentTypeError where it is none."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def from_one(text: str) -> int:
    """The same, from 1 up."""
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def near(word: str, legal: Iterable[str]) -> str:
    """`; did you mean ...?` for the legal word that looks most like this one; empty where none does."""
    close = get_close_matches(word.lower(), list(legal), n=1, cutoff=0.65)
    return f"; did you mean {close[0]}?" if close else ""


def near_option(word: str, options: Iterable[str]) -> str:
    """The same for an option: the dashes that all have make none alike."""
    bare = {option.lstrip("-"): option for option in options if option.startswith("--")}
    close = get_close_matches(word.lstrip("-").lower().replace("_", "-"), bare, n=1, cutoff=0.65)
    return f"; did you mean {bare[close[0]]}?" if close else ""


def near_or_all(word: str, legal: Iterable[str]) -> str:
    """The same, with all legal words where none looks like this one."""
    words = list(legal)
    return near(word, words) or f"; there are {', '.join(words)}"
