"""The rows of a run log, format 2: what a run leaves, one typed row a line."""

from typing import Any, Literal, get_args

from msgspec import Struct

from conformance.judge.cause import CauseKind
from conformance.judge.finding import Finding
from conformance.words import (
    OBSERVED,
    Basis,
    ConformanceLevel,
    Kind,
    Level,
    Mode,
    NeedLevel,
    NeedState,
    ReadinessVerdict,
    SdkTestimony,
    Status,
    Tier,
    Unjudged,
    Verdict,
)

FORMAT = 2
"""The format of a log as it is written today; earlier ones are read, later ones refused."""

Behind = Literal["real model", "probe model", "scripted model", "canned answers"]
"""What stood behind a server: a model, or the suite's own small one. Two show the server's wire only: a program that
obeys, and answers that are always the same."""

BEHIND: tuple[Behind, ...] = get_args(Behind)


class SuiteInfo(Struct, frozen=True):
    version: str
    """The suite's version."""
    cases_sha256: str
    """The hash of all questions together."""


class TargetInfo(Struct, frozen=True):
    name: str
    """The target's name."""
    version: str | None
    """The version of its package, where that is known; else what the server says of its version."""
    base_url: str
    """The address that was asked."""
    model: str
    """The model that was asked."""
    simulated: bool = False
    """True for a simulation: never shown under a product's name alone."""
    behind: Behind | None = None
    """What stood behind it, where somebody said so or it proved itself."""
    calls_itself: str | None = None
    """What the server says of its version, where that is not the version of its package."""


class RunRow(Struct, frozen=True, tag="run", kw_only=True):
    """The head of a log: who was asked, with what, when."""

    format: int = FORMAT
    """The format of the log."""
    suite: SuiteInfo
    """The suite that asked."""
    target: TargetInfo
    """Who was asked."""
    capabilities: dict[str, bool]
    """Capability to yes or no; one that is missing was unknown."""
    options: dict[str, Any]
    """The options of the call that differ from their defaults."""
    profile: str | None
    """The profile that was asked, if any."""
    expectations_sha256: str
    """The hash of the target's gaps."""
    command: str
    """The command line, without keys."""
    started: str
    """ISO 8601, UTC."""


class RowInfo(Struct, frozen=True):
    id: str
    """The row's id."""
    title: str
    """What it is about."""
    area: str
    """The id of its area."""
    tier: Tier
    """Who can be expected to have it."""
    consequence: str
    """What it means for a user when it is missing."""
    source: list[str]
    """The documents that describe it."""
    weight: Level = "must"
    """How much it counts."""
    level: ConformanceLevel | None = None
    """The first level of conformance that needs it."""
    seen_in: list[str] = []
    """Vendors' documents that name it."""
    since: str | None = None
    """From when on the API has it."""
    observable: bool = True
    """False where no client can see the effect."""
    reason: str | None = None
    """Why no client can see the effect, where `observable` is false."""
    unasked: str | None = None
    """Why nothing asks it."""
    thorough: bool = False
    """Whether only a run with `--thorough` asks it."""
    renamed_from: list[str] = []
    """Ids that it had before."""


class RuleInfo(Struct, frozen=True):
    id: str
    """The rule's id."""
    law: str
    """What every answer must keep, in one sentence."""
    level: Level
    """How much a violation weighs."""
    source: str
    """The section that says so."""
    surface: str = ""
    """The row that it speaks for."""
    basis: Basis | None = None
    """On what it rests."""


class CaseInfo(Struct, frozen=True):
    """The part of a case that a reader needs and its row does not say."""

    id: str
    """The case's id."""
    title: str
    """What the endpoint does when it is right."""
    says: str = ""
    """What the source requires."""
    url: str = ""
    """The source."""
    basis: Basis | None = None
    """On what the claim rests."""
    renamed_from: list[str] = []
    """Ids that it had before."""


