"""Compiled templates of the page, kept for the next process: to compile them takes half of a short run."""

import hashlib
import sys
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

from conformance.cache import Cache

_TEMPLATES = 32
"""Compiled templates that stay: the page has two."""


class KeptTemplates(BytecodeCache):
    """Compiled templates by the hash of their source, of the module that sets jinja2 up, and of what compiles."""

    def __init__(self, setting: Path) -> None:
        self._cache = Cache("templates", _TEMPLATES)
        self._made_by = f"{jinja2.__version__} {sys.version} {hashlib.sha256(setting.read_bytes()).hexdigest()}"

    def load_bytecode(self, bucket: Bucket) -> None:
        content = self._cache.read(self._name(bucket))
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._cache.keep(self._name(bucket), bucket.bytecode_to_string())

    def _name(self, bucket: Bucket) -> str:
        return hashlib.sha256(f"{self._made_by} {bucket.key} {bucket.checksum}".encode()).hexdigest()[:32]
