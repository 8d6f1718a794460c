"""A conformance suite for HTTP endpoints that speak the Anthropic Messages API."""

import sys
from importlib.metadata import PackageNotFoundError, version

if sys.version_info < (3, 11):  # noqa: UP036 - who has an older one should hear of it, not of a name that is missing
    raise SystemExit(f"messages-conformance needs Python 3.11 or later; this is {sys.version.split()[0]}")

try:
    __version__ = version("messages-conformance")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+checkout"
