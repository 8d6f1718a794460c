"""Correct answers break no rule, those of servers that a rule once accused too; what is wrong beside it still does.

Each rule says on what it rests, with the section that says so.
"""

import json
from typing import Any, get_args

import pytest
from correct_exchanges import (
    CALL,
    MESSAGES,
    SEARCH,
    TEXT,
    THOUGHT,
    TOOLS,
    WEATHER,
    WEB_SEARCH,
    asked,
    correct,
    events_of,
    exchange,
    message,
    refused,
    streamed,
    told,
)

from conformance.judge.answer import read
from conformance.judge.rule_counts import RuleCounts
from conformance.judge.rules import RULES, examine, examine_pair
from conformance.judge.rules.grounds import BASIS, SECTIONS
from conformance.probe.exchange import Exchange
from conformance.words import Basis, Mode


def broken(exchange: Exchange) -> list[str]:
    """The rules that one answer breaks, notes left out."""
    return [one.rule.id for one in examine(read(exchange, "json")) if one.violations and one.rule.level != "may"]


def noted(exchange: Exchange) -> list[str]:
    """The rules of level may that one answer breaks."""
    return [one.rule.id for one in examine(read(exchange, "json")) if one.violations and one.rule.level == "may"]


def broken_by_pair(in_json: Exchange, in_stream: Exchange) -> dict[str, Any]:
    """What the rules that compare the two modes find, rule to what was observed."""
    readings = examine_pair(read(in_json, "json"), read(in_stream, "stream"))
    return {one.rule.id: one.violations[0].observed for one in readings if one.violations}


def in_events(whole: dict[str, Any]) -> Exchange:
    """The stream that brings a message."""
    return streamed(events_of(whole))


def says(text: str) -> dict[str, Any]:
    return message([{"type": "text", "text": text}])


def test_a_character_that_the_model_broke_is_not_held_against_the_server() -> None:
    said = says("\u043c\u0438\ufffd\ufffd")
    assert broken(told(said)) == []
    assert broken(in_events(said)) == []
    assert broken_by_pair(told(said), in_events(said)) == {}


def test_a_character_that_only_one_mode_breaks_is() -> None:
    whole, hurt = says("a \u043c\u0438\u0440 b"), says("c \u043c\u0438\ufffd\ufffd d")
    assert list(broken_by_pair(told(whole), in_events(hurt))) == ["parity.characters"]
    assert list(broken_by_pair(told(hurt), in_events(whole))) == ["parity.characters"]


def test_another_text_with_a_broken_character_is_the_models_choice() -> None:
    assert broken_by_pair(told(says("\u4e16\u754c")), in_events(says("\u0440\ufffd"))) == {}


def test_keys_of_a_vendors_own_may_hold_whatever_they_like() -> None:
    body = {"type": "error", "error": {"type": "api_error", "message": "no"}, "x": "caf\ufffd"}
    assert broken(told(body, status=500)) == []


def test_a_servers_own_sentence_holds_no_broken_character() -> None:
    assert broken(refused(400, "invalid_request_error", "caf\ufffd is no model")) == ["message.characters"]


def test_thinking_after_the_text_is_a_note_of_the_mode_that_has_it_and_not_of_parity() -> None:
    wrong, right = message([TEXT, THOUGHT]), message([THOUGHT, TEXT])
    assert "thinking.first" in noted(told(wrong))
    assert "thinking.first" in noted(in_events(wrong))
    assert "thinking.first" not in noted(told(right))
    assert broken_by_pair(told(wrong), in_events(right)) == {}
    assert broken_by_pair(told(right), in_events(wrong)) == {}


def test_a_thought_after_nothing_is_a_note_and_not_the_end_of_what_was_said() -> None:
    """A client leaves an empty text out, so that the thought stands there alone."""
    answer = read(told(message([{"type": "text", "text": ""}, THOUGHT])), "json")
    kinds = [one.kind for rule in examine(answer) if rule.rule.id == "thinking.first" for one in rule.violations]
    assert kinds == ["order"]


