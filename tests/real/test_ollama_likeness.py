"""All questions to a simulated Ollama: each gap of a version is documented or known, and none is claimed in vain."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers

from conformance.runs.log import CaseRow, RuleRow, read_log

Run = Callable[..., tuple[int, str, Path]]


@pytest.fixture(params=["0.33.0", "0.14.0"])
def likeness(request: pytest.FixtureRequest) -> Iterator[str]:
    """The reference endpoint as an Ollama of one version; its address."""
    with servers.scripted("--like", f"ollama@{request.param}") as url:
        yield url


def test_all_of_it_is_known(likeness: str, conformance: Run) -> None:
    code, said, out = conformance("--base-url", likeness)
    log = read_log(out)
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
    assert code == 0, said[-2000:]
    (ended,) = [line for line in said.splitlines() if line.startswith("As expected: 0 worse, 0 better, ")]
    assert ended.endswith("documented gaps. Exit 0.")
    assert log.run.target.name == "ollama"
    assert log.run.target.simulated
