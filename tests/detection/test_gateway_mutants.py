"""Mutants of the gateway: which questions each is asked, and what the committed figures say of all of them."""

from fnmatch import fnmatchcase
from pathlib import Path

import httpx2
import pytest

from conformance.catalog.load import Catalog, load_catalog
from conformance.detection.endpoints import gateway
from conformance.detection.gateway_mutants import (
    HEADER,
    Likeliest,
    MutantFate,
    Part,
    askable,
    explanations,
    first_of,
    gone_silent,
    held,
    merged,
    outcome_of,
    summary_of,
)
from conformance.engine.scripted_process import named_mutants
from conformance.runs.detection import GatewayMutant, read_figures

REPORTS = Path(__file__).parents[2] / "reports"
EACH_WAY = 500
SHARE = 0.95
EQUIVALENT = 0.15
ROWS = ["messages.text[json]", "upstream.request.stop[json]"]
NOTICED = MutantFate(id="up:lost:stop", says="stop is lost", noticed=ROWS)
SILENT = MutantFate(id="up:cut:user", says="user is cut", noticed=[])


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_a_part_is_named_by_its_number() -> None:
    assert Part.read("all") == Part(1, 1)
    assert [at for at in range(7) if at in Part.read("2/3")] == [1, 4]
    for wrong in ("0/3", "4/3", "some", "1/", "1/2/3"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, argparse says it better
            Part.read(wrong)


def test_what_noticed_a_mutant_or_its_siblings_is_asked_first(catalog: Catalog) -> None:
    questions = askable(catalog)
    plain = Likeliest(questions).order("up:cut:messages.*user.content.*image_url.image_url.url", questions)
    assert "image" in plain[0].case.id
    taught = Likeliest(questions, {"up:lost:user": "upstream.request.stop[json]"})
    assert taught.order("up:cut:user", questions)[0].case.id == "upstream.request.stop"
    assert taught.order("up:lost:user", questions)[0].case.id == "upstream.request.stop"
    assert sorted(map(str, plain)) == sorted(map(str, questions)), "each once"


def test_what_holds_an_answer_back_is_asked_the_question_about_it(catalog: Catalog) -> None:
    questions = held(catalog)
    assert {question.case.id for question in questions} == {"upstream.answer.incremental"}
    assert Likeliest([*askable(catalog), *questions]).order("down:held:whole", questions) == questions


def test_the_closest_row_is_remembered() -> None:
    assert first_of(["stream.index", "messages.text[json]"]) == "messages.text[json]"
    assert first_of(NOTICED.noticed) == "upstream.request.stop[json]"


def test_a_part_that_is_measured_leaves_the_others_as_they_are() -> None:
    one, two = (mutant.id for mutant in named_mutants()[:2])
    before = {
        one: GatewayMutant("noticed", "a"),
        two: GatewayMutant("noticed", "b"),
        "up:gone": GatewayMutant("silent"),
    }
    again = MutantFate(id=one, says="is lost", noticed=[])
    assert merged(before, Part(1, 2), [again]) == {one: GatewayMutant("silent", "is lost"), two: before[two]}
    assert merged(before, Part(1, 2), []) == {two: before[two]}, "a mutant that changes nothing any more"


def test_a_mutant_that_nobody_notices_any_more_is_told_once() -> None:
    known = {SILENT.id: outcome_of(SILENT)}
    assert gone_silent(known, [SILENT, NOTICED]) == []
    assert gone_silent({}, [NOTICED]) == []
    assert SILENT.id in gone_silent({}, [SILENT])[0]
    assert SILENT.id in gone_silent({SILENT.id: GatewayMutant("noticed", "a")}, [SILENT])[0]


def test_the_gateway_tells_which_mutants_would_have_changed_an_answer() -> None:
    from contextlib import ExitStack

    body = {"model": "scripted", "max_tokens": 64, "messages": [{"role": "user", "content": "Reply with exactly: a"}]}
    with ExitStack() as stack:
        url = gateway(stack).base_url

        def told(part: str) -> set[str]:
            answer = httpx2.post(f"{url}/mutant/which-{part}/v1/messages", json=body)
            bits = int(answer.headers[HEADER], 16)
            return {mutant.id for at, mutant in enumerate(named_mutants()) if bits >> at & 1}

        every, halves = told("1-of-1"), (told("1-of-2"), told("2-of-2"))
        assert {"up:lost:max_tokens", "down:lost:choices.*.message.content"} <= every
        assert halves[0] | halves[1] == every
        assert not halves[0] & halves[1]
        assert httpx2.post(f"{url}/mutant/which-3-of-2/v1/messages", json=body).status_code == 404


def test_what_was_measured_keeps_its_promises() -> None:
    figures = read_figures(REPORTS / "detection.json")
    assert figures is not None
    known = figures.each_gateway_mutant
    assert figures.gateway == summary_of(known)
    assert known.keys() <= {mutant.id for mutant in named_mutants()}
    for way in figures.gateway.values():
        measured = way["of"] + way["equivalent"]
        assert measured >= EACH_WAY
        assert way["noticed"] >= SHARE * way["of"]
        assert way["equivalent"] <= EQUIVALENT * measured
    assert {name for name, one in known.items() if one.outcome == "silent"} == set()


def test_every_explanation_is_of_some_mutant_and_says_why() -> None:
    made = [mutant.id for mutant in named_mutants()]
    for pattern, why in explanations().items():
        assert any(fnmatchcase(name, pattern) for name in made), pattern
        assert len(why.split()) > 4
