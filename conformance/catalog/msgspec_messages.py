"""Parses msgspec's error messages, which have no other form, into a defect and the path where it stands.

`tests/catalog/test_catalog_files.py` fails where a release of msgspec words them otherwise; until then an error of a
case file would lose its key, but nothing would be judged differently.
"""

import re

Steps = tuple[str | int, ...]

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_ENUM = re.compile(r"Invalid enum value (.*)")
_AT = re.compile(r"^(.*?) - at `(key in )?\$(.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")


def message_and_path(message: str) -> tuple[str, Steps]:
    """The message of a msgspec error and its path; a path ends at a key that msgspec does not name."""
    match = _AT.match(message)
    if match is None:
        return message, ()
    path: list[str | int] = []
    for step in _STEP.finditer(match[3]):
        if step[0] == "[...]":
            break
        path.append(step[1] if step[1] is not None else int(step[2]))
    return match[1], tuple(path)


def unknown_key(says: str) -> str | None:
    """The key that a type does not know, where that is what a message says."""
    match = _UNKNOWN.fullmatch(says)
    return match[1] if match else None


def illegal_word(says: str) -> str | None:
    """The word that is none of the legal ones, quoted as msgspec does, where that is what a message says."""
    match = _ENUM.fullmatch(says)
    return match[1] if match else None


def in_words(says: str) -> str:
    """Any other message in the words of this catalog."""
    says = says.replace("Object missing required field", "missing key").replace("Object", "mapping")
    return says[:1].lower() + says[1:]
