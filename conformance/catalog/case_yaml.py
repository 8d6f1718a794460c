"""Generated files of cases and rows as YAML that reads like one written by hand."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def yaml_file(schema: str, head: Json, key: str, entries: list[Json], made_from: str) -> str:
    """A file of cases or rows as text: each key of an entry on one line, checks and steps on one each."""
    lines = [
        f"# yaml-language-server: $schema=../{schema}.schema.json",
        f"# Made from {made_from} by `python -m conformance.cli.generate`: change that, and run this again.",
        *(f"{name}: {_flow(value)}" for name, value in head.items()),
        f"{key}:",
    ]
    for number, entry in enumerate(entries):
        lines += [""] if number and key == "cases" else []
        lines += [line for name, value in entry.items() for line in _block(name, value)]
    return re.sub(r"^    (?=id: )", "  - ", "\n".join(lines), flags=re.MULTILINE) + "\n"


def _block(name: str, value: Any) -> Iterator[str]:
    """A key of an entry; checks and steps have a line each."""
    if name in ("steps", "effect", "premise"):
        yield f"    {name}:"
        yield from (f"      - {_flow(item)}" for item in value)
    else:
        yield f"    {name}: {_flow(value)}"


def _flow(value: Any) -> str:
    """A value in one line."""
    match value:
        case dict():
            return "{" + ", ".join(_entry(_flow(key), _flow(inner)) for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return value if _is_plain(value) else _quoted(value)
    return json.dumps(value)


LONGEST_KEY = 1000
"""Characters from which on a key is said to be one: without it, YAML reads 1024 (https://yaml.org/spec/1.2.2/#742)."""


def _entry(key: str, value: str) -> str:
    return f"{key}: {value}" if len(key) < LONGEST_KEY else f"? {key} : {value}"


_PLAIN = re.compile(r"\$?[A-Za-z][A-Za-z0-9 _./-]*(?:://[A-Za-z0-9_./#-]+)?")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def _is_plain(text: str) -> bool:
    """Whether YAML reads a text as itself without quotes, in every version of it."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS and not text.endswith((" ", ":"))


def _quoted(text: str) -> str:
    return '"' + "".join(_sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    if sign in '\\"':
        return "\\" + sign
    if sign == "\n":
        return "\\n"
    if sign == " " or (sign.isprintable() and unicodedata.category(sign)[0] in "LNPS" and ord(sign) < 0x10000):
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
