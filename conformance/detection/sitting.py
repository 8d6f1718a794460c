"""A handful of questions asked of one endpoint on a loop that is shared with many others."""

import asyncio
from collections.abc import Iterable

from conformance.catalog.load import Catalog
from conformance.engine.assessment import Assessment
from conformance.engine.inquiry import Inquiry
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question, Record
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseRow, LawRow


class Sitting:
    """Asks every question once, whoever wants to know; the engine's part for a run without pytest."""

    def __init__(self, catalog: Catalog, inquiry: Inquiry) -> None:
        self._catalog = catalog
        self._ask = inquiry.on(self)
        self._tasks: dict[Question, asyncio.Task[Record]] = {}

    async def learn(self, question: Question) -> Record:
        """The record of a question."""
        task = self._tasks.get(question)
        if task is None:
            task = self._tasks[question] = asyncio.create_task(self._recorded(question))
        return await task

    async def _recorded(self, question: Question) -> Record:
        return await self._ask(question)

    @property
    def records(self) -> dict[Question, Record]:
        """What was learned so far."""
        return {question: task.result() for question, task in self._tasks.items() if task.done()}

    async def rows(self, questions: Iterable[Question]) -> list[CaseRow | LawRow]:
        """The rows of these questions and of all rules; cases that they lean on are asked along."""
        asked = list(with_dependencies(self._catalog, questions))
        await asyncio.gather(*(self.learn(question) for question in asked))
        assessment = Assessment(self._catalog, asked, self.records.__getitem__, Expectations())
        rows: list[CaseRow | LawRow] = [assessment.case_row(question, None, drift=False) for question in asked]
        return [*rows, *(assessment.rule_row(rule) for rule in assessment.rules)]
