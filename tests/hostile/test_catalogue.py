"""Each hostile endpoint is asked: its question ends in time with the right verdict, and nobody else is harmed."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hostile_endpoints import CATALOGUE, Asked, good
from misbehaving import Peer, serving

from conformance.catalog.load import load_catalog
from conformance.engine.assessment import Assessment
from conformance.engine.inquiry import Inquiry, Transport
from conformance.engine.ledger import Ledger
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question
from conformance.engine.records import Recorded
from conformance.engine.scheduler import Deadline, Memory
from conformance.probe.asking import Fixtures
from conformance.probe.client import Client
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseRow, RuleRow
from conformance.targets.target import Target

ATTACKED, INNOCENT = "messages.text", "messages.two-words"
LIMITS = Limits(connect=10, first_byte=4, idle=2, total=5, grace=0.5)
CATALOG = load_catalog()
KEY = "sk-canary-hostile-7731"


async def behaves(peer: Peer, attack: object) -> None:
    """Answers the innocent question well, and the other one as the attack does."""
    while True:
        raw = await peer.request()
        asked = Asked(json.loads(raw.partition(b"\r\n\r\n")[2] or b"{}"), raw)
        innocent = " " in asked.text
        answer = good(asked) if innocent else attack(asked)  # type: ignore[operator]
        if isinstance(answer, AsyncIterator):
            async for piece in answer:
                await peer.send(piece)
        else:
            await peer.send(answer)
        if not innocent:
            await asyncio.sleep(0.05)
            return


async def rows_of(name: str) -> list[CaseRow | RuleRow]:
    async with serving(lambda peer: behaves(peer, CATALOGUE[name].attack)) as server:
        target = Target(name="t", base_url=server.url, model="m", key=KEY)
        questions = [
            Question(CATALOG.cases[case], mode) for case in (ATTACKED, INNOCENT) for mode in ("json", "stream")
        ]
        async with Client(limits=LIMITS, keys=[KEY]) as client:
            inquiry = Inquiry(
                catalog=CATALOG,
                target=target,
                transport=Transport(client, Patience(1), Fixtures()),
                attempts=1,
                deadline=Deadline(None),
            )
            asked = list(with_dependencies(CATALOG, questions))
            records = await Memory(inquiry.on).learn_all(asked)
    source = Recorded(records, "not asked")
    ledger = Ledger(source=source, assessment=Assessment(CATALOG, asked, source.record, Expectations()))
    for question in asked:
        ledger.judge_case(question)
    return [*ledger.rows, *(ledger.judge_rule(rule) for rule in ledger.rules)]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_hostile_endpoint_harms_its_own_answer_only(name: str) -> None:
    wanted = CATALOGUE[name]
    rows = asyncio.run(rows_of(name))
    cases = {(row.case, row.mode): row for row in rows if isinstance(row, CaseRow)}
    rules = {row.rule: row for row in rows if isinstance(row, RuleRow)}
    for mode in ("json", "stream"):
        row = cases[ATTACKED, mode]
        told = f"{row.verdict}: {row.reason} {row.findings}"
        assert row.verdict in wanted.verdicts, told
        assert row.verdict != "error", told
        assert cases[INNOCENT, mode].verdict == "supported", cases[INNOCENT, mode]
        assert KEY not in told
    if wanted.says:
        assert any(
            wanted.says in f"{cases[ATTACKED, mode].reason} {cases[ATTACKED, mode].findings}"
            for mode in ("json", "stream")
        )
    if wanted.rules:
        assert any(rules[rule].verdict in ("broken", "partial") for rule in wanted.rules), wanted.rules
    assert not any(row.verdict == "error" for row in rows)
