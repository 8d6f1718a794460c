"""The models that Ollama recommends for coding tools, with what they take and where it says so: `models.yaml`."""

from functools import cache
from pathlib import Path

from msgspec import Struct

FILE = Path(__file__).with_name("models.yaml")


class Recommended(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model, what it is good for, and what it takes."""

    name: str
    good_for: str
    memory_gb: float | None = None
    """Of the graphics card or of unified memory, as its source states it; null in the cloud."""
    at_context: int | None = None
    """Tokens of context that the memory is stated for; null where the source does not say."""
    context: int | None = None
    """Tokens at most, where the source states it."""
    source: str

    @property
    def cloud(self) -> bool:
        return self.memory_gb is None


@cache
def recommended() -> tuple[Recommended, ...]:
    """The recommended models, local ones first, the smallest first."""
    import msgspec.yaml

    models = msgspec.yaml.decode(FILE.read_bytes(), type=list[Recommended])
    return tuple(sorted(models, key=lambda model: (model.cloud, model.memory_gb or 0)))
