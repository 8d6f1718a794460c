"""What stood behind an endpoint: whatever proved itself, then a name, then obedience; a mock is no model."""

import pytest

from conformance.catalog.load import load_catalog
from conformance.engine.behind import behind
from conformance.runs.log import CaseRow, ObedienceRow
from conformance.words import Verdict

CATALOG = load_catalog()
PROOF = CATALOG.capabilities["controlled-upstream"].proof[0]
OBEDIENT, MOCK, NOBODY = ObedienceRow(40, 44), ObedienceRow(6, 67), ObedienceRow(0, 0)


def row(case: str, verdict: Verdict) -> CaseRow:
    asked = CATALOG.cases[case]
    return CaseRow(
        case=case, case_sha256="", mode="json", kind=asked.kind, surface=asked.surface, touches=[], level=asked.level,
        verdict=verdict, status="as-expected", reason="", findings=[], marks=[], attempts=1, sdk=None, seconds=0,
        exchanges=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "model", "obedience", "found"),
    [
        ([row(PROOF, "supported")], "claude-sonnet-4", OBEDIENT, "scripted model"),
        ([row(PROOF, "supported")], "conformance-probe", OBEDIENT, "scripted model"),
        ([], "scripted", NOBODY, "scripted model"),
        ([row(PROOF, "not-applicable")], "qwen3:0.6b", OBEDIENT, "real model"),
        ([row("messages.text", "supported")], "qwen3:0.6b", OBEDIENT, "real model"),
        ([], "conformance-probe:latest", OBEDIENT, "probe model"),
        ([], "/models/conformance-probe.gguf", OBEDIENT, "probe model"),
        ([], "probes-and-more", OBEDIENT, "real model"),
        ([], "gpt-4", MOCK, None),
        ([], "gpt-4", NOBODY, None),
    ],
)
def test_what_stood_behind_it(rows: list[CaseRow], model: str, obedience: ObedienceRow, found: str | None) -> None:
    assert behind(rows, model, obedience, CATALOG) == found
