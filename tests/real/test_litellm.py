"""LiteLLM 1.106.2: what is known to be true of it is found, by the rule or case that names it, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from spoiling import spoiling

from conformance.runs.log import RunLog, read_log

Run = Callable[..., tuple[int, str, Path]]


@pytest.fixture(scope="module")
def run(litellm: tuple[str, str], conformance: Run) -> tuple[int, str, RunLog]:
    url, key = litellm
    words = ("--target", "litellm", "--base-url", url, "--model", "scripted", "--api-key-env", "GATEWAY_KEY")
    code, said, out = conformance(*words, GATEWAY_KEY=key)
    assert key not in said
    return code, said, read_log(out)


@pytest.fixture(scope="module")
def cases(run: tuple[int, str, RunLog]) -> dict[tuple[str, str], str]:
    return {(row.case, row.mode): row.verdict for row in run[2].cases}


@pytest.fixture(scope="module")
def rules(run: tuple[int, str, RunLog]) -> dict[str, str]:
    return {row.rule: row.verdict for row in run[2].rules}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("usage.start-counted", "message_start says 0 input tokens"),
        ("message.stop-sequence-present", "message_delta lacks stop_sequence"),
        ("thinking.signature", "the signature is null, or there is none"),
        ("error.envelope", "malformed JSON is answered in OpenAI's envelope"),
        ("error.inner-status", "a 400 stands inside a 500"),
        ("tools.parallel-obeyed", "disable_parallel_tool_use is lost"),
    ],
)
def test_what_it_does_to_every_answer_is_one_red_rule(rules: dict[str, str], rule: str, why: str) -> None:
    assert rules[rule] == "broken", why


@pytest.mark.parametrize(
    ("case", "mode", "verdict", "why"),
    [
        ("auth.wrong-key", "json", "partial", "a wrong key is 400, not 401"),
        ("validation.model-unknown", "json", "partial", "an unknown model is 400, not 404"),
        ("validation.messages-empty", "json", "broken", "no messages are a 500"),
        ("validation.role-unknown-among-others", "json", "ignored", "an unknown role is dropped with a 200"),
        ("validation.tool-choice-type", "json", "broken", "an unknown tool_choice is a 500"),
        ("tools.loop.is-error", "json", "ignored", "is_error is lost"),
        ("tools.loop.is-error", "stream", "ignored", "is_error is lost"),
        ("tools.choice.any-exactly-one", "json", "ignored", "disable_parallel_tool_use is lost"),
    ],
)
def test_what_it_does_to_one_question_is_found_there(
    cases: dict[tuple[str, str], str], case: str, mode: str, verdict: str, why: str
) -> None:
    assert cases[case, mode] == verdict, why


@pytest.mark.parametrize("mode", ["json", "stream"])
@pytest.mark.parametrize(
    "case",
    [
        "messages.text",
        "messages.unicode",
        "messages.content-array",
        "content.place.system-string",
        "system.accepted-array",
        "stop.sequence-honoured",
        "tools.choice.auto-call",
        "tools.choice.any",
        "tools.choice.none",
        "tools.choice.tool",
        "tools.parallel.two-tools",
        "tools.definition.unicode-input",
        "images.sources.png",
        "images.sources.two-second",
        "content.place.tool-result-string",
        "content.place.after-tool-result",
        "validation.max-tokens-missing",
    ],
)
def test_what_it_does_right_is_supported(cases: dict[tuple[str, str], str], case: str, mode: str) -> None:
    assert cases[case, mode] in ("supported", "partial")


@pytest.mark.parametrize(
    "rule",
    ["stream.index", "stream.one-open", "stream.stop-each", "stream.start-first", "stream.stop", "tools.id-unique"],
)
def test_its_streams_keep_the_grammar(rules: dict[str, str], rule: str) -> None:
    assert rules[rule] == "supported"


def test_all_of_it_is_known(run: tuple[int, str, RunLog]) -> None:
    code, said, log = run
    unexpected: list[tuple[str, ...]] = [
        (row.case, row.mode, row.verdict, row.status) for row in log.cases if row.status in ("new", "regression")
    ]
    unexpected += [(row.rule, "", row.verdict, row.status) for row in log.rules if row.status in ("new", "regression")]
    assert unexpected == [], said[-2000:]
    assert code == 0, said[-2000:]


def test_a_fault_in_front_of_it_is_new(litellm: tuple[str, str], conformance: Run) -> None:
    url, key = litellm
    words = (
        "--target",
        "litellm",
        "--model",
        "scripted",
        "--api-key-env",
        "GATEWAY_KEY",
        "--select",
        "messages.*",
        "--allow-improvements",
    )
    code, said, _ = conformance(*words, "--base-url", url, GATEWAY_KEY=key)
    assert code == 0, said[-2000:]
    with spoiling(url, b'"type":"message",', b'"type":"massage",') as spoilt:
        code, said, _ = conformance(*words, "--base-url", spoilt, GATEWAY_KEY=key)
    assert code == 1
    assert "message.type" in said or "massage" in said
