"""The delivery of an answer: its shape on the wire and its pace.

Two lines of a prompt say it, each a line of its own: `Shape: NAME.` and `Pace: N ms.`; neither changes what is said.
"""

import re

from msgspec import Struct

from conformance.scripted.conversation import Conversation, Text
from conformance.scripted.instructions import latest_user_parts
from conformance.scripted.pacing import MOST_SECONDS_PER_WORD

_SHAPE = re.compile(r"^Shape: ([a-z0-9-]+)\.[ \t\r]*$", re.MULTILINE)
_PACE = re.compile(r"^Pace: (\d{1,6}) ms\.[ \t\r]*$", re.MULTILINE)


class Delivery(Struct, frozen=True):
    """The shape by its name, and the seconds for each word; None leaves either to the wire."""

    shape: str | None = None
    seconds_per_word: float | None = None


def delivery_of(conversation: Conversation) -> Delivery:
    """What the latest user turn asks for; the last line of each kind counts."""
    text = "\n".join(part.text for part in latest_user_parts(conversation) if isinstance(part, Text))
    shapes, paces = _SHAPE.findall(text), _PACE.findall(text)
    return Delivery(
        shapes[-1] if shapes else None,
        min(int(paces[-1]) / 1000, MOST_SECONDS_PER_WORD) if paces else None,
    )
