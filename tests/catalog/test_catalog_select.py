"""The selection language, as a person types it."""

from collections.abc import Iterable

import pytest
from command_line import Write

from conformance.catalog.case import Case
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.select import SelectionError, select, select_profile
from conformance.words import Mode


@pytest.fixture
def catalog(write: Write) -> Catalog:
    return load_catalog(write())


def names(selected: Iterable[tuple[Case, Mode]]) -> list[str]:
    return [f"{case.id}-{mode}" for case, mode in selected]


TEXT = ["messages.text-json", "messages.text-stream"]
TOOL = ["tools.choice.tool-json", "tools.choice.tool-stream"]
UNKNOWN = ["tools.choice.unknown-json"]


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("", TEXT + TOOL + UNKNOWN),
        ("messages.text", TEXT),
        ("tools.*", TOOL + UNKNOWN),
        ("area:tools", TOOL + UNKNOWN),
        ("tier:core", TEXT),
        ("surface:request.tool*", TOOL + UNKNOWN),
        ("kind:witnessed", TEXT),
        ("needs:tools", TOOL + UNKNOWN),
        ("fault:TO14", TOOL),
        ("mode:stream", [TEXT[1], TOOL[1]]),
        ("level:should", TOOL),
        ("area:tools and not level:should", UNKNOWN),
        ("messages.text, tools.choice.unknown", TEXT + UNKNOWN),
        ("messages.text or area:tools and mode:stream", [*TEXT, TOOL[1]]),
        ("(messages.text or area:tools) and mode:stream", [TEXT[1], TOOL[1]]),
        ("area:tools level:should", TOOL),
        ("area:tools -level:should", UNKNOWN),
        ("area:messages,tools mode:stream", [TEXT[1], TOOL[1]]),
        ("not (area:tools,area:messages and mode:json)", [TEXT[1]]),
    ],
)
def test_an_expression_selects(catalog: Catalog, expression: str, selected: list[str]) -> None:
    assert names(select(catalog, expression)) == selected


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("messages.txt", "no case has the id `messages.txt`; did you mean `messages.text`?"),
        ("aera:tools", "unknown key `aera`; did you mean `area`?"),
        ("area:tool", "no case has area `tool`; did you mean `tools`?"),
        ("needs:vision", "no case has needs `vision`"),
        ("tools.* messages.*", "selects nothing: its parts exclude each other"),
        ("verdict:ignored", "is known when a run is over"),
        ("area:", "a value is missing after `area:`"),
        ('"no such words"', 'no case has "no such words"'),
        ("tools.* and", "it ends too early"),
        ("and tools.*", "missing before `and`"),
        ("(tools.*", "a `(` is not closed"),
        ("tools.*)", "this `)` closes nothing"),
        ("area:tools and area:messages", "selects nothing: its parts exclude each other"),
    ],
)
def test_an_expression_that_selects_nothing_says_what_to_write(catalog: Catalog, expression: str, told: str) -> None:
    with pytest.raises(SelectionError) as caught:
        select(catalog, expression)
    assert told in str(caught.value)


def test_a_profile_selects_by_expression_and_by_the_questions_of_its_needs(write: Write) -> None:
    needs = """\
title: N
question: Q?
model: ["messages.text[stream]"]
needs:
  - {id: tools, says: S, level: blocks, questions: [tools.choice.tool, message.role], meets: {refused: R}}
"""
    catalog = load_catalog(write({"profiles/needs.yaml": needs}))
    assert names(select_profile(catalog, "quick")) == TEXT
    assert names(select_profile(catalog, "needs")) == [name for name in TEXT if "stream" in str(name)] + TOOL
    with pytest.raises(SelectionError, match="there is no profile quik; did you mean `quick`"):
        select_profile(catalog, "quik")
