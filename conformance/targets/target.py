"""What a target file may say, and the target that a run asks."""

import datetime as dt
from typing import Any, Literal

from msgspec import Struct

from conformance.catalog.case import Spec
from conformance.words import Mode, Verdict


class Gap(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One expectation that differs from the API's promise: exactly one of surface, rule or case."""

    surface: str | None = None
    rule: str | None = None
    case: str | None = None
    verdict: list[Verdict]
    modes: list[Mode] = []
    """Empty: both."""
    keys: list[str] = []
    """The finding keys that are known; others are a regression. Empty: any."""
    versions: str = ""
    """A version range such as `>=0.14.0,<0.33`; empty: every version."""
    source: Spec | None = None
    why: str | None = None
    issue: str | None = None
    until: dt.date | None = None


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """How a key is sent, and the environment variable that holds it."""

    header: Literal["x-api-key", "bearer", "both", "none"] = "x-api-key"
    env: str | None = None
    placeholder: str | None = None
    """Sent when no key is named, for servers that want any key at all."""


class Recognition(Struct, frozen=True, forbid_unknown_fields=True):
    """How a server is told from others: a GET on `path` whose answer fits."""

    path: str
    status: int = 200
    at: str | None = None
    """JMESPath into a JSON answer that must not be null."""
    header: str | None = None
    """`name: substring` of a response header."""
    text: str | None = None
    """A substring of the body."""
    version_at: str | None = None
    """JMESPath to the version in the JSON answer."""


class TargetFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A target as declared: `conformance/targets/NAME.yaml`, or a user's own file that extends one."""

    name: str
    title: str = ""
    extends: str | None = None
    drop: list[dict[str, Any]] = []
    """Entries of the extended file that no longer hold: each names a surface, rule or case."""
    about: str = ""
    asked: bool = True
    """False: the vendor's documents only; never shown as asked."""
    base_url: str | None = None
    base_url_env: list[str] = []
    start: str | None = None
    """What to type when nothing listens at the address."""
    auth: Auth = Auth()
    recognise: list[Recognition] = []
    version: Recognition | None = None
    discovery: Literal["ollama", "models", "none"] = "models"
    """How models and their capabilities are found: Ollama's own API, the list at `/v1/models`, or not at all."""
    model: str | None = None
    capabilities: dict[str, bool] = {}
    concurrency: int = 4
    headroom: int = 0
    defaults: dict[str, Any] = {}
    """Body fields sent unless the case names them, such as `temperature: 0`."""
    documented: list[Gap] = []
    known: list[Gap] = []


class Target(Struct, frozen=True, kw_only=True):
    """Who is asked in this run: everything that the probe needs, with nothing left to find out."""

    name: str
    base_url: str
    version: str | None = None
    model: str = ""
    auth: Auth = Auth()
    key: str | None = None
    """The secret itself: never written anywhere."""
    capabilities: dict[str, bool] = {}
    """Capability to yes or no; one that is missing is unknown."""
    concurrency: int = 4
    headroom: int = 0
    defaults: dict[str, Any] = {}
    documented: tuple[Gap, ...] = ()
    known: tuple[Gap, ...] = ()
    simulated: bool = False
    start: str | None = None
