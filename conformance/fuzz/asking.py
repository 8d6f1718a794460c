"""Asks one generated case at a time, through what asks and reads the cases of a run."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from conformance.catalog.case import Case
from conformance.catalog.load import FIXTURES, cases_folder
from conformance.engine.inquiry import attempt_of, proceed
from conformance.engine.question import Attempt, Question
from conformance.engine.scheduler import Deadline
from conformance.errors import ExitCode, UserError
from conformance.judge.answer import Reader
from conformance.probe.asking import ServedFixtures, ask_case
from conformance.probe.client import Client
from conformance.probe.preflight import preflight
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.targets.target import Target
from conformance.words import Mode

Result = TypeVar("Result")
NEVER = Deadline(None)
NO_ANSWER = ("unreachable", "rate-limited")


class TimeOver(BaseException):
    """The time of a search is over, whatever was being asked."""


class Asker:
    """Asks an endpoint, one request at a time, on an event loop of its own."""

    def __init__(self, target: Target, timeout: float, deadline: Deadline = NEVER) -> None:
        self.target = target
        self._deadline = deadline
        self.asked = 0
        """Requests so far."""
        self._runner = asyncio.Runner()
        limits = Limits(first_byte=timeout, idle=timeout, total=4 * timeout)
        self._client = Client(limits=limits, keys=[target.key])
        self._patience = Patience(1)
        self._fixtures = ServedFixtures(cases_folder() / FIXTURES)

    def __enter__(self) -> Self:
        """UserError where the endpoint cannot be asked at all."""
        try:
            problem = self._in_time(preflight(self.target, self._client))
        except BaseException:
            self._end()
            raise
        if problem is not None:
            self._end()
            raise UserError(problem.line, problem.exit)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def _in_time(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What some asking comes to; TimeOver where the time of the search is over before."""

        async def bounded() -> Result:
            try:
                async with asyncio.timeout(self._deadline.left) as timer:
                    return await work
            except TimeoutError:
                if timer.expired():
                    raise TimeOver from None
                raise

        return self._runner.run(bounded())

    def ask(self, document: dict[str, Any], mode: Mode) -> Attempt:
        """What a case showed in a mode; UserError where the endpoint is gone, or asks to wait for too long.

        TimeOver where the time of the search is over before.
        """
        self.asked += 1
        reader = Reader()
        question = Question(msgspec.convert(document, Case), mode)
        asked = self._in_time(
            ask_case(
                question.case,
                self.target,
                mode,
                1,
                self._client,
                self._patience,
                proceed=partial(proceed, reader, False),
                fixtures=self._fixtures,
            )
        )
        attempt = attempt_of(question, asked, self.target, reader)
        observation = attempt.observed.observation
        if observation == "error":
            raise UserError(f"the suite itself failed: {attempt.trace}", ExitCode.OUR_FAULT)
        if observation in NO_ANSWER:
            exchange = attempt.replies[-1].answer.exchange if attempt.replies else None
            why = exchange.detail if exchange is not None and exchange.detail else observation
            raise UserError(
                f"{self.target.base_url} answers no more after {self.asked} requests: {why}", ExitCode.OUR_FAULT
            )
        return attempt
