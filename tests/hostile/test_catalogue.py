"""Each hostile endpoint is asked: its question ends in time, with the verdict and the findings of outcomes.psv.

Those that turn hostile late have answered the innocent question by then: it is asked first.

The table is the contract: one endpoint a line, what its question comes to as a stream and as JSON, and every rule that
turns red, with what is wrong. `reports` names are as the run log has them.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from command_line import FULL
from hostile_catalogue import CATALOGUE, FLOODS, GOOD_FOR, LATE, WAITS
from hostile_endpoints import ATTACKED, INNOCENT, OUTCOMES, Asked, Rows, Sizes, good, outcome
from misbehaving import Peer, hurried, serving
from msgspec.structs import replace

from conformance.catalog.load import load_catalog
from conformance.engine import inquiry as asking
from conformance.engine.assessment import Assessment
from conformance.engine.inquiry import Inquiry, Transport
from conformance.engine.ledger import Ledger
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question
from conformance.engine.records import FixedRecords
from conformance.engine.scheduler import Deadline, Memory
from conformance.probe import connection
from conformance.probe.asking import ServedFixtures
from conformance.probe.client import Client
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseRow
from conformance.targets.target import Target

LIMITS = Limits(connect=10, first_byte=4, idle=2, total=5, grace=0.5)
UNHURRIED = Limits(connect=60, first_byte=60, idle=60, total=60, grace=60)
"""For endpoints that never let anybody wait: there no clock decides, however busy the machine is."""
NARROW = UNHURRIED if FULL else replace(UNHURRIED, body=400_000, events=3_000)
"""For floods, which end at a limit: a quarter of the product's own, but with `--full`."""
FEW_CHUNKS = 10_000
CATALOG = load_catalog()
KEY = "sk-canary-hostile-7731"


async def behaves(peer: Peer, name: str, canary: str, seen: Iterator[int]) -> None:
    """Answers the innocent question well, and the other one as the attack does; `seen` counts the requests."""
    while True:
        raw = await peer.request()
        asked = Asked(json.loads(raw.partition(b"\r\n\r\n")[2] or b"{}"), raw, canary)
        innocent = " " in asked.text if name in CATALOGUE else next(seen) < GOOD_FOR
        answer = good(asked) if innocent else (CATALOGUE | LATE)[name](asked)
        if isinstance(answer, AsyncIterator):
            async for piece in answer:
                await peer.send(piece)
        else:
            await peer.send(answer)
        if not innocent:
            await asyncio.sleep(0.05)
            return


async def rows_of(name: str) -> Rows:
    async with serving(lambda _: asyncio.sleep(0)) as canary:
        seen = itertools.count()
        async with serving(lambda peer: behaves(peer, name, canary.url, seen)) as server:
            limits = LIMITS if name in WAITS else NARROW if name in FLOODS else UNHURRIED
            rows = await _rows_of(server.url, limits)
        assert canary.connections == 0
    return rows


async def _rows_of(url: str, limits: Limits) -> Rows:
    target = Target(name="t", base_url=url, model="m", key=KEY)
    questions = [Question(CATALOG.cases[case], mode) for case in (ATTACKED, INNOCENT) for mode in ("json", "stream")]
    async with Client(limits=limits, keys=[KEY]) as client:
        inquiry = Inquiry(
            catalog=CATALOG,
            target=target,
            transport=Transport(client, Patience(1), ServedFixtures()),
            attempts=1,
            deadline=Deadline(None),
        )
        asked = list(with_dependencies(CATALOG, questions))
        records = await Memory(inquiry.on).learn_all(asked)
    source = FixedRecords(records, "not asked")
    ledger = Ledger(source=source, assessment=Assessment(CATALOG, asked, source.record, Expectations()))
    for question in asked:
        ledger.judge_case(question)
    return [*ledger.rows, *(ledger.judge_rule(rule) for rule in ledger.rules)]


@pytest.fixture(scope="module", autouse=True)
def sample() -> Iterator[None]:
    """In the sample, what failed is asked for once, for a client asks the same again; and answers are smaller."""
    with pytest.MonkeyPatch.context() as patch:
        if not FULL:
            patch.setattr(Sizes, "part", 10)
            patch.setattr(asking, "AGAIN", 0)
            patch.setattr(connection, "MOST_CHUNKS", FEW_CHUNKS)
        yield


@pytest.fixture(scope="module")
def waited() -> dict[str, Rows]:
    """The endpoints that let one wait, all of them asked side by side."""

    async def run() -> dict[str, Rows]:
        names = sorted(WAITS)
        return dict(zip(names, await asyncio.gather(*map(rows_of, names)), strict=True))

    return hurried(run())


def test_the_table_is_whole() -> None:
    assert list(OUTCOMES) == [*CATALOGUE, *LATE]
    assert set(OUTCOMES) >= WAITS | FLOODS
    assert len(CATALOGUE) >= 120


@pytest.mark.parametrize("name", [*CATALOGUE, *LATE])
def test_a_hostile_endpoint_harms_its_own_answer_only(name: str, waited: dict[str, Rows]) -> None:
    rows = waited[name] if name in WAITS else hurried(rows_of(name))
    assert outcome(rows) == OUTCOMES[name]
    for row in rows:
        assert row.verdict != "error", row
        if isinstance(row, CaseRow) and row.case == INNOCENT:
            assert row.verdict == "supported", row
        assert KEY not in f"{row}"


ROOT = Path(__file__).parent.parent.parent
TABLE = Path(__file__).with_name("attacks.psv")
ROWS = [line.split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
LEAST = 3


def test_answers_to_one_request_are_of_one_length() -> None:
    """Endpoints state the length of one answer and send another: its random id was shorter now and then."""
    assert len({len(good(Asked({}, b""))) for _ in range(1000)}) == 1


def test_each_behaviour_has_a_test() -> None:
    for _, behaviour, test, _ in ROWS:
        if test == "outcomes.psv":
            assert behaviour in OUTCOMES
            continue
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_each_endpoint_of_the_catalogue_has_a_kind() -> None:
    listed = [behaviour for _, behaviour, test, _ in ROWS if test == "outcomes.psv"]
    assert sorted(listed) == sorted({*CATALOGUE, *LATE} - {"good"})


def test_each_kind_has_siblings_of_its_own() -> None:
    siblings = Counter(kind for kind, _, _, origin in ROWS if origin == "sibling")
    assert {kind for kind, *_ in ROWS} == set(siblings)
    assert min(siblings.values()) >= LEAST, siblings
