"""The mutants of the gateway: each request and answer that passes, done wrong in one thing, and who notices.

The scripted gateway makes them from the types of what passes (`conformance.scripted.mutants`). Asked below
`/mutant/which-K-of-N`, it does nothing wrong and says with each answer which mutants of that part would have changed
it: so a mutant is asked only questions that can bring it to light.
"""

import argparse
import asyncio
import re
from collections import Counter
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
from conformance.probe.asking import ServedFixtures
from conformance.runs.detection import GatewayMutant
from conformance.targets.address import url_below
from conformance.targets.target import Target

EXPLAINED = Path(__file__).with_name("equivalent_gateways.yaml")
"""Mutants that nobody has to notice: a pattern of their ids, and why."""
HEADER = "x-mutants"
HELD = "down:held:"
"""Mutants that hold an answer back, which one question of some seconds is about."""
TELLING_SECONDS = 60.0
"""What the gateway is given for an answer while it compares it with all mutants of it."""
ROUNDS = (5, 10, 25, 1000)
"""Of the questions that a mutant changes, how many it is asked, round by round until one notices it; all in the end."""
BESIDE_THE_UPSTREAM = (
    *("content.place.*", "documents.sources.pdf*", "images.sources.*", "messages.*", "stop.*", "structured.*"),
    *("thinking.*", "tools.choice.*", "tools.loop.*", "usage.*"),
)
"""Cases that are asked beside those which need a controlled upstream."""
COMMON = {
    *("choices", "message", "messages", "delta", "content", "text", "lost"),
    *("user", "role", "system", "reply", "with"),
}
"""Words that say too little of what a case is about."""
SLOW = (
    *("upstream.answer.incremental", "upstream.answer.client-gone", "upstream.answer.client-gone-waiting"),
    "upstream.failure.silence",
)
"""Cases whose answers take seconds."""
DIRECTIONS = {"up": "upstream.request.", "down": "upstream.answer. upstream.shape. upstream.failure."}
"""By the first word of a mutant's id: whose questions are the closest to it."""
A_SIBLING = 3
"""What it weighs that a question noticed a mutant of the same place, against one word that both speak of."""


class Part(Struct, frozen=True):
    """Every N-th of a list, from the K-th on; `1/1` is all of them."""

    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, text: str) -> "Part":
        """The part that a person names: `all` or `K/N`; ValueError for anything else."""
        if text == "all":
            return cls()
        number, of = (int(word) for word in text.split("/"))
        if not 1 <= number <= of:
            raise ValueError(text)
        return cls(number, of)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and position % self.of == self.number - 1


def part_of_words(text: str) -> Part:
    """The part that a word of the command line names."""
    try:
        return Part.read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither `all` nor a part such as 1/10") from None


class MutantFate(Struct, frozen=True, kw_only=True):
    """The fate of one mutant that changed something."""

    id: str
    says: str
    noticed: list[str]
    """The rows that turned worse."""
    explained: str = ""
    """Why nobody has to notice it."""


def gateway_mutants(
    catalog: Catalog, part: Part, before: Mapping[str, str] = {}, only: Sequence[str] = ()
) -> list[MutantFate]:
    """What became of each mutant of a part that changes what one of the questions sends or gets back.

    `before`: the row that noticed a mutant when it was measured last. `only`: patterns of ids.
    """
    with ExitStack() as stack:
        fixtures = ServedFixtures(catalog.fixtures, stack.enter_context(FixtureServer(catalog.fixtures)).url)
        return asyncio.run(_fates(catalog, gateway(stack), fixtures, part, before, only))


async def _fates(
    catalog: Catalog,
    target: Target,
    fixtures: ServedFixtures,
    part: Part,
    before: Mapping[str, str],
    only: Sequence[str],
) -> list[MutantFate]:
    listed = named_mutants()
    asked = askable(catalog)
    correct, shown = await _shown(catalog, target, part, listed, asked, fixtures)
    shown |= {name: held(catalog) for name in shown if name.startswith(HELD)}
    wanted = {name: some for name, some in shown.items() if not only or any(fnmatchcase(name, one) for one in only)}
    likeliest = Likeliest([*asked, *held(catalog)], before)
    explained = explanations()
    worse: dict[str, list[str]] = {}
    left = dict(wanted)
    for number, many in enumerate(ROUNDS):
        unnoticed = [name for name in wanted if not worse.get(name) and left[name]]
        if number:  # whoever nobody has to notice is asked a little, since a reason may be wrong
            unnoticed = [name for name in unnoticed if not _explained(name, explained)]
        chosen = {}
        for name in unnoticed:
            ordered = likeliest.order(name, left[name])
            few = 1 if name in before and name not in worse else many
            chosen[name], left[name] = ordered[:few], ordered[few:]
        found = await _worse(catalog, target, chosen, correct, fixtures)
        for name, rows in found.items():
            if rows:
                likeliest.learn(name, first_of(rows))
        worse |= found
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


