"""Versions of servers, and whether a version range holds for one: pre-releases and build numbers included."""

import re

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from conformance.keys import shortened

NEWEST = Version("999999")
"""Stands for a build that is newer than every release."""

LONGEST_RANGE = 1000
"""Characters: the number in a longer one may be one that Python does not read."""
_NUMBERS = re.compile(r"(?:^|[^\d.])(\d{1,9}(?:\.\d{1,9}){0,5})(?!\d)(.*)", re.DOTALL | re.ASCII)
_PRERELEASE = re.compile(r"[-.]?(?:rc|alpha|beta|a|b|pre|dev|preview)[-.]?\d*", re.IGNORECASE)


class ServerVersion(Struct, frozen=True):
    """A version as a server reported it, and the release that it counts as."""

    reported: str | None
    release: Version
    note: str = ""
    """What a person should know of how it was read; empty where it speaks for itself."""


def read_version(reported: str | None) -> ServerVersion:
    """A version as it is compared: a pre-release as its release, a dev build as the newest.

    `0.33.0-rc2` has the code of 0.33.0, but for what changed in its last days. Ollama calls what was built from source
    0.0.0 (https://github.com/ollama/ollama/blob/main/version/version.go), which says nothing of its age.
    A build number such as llama.cpp's `b6543-0a1b2c3` counts as 6543. One that cannot be read counts as the newest.
    """
    if reported is None or not reported.strip():
        return ServerVersion(None, NEWEST, "the server does not tell its version: it counts as the newest")
    found = _NUMBERS.search(reported.strip())
    if found is None:
        return ServerVersion(reported, NEWEST, f"version {reported!r} cannot be read: it counts as the newest")
    release = Version(found[1])
    if not any(release.release):
        return ServerVersion(reported, NEWEST, f"{reported} is a build from source: it counts as the newest")
    if _PRERELEASE.match(found[2]):
        return ServerVersion(reported, release, f"{reported} is a pre-release: it counts as {release}")
    return ServerVersion(reported, release)


def within(versions: str, version: ServerVersion) -> bool:
    """Whether a range such as `>=0.14.0,<0.33` holds for a version; the empty range always holds."""
    return not versions or SpecifierSet(versions).contains(version.release, prereleases=True)


def range_problem(versions: str) -> str | None:
    """The mistake in a version range, or None."""
    try:
        if len(versions) > LONGEST_RANGE:
            raise InvalidSpecifier
        SpecifierSet(versions)
    except InvalidSpecifier:
        return f"{shortened(versions, 100)!r} is not a version range; write one such as '>=0.14.0,<0.33'"
    return None
