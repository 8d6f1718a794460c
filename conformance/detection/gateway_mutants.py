"""The mutants of the gateway: each request and answer that passes, done wrong in one thing, and who notices.

The scripted gateway makes them from the types of what passes (`conformance.scripted.mutants`). Asked below
`/mutant/which`, it does nothing wrong and says with each answer which mutants would have changed it: so a mutant is
asked only questions that can bring it to light.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, asks_of
from conformance.catalog.load import Catalog
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.detection.endpoints import gateway
from conformance.detection.sweep import RunVerdicts, place, rows_of, sweep, worse_rows
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.plan import every_question
from conformance.engine.question import Question, Record
from conformance.engine.scripted_process import NamedFault, named_mutants
from conformance.probe.asking import Fixtures
from conformance.targets.address import url_below
from conformance.targets.target import Target

EXPLAINED = Path(__file__).with_name("equivalent_gateways.yaml")
"""Mutants that nobody has to notice: a pattern of their ids, and why."""
HEADER = "x-mutants"
WHICH = "/mutant/which"
BESIDE_THE_UPSTREAM = (
    *("content.place.*", "documents.sources.pdf*", "images.sources.*", "messages.*", "stop.*", "structured.*"),
    *("thinking.*", "tools.choice.*", "tools.loop.*", "usage.*"),
)
"""Cases that are asked beside those which need a controlled upstream."""
COMMON = {
    "choices",
    "message",
    "messages",
    "delta",
    "content",
    "text",
    "lost",
    "user",
    "role",
    "system",
    "reply",
    "with",
}
"""Words that say too little of what a case is about."""
SLOW = (
    *("upstream.answer.incremental", "upstream.answer.client-gone", "upstream.answer.client-gone-waiting"),
    "upstream.failure.silence",
)
"""Cases whose answers take seconds: asked of no mutant but those that hold an answer back."""
TELLING_SECONDS = 60.0
"""What the gateway is given for an answer while it compares it with all mutants of it."""
HELD = "down:held:"
FEW, MANY = 4, 24
"""Questions that a mutant is asked at first, and when none of them has noticed."""
DIRECTIONS = {"up": "upstream.request.", "down": "upstream.answer. upstream.shape. upstream.failure."}
"""By the first word of a mutant's id: whose questions are the closest to it."""


class MutantFate(Struct, frozen=True, kw_only=True):
    """What became of one mutant that changed something."""

    id: str
    says: str
    noticed: list[str]
    """The rows that turned worse."""
    explained: str = ""
    """Why nobody has to notice it."""


def gateway_mutants(catalog: Catalog, only: Sequence[str] = ()) -> list[MutantFate]:
    """What became of every mutant that changes what one of the questions sends or gets back."""
    with ExitStack() as stack:
        fixtures = Fixtures(catalog.fixtures, stack.enter_context(FixtureServer(catalog.fixtures)).url)
        return asyncio.run(_fates(catalog, gateway(stack), fixtures, only))


async def _fates(catalog: Catalog, target: Target, fixtures: Fixtures, only: Sequence[str]) -> list[MutantFate]:
    listed = named_mutants()
    asked = _asked(catalog)
    words_of = {question.case.id: _words_of(question.case) for question in asked}
    correct, shown = await _shown(catalog, target, listed, asked, fixtures)
    wanted = {
        mutant.id: shown[mutant.id] for mutant in listed if mutant.id in shown and (not only or mutant.id in only)
    }
    worse = await _worse(
        catalog,
        target,
        {name: _closest(name, some, words_of)[:FEW] for name, some in wanted.items()},
        correct,
        fixtures,
    )
    unseen = {name: _closest(name, wanted[name], words_of)[FEW:MANY] for name, rows in worse.items() if not rows}
    again = {name: some for name, some in unseen.items() if some}
    worse |= await _worse(catalog, target, again, correct, fixtures)
    explained = explanations()
    return [
        MutantFate(
            id=mutant.id,
            says=mutant.says,
            noticed=worse[mutant.id],
            explained="" if worse[mutant.id] else _explained(mutant.id, explained),
        )
        for mutant in listed
        if mutant.id in worse
    ]


def _asked(catalog: Catalog) -> list[Question]:
    return [
        question
        for question in every_question(catalog)
        if question.case.kind != "tendency"
        and question.case.id not in SLOW
        and question.case.size != "large"
        and (
            CONTROLLED_UPSTREAM in question.case.needs
            or any(fnmatchcase(question.case.id, pattern) for pattern in BESIDE_THE_UPSTREAM)
        )
    ]


async def _shown(
    catalog: Catalog, target: Target, listed: Sequence[NamedFault], asked: Sequence[Question], fixtures: Fixtures
) -> tuple[RunVerdicts, dict[str, list[Question]]]:
    """What is found of the correct gateway, and which questions each mutant would have changed."""
    telling = replace(target, base_url=url_below(target.base_url, WHICH))
    found, records = await rows_of(catalog, telling, asked, fixtures, TELLING_SECONDS)
    shown: dict[str, list[Question]] = {}
    for question in asked:
        for number in _numbers(records[question]):
            shown.setdefault(listed[number].id, []).append(question)
    return found, shown


def _numbers(record: Record) -> Iterator[int]:
    bits = 0
    for attempt in record.attempts:
        for reply in attempt.replies:
            bits |= int(dict(reply.answer.exchange.headers).get(HEADER, "0"), 16)
    return (number for number in range(bits.bit_length()) if bits >> number & 1)


def _closest(name: str, questions: Iterable[Question], words_of: Mapping[str, set[str]]) -> list[Question]:
    """The questions that a mutant changes, those that speak of the same thing first, each case once, then again."""
    mine = tuple(DIRECTIONS[name.partition(":")[0]].split())
    words = _words(name)

    def distance(question: Question) -> tuple[int, bool]:
        return -len(words & words_of[question.case.id]), not question.case.id.startswith(mine)

    ordered = sorted(questions, key=distance)
    first = list({question.case.id: question for question in reversed(ordered)}.values())[::-1]
    return [*first, *(question for question in ordered if question not in first)]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower())) - COMMON


def _words_of(case: Case) -> set[str]:
    """What a case is about, and what it asks."""
    return _words(f"{case.id} {case.surface} {msgspec.json.encode(asks_of(case)).decode()}")


async def _worse(
    catalog: Catalog, target: Target, wanted: Mapping[str, Sequence[Question]], correct: RunVerdicts, fixtures: Fixtures
) -> dict[str, list[str]]:
    """The rows of each mutant that are worse than the correct gateway's."""
    prefixes = {f"/mutant/{quote(name, safe='')}": questions for name, questions in wanted.items()}
    found = await sweep(catalog, target, prefixes, fixtures)
    rows = {place(row): row for row in correct.rows}
    return {
        name: sorted({row.place for row in worse_rows(found[prefix].rows, rows)})
        for name, prefix in zip(wanted, prefixes, strict=True)
    }


def explanations() -> dict[str, str]:
    """Pattern of ids to the reason why nobody has to notice such a mutant."""
    return msgspec.yaml.decode(EXPLAINED.read_bytes(), type=dict[str, str])


def _explained(name: str, explained: Mapping[str, str]) -> str:
    return next((why for pattern, why in explained.items() if fnmatchcase(name, pattern)), "")