def held(catalog: Catalog) -> list[Question]:
    return [question for question in every_question(catalog) if question.case.id == "upstream.answer.incremental"]


def first_of(rows: Sequence[str]) -> str:
    """Of the rows that noticed a mutant, the one that is remembered: a case of an upstream, a case, or a rule."""
    return min(rows, key=lambda row: (not row.startswith("upstream."), "[" not in row, row))


async def _shown(
    catalog: Catalog,
    target: Target,
    part: Part,
    listed: Sequence[NamedFault],
    asked: Sequence[Question],
    fixtures: ServedFixtures,
) -> tuple[RunVerdicts, dict[str, list[Question]]]:
    """What is found of the correct gateway, and which questions each mutant would have changed."""
    telling = replace(target, base_url=url_below(target.base_url, f"/mutant/which-{part.number}-of-{part.of}"))
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


async def _worse(
    catalog: Catalog,
    target: Target,
    wanted: Mapping[str, Sequence[Question]],
    correct: RunVerdicts,
    fixtures: ServedFixtures,
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


def askable(catalog: Catalog) -> list[Question]:
    """The questions that a gateway in front of the scripted model is asked, none of them slow."""
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


class Likeliest:
    """Which questions have the best chance to notice a mutant: by its words, and by what noticed its siblings.

    `noticed` gives for mutants that were measured before the row that noticed them.
    """

    def __init__(self, questions: Iterable[Question], noticed: Mapping[str, str] = {}) -> None:
        self._words = {question.case.id: _words_of(question.case) for question in questions}
        self._own: dict[str, str] = {}
        self._siblings: dict[str, Counter[str]] = {}
        for mutant, row in noticed.items():
            self.learn(mutant, row)

    def learn(self, mutant: str, row: str) -> None:
        """Remembers that a row noticed a mutant."""
        case = row.partition("[")[0]
        self._own[mutant] = case
        self._siblings.setdefault(_place(mutant), Counter())[case] += 1

    def order(self, mutant: str, questions: Sequence[Question]) -> list[Question]:
        """The questions, the likeliest first: each case in one mode, then all of them in the other."""
        mine = tuple(DIRECTIONS[mutant.partition(":")[0]].split())
        words, siblings = _words(mutant), self._siblings.get(_place(mutant), Counter())

        def distance(question: Question) -> tuple[bool, int, bool]:
            case = question.case.id
            near = A_SIBLING * min(siblings[case], A_SIBLING) + len(words & self._words[case])
            return self._own.get(mutant) != case, -near, not case.startswith(mine)

        ordered = sorted(questions, key=distance)
        first = list({question.case.id: question for question in reversed(ordered)}.values())[::-1]
        return [*first, *(question for question in ordered if question not in first)]


def _place(mutant: str) -> str:
    """Where something is done wrong, whatever it is: `down:cut:PLACE` and `down:lost:PLACE` are siblings."""
    direction, _, rest = mutant.partition(":")
    return f"{direction}:{rest.partition(':')[2]}"


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower())) - COMMON


def _words_of(case: Case) -> set[str]:
    """What a case is about, and what it asks."""
    return _words(f"{case.id} {case.surface} {msgspec.json.encode(asks_of(case)).decode()}")


def outcome_of(fate: MutantFate) -> GatewayMutant:
    """The fate of a mutant as the figures keep it."""
    if fate.noticed:
        return GatewayMutant("noticed", first_of(fate.noticed))
    return GatewayMutant("explained", fate.explained) if fate.explained else GatewayMutant("silent", fate.says)


def merged(before: Mapping[str, GatewayMutant], part: Part, fates: Sequence[MutantFate]) -> dict[str, GatewayMutant]:
    """What was known, with a part of it measured anew; a mutant that is made no more is left out."""
    made = {mutant.id: position for position, mutant in enumerate(named_mutants())}
    kept = {name: one for name, one in before.items() if name in made and made[name] not in part}
    return dict(sorted((kept | {fate.id: outcome_of(fate) for fate in fates}).items()))


def gone_silent(before: Mapping[str, GatewayMutant], fates: Iterable[MutantFate]) -> list[str]:
    """The mutants that nobody notices now, and that were not known to be so."""
    known = {name for name, one in before.items() if one.outcome == "silent"}
    return [
        f"mutant of the gateway {fate.id} is noticed by nobody: {fate.says}"
        for fate in fates
        if outcome_of(fate).outcome == "silent" and fate.id not in known
    ]


def summary_of(known: Mapping[str, GatewayMutant]) -> dict[str, dict[str, int]]:
    """By direction: how many were noticed of those that are violations, and how many are equivalent, with a reason."""
    counts = {
        way: Counter(one.outcome for name, one in known.items() if name.startswith(f"{way}:")) for way in DIRECTIONS
    }
    return {
        way: {
            "noticed": count["noticed"],
            "of": count["noticed"] + count["silent"],
            "equivalent": count["explained"],
        }
        for way, count in counts.items()
    }
