"""Asks a case once: all its steps, in one mode."""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from conformance.catalog.case import Case, Step, steps_of
from conformance.keys import KNOWN
from conformance.probe.aside import on_thread
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange, Request
from conformance.probe.request import Outgoing, Setting, StepError, fill, new_nonce, render
from conformance.probe.trouble import FinalExchange, Patience
from conformance.probe.vendor import SdkCall, SdkSays, ask_with_sdk
from conformance.probe.vendor import Step as SdkStep
from conformance.targets.target import Target
from conformance.words import Mode

Bind = Callable[[Any], Any]
"""Fills the placeholders of a value as they stand in one attempt."""
Proceed = Callable[[Step, Mode, Exchange, Bind], Mapping[str, Any] | None]
"""Judges a step's premises: the document of its answer that later steps may use, or None when they do not hold."""


LARGE = 256 * 2**10
"""Bytes of the answer to a step from which on only one attempt at a time goes on to further steps."""
LONGEST_TRACE = 20_000
"""Characters: where a recursion ends, the last of a thousand alike frames."""


class StepAnswer(Struct, frozen=True):
    """The answer to one step; `copy` counts from 0 where a case has several copies in flight."""

    step: str
    mode: Mode
    exchange: Exchange
    copy: int = 0


class Asked(Struct, frozen=True, kw_only=True):
    """One attempt at a case: its answers in order, and why it ended early, if it did."""

    case: str
    mode: Mode
    attempt: int
    nonce: str
    answers: tuple[StepAnswer, ...] = ()
    trouble: str = ""
    """Why there is nothing to judge: `rate limited: ...`, `unreachable: ...`; empty otherwise."""
    stopped: str = ""
    """Why later steps were not asked: the name of a step whose premise failed, or what its answer lacks."""
    trace: str = ""
    """Where reading an answer failed, by a fault of our own: the traceback."""


class ServedFixtures(Struct, frozen=True):
    """The fixtures of cases: their folder, and the address at which the endpoint can reach them."""

    folder: Path | None = None
    url: str = ""


async def beside(call: SdkCall) -> SdkSays:
    """Replays a call on a thread of this process."""

    def work() -> SdkSays:
        from conformance.probe.replay import replayed  # with the SDK: a second

        return replayed(call)

    return await on_thread(work)


async def ask_case(
    case: Case,
    target: Target,
    mode: Mode,
    attempt: int,
    client: Client,
    patience: Patience,
    *,
    proceed: Proceed | None = None,
    fixtures: ServedFixtures | None = None,
    sdk: SdkStep = beside,
) -> Asked:
    """One attempt at a case, with room in the run for all its copies; its nonce is fresh, the same in all its steps."""
    asker = _Asker(case, target, mode, client, patience, fixtures or ServedFixtures(), sdk)
    async with patience.slots.hold(case.concurrent):
        return await asker.attempt(attempt, proceed or (lambda _step, _mode, _exchange, _bind: {}))


def trace_of(problem: BaseException) -> str:
    """The traceback of a failure of our own, its last lines where it is long."""
    return KNOWN.removed_from("".join(traceback.format_exception(problem)))[-LONGEST_TRACE:]


