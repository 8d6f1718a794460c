"""How one question is asked: whether it arises, how often it is tried, and what is read in every answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from conformance.catalog.case import Case, Step
from conformance.catalog.load import Catalog
from conformance.judge.answer import read
from conformance.judge.effects import try_check
from conformance.judge.observe import Observed, Reply, observe
from conformance.judge.rules import examine
from conformance.judge.verdict import Observation
from conformance.probe.asking import Asked, Asker
from conformance.probe.exchange import Exchange
from conformance.probe.request import Setting, fill
from conformance.runner.engine import Deadline, Engine
from conformance.runner.question import Attempt, Question, Record, in_mode, weight_of
from conformance.runs.evidence import evidence_name
from conformance.words import Mode

SHOWN: tuple[Observation, ...] = ("shown", "weak")


class Inquiry:
    """Asks the questions of one run; what it needs to know of other questions it learns from the engine."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        asker: Asker,
        capabilities: Mapping[str, bool],
        attempts: int,
        deadline: Deadline,
        watch: Callable[[Question, Exchange], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._asker = asker
        self._capabilities = capabilities
        self._attempts = attempts
        self._deadline = deadline
        self._watch = watch

    def on(self, engine: Engine) -> Callable[[Question], Awaitable[Record]]:
        """The way of asking for an engine."""

        async def ask(question: Question) -> Record:
            if self._deadline.passed:
                return Record(question=question, prevented="budget spent")
            capable, why_not = await self._capable(question, engine)
            if why_not:
                return Record(question=question, inapplicable=why_not)
            attempts = await self._try(question)
            return Record(question=question, attempts=attempts, capable=capable, weight=weight_of(attempts))

        return ask

    async def _capable(self, question: Question, engine: Engine) -> tuple[bool | None, str]:
        """Yes, no or unknown, and why the question does not arise."""
        case = question.case
        for name in case.lacks:
            if self._capabilities.get(name) is not False:
                return None, f"only asked where the model lacks {name}"
        capable: bool | None = True
        for name in case.needs:
            able = await self._able(name, question, engine)
            if able is False:
                return False, f"needs {name}"
            capable = None if able is None else capable
        return capable, ""

    async def _able(self, name: str, question: Question, engine: Engine) -> bool | None:
        """Declared or discovered; else proven by the case that shows it, where there is one."""
        if name in self._capabilities:
            return self._capabilities[name]
        capability = self._catalog.capabilities.get(name)
        if capability is None:
            return None
        if capability.proof is None or capability.proof == question.case.id:
            return False if capability.assume_no and capability.proof is None else None
        proof = await engine.learn(in_mode(self._catalog.cases[capability.proof], question.mode))
        if any(observation in SHOWN for observation in proof.observations):
            return True
        return False if capability.assume_no else None

    async def _try(self, question: Question) -> tuple[Attempt, ...]:
        """Tries until the premise arose, or a witnessed effect was shown; one counter-example is final."""
        attempts: list[Attempt] = []
        while len(attempts) < self._attempts:
            attempt = await self._attempt(question, len(attempts) + 1)
            attempts.append(attempt)
            if not _worth_another(question.case, attempt.observed.observation) or self._deadline.passed:
                break
        return tuple(attempts)

    async def _attempt(self, question: Question, number: int) -> Attempt:
        asked = await self._asker.ask(question.case, question.mode, proceed=_proceed)
        return attempt_of(question, number, asked, self._watch)


def _worth_another(case: Case, observation: Observation) -> bool:
    return observation in ("unelicited", "slow") or (case.kind in ("witnessed", "tendency") and observation == "absent")


def _proceed(step: Step, exchange: Exchange, mode: Mode, fills: Callable[[Any], Any]) -> Mapping[str, Any] | None:
    """The document of a step's answer for the steps after it; None where there is no use in going on."""
    answer = read(exchange, mode)
    if answer.unreadable is not None or answer.status >= 400:
        return None
    document = answer.document
    held = all(try_check(check, document, fills).held for check in step.premise)
    return document if held else None


def attempt_of(
    question: Question, number: int, asked: Asked, watch: Callable[[Question, Exchange], None] | None = None
) -> Attempt:
    """Reads what was asked and answered: every rule on every answer, then what the attempt showed."""
    replies = tuple(_reply(question, number, step, exchange) for step, exchange in asked.exchanges)
    for _, exchange in asked.exchanges:
        if watch is not None:
            watch(question, exchange)
    return Attempt(
        number=number,
        nonce=asked.setting.nonce,
        replies=replies,
        observed=_observed(question.case, replies, asked.setting),
        seconds=sum(reply.answer.exchange.finished for reply in replies),
    )


def _observed(case: Case, replies: Sequence[Reply], setting: Setting) -> Observed:
    if not replies:
        return Observed("error")
    return observe(case, replies, lambda value: fill(value, setting))


def _reply(question: Question, number: int, step: str, exchange: Exchange) -> Reply:
    answer = read(exchange, question.mode)
    name = evidence_name(question.case.id, question.mode, number, step)
    return Reply(step, answer, name, examine(answer))
