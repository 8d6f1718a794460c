"""From what a person typed to the target that is asked: which file counts, where, with which key and which model."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from conformance.keys import KNOWN