class _Asker:
    def __init__(
        self,
        case: Case,
        target: Target,
        mode: Mode,
        client: Client,
        patience: Patience,
        fixtures: ServedFixtures,
        sdk: SdkStep,
    ) -> None:
        self._case, self._target, self._mode, self._fixtures = case, target, mode, fixtures
        self._client, self._patience, self._sdk = client, patience, sdk
        self._nonce = new_nonce()
        self._question = self._nonce if len(steps_of(case)) > 1 else ""
        """Names the question where it has several requests, which share a connection."""

    async def attempt(self, attempt: int, proceed: Proceed) -> Asked:
        async with AsyncExitStack() as stack:
            if self._question:
                stack.callback(self._client.release, self._question)
            return await self._attempt(attempt, proceed, stack)

    async def _attempt(self, attempt: int, proceed: Proceed, stack: AsyncExitStack) -> Asked:
        answers: list[StepAnswer] = []
        documents: dict[str, Mapping[str, Any]] = {}
        trouble = stopped = trace = ""
        steps = steps_of(self._case)
        for step in steps:
            mode = _mode(step, self._mode)
            await self._note_late(answers)
            try:
                copies = await self._copies(step, mode, documents)
            except StepError as problem:
                stopped = str(problem)
                break
            except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
                copies = [FinalExchange(self._failed(step, problem))]
            answers += [StepAnswer(step.name, mode, answer.exchange, copy) for copy, answer in enumerate(copies)]
            trouble = next((answer.trouble for answer in copies if answer.trouble), "")
            if trouble or step is steps[-1]:
                break
            exchange, bind = copies[-1].exchange, partial(fill, setting=self._setting(mode, documents))
            if exchange.size > LARGE:  # what later steps use of it takes memory until the last of them is answered
                await self._patience.aside.alone(stack)
            try:
                document = await self._patience.aside.run(exchange.size, partial(proceed, step, mode, exchange, bind))
            except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
                trace = trace_of(problem)
                break
            if document is None:
                stopped = step.name
                break
            documents[step.name] = document
        return Asked(
            case=self._case.id,
            mode=self._mode,
            attempt=attempt,
            nonce=self._nonce,
            answers=tuple(answers),
            trouble=trouble,
            stopped=stopped,
            trace=trace,
        )

    async def _note_late(self, answers: list[StepAnswer]) -> None:
        """Notes on the last answer what came after its end, while nothing was asked; of copies, nobody knows whose."""
        if answers and answers[-1].copy == 0:
            exchange = await self._client.with_late(self._nonce, answers[-1].exchange)
            answers[-1] = msgspec.structs.replace(answers[-1], exchange=exchange)

    def _failed(self, step: Step, problem: Exception) -> Exchange:
        """What stands for an answer where the suite itself failed to ask: the traceback goes into the evidence."""
        request = Request(step.ask.method, f"{self._target.base_url.rstrip('/')}{step.ask.path}", ())
        detail = f"the suite itself failed: {type(problem).__name__}: {problem}"
        failed = Exchange(request=request, outcome="failed", detail=detail, notes=(trace_of(problem),))
        return self._client.scrubbed(failed)

    async def _copies(self, step: Step, mode: Mode, documents: Mapping[str, Mapping[str, Any]]) -> list[FinalExchange]:
        """The answers to all copies of a step, which are in flight together."""
        setting = self._setting(mode, documents)
        if self._case.transport != "http":
            return [await self._through_sdk(step, setting)]
        settings = [msgspec.structs.replace(setting, copy=copy) for copy in range(self._case.concurrent)]
        rendered = [render(step.ask, each, asks_max_tokens=self._case.asks_max_tokens) for each in settings]
        if step.hang_up or self._question:
            asking = {"hang_up": step.hang_up, "question": self._question}
            rendered = [msgspec.structs.replace(one, **asking) for one in rendered]
        if len(rendered) == 1:
            return [await self._send(rendered[0])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._send(outgoing)) for outgoing in rendered]
        return [task.result() for task in tasks]

    def _setting(self, mode: Mode, documents: Mapping[str, Mapping[str, Any]]) -> Setting:
        return Setting(
            target=self._target,
            mode=mode,
            nonce=self._nonce,
            documents=documents,
            fixtures=self._fixtures.folder,
            fixtures_url=self._fixtures.url,
        )

    async def _send(self, outgoing: Outgoing) -> FinalExchange:
        return await self._patience.ask(self._client, outgoing, waits_for=self._case.waits_for)

    async def _through_sdk(self, step: Step, setting: Setting) -> FinalExchange:
        asynchronous = self._case.transport == "sdk-async"
        return await ask_with_sdk(step.ask, setting, self._send, self._sdk, asynchronous=asynchronous)


def _mode(step: Step, mode: Mode) -> Mode:
    """The mode of a step: the case's, unless the step cannot be asked in it."""
    return mode if step.modes is UNSET or mode in step.modes else step.modes[0]
