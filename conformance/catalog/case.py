"""The types of a case file: they are the format, and `cases/case.schema.json` is generated from them."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from conformance.doors import UNDECODABLE
from conformance.words import MODES, Basis, Kind, Level, Mode, Size


class Spec(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The source of a claim: an address, and one sentence in our own words."""

    url: str
    """The address of the document, with `#section` where the page has anchors."""
    says: str
    """What the document requires, in one sentence of our own."""


class Ask(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One request: what to send, before the target's address, model, key and defaults are filled in."""

    method: Literal["GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"] = "POST"
    """The HTTP method."""
    path: str = "/v1/messages"
    """The path below the target's base URL; `{steps.NAME.PATH}` in it is filled in as one segment."""
    query: dict[str, str | int] = {}
    """The query parameters, name to value."""
    headers: dict[str, str | list[str] | None] = {}
    """Added to the default headers; null removes a default one, a list sends the header once for each item.
    `transfer-encoding: chunked` sends the body in chunks, without its length."""
    version: str | None = "2023-06-01"
    """The `anthropic-version` header; null sends none."""
    key: Literal["right", "x-api-key", "bearer", "both", "wrong", "wrong-bearer", "empty", "none"] = "right"
    """Which credentials go along: the target's own as it takes them or in these headers, a made-up one as it takes
    them or as a bearer token, an empty x-api-key, none.
    """
    body: dict[str, Any] | UnsetType = UNSET
    """The JSON body; `model` is filled in where the endpoint takes one, and `stream`, true or false by the mode."""
    omits: list[str] = []
    """Keys of the body that a run would fill in, `stream` or `model`, and that this request is without."""
    padded_to: int = 0
    """Bytes to which white space before its last brace brings the body: no reader of JSON sees it, only its size."""
    raw: str | UnsetType = UNSET
    """The body to the letter, for what no JSON object can say; excludes `body`."""
    encoding: Literal["utf-8", "latin-1", "gzip"] = "utf-8"
    """The bytes that `raw` goes out as; no header announces that they are others than those of UTF-8."""
    multipart: dict[str, str] | UnsetType = UNSET
    """Form parts, name to text; `file` may be `@fixture-name` for the bytes of a file in `cases/fixtures/`."""
    bad: bool = False
    """A request that the API refuses, where neither `refuse` nor a `raw` body says so: its answer is not judged by
    the rules about messages, whatever a lenient endpoint made of it.
    """
    foreign: Literal["fixture"] | None = None
    """The request goes to another origin than the target's: `fixture` is the suite's own file server, `{fixtures}`."""


class Check(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"in_": "in"}):
    """One thing to be seen in an answer: a JMESPath and exactly one matcher of the list in `catalog/matchers.py`."""

    at: str
    """The place to look at: a JMESPath over the document of the answer, such as `message.stop_reason` or `text`."""
    level: Level = "must"
    """How much it weighs when it does not hold: a `should` makes the case partial, and not broken."""
    equals: Any = UNSET
    differs: Any = UNSET
    in_: list[Any] | UnsetType = UNSET
    contains: Any = UNSET
    excludes: Any = UNSET
    starts: str | UnsetType = UNSET
    ends: str | UnsetType = UNSET
    matches: str | UnsetType = UNSET
    type: Literal["string", "number", "integer", "boolean", "array", "object", "null"] | UnsetType = UNSET
    present: Literal[True] | UnsetType = UNSET
    absent: Literal[True] | UnsetType = UNSET
    empty: bool | UnsetType = UNSET
    length: int | UnsetType = UNSET
    at_least: float | str | UnsetType = UNSET
    at_most: float | str | UnsetType = UNSET
    more_than: float | str | UnsetType = UNSET
    less_than: float | str | UnsetType = UNSET
    valid_under: dict[str, Any] | UnsetType = UNSET
    """A JSON Schema; a string value is first read as JSON."""
    unique: Literal[True] | UnsetType = UNSET
    why: str | None = None
    """The reason for the check, where the case does not show it."""


