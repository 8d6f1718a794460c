"""What the fixture `write` of `tests/catalog/conftest.py` gives."""

from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]
"""`write({"tools/choice.yaml": text})`: the folder of a small catalog, some files changed or added."""
