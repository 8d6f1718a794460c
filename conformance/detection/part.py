"""A part of a long list: what is measured in one go, where all of it takes many minutes."""

import argparse

from msgspec import Struct


class Part(Struct, frozen=True):
    """Every N-th of a list, from the K-th on; `1/1` is all of them."""

    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, text: str) -> "Part":
        """The part that a person names: `all` or `K/N`; ValueError for anything else."""
        if text == "all":
            return cls()
        number, of = (int(word) for word in text.split("/"))
        if not 1 <= number <= of:
            raise ValueError(text)
        return cls(number, of)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and position % self.of == self.number - 1


def part_of_words(text: str) -> Part:
    """The part that a word of the command line names."""
    try:
        return Part.read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither `all` nor a part such as 1/10") from None
