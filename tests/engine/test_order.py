"""Long answers are asked for first, and everything else in the order of the files."""

from typing import Any

import pytest

from conformance.catalog.case import Ask, Case, Step
from conformance.catalog.load import load_catalog
from conformance.catalog.prompts import words_asked_for
from conformance.engine.plan import every_question
from conformance.engine.question import Question, Record
from conformance.engine.scheduler import LONG, Memory, Scheduler, long_first


def saying(text: Any, id_: str = "a.b", **body: Any) -> Case:
    asked = {"max_tokens": 9000, "messages": [{"role": "user", "content": text}], **body}
    return Case(id=id_, title="t", surface="s", ask=Ask(body=asked))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (saying("Think in 3000 words, then reply with exactly: a"), 3000),
        (saying([{"type": "text", "text": "Hello.\nCount from 1 to 1200."}]), 1200),
        (saying("Count from 1 to 1200.", max_tokens=20), 20),
        (saying("Count from 1 to 1200.", max_tokens="many"), 1200),
        (saying("Reply with exactly: Count from 1 to 1200."), 0),
        (saying("Count from 1 to " + "9" * 5000 + "."), 0),
        (saying(None), 0),
        (Case(id="a.b", title="t", surface="s", ask=Ask(raw="{")), 0),
        (Case(id="a.b", title="t", surface="s", ask=Ask(path="/v1/models", method="GET")), 0),
    ],
)
def test_what_a_prompt_says_of_the_length(case: Case, words: int) -> None:
    assert words_asked_for(case) == words


def test_of_a_conversation_the_longest_answer_counts() -> None:
    asks = [saying(f"Count from 1 to {number}.").ask for number in (5, 700, 50)]
    steps = [Step(name=f"s{number}", ask=ask) for number, ask in enumerate(asks) if isinstance(ask, Ask)]
    assert words_asked_for(Case(id="a.b", title="t", surface="s", steps=steps)) == 700


def test_long_answers_come_first_and_the_rest_keeps_its_order() -> None:
    before = every_question(load_catalog())
    after = long_first(before)
    words = [words_asked_for(question.case) for question in after]
    long = [count for count in words if count >= LONG]
    assert long == sorted(long, reverse=True) == words[: len(long)]
    assert len(long) >= 5
    assert after[len(long) :] == [one for one in before if words_asked_for(one.case) < LONG]
    assert set(after) == set(before)


def test_the_scheduler_asks_in_that_order_and_gives_any_record() -> None:
    asked: list[str] = []

    def asking(_: Memory) -> Any:
        async def ask(question: Question) -> Record:
            asked.append(question.case.id)
            return Record(question=question)

        return ask

    cases = [saying("Reply with exactly: a", "a.one"), saying("Count from 1 to 999.", "a.two"), saying("", "a.three")]
    questions = [Question(case, "json") for case in cases]
    scheduler = Scheduler(asking)
    scheduler.start()
    scheduler.begin(questions)
    for question in questions:
        assert scheduler.record(question).question == question
        scheduler.judged(question)
    scheduler.stop()
    assert asked == ["a.two", "a.one", "a.three"]
