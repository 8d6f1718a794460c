"""The first view of the page: one line per server, with the answers that a reader has five seconds for."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from conformance.report.causes import homes, lesser_causes, red_causes
from conformance.report.levels import Level
from conformance.report.matrix import Column, Matrix
from conformance.runs.detection import ClientSession
from conformance.runs.log import RunLog
from conformance.words import ReadinessVerdict

HEIGHT, BAR, STEP = 26, 8, 11
"""Of the small trend, in pixels."""
BEHIND = {
    "real model": "A model answered.",
    "probe model": "The suite's own small model answered.",
    "scripted model": "A program stood in for the model: this shows the server's wire, and no engine.",
    "canned answers": "The answers are always the same: this shows the server's wire, and no engine.",
}
"""What stood behind a server, in a sentence."""


class ClientLine(Struct, frozen=True):
    """The readiness of a server for a client, and the others for which it is the same."""

    name: str
    verdict: ReadinessVerdict
    others: tuple[str, ...] = ()


class FirstCause(Struct, frozen=True):
    """The most important cause on a server."""

    says: str
    row: str
    """The row of the matrix that shows it; empty where none does."""
    weight: str
    """`known` for a gap that was, `of less weight` for a SHOULD or a MAY; empty where it is news."""
    """Whether it is a gap that is listed."""
    more: int
    """How many other causes there are of the same kind."""


class Version(Struct, frozen=True):
    """One version of a server in its small trend: how many rows are supported, of how many that apply."""

    column: Column
    label: str
    supported: int
    of: int

    @property
    def share(self) -> float:
        return self.supported / self.of if self.of else 0.0

    @property
    def height(self) -> float:
        """Of its bar."""
        return round(self.share * HEIGHT, 1)


class ServerLine(Struct, frozen=True, kw_only=True):
    """One server, by its newest version that was asked."""

    column: Column
    level: str
    """The level that was reached, and how many rows are short of the next."""
    clients: list[ClientLine]
    session: ClientSession | None
    """A session of the real client on this version."""
    behind: str
    """What stood behind it, in two words; empty where nobody knows."""
    behind_means: str
    first: FirstCause | None
    versions: list[Version]


def servers_of(matrix: Matrix, sessions: Sequence[ClientSession] = ()) -> list[ServerLine]:
    """The servers in the order of their columns; a simulation is a server of its own, and no session was held on it."""
    groups: dict[tuple[str, bool], list[Column]] = {}
    for column in matrix.columns:
        target = column.log.run.target
        groups.setdefault((target.name, target.simulated), []).append(column)
    held = {(one.server, version): one for one in sessions for version in one.versions}
    return [_server(group, held) for group in groups.values()]


def _server(group: Sequence[Column], held: Mapping[tuple[str, str], ClientSession]) -> ServerLine:
    newest = group[-1]
    target = newest.log.run.target
    return ServerLine(
        column=newest,
        level=_level(newest.level),
        clients=_clients(newest.log),
        session=None if target.simulated else held.get((target.name, target.version or "")),
        behind=newest.log.behind or "",
        behind_means=BEHIND[newest.log.behind] if newest.log.behind else "",
        first=_first(newest),
        versions=[_version(column) for column in group],
    )


def _level(level: Level) -> str:
    """`level agent; 3 rows short of full`."""
    if level.untold:
        return "no level is stated: not all of it was asked"
    reached = f"level {level.reached}" if level.reached else "no level"
    short = "1 row" if level.short == 1 else f"{level.short} rows"
    return f"{reached}; {short} short of {level.next}" if level.next else reached


def _clients(log: RunLog) -> list[ClientLine]:
    """The client of each profile that the run can answer, with its other versions: a line for each verdict."""
    found = []
    for row in log.readiness:
        profile = log.catalog.profiles.get(row.profile)
        named = {row.verdict: [row.client or (profile.title if profile else row.profile)]}
        for other in row.versions:
            named.setdefault(other.verdict, []).append(other.client)
        found += [ClientLine(first, verdict, tuple(others)) for verdict, (first, *others) in named.items()]
    return found


def _first(column: Column) -> FirstCause | None:
    """The first red cause, else the first known one; before others one that keeps the server from the next level."""
    red = red_causes(column.log)
    causes, where = red or list(column.log.causes), homes(column.log)
    if not causes:
        return None
    first = next((cause for cause in causes if where.get(cause.id) in column.level.broken), causes[0])
    weight = "" if red else "of less weight" if first in lesser_causes(column.log) else "known"
    return FirstCause(first.says, where.get(first.id, ""), weight, len(causes) - 1)


def _version(column: Column) -> Version:
    applies = {verdict: count for verdict, count in column.counts.items() if verdict != "not-applicable"}
    label = column.log.run.target.version or column.log.run.started[:10]
    return Version(column, label, applies.get("supported", 0), sum(applies.values()))
