"""The rows of a run log, format 2: what a run leaves, one typed row a line."""

from typing import Any, Literal

from msgspec import Struct

from conformance.judge.finding import Finding
from conformance.words import Basis, ConformanceLevel, Kind, Level, Mode, NeedLevel, SdkTestimony, Status, Tier, Verdict

FORMAT = 2
"""The format of a log as it is written today; earlier ones are read, later ones refused."""

CauseKind = Literal["rule", "answer", "trouble", "effect"]
"""Where a cause shows: a rule's row, one sentence of the server, the same cut or hang, or one question alone."""

ReadinessVerdict = Literal["ready", "ready with limits", "not ready", "not verified"]
"""What a profile's client can expect of an endpoint."""


class SuiteInfo(Struct, frozen=True):
    version: str
    cases_sha256: str


class TargetInfo(Struct, frozen=True):
    name: str
    version: str | None
    base_url: str
    model: str
    simulated: bool = False


class RunRow(Struct, frozen=True, tag="run", kw_only=True):
    """The head of a log: who was asked, with what, when."""

    format: int = FORMAT
    suite: SuiteInfo
    target: TargetInfo
    capabilities: dict[str, bool]
    options: dict[str, Any]
    profile: str | None
    expectations_sha256: str
    command: str
    started: str
    """ISO 8601, UTC."""


class RowInfo(Struct, frozen=True):
    id: str
    title: str
    area: str
    tier: Tier
    consequence: str
    source: list[str]
    weight: Level = "must"
    level: ConformanceLevel | None = None
    seen_in: list[str] = []
    since: str | None = None
    observable: bool = True
    reason: str | None = None
    """Why no client can see the effect, where `observable` is false."""
    unasked: str | None = None
    renamed_from: list[str] = []


class RuleInfo(Struct, frozen=True):
    id: str
    law: str
    level: Level
    source: str
    surface: str = ""
    basis: Basis | None = None


class CaseInfo(Struct, frozen=True):
    """What a reader needs to know of a case that its row does not say."""

    id: str
    title: str
    says: str = ""
    url: str = ""
    basis: Basis | None = None
    renamed_from: list[str] = []


class ProfileInfo(Struct, frozen=True):
    """A profile as the report needs it; `must` and `should` map a row to the consequence for the user."""

    title: str
    question: str
    must: dict[str, str] = {}
    should: dict[str, str] = {}


class CatalogRow(Struct, frozen=True, tag="catalog", kw_only=True):
    """The questions as they were when the run began, so that an old log explains itself."""

    rows: list[RowInfo]
    rules: list[RuleInfo]
    profiles: dict[str, ProfileInfo] = {}
    areas: dict[str, str] = {}
    cases: list[CaseInfo] = []


class CaseRow(Struct, frozen=True, tag="case", kw_only=True):
    """The verdict of one case in one mode."""

    case: str
    case_sha256: str
    mode: Mode
    kind: Kind
    surface: str
    touches: list[str]
    level: Level
    verdict: Verdict
    status: Status
    reason: str
    findings: list[Finding]
    marks: list[Finding]
    """Findings of its exchanges that belong to rules: shown here, counted there."""
    attempts: int
    sdk: SdkTestimony | None
    seconds: float
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
    drift: bool = False
    """The shape of the answer differs from the committed snapshot."""
    by: str = ""
    """The id of the cause that blocked it, where the verdict is `blocked`."""


class RuleRow(Struct, frozen=True, tag="rule", kw_only=True):
    """The verdict of one rule over all answers of a run."""

    rule: str
    surface: str
    level: Level
    verdict: Verdict
    status: Status
    seen: int
    violations: int
    findings: list[Finding]
    """One for each key, with its count and its first exchange."""
    expected_by: str = ""


class CauseRow(Struct, frozen=True, tag="cause", kw_only=True):
    """One fault of the endpoint with all that it turned red or kept from being judged; the worst cause comes first."""

    kind: CauseKind
    id: str
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


class Need(Struct, frozen=True, kw_only=True):
    """One need of a client, and whether the endpoint meets it."""

    id: str
    level: NeedLevel
    verdict: Verdict
    """The worst verdict of its questions: met if supported or partial, missing if refused, ignored or broken."""
    says: str
    """The need in one sentence."""
    meets: str = ""
    """What the user meets where the need is not met."""
    question: str = ""
    """The case, `case[mode]` or rule that decided it."""
    exchange: str = ""


class ReadinessRow(Struct, frozen=True, tag="readiness", kw_only=True):
    """Whether the client of a profile can run on the endpoint."""

    profile: str
    client: str = ""
    """Name and version of the client that the needs were measured with."""
    verdict: ReadinessVerdict
    needs: list[Need] = []
    timing: dict[str, float] = {}
    """Seconds by name: the longest waits that the run saw."""
    warnings: list[str] = []


class ObedienceRow(Struct, frozen=True, tag="obedience"):
    """How many control questions the model obeyed, of how many."""

    obeyed: int
    of: int


class TendencyRow(Struct, frozen=True, tag="tendency", kw_only=True):
    """How often a case of kind tendency showed its effect; no verdict follows from it."""

    case: str
    mode: Mode
    shown: int
    of: int
    exchanges: list[str] = []


class EndRow(Struct, frozen=True, tag="end", kw_only=True):
    """The footer; a log without it is incomplete."""

    finished: str
    counts: dict[str, int]
    """Verdict to the number of case and rule rows, each counted with its last verdict."""
    complete: bool
    exit: int


LogRow = RunRow | CatalogRow | CaseRow | RuleRow | CauseRow | ReadinessRow | ObedienceRow | TendencyRow | EndRow
