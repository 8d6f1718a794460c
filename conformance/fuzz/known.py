"""What a search has found, so that it finds the next thing and not the same one again."""

from msgspec import Struct

from conformance.fuzz.laws import Broken

PLACES = 3
"""Of one law in several places, so many are told: a server that wraps every refusal would be told a hundred times."""
BROAD = "bad request"
"""How the laws begin of which a server breaks one in every place, or none."""


class Known(Struct):
    """What was found so far, and so is not found again."""

    found: list[Broken] = []

    def explains(self, broken: Broken) -> bool:
        """Whether this was found already: the same law at the same path, or by a request with nothing more in it."""
        same = [one for one in self.found if one.law == broken.law]
        if any(one.at == broken.at and one.features <= broken.features for one in same):
            return True
        return broken.law.startswith(BROAD) and len(same) >= PLACES
