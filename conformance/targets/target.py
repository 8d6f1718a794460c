"""The types of a target file and its JSON Schema, and of the target that a run asks."""

import datetime as dt
from typing import Any, Literal

from msgspec import Struct

from conformance.catalog.case import Spec
from conformance.catalog.described import schema_of
from conformance.words import Mode, ReadinessVerdict, Verdict


class Gap(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One expectation that differs from the API's promise: exactly one of surface, rule, case or profile."""

    surface: str | None = None
    """A row: the entry is about its whole cell."""
    rule: str | None = None
    """A rule, over all answers."""
    case: str | None = None
    """A case, in the given modes."""
    profile: str | None = None
    """A profile: its verdict is a readiness, such as `not ready`, and a run of it that ends so is as expected."""
    verdict: list[Verdict | ReadinessVerdict]
    """The verdicts that are expected; one that is better makes the entry stale. Never `supported` beside another."""
    when: list[str] = []
    """Cases that show the gap: something better makes the entry stale only where one of them was observed."""
    tries: int = 1
    """How often the case is asked where chance decides; only so many clean answers make the entry stale."""
    modes: list[Mode] = []
    """Empty: both."""
    keys: list[str] = []
    """The finding keys that are known; others are a regression. Empty: any."""
    versions: str = ""
    """A version range such as `>=0.14.0,<0.33`; empty: every version."""
    models: list[str] = []
    """The models that show it, `*` for any letters; with `!` before it, one that does not. Empty: all."""
    source: Spec | None = None
    """Where the vendor says so; every entry under `documented` has one."""
    why: str | None = None
    """What was seen; every entry under `known` has one."""
    issue: str | None = None
    """The address of the vendor's own issue."""
    until: dt.date | None = None
    """The day after which `lint` asks to look at the entry again."""


class Dispute(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A challenge of a cell by those who make the server: exactly one of surface, rule or case."""

    surface: str | None = None
    """A row: every verdict of its cell is challenged."""
    rule: str | None = None
    """A rule, over all answers."""
    case: str | None = None
    """A case, in the given modes."""
    verdict: list[Verdict]
    """The verdicts that are challenged; another one counts as ever."""
    modes: list[Mode] = []
    """Empty: both."""
    versions: str = ""
    """A version range such as `>=0.14.0,<0.33`; empty: every version."""
    evidence: str
    """The id of the exchange that shows it, as the page and the evidence name it."""
    says: str
    """Why the challenger thinks that the server is right."""
    answer: str
    """Why the suite asks for it, until a source or a recording decides."""
    until: dt.date | None = None
    """The day after which `lint` asks to look at the entry again."""


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """The key of a target: its header, and the environment variable that holds it."""

    header: Literal["x-api-key", "bearer", "both", "none"] = "x-api-key"
    """The header that carries the key."""
    env: str | None = None
    """The name of the environment variable that holds the key; the key itself never stands in a file."""
    placeholder: str | None = None
    """Sent when no key is named, for servers that want any key at all."""


class Recognition(Struct, frozen=True, forbid_unknown_fields=True):
    """A test by which a server is recognised: a GET on `path` whose answer fits."""

    path: str
    """The path that is asked, below the base URL."""
    status: int = 200
    """The status that the answer must have."""
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
    """The name that `--target` takes and the columns of the report show."""
    title: str = ""
    """The product's own name."""
    extends: str | None = None
    """A packaged target by its name, or a file by its path from here: what this file does not say is taken from it."""
    drop: list[dict[str, Any]] = []
    """Entries of the extended file that no longer hold: each names a surface, rule or case."""
    about: str = ""
    """What the entries are about, and where they were seen."""
    drops_tool_references: bool = False
    """What a client's search for tools found does not reach the model: `conformance env` switches that search off."""
    asked: bool = True
    """False: the vendor's documents only; never shown as asked."""
    base_url: str | None = None
    """The address, without `/v1/messages`."""
    base_url_env: list[str] = []
    """Environment variables that may hold the address, the first that is set counts."""
    start: str | None = None
    """What to type when nothing listens at the address."""
    auth: Auth = Auth()
    """How a key is sent."""
    recognise: list[Recognition] = []
    """How the server is known where nobody named a target: any one that fits."""
    version: Recognition | None = None
    """Where the server says its version."""
    suite: str = ""
    """The version of the suite that the file is written for: what later ones add is not held against the server."""
    packages: dict[str, str] = {}
    """What the server says of its version, to the version of the package that says so, where the two differ."""
    discovery: Literal["ollama", "models", "none"] = "models"
    """How models and their capabilities are found: Ollama's own API, the list at `/v1/models`, or not at all."""
    model: str | None = None
    """The model that is asked where nobody names one."""
    capabilities: dict[str, bool] = {}
    """Capability to yes or no; one that is missing is discovered, or unknown."""
    concurrency: int = 4
    """The most requests in flight at once."""
    headroom: int = 0
    """Tokens added to every `max_tokens` that is not itself the question, for models that think unasked."""
    defaults: dict[str, Any] = {}
    """Body fields sent unless the case names them, such as `temperature: 0`."""
    documented: list[Gap] = []
    """Gaps that the vendor's documents name."""
    known: list[Gap] = []
    """Gaps that were seen and that no document of the vendor names."""
    disputed: list[Dispute] = []
    """Cells that the makers of the server challenge: they count nowhere while it stands."""


class Target(Struct, frozen=True, kw_only=True):
    """The target of a run, complete: everything that the probe needs."""

    name: str
    base_url: str
    version: str | None = None
    """The version of its package, where that is known: what people install and what entries are about."""
    calls_itself: str | None = None
    """What the server itself says of its version, where that is another."""
    model: str = ""
    auth: Auth = Auth()
    key: str | None = None
    """The secret itself: never written anywhere."""
    capabilities: dict[str, bool] = {}
    """Capability to yes or no; one that is missing is unknown."""
    concurrency: int = 4
    headroom: int = 0
    window: int | None = None
    """Tokens that the probe model takes in; what does not fit is not asked, for some servers cut it in silence."""
    defaults: dict[str, Any] = {}
    documented: tuple[Gap, ...] = ()
    known: tuple[Gap, ...] = ()
    disputed: tuple[Dispute, ...] = ()
    suite: str = ""
    simulated: bool = False
    start: str | None = None


TARGET_SCHEMA = "target.schema.json"


def target_schema() -> dict[str, Any]:
    """The schema of a target file."""
    return schema_of(TargetFile, "A target of the conformance suite")
