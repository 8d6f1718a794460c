"""Asks one question: whether it applies, how often it is tried, and how its answers are read."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from msgspec import UNSET, Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, Step, bad_requests, steps_of
from conformance.catalog.load import Catalog
from conformance.catalog.profile import clients_cases
from conformance.engine.question import Attempt, Question, Record, in_mode, input_tokens_of, obstacle_to, within
from conformance.engine.scheduler import BUDGET_SPENT, Asking, Deadline, Memory
from conformance.judge.answer import Answer, Reader
from conformance.judge.effects import try_check
from conformance.judge.observe import Observed, Reply, input_tokens, misled, observe
from conformance.judge.rules import examine
from conformance.judge.shape import shape_of
from conformance.judge.verdict import SHOWN, Observation
from conformance.probe.asking import Asked, Bind, ServedFixtures, StepAnswer, ask_case, beside, trace_of
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.request import AddressFault, Setting, StepError, fill, url_of
from conformance.probe.trouble import Patience
from conformance.probe.vendor import Step as SdkStep
from conformance.runs.evidence import exchange_id
from conformance.targets.target import Target
from conformance.words import OBEYED_KINDS, Mode

CONFIRMATIONS = 12
"""How often a control is asked again: a model that obeys every second time passes once in four thousand."""

AGAIN = 2
"""How often a client asks again for an answer that failed, at the least."""
IN_VAIN = 6
"""After so many questions whose answers failed each time, none is asked again: it is no matter of chance."""
QUICK = 10.0
"""Seconds up to which an answer that failed is worth asking for again."""

Watch = Callable[[Question, Exchange], None]
"""Sees every exchange as it happens, for `--debug`."""


class Transport(Struct, frozen=True):
    """The parts of the probe that asking needs: client, shared patience, the fixtures' address, and the SDK."""

    client: Client
    patience: Patience
    fixtures: ServedFixtures
    sdk: SdkStep = beside


