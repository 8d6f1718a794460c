"""Readiness says of recorded servers what the real client showed there, and its sentences are true of the evidence."""

import re
from pathlib import Path

import pytest
from judged_by_hand import judged_again
from msgspec.structs import replace

from conformance.detection.client_figures import EXPECTED
from conformance.detection.client_servers import Server, client_servers
from conformance.judge.rules import RULES
from conformance.report.matrix import matrix_of
from conformance.report.readiness import readiness_of
from conformance.runs.evidence import Evidence
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import CaseRow, JudgedNeed, ReadinessRow, RunLog

LIKENESSES = Path(__file__).parent / "clients"
PUBLISHED = Path(__file__).parents[2] / "reports" / "runs"
QUOTED = re.compile(r'"([^"]*)"')
TEXTS = re.compile(r'"text_delta", ?"text": ?"((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module", params=client_servers(), ids=lambda server: server.server)
def judged(request: pytest.FixtureRequest) -> tuple[Server, RunLog]:
    """The server, and its recorded answers as they are judged today; the evidence is that of the recorded run."""
    server: Server = request.param
    recorded = LIKENESSES / server.server if server.likeness else PUBLISHED / f"{server.server}-{server.version}"
    return server, replace(judged_again(recorded), folder=recorded)


def answer(log: RunLog) -> ReadinessRow:
    (found,) = (one for one in log.readiness if one.profile == "claude-code")
    return found


def missing(log: RunLog) -> list[JudgedNeed]:
    return [need for need in answer(log).needs if need.found == "missing"]


def test_the_verdict_is_what_the_real_client_shows(judged: tuple[Server, RunLog]) -> None:
    server, log = judged
    assert answer(log).verdict in EXPECTED[server.outcome]


def test_the_verdict_on_earlier_versions_is_what_they_show(judged: tuple[Server, RunLog]) -> None:
    server, log = judged
    told = {one.client.rpartition(" ")[2]: one.verdict for one in answer(log).versions}
    assert told.keys() == {"2.1.154", "2.1.153", "0.2.189"}, "earlier ones, and the Claude Agent SDK"
    for version, outcome in server.earlier.items():
        assert told[version] in EXPECTED[outcome]


def test_its_user_is_told_what_the_session_showed_and_nothing_else(judged: tuple[Server, RunLog]) -> None:
    server, log = judged
    told = [need.id for need in missing(log)]
    assert set(told) == {*server.missing, *server.unexercised}
    if server.outcome in ("wrong", "fails"):
        assert told[0] == server.missing[0], "the true reason comes first"


def test_each_sentence_is_true_of_the_evidence_that_it_links(judged: tuple[Server, RunLog]) -> None:
    _, log = judged
    evidence = EvidenceStore(log.folder)
    rows = {f"{row.case}[{row.mode}]": row for row in log.cases}
    for need in missing(log):
        recorded = evidence.read(need.exchange)
        if need.question.partition(":")[0].partition("[")[0] in RULES:
            assert_broken(need, [row for row in log.cases if need.exchange in row.exchanges])
            continue
        row = rows[need.question]
        assert row.verdict in (need.verdict, "blocked"), "in a whole run another row may say why"
        assert need.exchange in row.exchanges
        if need.verdict == "refused":
            assert 400 <= (recorded.answer.status or 0) < 500
            assert f"{recorded.answer.status} " in need.meets
            assert QUOTED.findall(need.meets)[0][:60] in said(recorded)
        else:
            assert recorded.answer.status == 200
            assert observed(need.meets) <= set(shown(recorded).split()) | {""}


def assert_broken(need: JudgedNeed, rows: list[CaseRow]) -> None:
    """Among what was seen of this very answer is that it breaks the rule, with the value that the sentence quotes."""
    rule, _, kind = need.question.partition(":")
    found = [
        one for row in rows for one in (*row.marks, *row.findings) if one.id == rule and one.exchange == need.exchange
    ]
    assert any(one.key.endswith(kind) and str(one.observed) in need.meets for one in found), need


def said(exchange: Evidence) -> str:
    return "".join(chunk.text or "" for chunk in exchange.answer.chunks).replace('\\"', '"')


def shown(exchange: Evidence) -> str:
    """The text of an answer, whether it came whole or in pieces."""
    return "".join(TEXTS.findall(said(exchange))).replace("\\n", "\n").replace("\\t", "\t")


def observed(meets: str) -> set[str]:
    """The words that a sentence says were observed."""
    found = re.search(r'[Oo]bserved "([^"]*)"', meets)
    return set(found[1].replace("|", " ").split()) if found else set()


def test_the_page_links_rows_that_it_has(judged: tuple[Server, RunLog]) -> None:
    _, log = judged
    rows = {row.id for row in log.catalog.rows}
    cards = [card for found in readiness_of(matrix_of([log])) for card in found.cards]
    assert cards
    for card in cards:
        assert {one.row for one in (*card.breaking, *card.limiting, *card.unverified)} <= rows
