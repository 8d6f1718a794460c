"""What the end of a run says: the cause first, with the server's words, and the readiness of a client."""

from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from bending_proxy import Bent, bending

from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunLog, read_log

Command = Callable[..., CompletedProcess[str]]
Serve = Callable[..., str]
LONGEST = 25
"""Lines that the end of a run may have."""


def end_of(conformance: Command, url: str, select: str, *more: str) -> tuple[int, list[str]]:
    """The exit code, and what stands on the screen after the progress."""
    asked = ["--target", "none", "--model", "scripted", "--no-witness", "--select", select, "--out", "out", *more]
    done = conformance("run", "--base-url", url, *asked)
    screen = done.stderr.splitlines()
    begin = max(number for number, line in enumerate(screen) if line.startswith("none"))
    lines = screen[begin:]
    assert len(lines) <= LONGEST
    assert not any("Traceback" in line for line in screen)
    return done.returncode, lines


def first_cause(lines: list[str]) -> str:
    """The two lines of the first cause."""
    at = next(number for number, line in enumerate(lines) if line.startswith("1. "))
    return "\n".join(lines[at : at + 2])


TOOLS = "messages.* or tools.choice.* or streaming.*"


@pytest.mark.parametrize(
    ("fault", "select", "told"),
    [
        ("TR12", TOOLS, "peer closed connection without sending complete message body"),
        ("RQ09", "messages.fields.* or thinking.request.* or caching.accepted.*", "Extra inputs are not permitted"),
        ("GW08", TOOLS, "500"),
        ("ST12", TOOLS, "content_block_stop"),
        ("SR06", "stop.*", "stop"),
        ("ER09", "validation.m* or stop.*", "500: Bad Request"),
        ("ID11", "claude-code.turn.* or messages.*", "Authorization: Bearer carries the key"),
    ],
)
def test_the_cause_stands_first(conformance: Command, served: Serve, fault: str, select: str, told: str) -> None:
    _, lines = end_of(conformance, f"{served()}/fault/{fault}", select)
    assert told in first_cause(lines)


def test_a_cut_stream_is_the_endpoints_fault_and_never_ours(conformance: Command, served: Serve) -> None:
    code, lines = end_of(conformance, f"{served()}/fault/TR12", "messages.* or examples.sdk.*")
    assert code == 1
    assert lines[1].startswith("Not as expected: 1 worse, 0 better")


def test_a_request_without_stream_that_is_answered_with_one_is_one_cause(conformance: Command, served: Serve) -> None:
    def default(body: dict[str, Any]) -> dict[str, Any]:
        return {"stream": True, **body} if "messages" in body else body

    with bending(served(), Bent(request=default)) as url:
        code, lines = end_of(conformance, url, TOOLS)
    assert code == 1
    assert "event stream" in first_cause(lines)
    assert lines[1].startswith("Not as expected: 1 worse")


def test_a_limit_of_a_field_is_told_with_the_servers_sentence(conformance: Command, served: Serve) -> None:
    sentence = "metadata.user_id: String should have at most 128 characters"

    def short(body: dict[str, Any]) -> Any:
        if len(str((body.get("metadata") or {}).get("user_id") or "")) <= 128:
            return body
        return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": sentence}}

    with bending(served(), Bent(request=short)) as url:
        code, lines = end_of(conformance, url, "claude-code.turn.* or messages.*")
    assert code == 1
    assert sentence in first_cause(lines)


def test_a_key_of_an_input_that_comes_back_renamed_is_named(conformance: Command, served: Serve) -> None:
    bent = Bent(answer=lambda body: body.replace(b"file_path", b"path"))
    with bending(served(), bent) as url:
        _, lines = end_of(conformance, url, "claude-code.turn.* or tools.loop.*")
    assert "path" in first_cause(lines)


def test_a_label_that_does_not_fit_the_body_is_one_cause(conformance: Command, served: Serve) -> None:
    bent = Bent(refusal_headers=(("content-encoding", "gzip"),))
    with bending(served(), bent) as url:
        code, lines = end_of(conformance, url, "validation.m* or messages.text")
    assert code == 1
    assert "the body is not of its announced content encoding" in first_cause(lines)
    assert not any(line.startswith("2. ") for line in lines)


def test_a_label_that_fits_no_body_at_all_is_one_cause_and_no_failure(conformance: Command, served: Serve) -> None:
    code, lines = end_of(conformance, f"{served()}/fault/X-gzip-plain", "messages.text or models.list")
    assert code == 1
    assert lines[0].startswith("none")
    assert first_cause(lines).startswith("1. http.content-encoding  A body is encoded as its content-encoding says")
    assert "content-encoding: gzip" in first_cause(lines)


def test_who_lets_in_one_client_alone_is_quoted_first(conformance: Command, served: Serve) -> None:
    sentence = "this group serves Claude Code only"

    def stranger(headers: Mapping[str, str]) -> dict[str, Any] | None:
        if str(headers.get("user-agent", "")).startswith("claude-cli/"):
            return None
        return {"type": "error", "error": {"type": "permission_error", "message": sentence}}

    with bending(served(), Bent(stranger=stranger)) as url:
        asked = ("--target", "none", "--model", "scripted", "--no-witness", "--out", "out")
        done = conformance("run", "--base-url", url, *asked)
        as_client = ("--target", "none", "--profile", "claude-code", "--no-witness", "--out", "as")
        let_in = conformance("run", url, "--model", "scripted", *as_client)
    assert done.returncode == 2
    assert f"refuses every request alike (status 403: permission_error: {sentence})" in done.stderr
    assert "Can I run Claude Code on it? Ready" in let_in.stdout
    assert "lets in claude-cli/" in let_in.stderr


