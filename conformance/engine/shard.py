"""A shard: one of N parts of a run, asked on a machine of its own and merged afterwards."""

import re
from collections.abc import Sequence

from msgspec import Struct

from conformance.engine.question import Question
from conformance.errors import UserError

FORM = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


class Shard(Struct, frozen=True):
    """Which part of how many."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def of_text(cls, text: str) -> "Shard":
        """The shard that `I/N` names; UserError where it names none."""
        found = FORM.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise UserError(f"--shard {text!r} is no part of a whole: write I/N with I from 1 to N, such as 2/4")
        return cls(int(found[1]), int(found[2]))

    def part_of(self, questions: Sequence[Question]) -> list[Question]:
        """Every Nth question, so that neighbours, which cost about the same, are spread over the shards."""
        return list(questions[self.number - 1 :: self.of])
