"""On what each rule rests, and the section that says so."""

from typing import get_args

from conformance.judge.rules import RULES
from conformance.judge.rules.grounds import BASIS, SECTIONS
from conformance.words import Basis


def test_the_tables_of_grounds_name_rules_only() -> None:
    assert not [name for name in (*BASIS, *SECTIONS) if name not in RULES]


def test_every_rule_has_a_basis_and_a_source() -> None:
    assert {rule.basis for rule in RULES.values()} <= set(get_args(Basis))
    assert not [rule.id for rule in RULES.values() if not rule.source.startswith("https://")]


def test_rules_cite_the_section_where_the_page_has_sections() -> None:
    """These pages of the API's documentation have known anchors; its reference pages have none."""
    pages = ("build-with-claude/streaming", "build-with-claude/handling-stop-reasons", "api/errors", "api/rate-limits")
    cited = [rule.source for rule in RULES.values() if any(f"/docs/en/{page}" in rule.source for page in pages)]
    assert len(cited) > 60
    assert not [source for source in cited if "#" not in source]