class ProfileInfo(Struct, frozen=True):
    """A profile as the report needs it; `must` and `should` map a row to the consequence for the user."""

    title: str
    """The profile's title."""
    question: str
    """What its user wants to know."""
    must: dict[str, str] = {}
    """Row to the consequence without it: the answer is no."""
    should: dict[str, str] = {}
    """Row to the consequence without it: yes, with limits."""


class CatalogRow(Struct, frozen=True, tag="catalog", kw_only=True):
    """The questions as they were when the run began, so that an old log explains itself."""

    rows: list[RowInfo]
    """The rows of the surface."""
    rules: list[RuleInfo]
    """The rules."""
    profiles: dict[str, ProfileInfo] = {}
    """The profiles by name."""
    areas: dict[str, str] = {}
    """Area id to its title, in the order of the matrix."""
    cases: list[CaseInfo] = []
    """The cases."""


class CaseRow(Struct, frozen=True, tag="case", kw_only=True):
    """The verdict of one case in one mode."""

    case: str
    """The case's id."""
    case_sha256: str
    """The hash of what was asked and judged."""
    mode: Mode
    """How the answer was asked for."""
    kind: Kind
    """What one answer proves."""
    surface: str
    """The row that it turns."""
    touches: list[str]
    """Rows on which it is a mark."""
    level: Level
    """How much it weighs."""
    verdict: Verdict
    """What it says about the target."""
    status: Status
    """How that relates to what was expected."""
    reason: str
    """Why, in words."""
    findings: list[Finding]
    """What did not hold."""
    marks: list[Finding]
    """Findings of its exchanges that belong to rules: shown here, counted there."""
    attempts: int
    """How often it was asked."""
    sdk: SdkTestimony | None
    """What the official SDK made of the answer."""
    seconds: float
    """How long its attempts took together."""
    exchanges: list[str]
    """The ids of its exchanges in the evidence."""
    expected_by: str = ""
    """The source or reason of the expectation that this row met, where it is not the API's promise."""
    capable: bool | None = True
    """Whether the target has what the case needs; None where nobody knows."""
    confirmed: bool = True
    """False where the control of a witnessed effect was not shown every time that it was asked again."""
    accepted: bool = False
    """True where a readable 200 was all that was asked, of a row whose effect can be seen: `supported` says nothing of
    the row then.
    """
    shape: Any = None
    """The shape of its last answer: keys, types and order of events, without any value of the answer."""
    drift: bool = False
    """The shape of the answer differs from the committed snapshot."""
    recovered: bool = False
    """Whether an answer failed, and came when the very same was asked again; the verdict is that of the failure."""
    unjudged: Unjudged = ""
    """Why it was not judged: `too-long` where its prompt does not fit into the server's window, `twin-failed` where the
    accepted twin of a refusal failed; empty for every other row.
    """
    final: bool = False
    """Whether an answer that failed said `x-should-retry: false`: the official clients do not ask again then."""
    by: str = ""
    """The id of the cause that blocked it, where the verdict is `blocked`."""


class RuleRow(Struct, frozen=True, tag="rule", kw_only=True):
    """The verdict of one rule over all answers of a run."""

    rule: str
    """The rule's id."""
    surface: str
    """The row that it turns."""
    level: Level
    """How much it weighs."""
    verdict: Verdict
    """What it says about the target."""
    status: Status
    """How that relates to what was expected."""
    seen: int
    """In how many answers it had something to hold on."""
    violations: int
    """In how many of them it was broken."""
    findings: list[Finding]
    """One for each key, with its count and its first exchange."""
    expected_by: str = ""
    """The source or reason of the expectation that it met."""

    @property
    def accepted(self) -> bool:
        """Never: a rule asks for more than a readable 200."""
        return False


class CauseRow(Struct, frozen=True, tag="cause", kw_only=True):
    """One fault of the endpoint with all that it turned red or kept from being judged; the worst cause comes first."""

    kind: CauseKind
    """Where it shows."""
    id: str
    """Its id."""
    says: str
    """One sentence: what is wrong."""
    quote: str = ""
    """The server's own words, where it said any."""
    rows: list[str] = []
    """The cases, `case[mode]`, and rules behind it."""
    blocked: int = 0
    """How many questions were not judged because of it."""
    answers: tuple[int, int] = (0, 0)
    """In how many answers it was seen, of how many that could have shown it."""
    exchange: str = ""
    """The first exchange that shows it."""