class Refusal(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A refusal as the API makes it: the statuses and error types that count."""

    status: int | list[int]
    """The HTTP status, or the statuses of which any one is right."""
    type: str | list[str]
    """The `error.type`, or the types of which any one is right."""


class Step(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One request of a conversation; a later step may use `{steps.NAME.PATH}` of an earlier answer."""

    name: str
    """How later steps refer to its answer: `{steps.NAME.PATH}`."""
    ask: Ask
    """The request of this step."""
    modes: list[Mode] | UnsetType = UNSET
    """Where this step differs from the case: `[json]` for a call that has no stream."""
    hang_up: bool | Literal["words", "waiting"] = False
    """The client closes the connection as soon as the answer has begun; with `words` as soon as its first words are
    there, with `waiting` after a second without an answer. What was asked is seen in a later step."""
    premise: list[Check] = []
    """What must hold of this step's answer for the next one to make sense."""


class Turn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One turn of a journey: what the client adds to the conversation, and what the answer must bring."""

    name: str
    """How later turns refer to its answer: `{steps.NAME.PATH}`."""
    content: str | list[dict[str, Any]]
    """What the user's message holds: a text, or blocks. While it is the newest it is sent as blocks with a cache marker
    on the last one, and afterwards as it stands here.
    """
    afresh: bool = False
    """The conversation begins anew with this turn, as after a compaction: nothing earlier is sent."""
    premise: list[Check] = []
    """What must hold of this turn's answer for the next one to make sense."""


class Journey(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A conversation that keeps all that was said: each turn sends the earlier ones, their answers as they came."""

    ask: Ask
    """What every turn sends beside its messages: system, tools, headers."""
    turns: list[Turn]
    """The turns, in order; each is a step by its name."""


class Case(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One question about one row of the surface."""

    id: str
    """The case's name for ever, such as `tools.choice.tool`; a rename keeps the old one in `renamed_from`."""
    title: str
    """What the endpoint does when it is right, in one sentence."""
    surface: str
    """The row that the case is about, and the only one that it turns."""
    touches: list[str] = []
    """Rows on which the case is shown as a mark, without weight."""
    level: Level = "must"
    """How much it weighs once the feature is accepted. A `may` is never worse than partial, unless unreadable."""
    basis: Basis | None = None
    """On what the claim rests. A must that is only `inferred` never makes a run fail."""
    kind: Kind = "obligation"
    """What one answer proves: `obligation` (absence is the server's), `invariant` (one counter-example is final),
    `witnessed` (one answer that shows it proves it), `tendency` (k of n, no verdict), `journey` (a conversation of many
    turns, on which a model may lose its way).
    """
    needs: list[str] = []
    """Capabilities without which the question does not arise."""
    lacks: list[str] = []
    """Capabilities that the target must be without: the case asks that the refusal is clean."""
    modes: list[Mode] | UnsetType = UNSET
    """`json`, `stream`; left out, both where the last request can be streamed."""
    spec: Spec | None = None
    """Where the claim comes from."""
    ask: Ask | UnsetType = UNSET
    """The request, where there is one; a conversation has `steps`."""
    steps: list[Step] | UnsetType = UNSET
    """The requests of a conversation, in order; the effects are those of the last answer."""
    journey: Journey | UnsetType = UNSET
    """A conversation that grows turn by turn, where `steps` would repeat all that was said before."""
    within: str | None = None
    """The case with a journey whose recorded answers this one judges: it asks nothing of its own, and is asked in the
    modes, with the needs and of the size of that one.
    """
    premise: list[Check] = []
    """What must hold of the (last) answer for the question to have been asked at all."""
    control: str | None = None
    """The case that shows that this model does its part."""
    effect: list[Check] = []
    """The first is the feature; the others, what the answer must say about it."""
    accepted: bool = False
    """An acceptance case: the request is answered with 200 and can be read, and nothing else is asked. It shows no
    effect, so it never makes a row whose effect can be seen `supported`.
    """
    refuse: Refusal | None = None
    """The (last) request is to be refused in this way."""
    twin: str | None = None
    """The accepted twin of a refusal, which differs in one thing."""
    without: str | None = None
    """The same question without the content: equal input_tokens prove that the content was dropped."""
    rules: list[str] = []
    """Rules whose findings turn this case too."""
    faults: list[str] = []
    """Faults that must turn this case red."""
    provenance: Literal["probe", "vendor-example"] = "probe"
    """`vendor-example`: the vendor's own example, whose prompt need not be in the probe language."""
    transport: Literal["http", "sdk", "sdk-async"] = "http"
    """What sends the request: the suite's own client, or the official SDK, synchronous or asynchronous."""
    waits_for: list[int] = []
    """Statuses such as 429 that this case asks for, so that they are an answer and not trouble."""
    asks_max_tokens: bool = False
    """The question is about max_tokens: no headroom is added, and ending at the limit is an answer."""
    size: Size = "normal"
    """`large`: costly in bytes or tokens, so it is asked with `--thorough` only."""
    concurrent: int = 1
    """How many copies of the request are in flight at once; `{copy}` tells them apart, counted from 0."""
    added: str = ""
    """The version of the suite that asks it first; empty: the first one. A target that pins an earlier one passes."""
    renamed_from: list[str] = []
    """Ids that this case had before; none is ever used for something else."""
    note: str | None = None
    """A leniency or an observation that forced it."""


class Defaults(Struct, frozen=True, forbid_unknown_fields=True):
    """Defaults of a family: filled into each body for `/v1/messages` that does not say."""

    max_tokens: int | None = None
    """The `max_tokens` of bodies without one."""
    prompt: str | None = None
    """The one user message of bodies without `messages`."""


class CaseFile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A file of cases that share a family."""

    family: str
    """The first parts of their ids, such as `tools.choice`."""
    about: str
    """One sentence that says what these cases are about."""
    defaults: Defaults | None = None
    """Filled into the requests of this file that do not say; what a case asks is the same as if it were written out."""
    cases: list[Case]
    """The questions, in the order in which they are asked."""


def steps_of(case: Case) -> list[Step]:
    """The steps of a case, in order: those of its journey, its own, or one without a name."""
    if case.journey is not UNSET:
        return _travelled(case.journey)
    if case.steps is not UNSET:
        return case.steps
    return [] if case.ask is UNSET else [Step(name="", ask=case.ask)]


def asks_of(case: Case) -> tuple[Ask, ...]:
    """The requests of a case, in order."""
    return tuple(step.ask for step in steps_of(case))


def _travelled(journey: Journey) -> list[Step]:
    """The requests of a journey: each holds the turns before it, answers included, and a marker where it ends."""
    steps: list[Step] = []
    said: list[dict[str, Any]] = []
    for turn in journey.turns:
        if turn.afresh:
            said = []
        newest = {"role": "user", "content": _marked(turn.content)}
        body = ({} if journey.ask.body is UNSET else journey.ask.body) | {"messages": [*said, newest]}
        steps.append(Step(name=turn.name, ask=replace(journey.ask, body=body), premise=turn.premise))
        answer = {"role": "assistant", "content": f"{{steps.{turn.name}.message.content}}"}
        said = [*said, {"role": "user", "content": turn.content}, answer]
    return steps


def _marked(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A user's newest message as agents send it: the cache is to keep all up to its end."""
    *earlier, last = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*earlier, last | {"cache_control": {"type": "ephemeral"}}]


def modes_of(case: Case) -> tuple[Mode, ...]:
    """The modes in which a case is asked: both where its last request is one for messages that can have a stream."""
    if case.modes is not UNSET:
        return tuple(case.modes)
    last = asks_of(case)[-1]
    streams = (
        last.method == "POST" and last.path == "/v1/messages" and last.body is not UNSET and "stream" not in last.body
    )
    return MODES if streams else ("json",)


def bad_requests(case: Case) -> tuple[bool, ...]:
    """For each request of a case in order, whether it is a bad one: sent in order to be refused, or no JSON at all."""
    asks = asks_of(case)
    return tuple(ask.bad or _is_malformed(ask) or (case.refuse is not None and ask is asks[-1]) for ask in asks)


def _is_malformed(ask: Ask) -> bool:
    """Whether a body is written out and is no JSON object in UTF-8."""
    if ask.raw is UNSET:
        return False
    if ask.encoding != "utf-8":
        return True
    try:
        return not isinstance(msgspec.json.decode(ask.raw), dict)
    except UNDECODABLE:
        return True


MESSAGES = "/v1/messages"


def completed(case: Case, defaults: Defaults | None) -> Case:
    """The case with the defaults of its family written out."""
    if defaults is None:
        return case
    if case.steps is not UNSET:
        return replace(case, steps=[replace(step, ask=_completed(step.ask, defaults)) for step in case.steps])
    if case.journey is not UNSET:  # its turns are its prompts
        ask = _completed(case.journey.ask, replace(defaults, prompt=None))
        return replace(case, journey=replace(case.journey, ask=ask))
    return case if case.ask is UNSET else replace(case, ask=_completed(case.ask, defaults))


def _completed(ask: Ask, defaults: Defaults) -> Ask:
    if ask.method != "POST" or ask.path != MESSAGES or ask.body is UNSET:
        return ask
    common: dict[str, Any] = {}
    if defaults.max_tokens is not None:
        common["max_tokens"] = defaults.max_tokens
    if defaults.prompt is not None:
        common["messages"] = [{"role": "user", "content": defaults.prompt}]
    return replace(ask, body=common | ask.body)