class Inquiry:
    """Asks the questions of one run; what it needs to know of other questions it learns from the memory."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        target: Target,
        transport: Transport,
        attempts: int,
        deadline: Deadline,
        watch: Watch | None = None,
    ) -> None:
        self._catalog = catalog
        self._target = target
        self._transport = transport
        self._attempts = attempts
        self._tries = {gap.case: gap.tries for gap in (*target.documented, *target.known) if gap.case is not None}
        self._deadline = deadline
        self._watch = watch
        self._confirmations: dict[Question, asyncio.Task[bool]] = {}
        self._of_clients = clients_cases(catalog.profiles.values())
        self._in_vain = 0

    def on(self, memory: Memory) -> Asking:
        """The way of asking for a memory, which has the answers to other questions."""

        async def ask(question: Question) -> Record:
            try:
                async with asyncio.timeout(self._deadline.left):
                    return await asked(question)
            except TimeoutError as problem:
                if self._deadline.passed:
                    return Record(question=question, prevented=BUDGET_SPENT)
                return Record(question=question, failure=trace_of(problem))
            except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
                return Record(question=question, failure=trace_of(problem))

        async def asked(question: Question) -> Record:
            if self._deadline.passed:
                return Record(question=question, prevented=BUDGET_SPENT)
            if question.case.within is not None:
                return await self._within(question, memory)
            if obstacle := obstacle_to(question.case, self._target.window, self._transport.patience.slots.most):
                return Record(question=question, prevented=obstacle)
            capable, why_not = await self._capable(question, memory)
            if why_not:
                return Record(question=question, inapplicable=why_not)
            attempts = await self._try(question)
            if capable is None and (lacking := self._disproven(question, attempts)):
                return Record(question=question, inapplicable=f"needs {lacking}")
            return Record(
                question=question,
                attempts=attempts,
                capable=capable,
                input_tokens=input_tokens_of(attempts),
                confirmed=await self._confirmed(question, attempts),
            )

        return ask

    async def _within(self, question: Question, memory: Memory) -> Record:
        """The record of a question that is judged within the journey of another case, which is asked once for all."""
        assert question.case.within is not None, question.id
        journey = await memory.learn(in_mode(self._catalog.cases[question.case.within], question.mode))
        record = within(question, journey)
        return replace(record, confirmed=await self._confirmed(question, record.attempts))

    async def _capable(self, question: Question, memory: Memory) -> tuple[bool | None, str]:
        """Yes, no or unknown, and why the question does not arise."""
        for name in question.case.lacks:
            if self._target.capabilities.get(name) is not False:
                return None, f"only asked where the model lacks {name}"
        capable: bool | None = True
        for name in question.case.needs:
            able = await self._able(name, question, memory)
            if able is False:
                return False, f"needs {name}"
            capable = None if able is None else capable
        return capable, ""

    async def _able(self, name: str, question: Question, memory: Memory) -> bool | None:
        """Declared or discovered; else proven by the case that shows it, where there is one."""
        if name in self._target.capabilities:
            return self._target.capabilities[name]
        capability = self._catalog.capabilities.get(name)
        if capability is None:
            return None
        records: list[Record] = []
        for proof in capability.proof:
            if proof == question.case.id:  # a proof leans on those before it only, or they would wait for each other
                return None
            record = await memory.learn(in_mode(self._catalog.cases[proof], question.mode))
            if _shown(record) or _breaks(record, capability.betrayed_by):
                return True
            records.append(record)
        if capability.assume_no:
            return False
        if capability.declined_beside is None or not all("declined" in record.observations for record in records):
            return None
        beside = await memory.learn(in_mode(self._catalog.cases[capability.declined_beside], question.mode))
        return False if _shown(beside) else None

    def _disproven(self, question: Question, attempts: Sequence[Attempt]) -> str:
        """The ability that is taken as missing since this question, its proof, did not show it; else nothing."""
        if any(attempt.observed.observation in SHOWN for attempt in attempts):
            return ""
        for name in question.case.needs:
            capability = self._catalog.capabilities.get(name)
            if capability is None or name in self._target.capabilities:
                continue
            if capability.assume_no and question.case.id in capability.proof:
                return name
        return ""

    async def _try(self, question: Question) -> tuple[Attempt, ...]:
        """Tries until the premise arose, or a witnessed effect was shown; one counter-example is final.

        Where the target's file says that chance decides, the question is asked so often whatever was shown.
        """
        attempts: list[Attempt] = []
        tries = self._tries.get(question.case.id, 1)
        while len(attempts) < max(self._attempts, tries):
            attempt = await self._attempt(question, len(attempts) + 1)
            attempts.append(attempt)
            wanted = len(attempts) < tries or _worth_another(question.case, attempt.observed.observation)
            if not wanted or self._deadline.passed:
                break
        return await self._as_a_client(question, attempts)

    async def _as_a_client(self, question: Question, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
        """The attempts, with those that a client makes after a failure or a refusal, which the verdict is that of.

        Whether the failure passes is what readiness has to know.
        """
        again: list[Attempt] = []
        failed = attempts[-1].observed.observation in ("unreadable", "declined") and attempts[-1].seconds < QUICK
        if not failed or question.case.id not in self._of_clients:
            return tuple(attempts)
        while len(again) < AGAIN and self._in_vain < IN_VAIN and not self._deadline.passed:
            again.append(await self._attempt(question, len(attempts) + len(again) + 1))
            if again[-1].observed.observation in SHOWN:
                return (*attempts, *again)
        self._in_vain += 1
        return (*attempts, *again)

    async def _confirmed(self, question: Question, attempts: Sequence[Attempt]) -> bool:
        """Whether the model can be trusted to have done its part where a witnessed effect was not shown, or in part.

        One control that was shown says that the model obeys at times. Before the silence is held against the server,
        the control is asked again and again, once for all questions that lean on it, and has to be shown every time.
        """
        case = question.case
        if case.kind not in OBEYED_KINDS or case.control is None:
            return True
        if not attempts or attempts[-1].observed.observation not in ("absent", "contradicted", "stopped"):
            return True
        control = in_mode(self._catalog.cases[case.control], question.mode)
        if control not in self._confirmations:
            self._confirmations[control] = asyncio.create_task(self._obeys(control))
        return await asyncio.shield(self._confirmations[control])

    async def _obeys(self, control: Question) -> bool:
        for number in range(CONFIRMATIONS):
            if self._deadline.passed:
                return False
            attempt = await self._attempt(control, number + 1)
            if attempt.observed.observation not in SHOWN:
                return False
        return True

    async def _attempt(self, question: Question, number: int) -> Attempt:
        transport = self._transport
        reader = Reader()
        asked = await ask_case(
            question.case,
            self._target,
            question.mode,
            number,
            transport.client,
            transport.patience,
            proceed=partial(proceed, reader, question.case.journey is not UNSET),
            fixtures=transport.fixtures,
            sdk=transport.sdk,
        )
        if self._watch is not None:
            for answer in asked.answers:
                self._watch(question, answer.exchange)
        size = sum(answer.exchange.size for answer in asked.answers)
        laws = self._catalog.within(question.case.id)
        return await transport.patience.aside.run(
            size, partial(attempt_of, question, asked, self._target, reader, laws)
        )


FORGOTTEN = 16 * 2**10
"""Bytes of answers from which on what was read in them is let go until they are judged."""


def _shown(record: Record) -> bool:
    return any(observation in SHOWN for observation in record.observations)


def _breaks(record: Record, rule: str | None) -> bool:
    """Whether an answer of a record breaks a rule."""
    replies = [reply for attempt in record.attempts for reply in attempt.replies]
    return any(reading.rule.id == rule and bool(reading.violations) for reply in replies for reading in reply.readings)


def _worth_another(case: Case, observation: Observation) -> bool:
    if observation in ("unelicited", "stopped", "garbled", "held-up", "slow"):
        return True
    return case.kind in ("witnessed", "tendency") and observation == "absent"


def _filled(value: Any, setting: Setting) -> Any:
    """What a check compares with; where an earlier answer lacks it, the bare placeholder, which nothing equals."""
    try:
        return fill(value, setting)
    except StepError:
        return value


def proceed(
    reader: Reader, travels: bool, step: Step, mode: Mode, exchange: Exchange, bind: Bind
) -> Mapping[str, Any] | None:
    """The document of a step's answer for the steps after it; None where there is no use in going on.

    A step may hold a failure against its premise; a journey (`travels`) goes on from an answer only.
    """
    answer = reader(exchange, mode)
    document = answer.document
    if step.hang_up:
        return document
    held = all(try_check(check, document, bind).held for check in step.premise)
    answered = answer.unreadable is None and answer.status < 400
    return document if held and (answered or (step.premise and not travels)) else None


def attempt_of(
    question: Question, asked: Asked, target: Target, reader: Reader | None = None, laws: Sequence[Case] = ()
) -> Attempt:
    """Reads what was asked and answered; where the suite itself fails at it, the traceback stands in place of a result.

    Nothing of an answer that broke the reading of it is read again: it goes into the evidence as it came.
    `reader` is the one that read the answers between the steps, where somebody did; `laws` are the cases that are
    judged within this one.
    """
    reader = reader or Reader()
    trace = asked.trace
    try:
        if not trace:
            attempt = _read_attempt(question, asked, target, reader, laws)
            if attempt.size > FORGOTTEN:  # at once: whoever reads next shall find the room
                attempt.forget()
            return attempt
    except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
        trace = trace_of(problem)
    unread = tuple(_unexamined(question, asked.attempt, one, reader(one.exchange, one.mode)) for one in asked.answers)
    return Attempt(asked.attempt, asked.nonce, (), Observed("error"), unread=unread, trace=trace)


def _read_attempt(question: Question, asked: Asked, target: Target, reader: Reader, laws: Sequence[Case]) -> Attempt:
    """Every rule on every answer, then what the attempt showed."""
    case = question.case
    bad = dict(zip([step.name for step in steps_of(case)], bad_requests(case), strict=True))
    replies = tuple(
        _reply(question, asked.attempt, one, reader(one.exchange, one.mode), bad=bad[one.step]) for one in asked.answers
    )
    observed = _observed(question, asked, replies, target)
    came_through = len(replies) == len(bad) and observed.observation in CAME_THROUGH
    return Attempt(
        number=asked.attempt,
        nonce=asked.nonce,
        replies=replies,
        observed=observed,
        model=str((replies[-1].answer.request or {}).get("model") or "") if replies else "",
        within={law.id: _observed(Question(law, question.mode), asked, replies, target) for law in laws}
        if came_through
        else {},
        seconds=sum(reply.answer.exchange.finished for reply in replies),
        input_tokens=input_tokens(replies[-1].answer) if replies else None,
        shape=shape_of(replies[-1].answer) if replies else None,  # now, for to read a long answer again takes as long
        trace=next((_trace_in(one.exchange) for one in asked.answers if one.exchange.outcome == "failed"), ""),
    )


CAME_THROUGH: tuple[Observation, ...] = ("contradicted", "absent", "garbled", "weak", "shown", "stopped", "unelicited")
"""What a journey shows whose last answer can be judged."""


def _trace_in(exchange: Exchange) -> str:
    """The traceback of an exchange that failed by our own fault, or what the client says of it."""
    return next((note for note in exchange.notes if note.startswith("Traceback")), exchange.detail or "no reason given")


def _observed(question: Question, asked: Asked, replies: Sequence[Reply], target: Target) -> Observed:
    """What an attempt showed; of several copies in flight the worst counts, for each owes the same."""
    if not replies:
        return Observed("unelicited" if asked.stopped else "error")
    documents = {reply.step: reply.answer.document for reply in replies}
    setting = Setting(target=target, mode=question.mode, nonce=asked.nonce, documents=documents)
    if (fault := _address_fault(question.case, len(replies), setting)) is not None:
        source = next(reply for reply in replies if reply.step == fault.step)
        return misled(source, fault.at, fault.given, target.base_url)

    def bind_of(copy: int) -> Callable[[Any], Any]:
        return partial(_filled, setting=replace(setting, copy=copy))

    if question.case.concurrent > 1:
        observed = [
            observe(question.case, [reply], bind_of(answer.copy))
            for answer, reply in zip(asked.answers, replies, strict=True)
        ]
        return min(observed, key=lambda one: SEVERITY.index(one.observation))
    return observe(question.case, replies, bind_of(0))


def _address_fault(case: Case, asked: int, setting: Setting) -> AddressFault | None:
    """What is wrong with the address that an answer gives for the step that was not asked, if that is why."""
    steps = steps_of(case)
    if len(steps) < 2 or asked >= len(steps):
        return None
    try:
        url_of(steps[asked].ask, setting)
    except AddressFault as fault:
        return fault
    except StepError:
        return None
    return None


SEVERITY: tuple[Observation, ...] = get_args(Observation)


def _reply(question: Question, number: int, asked: StepAnswer, answer: Answer, *, bad: bool) -> Reply:
    reply = _unexamined(question, number, asked, answer)
    abandoned = asked.exchange.outcome == "abandoned"  # we closed the connection: no rule applies to half an answer
    return replace(reply, readings=() if abandoned else examine(answer, bad=bad), bad=bad)


def _unexamined(question: Question, number: int, asked: StepAnswer, answer: Answer) -> Reply:
    step = f"{asked.step}{asked.copy}" if question.case.concurrent > 1 else asked.step
    return Reply(step, answer, exchange_id(question.case.id, question.mode, number, step))
