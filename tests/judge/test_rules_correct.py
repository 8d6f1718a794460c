"""Correct answers break no rule; each rule says on what it rests, with the section that says so."""

from typing import get_args

import pytest
from correct_exchanges import correct

from conformance.judge.answer import read
from conformance.judge.rules import RULES, examine
from conformance.judge.rules.grounds import BASIS, SECTIONS
from conformance.probe.exchange import Exchange
from conformance.words import Basis, Mode


@pytest.mark.parametrize(("exchange", "mode"), correct().values(), ids=correct().keys())
def test_no_rule_is_broken_by_a_correct_answer(exchange: Exchange, mode: Mode) -> None:
    answer = read(exchange, mode)
    broken = {reading.rule.id: reading.violations for reading in examine(answer) if reading.violations}
    notes = {"message.id-form", "tools.id-form", "message.known-keys", "message.known-blocks", "thinking.first"}
    assert {name: found for name, found in broken.items() if name not in notes} == {}
    assert answer.unreadable is None or answer.status >= 500


def test_the_tables_of_grounds_name_rules_only() -> None:
    assert not [name for name in (*BASIS, *SECTIONS) if name not in RULES]


def test_every_rule_has_a_basis_and_a_source() -> None:
    assert {rule.basis for rule in RULES.values()} <= set(get_args(Basis))
    assert not [rule.id for rule in RULES.values() if not rule.source.startswith("https://")]


def test_rules_cite_the_section_where_the_page_has_sections() -> None:
    """A source file has none: its lines move. Nor has the page of a single weakness."""
    without = ("https://github.com/", "https://cwe.mitre.org/data/definitions/")
    assert not [rule.id for rule in RULES.values() if "#" not in rule.source and not rule.source.startswith(without)]
