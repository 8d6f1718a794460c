"""Makes text from outside safe to print on a terminal or in the log of a CI job."""

import re

from conformance.keys import KNOWN

_COMMAND = re.compile(r"^([ \t]*):(?=:)|##(?=\[)", re.MULTILINE)
"""How a line begins that a CI runner obeys
(https://docs.github.com/actions/reference/workflow-commands-for-github-actions)."""


def harmless(text: str) -> str:
    """A text without keys, without what moves a cursor or turns a line around, and without commands to a CI runner.

    Line feeds and tabs stay; every other character that is not printable is named instead.
    """
    text = KNOWN.removed_from(text)
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() or sign in "\n\t" else f"\\u{ord(sign):04x}" for sign in text)
    return _COMMAND.sub(lambda found: f"{found[0]} ", text) if ":" in text or "#" in text else text
