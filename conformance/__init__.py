"""A conformance suite for HTTP endpoints that speak the Anthropic Messages API."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("messages-conformance")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+checkout"
