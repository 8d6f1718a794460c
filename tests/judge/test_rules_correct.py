"""Correct answers: no rule may hold anything against them."""

import pytest
from correct_exchanges import correct

from conformance.judge.answer import read
from conformance.judge.rules import examine
from conformance.probe.exchange import Exchange
from conformance.words import Mode


@pytest.mark.parametrize(("exchange", "mode"), correct().values(), ids=correct().keys())
def test_no_rule_is_broken_by_a_correct_answer(exchange: Exchange, mode: Mode) -> None:
    answer = read(exchange, mode)
    broken = {reading.rule.id: reading.violations for reading in examine(answer) if reading.violations}
    notes = {"message.id-form", "tools.id-form", "message.known-keys", "message.known-blocks", "thinking.first"}
    assert {name: found for name, found in broken.items() if name not in notes} == {}
    assert answer.unreadable is None or answer.status >= 500
