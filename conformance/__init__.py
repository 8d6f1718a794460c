"""A conformance suite for HTTP endpoints that speak the Anthropic Messages API."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - who has an older one should hear of it, not of a name that is missing
    raise SystemExit(f"messages-conformance needs Python 3.11 or later; this is {sys.version.split()[0]}")

__version__: str
"""Read from the installed package when it is first asked for: that takes a sixth of the start of the scripted model."""


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("messages-conformance")
    except PackageNotFoundError:  # a checkout that was never installed
        found = "0+checkout"
    globals()["__version__"] = found
    return found
