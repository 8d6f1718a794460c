"""Two checks beside the wire: whether the model makes tool calls, and how long the machine makes a client wait.

Neither touches conformance: a better model or a faster machine behind the same server changes both.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from conformance.catalog.profile import Profile, parted
from conformance.engine.question import Record
from conformance.runs.log import CaseRow
from conformance.words import Mode, Verdict

NEAR = 0.8
"""The share of a client's patience from which a silence is worth a warning."""
SLOW = 2.0
"""Seconds to the first byte from which it matters that a beginning is read again."""
READ_AGAIN = 0.7
"""A second turn that takes more than this share of the first has its beginning read again."""
COUNTED: tuple[Verdict, ...] = ("supported", "partial", "ignored", "broken", "inconclusive")
"""Verdicts of questions that were answered; the last attempt of the first two showed what was asked."""


class Wait(Struct, frozen=True):
    """The waiting time of one answer, in seconds."""

    first_byte: float
    longest_silence: float


Waits = Mapping[tuple[str, Mode], Sequence[Wait]]
"""Case and mode to the waits of its last attempt, one for each of its requests."""


class Lights(Struct, frozen=True, kw_only=True):
    """The findings about the model and the machine."""

    calls: tuple[int, int] | None = None
    """How many calls that were asked for came as calls, of how many; None where none was asked for."""
    timing: Mapping[str, float] = {}
    """Seconds by name, as far as they were seen."""


def waits_of(record: Record) -> list[Wait]:
    """The waits of a question's last attempt."""
    replies = record.attempts[-1].replies if record.attempts else ()
    answers = [reply.answer for reply in replies]
    firsts = [one.exchange.earliest(one.exchange.first_byte or 0.0) for one in answers]
    return [Wait(round(first, 3), round(one.longest_silence, 3)) for first, one in zip(firsts, answers, strict=True)]


def lights(profile: Profile, rows: Iterable[CaseRow], waits: Waits) -> Lights:
    """The model's and the machine's light of a profile."""
    return Lights(calls=_calls(profile, rows), timing=dict(_timing(profile, waits)))


def _calls(profile: Profile, rows: Iterable[CaseRow]) -> tuple[int, int] | None:
    wanted = {(name, mode) for question in profile.calls for name, modes in [parted(question)] for mode in modes}
    asked = [row for row in rows if (row.case, row.mode) in wanted and row.verdict in COUNTED]
    came = sum(row.verdict in ("supported", "partial") for row in asked)
    return (came, sum(max(1, row.attempts) for row in asked)) if asked else None


def _timing(profile: Profile, waits: Waits) -> Iterator[tuple[str, float]]:
    for first in _found(profile.first_body, waits)[:1]:
        yield "first_byte", first.first_byte
        yield "longest_silence", max(first.first_byte, first.longest_silence)
    turns = _found(profile.two_turns, waits)
    if len(turns) > 1:
        yield "first_turn", turns[0].first_byte
        yield "second_turn", turns[1].first_byte


def _found(question: str, waits: Waits) -> Sequence[Wait]:
    name, modes = parted(question)
    return next((waits[name, mode] for mode in modes if (name, mode) in waits), ())


def warnings(profile: Profile, found: Lights) -> list[str]:
    """Warnings about model and machine for the client's user."""
    lines = []
    silence = found.timing.get("longest_silence", 0.0)
    if profile.patience is not None and silence >= NEAR * profile.patience:
        lines.append(f"longest silence {silence:.0f} s: the client gives up after {profile.patience:.0f} s")
    first, second = (found.timing.get(name, 0.0) for name in ("first_turn", "second_turn"))
    if first >= SLOW and second > READ_AGAIN * first:
        lines.append(f"a second turn waits {second:.1f} s after {first:.1f} s: what both begin with is read again")
    if found.calls is not None and 2 * found.calls[0] < found.calls[1]:
        lines.append(
            f"{found.calls[0]} of {found.calls[1]} calls came as calls: with this model the client mostly talks"
        )
    return lines


def in_words(profile: Profile, found: Lights) -> Iterator[str]:
    """The two lights, a line for each thing that was seen."""
    if found.calls is not None:
        yield f"this model: {found.calls[0]} of {found.calls[1]} calls came as calls"
    timing = found.timing
    if "first_byte" in timing:
        patience = f" of the {profile.patience:.0f} s that the client waits" if profile.patience else ""
        yield (
            f"this machine: the client's first request waits {timing['first_byte']:.1f} s for its first byte, and at "
            f"most {timing['longest_silence']:.1f} s{patience}"
        )
    if "second_turn" in timing:
        first, second = timing["first_turn"], timing["second_turn"]
        yield f"this machine: a first turn waits {first:.1f} s, a second that begins like it {second:.1f} s"