@pytest.mark.parametrize(
    ("fault", "select", "told"),
    [
        (
            "TO11",
            "messages.text or tools.choice.*",
            "A tool call stands in a tool_use block, and is not printed as text.",
        ),
        ("X-name-small", "messages.text or tools.choice.*", 'expected "LookUp", observed "lookup"'),
        ("RQ29", "images.sources.large or images.sources.png", "exceeds the maximum size of 1000000 bytes"),
    ],
)
def test_a_must_that_is_broken_fails_a_run_where_nobody_says_what_the_server_can_do(
    conformance: Command, served: Serve, fault: str, select: str, told: str
) -> None:
    """A call that is printed as text shows a model that was given tools, so that one which is forced is owed."""
    code, lines = end_of(conformance, f"{served()}/fault/{fault}", select)
    assert code == 1
    assert told in first_cause(lines)
    assert not any("The model, not the server, limits this run" in line for line in lines)


def test_a_model_that_prints_its_calls_is_not_held_against_the_server(conformance: Command, served: Serve) -> None:
    """What is forced comes as a call, so that what is printed elsewhere may be the model's doing."""
    code, lines = end_of(conformance, f"{served()}/model/prints-calls", "messages.text or tools.choice.*")
    assert code == 0
    assert any("A tool call stands in a tool_use block, and is not printed as text." in line for line in lines)


def test_a_run_as_expected_ends_in_one_sentence_and_0(conformance: Command, served: Serve) -> None:
    code, lines = end_of(conformance, served(), "messages.text or tools.choice.tool")
    assert code == 0
    assert [line for line in lines if line.startswith("As expected")] == [
        "As expected: 0 worse, 0 better, 0 known and 0 documented gaps. Exit 0."
    ]


def as_client(conformance: Command, url: str, tmp_path: Path) -> tuple[RunLog, str, int]:
    """The log of a profile's run against our own endpoint, what was said, and the exit code."""
    asked = ("--profile", "claude-code", "--target", "none", "--model", "scripted", "--base-url", url)
    done = conformance("run", *asked, "--out", "out", "--no-witness")
    return read_log(tmp_path / "out"), done.stdout + done.stderr, done.returncode


@pytest.mark.parametrize(
    ("words", "verdict", "needs"),
    [
        (("--like", "ollama@0.14"), "ready with limits", ["count-tokens", "usage", "titles"]),
        (("--fault", "RQ04"), "not ready", ["system-role"]),
        (("--fault", "X-input-html"), "not ready", ["tool-input"]),
    ],
)
def test_each_sentence_is_true_of_the_evidence_that_it_links(
    words: tuple[str, ...], verdict: str, needs: list[str], conformance: Command, served: Serve, tmp_path: Path
) -> None:
    log, said, code = as_client(conformance, served(*words), tmp_path)
    (answer,) = log.readiness
    missing = [need for need in answer.needs if need.found == "missing"]
    assert answer.verdict == verdict
    assert answer.client == "Claude Code 2.1.332"
    assert f"Claude Code 2.1.332: {verdict}. {missing[0].meets}" in said, "the end of the run names the same reason"
    assert [need.id for need in missing][: len(needs)] == needs
    assert code == 1 if verdict == "not ready" else code in (0, 1)
    rows = {f"{row.case}[{row.mode}]": row for row in log.cases}
    evidence = EvidenceStore(tmp_path / "out")
    for need in missing:
        recorded = evidence.read(need.exchange)
        if need.question not in rows:  # a rule
            continue
        row = rows[need.question]
        assert need.exchange in row.exchanges
        if need.verdict == "refused":
            assert recorded.answer.status in range(400, 500)
            assert str(recorded.answer.status) in need.meets
        else:
            assert recorded.answer.status == 200
        assert need.meets in said or need.id not in needs[:1]


@pytest.mark.parametrize("model", ["never-calls", "small-names"])
def test_what_the_model_does_is_told_of_the_model_and_not_of_the_wire(
    model: str, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    """The client cannot work with a model that makes no call of its tools, and nothing is said against the server."""
    log, said, code = as_client(conformance, f"{served()}/model/{model}", tmp_path)
    (answer,) = log.readiness
    (first, *_) = [need for need in answer.needs if need.found == "missing"]
    assert (answer.verdict, first.id, code) == ("not ready", "calls", 1)
    assert "in a plain request neither, so that it may be this model and not the server" in first.meets
    assert first.meets in said
    assert answer.calls is not None
    assert answer.calls[0] == 0
    assert [row.case for row in log.cases if row.verdict in ("ignored", "broken", "refused")] == []


EIGHT = {
    "X-usage-newest": "conversation.short.usage",
    "X-session-kept": "conversation.short.compaction",
    "X-late-results-lost": "conversation.short.results",
    "X-user-id-256": "content.size.user-id-512",
    "X-tools-empty": "tools.history.tools-empty",
    "X-call-id-filled-in": "validation.tool-use-id-missing",
    "X-display-any": "validation.thinking-display",
    "X-redacted-500": "thinking.turns.redacted-foreign",
}
"""Faults of different weight, each with the question that shows it."""


def test_each_of_eight_faults_at_once_is_named(conformance: Command, served: Serve) -> None:
    asked = " or ".join(("messages.text", "conversation.short.*", *EIGHT.values()))
    _, lines = end_of(conformance, served("--fault", "+".join(EIGHT)), asked)
    told = "\n".join(lines)
    assert [question for question in EIGHT.values() if question not in told] == []
