"""A profile: a named selection of the questions with a question of its own, such as whether Claude Code runs."""

from msgspec import Struct


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cases/profiles/NAME.yaml`: which cases are asked, and what the answers mean for one kind of user."""

    title: str
    question: str
    """What the user wants to know: `Can I run Claude Code on it?`"""
    select: list[str] = []
    """Expressions of the selection language, joined by `or`; empty: the cases of the rows below."""
    must: dict[str, str] = {}
    """Row to the consequence for the user; without one of these the answer is no."""
    should: dict[str, str] = {}
    """Row to the consequence for the user; without one of these the answer is yes, with limits."""
    patience: float | None = None
    """Seconds of silence after which the client gives up: a warning is due near them."""
