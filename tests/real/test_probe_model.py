"""llama-server with the probe model, as a person would ask it: an engine without a download, and nothing of the model's
is held against it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import free_port, running

from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log
from conformance.targets.probe_model import llama_server_command
from conformance.words import OBSERVED

Run = Callable[..., tuple[int, str, Path]]
OBEDIENT = 0.85
"""Of the controls: what the suite needs of a model, so that little of a run stays undecided."""
UNDECIDED = 0.1


@pytest.fixture(scope="module")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = os.environ.get("LLAMA_SERVER")
    assert program, "`nox -s real` installs llama-server and says in LLAMA_SERVER where it is"
    port = free_port()
    folder = tmp_path_factory.mktemp("llama-server")
    command = llama_server_command(port, program=program)
    with running(command, f"http://127.0.0.1:{port}/health", folder, LD_LIBRARY_PATH=str(Path(program).parent)):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def asked(llama_server: str, conformance: Run) -> tuple[int, str, RunLog]:
    code, said, out = conformance(llama_server, "--timeout", "120")
    return code, said, read_log(out)


def verdicts(log: RunLog) -> dict[str, str]:
    return {f"{row.case}[{row.mode}]": row.verdict for row in log.cases}


def test_all_that_it_does_otherwise_is_known(asked: tuple[int, str, RunLog]) -> None:
    code, said, log = asked
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-3000:]
    assert code == 0, said[-3000:]


def test_the_run_says_who_was_asked(asked: tuple[int, str, RunLog]) -> None:
    _, said, log = asked
    assert "the suite's own probe model" in said
    assert log.behind == "probe model"


def test_little_stays_undecided(asked: tuple[int, str, RunLog]) -> None:
    _, said, log = asked
    assert log.obedience is not None
    assert log.obedience.obeyed >= OBEDIENT * log.obedience.of, said[-3000:]
    undecided = [row for row in log.cases if row.verdict == "inconclusive"]
    assert len(undecided) <= UNDECIDED * len(log.cases), said[-3000:]


def test_what_is_seen_twice_is_judged_alike(
    llama_server: str, conformance: Run, asked: tuple[int, str, RunLog]
) -> None:
    """A nonce is fresh each time, and now and then one is copied badly: what was not seen says nothing."""
    few = "stop.*, usage.*, tools.choice.*, messages.t*, errors.*"
    _, _, out = conformance(llama_server, "--timeout", "120", "--select", few, "--allow-improvements")
    before, again = (
        {name: verdict for name, verdict in verdicts(log).items() if verdict in OBSERVED}
        for log in (asked[2], read_log(out))
    )
    assert {name: verdict for name, verdict in again.items() if before.get(name, verdict) != verdict} == {}