class JudgedNeed(Struct, frozen=True, kw_only=True):
    """One need of a client, and whether the endpoint meets it."""

    id: str
    """The need's id."""
    level: NeedLevel
    """What is lost without it: the whole, or a part."""
    verdict: Verdict
    """What the question that decided it came to."""
    state: NeedState | None = None
    """Whether it is met, missing, or nothing was seen of it; None in logs of older suites."""
    says: str
    """The need in one sentence."""
    meets: str = ""
    """What the user meets where the need is not met."""
    question: str = ""
    """The case, `case[mode]` or rule that decided it."""
    exchange: str = ""
    """The exchange that shows it."""
    behind: str = ""
    """The need that is refused in the same words, where this one was not judged because of that."""

    @property
    def found(self) -> NeedState:
        """Its state, in logs that have none by the verdict."""
        if self.state is not None:
            return self.state
        if self.verdict in ("supported", "partial"):
            return "met"
        return "missing" if self.verdict in OBSERVED else "unverified"


class VersionReadiness(Struct, frozen=True, kw_only=True):
    """The readiness of the endpoint for another version of the client."""

    client: str
    """Its name and version."""
    verdict: ReadinessVerdict
    """The answer for it."""
    needs: list[str] = []
    """The needs that are not met or of which nothing was seen, those that stop it first."""
    meets: str = ""
    """What was seen of the first of them, and what the user meets."""
    question: str = ""
    """The case, `case[mode]` or rule that decided that one."""
    exchange: str = ""
    """The exchange that shows it."""


class ReadinessRow(Struct, frozen=True, tag="readiness", kw_only=True):
    """The readiness of the endpoint for the client of a profile."""

    profile: str
    """The profile's name."""
    client: str = ""
    """Name and version of the client that the needs were measured with."""
    verdict: ReadinessVerdict
    """The answer to its question."""
    needs: list[JudgedNeed] = []
    """The needs, each with what the run found."""
    versions: list[VersionReadiness] = []
    """The answers for other versions of the client."""
    calls: tuple[int, int] | None = None
    """How many calls in the client's shape came as calls, of how many that were asked for: what this model does."""
    timing: dict[str, float] = {}
    """Seconds by name, of this machine: how long the client's first request waits (`first_byte`, `longest_silence`),
    and a first and a second turn that begin alike (`first_turn`, `second_turn`).
    """
    warnings: list[str] = []
    """What came near to a limit of the client."""


class ObedienceRow(Struct, frozen=True, tag="obedience"):
    """The number of control questions that the model obeyed."""

    obeyed: int
    """How many control questions were obeyed."""
    of: int
    """Of how many."""


class TendencyRow(Struct, frozen=True, tag="tendency", kw_only=True):
    """The count of a tendency: how often its effect was shown; no verdict follows from it."""

    case: str
    """The case's id."""
    mode: Mode
    """How the answers were asked for."""
    shown: int
    """How often the effect was seen."""
    of: int
    """Of how many answers."""
    exchanges: list[str] = []
    """The ids of its exchanges in the evidence."""


class EndRow(Struct, frozen=True, tag="end", kw_only=True):
    """The footer; a log without it is incomplete."""

    finished: str
    """ISO 8601, UTC."""
    counts: dict[str, int]
    """Verdict to the number of case and rule rows, each counted with its last verdict."""
    complete: bool
    """False where a run was ended early."""
    exit: int
    """The exit code of the run."""
    behind: Behind | None = None
    """What the run found to stand behind the endpoint."""


LogRow = RunRow | CatalogRow | CaseRow | RuleRow | CauseRow | ReadinessRow | ObedienceRow | TendencyRow | EndRow
