"""Long answers are asked for first, and everything else in the order of the files."""

import time
from typing import Any

import pytest
from command_line import Command

from conformance.catalog.case import Ask, Case, Step
from conformance.catalog.load import load_catalog
from conformance.catalog.prompts import words_asked_for
from conformance.engine import inquiry
from conformance.engine.plan import every_question
from conformance.engine.question import Attempt, Question, Record
from conformance.engine.scheduler import LONG, Deadline, Memory, Scheduler, long_first
from conformance.judge.answer import read
from conformance.judge.observe import Observed, Reply
from conformance.probe.aside import LARGE
from conformance.probe.asking import Asked
from conformance.probe.client import Client
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.request import Outgoing


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
        (saying("Count from 12345678001 to 12345678700."), 700),
        (saying("Count from -5 to 5."), 11),
        (saying("Reply with exactly: Count from 1 to 1200."), 5),
        (saying("Reply with exactly: " + "and on " * 120), 240),
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


@pytest.mark.parametrize(
    ("ended", "size", "judged"), [(5.0, LARGE + 1, False), (5.0, 100, True), (0.1, LARGE + 1, True)]
)
def test_a_large_answer_is_not_judged_when_the_budget_is_long_over(ended: float, size: int, judged: bool) -> None:
    question = Question(saying(""), "json")
    asked = Request("POST", "http://h/v1/messages", ())
    answered = Exchange(request=asked, outcome="complete", chunks=(Chunk(0.0, b"x" * size),))
    replies = (Reply("ask", read(answered, "json"), "a.b-json"),)
    record = Record(question=question, attempts=(Attempt(1, "n", replies, Observed("shown")),))

    def asking(_: Memory) -> Any:
        async def ask(_: Question) -> Record:
            return record

        return ask

    deadline = Deadline(0.0)
    deadline._end = time.monotonic() - ended
    scheduler = Scheduler(asking, deadline=deadline)
    scheduler.start()
    scheduler.call(scheduler._memory.learn(question))
    assert (scheduler.record(question) is record) is judged
    assert scheduler.record(question).prevented == ("" if judged else "budget spent")
    scheduler.judged(question)
    scheduler.stop()


def test_the_next_request_goes_out_before_an_answer_is_read(
    conformance: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an answer is read nothing is sent, and a server that could be at work waits for us."""
    sent: list[bytes] = []
    in_time: list[bool] = []
    send, reading = Client._record, inquiry.attempt_of

    async def sends(client: Client, outgoing: Outgoing, *given: Any, **more: Any) -> Any:
        sent.append(outgoing.body)
        return await send(client, outgoing, *given, **more)

    def reads(question: Question, asked: Asked, *given: Any) -> Attempt:
        in_time.append(sent[-1] != asked.answers[-1].exchange.request.body)
        return reading(question, asked, *given)

    monkeypatch.setattr(Client, "_record", sends)
    monkeypatch.setattr(inquiry, "attempt_of", reads)
    ended = conformance("run", "--select", "stop.*", "--concurrency", "1", "--no-witness", "--out", "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(in_time) > 20
    assert in_time.count(False) <= 3, in_time  # those that others lean on are asked alone
