"""Requests that the reference endpoint refuses, though their case does not say that they are bad.

The answer to such a request would be held to the rules about messages, whatever a lenient server made of it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec

from conformance.catalog.case import Ask, Case, asks_of, bad_requests
from conformance.catalog.load import Catalog
from conformance.catalog.problem import Problem, shown
from conformance.engine.target_selection import who_is_asked
from conformance.judge.answer import read
from conformance.probe.client import Client
from conformance.probe.request import Setting, new_nonce, render
from conformance.runs.options import RunOptions
from conformance.targets.target import Target

AT_ONCE = 32
"""Requests in flight: most of the time is that of paced answers, which are waited for."""
REFUSED = range(400, 500)
NOT_ABOUT_THE_BODY = (401, 403, 404, 405, 429)
PATIENCE = 5.0
"""Seconds: a refusal comes at once; an answer from which its case goes away takes a quarter of a minute."""


def unmarked(catalog: Catalog) -> list[Problem]:
    """A problem for each case with such a request; the reference endpoint is started for it, and stopped again."""
    with ExitStack() as stack:
        return asyncio.run(_refused(catalog, who_is_asked(RunOptions(), stack, lambda _: None)))


async def _refused(catalog: Catalog, target: Target) -> list[Problem]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with Client(keys=[target.key]) as client:

        async def tried(case: Case, ask: Ask) -> Problem | None:
            setting = Setting(target=target, mode="json", nonce=new_nonce(), fixtures=catalog.fixtures)
            outgoing = render(ask, setting, asks_max_tokens=case.asks_max_tokens)
            async with gate:
                try:
                    answer = read(await asyncio.wait_for(client.ask(outgoing), PATIENCE), "json")
                except TimeoutError:
                    return None
            if answer.status not in REFUSED or answer.status in NOT_ABOUT_THE_BODY:
                return None
            sentence = (answer.error or {}).get("message", answer.status)
            origin = catalog.origins[case.id]
            says = f"the reference endpoint refuses a request that is not marked `bad: true`: {sentence}"
            return Problem(shown(origin.file), origin.line, case.id, says)

        found = await asyncio.gather(*(tried(case, ask) for case, ask in _presumed_good(catalog, target)))
    return sorted(problem for problem in found if problem is not None)


def _presumed_good(catalog: Catalog, target: Target) -> Iterator[tuple[Case, Ask]]:
    """The requests with a JSON body that count as good ones, and that need no earlier answer and no server of files."""
    able = [
        case
        for case in catalog.cases.values()
        if all(target.capabilities.get(need) is not False for need in case.needs)
    ]
    for case in able:
        for ask, bad in zip(asks_of(case), bad_requests(case), strict=True):
            written = msgspec.json.encode([ask.path, ask.body or {}]).decode()
            if not bad and ask.body and "{steps." not in written and "{fixtures}" not in written:
                yield case, ask
