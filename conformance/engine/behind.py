"""The kind of model behind an endpoint: the scripted model, if it proved itself, or a model by its name."""

from collections.abc import Iterable

from conformance.catalog.load import Catalog
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.runs.log import Behind, CaseRow, ObedienceRow, RuleRow
from conformance.targets.probe_model import is_probe_model

SCRIPTED = "scripted"
"""The name under which the scripted model is served."""
A_MODELS_SHARE = 0.5
"""Whoever obeys fewer of the controls is a mock, or nobody knows what."""


def behind(rows: Iterable[CaseRow | RuleRow], model: str, obedience: ObedienceRow, catalog: Catalog) -> Behind | None:
    """None where nothing was shown; a proof counts before any name."""
    capability = catalog.capabilities.get(CONTROLLED_UPSTREAM)
    proofs = capability.proof if capability is not None else []
    proven = any(isinstance(row, CaseRow) and row.case in proofs and row.verdict == "supported" for row in rows)
    if proven or model == SCRIPTED:
        return "scripted model"
    if not obedience.of or obedience.obeyed < A_MODELS_SHARE * obedience.of:
        return None
    return "probe model" if is_probe_model(model) else "real model"