def test_a_text_that_is_open_beside_a_thought_ends_the_answer() -> None:
    """A client takes blocks as they are closed, so that this thought comes before its text."""
    events = events_of(message([TEXT, THOUGHT]))
    text, thought = ([event for event in events if event.get("index") == index] for index in (0, 1))
    overlapping = [events[0], text[0], *thought, *text[1:], *events[-2:]]
    kinds = [
        [
            violation.kind
            for one in examine(read(stream, "stream"))
            if one.rule.id == "thinking.first"
            for violation in one.violations
        ]
        for stream in (streamed(events), streamed(overlapping))
    ]
    assert kinds == [["last"], ["order"]]


def test_an_earlier_call_that_is_told_with_its_id_is_no_call_that_is_printed() -> None:
    """Behind a gateway the model tells what it received: the call is there, though its input was lost."""
    call = {"type": "tool_use", "id": "toolu_01first", "name": "get_weather", "input": {"city": "Rome"}}
    turns = [
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01first", "content": "hello"}]},
    ]
    told_call = '{"name":"get_weather","arguments":"{}"}'
    request = TOOLS | {"messages": turns}
    for text, expected in (
        (f'[{{"function":{told_call}}}, {{"role":"tool","tool_call_id":"toolu_01first"}}]', []),
        (told_call, ["tools.not-as-text"]),
    ):
        assert broken(told(says(text), request=request)) == expected


def test_a_tool_that_is_told_with_its_name_last_is_no_call_that_is_printed() -> None:
    """The keys of what a gateway sent upstream stand in any order."""
    tool = TOOLS["tools"][0]
    definition = {"description": tool["description"], "parameters": tool["input_schema"], "name": tool["name"]}
    assert broken(told(says(json.dumps(definition)), request=TOOLS)) == []
    call = json.dumps({"arguments": {"city": "Rome"}, "name": tool["name"]})
    assert broken(told(says(call), request=TOOLS)) == ["tools.not-as-text"]


def test_a_result_that_reads_like_a_call_is_given_back_and_not_called() -> None:
    """Line feeds of the result are escapes in the request's body, and blanks in the answer."""
    log = 'data: 1\n\n{"name": "get_weather", "arguments": {"city": "g"}}\n: h\tand more'
    turns = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": log}]},
    ]
    for text in (log, json.dumps({"role": "tool", "content": log})):
        assert broken(told(says(text), request=TOOLS | {"messages": turns})) == []
    assert broken(told(says(log), request=TOOLS)) == ["tools.not-as-text"]


def test_a_difference_between_the_modes_names_both_and_blames_neither() -> None:
    one, other = message([TEXT], usage={"input_tokens": 12, "output_tokens": 5}), message([TEXT])
    other["usage"] = {"input_tokens": 90, "output_tokens": 5}
    found = broken_by_pair(told(one), in_events(other))
    assert found == {"parity.input-tokens": {"json": 12, "stream": 90}}


def failed(sentence: str) -> Exchange:
    return refused(500, "api_error", sentence)


def test_a_number_in_an_identifier_is_no_status() -> None:
    assert broken(failed("[json.exception.out_of_range.403] key 'text' not found")) == []
    assert broken(failed("parse error at line 404, column 3")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Error from provider: 400: messages: at least one message is required",
        "Error code: 400 - {'error': {'message': 'x'}}",
        "upstream returned HTTP 404",
        "litellm.BadRequestError: x",
        "Request failed with status code 422",
        "400 Bad Request",
    ],
)
def test_a_status_of_somebody_else_is(sentence: str) -> None:
    assert broken(failed(sentence)) == ["error.inner-status"]


def test_a_lenient_answer_to_a_bad_request_is_no_message_like_others() -> None:
    whole = message([{"type": "text", "text": "caf\ufffd"}], model=5, usage={"output_tokens": 3})
    answer = read(told(whole, request=asked(model=5, max_tokens=-1)), "json")
    assert [one.rule.id for one in examine(answer, bad=True) if one.violations] == []
    assert [one.rule.id for one in examine(answer) if one.violations]


def test_the_refusal_of_a_bad_request_is_held_to_the_rules_of_errors_and_of_transport() -> None:
    answer = read(told({"detail": "no"}, status=422, headers=()), "json")
    broken_by_it = {one.rule.id for one in examine(answer, bad=True) if one.violations}
    assert broken_by_it >= {"error.envelope", "error.status", "error.content-type"}


def test_a_limit_below_one_is_no_bound() -> None:
    assert "usage.within-max-tokens" not in broken(told(message([TEXT]), request=asked(max_tokens=0)))


def test_a_cut_that_the_suite_asked_its_own_upstream_for_may_be_passed_on() -> None:
    fails = asked(messages=[{"role": "user", "content": "Fail with cut after 3 words."}])
    assert broken(told(message([TEXT]), request=fails, outcome="cut")) == []
    assert broken(told(message([TEXT]), outcome="cut")) == ["http.complete"]


def test_what_the_suites_own_upstream_was_told_not_to_count_nobody_can_pass_on() -> None:
    shaped = asked(messages=[{"role": "user", "content": "Shape: no-usage.\nReply with exactly: hello"}])
    nothing = message([TEXT], usage={"input_tokens": 0, "output_tokens": 0})
    assert broken(told(nothing, request=shaped)) == []
    assert broken(told(nothing)) == ["usage.input-counted", "usage.output-counted"]


def test_what_the_clock_says_once_needs_a_second_look() -> None:
    held, text = streamed(events_of(message([TEXT])), outcome="unfinished"), streamed(events_of(message([TEXT])))
    verdicts = []
    for exchanges in ([text, held], [text, held, held], [held]):
        counts = RuleCounts()
        for one in exchanges:
            for reading in examine(read(one, "stream")):
                counts.add([reading], "POST /v1/messages", "stream", "e")
        verdicts.append(counts.verdict(RULES["stream.body-ends"]).verdict)
    assert verdicts == ["supported", "broken", "inconclusive"]


TAGS = says("<think>\nHm.\n</think>\n\nYes.")
THINKING = asked(thinking={"type": "enabled", "budget_tokens": 1024})


def test_reasoning_that_a_model_prints_is_its_own_where_thinking_was_not_asked_for_or_stands_apart() -> None:
    apart = message([THOUGHT, *TAGS["content"]])
    assert broken(told(TAGS)) == []
    assert broken(told(apart, request=THINKING)) == []
    assert broken(told(TAGS, request=THINKING)) == ["message.no-thinking-in-text"]


def test_a_name_that_no_tool_has_is_the_models_where_it_may_choose() -> None:
    foreign = message([CALL | {"name": f"functions.{CALL['name']}"}], "tool_use")
    assert broken(told(foreign, request=TOOLS)) == []
    assert broken(told(foreign, request=TOOLS | {"tool_choice": {"type": "any"}})) == ["tools.name-declared"]


def test_the_name_of_a_server_tool_declares_none_that_a_client_runs() -> None:
    search = {"type": "web_search_20250305", "name": CALL["name"]}
    other = {"name": "other", "input_schema": {"type": "object"}}
    called, must = message([CALL], "tool_use"), {"tool_choice": {"type": "any"}}
    assert broken(told(called, request={"tools": [search, other]} | must)) == ["tools.name-declared"]
    assert broken(told(called, request={"tools": [search, WEATHER]} | must)) == []
    assert broken(told(called, request={"tools": [search, other]})) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_a_batch_is_held_to_nothing_that_only_its_request_would_tell(name: str) -> None:
    line = {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGES[name][1]}}
    results = exchange(
        json.dumps(line).encode(),
        path="/v1/messages/batches/msgbatch_01/results",
        method="GET",
        headers=(("content-type", "application/x-jsonl"), ("request-id", "req_01")),
    )
    assert broken(results) == []


def test_a_call_of_a_server_tool_is_the_servers_own_where_any_tool_may_be_run_by_it() -> None:
    called = message([SEARCH, TEXT])
    assert broken(told(called)) == ["tools.server-call-asked"]
    assert broken(told(called, request=TOOLS)) == ["tools.server-call-asked"]
    for asks in (
        {"tools": [WEB_SEARCH]},
        {"tools": [WEATHER, {"type": "of_tomorrow_20270101", "name": "web_search"}]},
        {"mcp_servers": [{"type": "url", "url": "https://mcp.example", "name": "here"}]},
        {"container": "container_01"},
    ):
        assert broken(told(called, request=asks)) == []


def test_a_thought_that_ends_an_answer_is_told_apart_from_one_between_texts() -> None:
    kinds = [
        violation.kind
        for content in ([TEXT, THOUGHT], [TEXT, THOUGHT, TEXT])
        for one in examine(read(told(message(content)), "json"))
        if one.rule.id == "thinking.first"
        for violation in one.violations
    ]
    assert kinds == ["last", "order"]


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
