"""Conducts a run: finds out who is asked and what, runs pytest over it, and writes what there is to read."""

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import CatalogError
from conformance.cli import write_outputs
from conformance.cli.debug import show_exchange
from conformance.cli.progress import Progress
from conformance.engine.assessment import Assessment
from conformance.engine.evidence_keeper import Keeper
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.inquiry import Inquiry, Wire
from conformance.engine.log_header import catalog_row, run_row
from conformance.engine.options import RunOptions
from conformance.engine.plan import plan
from conformance.engine.question import Question, Record
from conformance.engine.resume import earlier_records, with_earlier_choices
from conformance.engine.scheduler import Deadline, Engine
from conformance.engine.target_selection import who_is_asked
from conformance.errors import Mistake
from conformance.judge import witness
from conformance.judge.rules import RULES
from conformance.probe.asking import Fixtures
from conformance.probe.client import Client
from conformance.probe.preflight import UNREACHABLE, preflight
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.pytest_plugin.run import run_pytest
from conformance.runs.evidence import FOLDER as EVIDENCE
from conformance.runs.expectations import Expectations, Seen, seen_in
from conformance.runs.log import FILE as LOG
from conformance.runs.log import LogError, LogWriter, read_log
from conformance.targets.load import target_problems
from conformance.targets.target import Target
from conformance.words import Mode

Baseline = dict[tuple[str, Mode | None], Seen]
"""The verdicts of an earlier run by case and mode, or by rule."""


def conduct(options: RunOptions) -> int:
    """Runs `conformance run`; the exit code."""
    options = with_earlier_choices(options)
    catalog = catalog_of(options)
    questions = plan(catalog, options)
    baseline = _baseline(options)
    with ExitStack() as stack:
        progress = Progress(len(questions))
        target = who_is_asked(options, stack, progress.say)
        check_entries(options, target, catalog, progress.say)
        engine = _asking(catalog, questions, target, options, progress, stack)
        return _judged(catalog, questions, target, options, baseline, progress, engine)


def catalog_of(options: RunOptions) -> Catalog:
    """The questions; Mistake with every problem of their files."""
    try:
        return load_catalog(options.cases)
    except CatalogError as error:
        raise Mistake(str(error)) from error


def check_entries(options: RunOptions, target: Target, catalog: Catalog, say: Callable[[str], None]) -> None:
    """Mistake where an entry of the target's file matches nothing; one that is past its end is only said."""
    if target.name == "none" or options.cases is not None:  # a folder of one's own need not have the rows of ours
        return
    named = (options.target or target.name).partition("@")[0]
    today = datetime.now(UTC).date()
    problems = target_problems(named, surfaces=catalog.rows, rules=RULES, cases=catalog.cases, today=today)
    wrong = [str(problem) for problem in problems if not problem.at.endswith("until")]
    for problem in problems:
        if str(problem) not in wrong:
            say(str(problem))
    if wrong:
        raise Mistake("\n".join(wrong))


def _asking(
    catalog: Catalog,
    questions: Sequence[Question],
    target: Target,
    options: RunOptions,
    progress: Progress,
    stack: ExitStack,
) -> Engine:
    """An engine that can ask the target, which has shown that it is there; Mistake where it is not."""
    client = Client(
        limits=Limits(first_byte=options.timeout, idle=options.timeout, total=4 * options.timeout), keys=[target.key]
    )
    wire = Wire(client, Patience(target.concurrency, say=progress.say), _fixtures(catalog, questions, target, stack))
    deadline = Deadline(options.budget)
    inquiry = Inquiry(
        catalog=catalog,
        target=target,
        wire=wire,
        attempts=options.attempts,
        deadline=deadline,
        watch=show_exchange if options.debug else None,
    )
    engine = Engine(inquiry.on)
    engine.start()
    stack.callback(lambda: engine.stop(client.aclose()))
    first = engine.submit(preflight(target, client, say=progress.say))
    import conformance.engine.ledger  # noqa: F401 - it brings pytest, imported while the endpoint answers

    try:
        problem = first.result(deadline.left)
    except FutureTimeout:
        first.cancel()
        raise Mistake(
            f"{target.base_url} has not answered the first question within the budget", exit_code=UNREACHABLE
        ) from None
    if problem is not None:
        raise Mistake(problem.line, problem.exit)
    return engine


def _judged(
    catalog: Catalog,
    questions: Sequence[Question],
    target: Target,
    options: RunOptions,
    baseline: Baseline | None,
    progress: Progress,
    engine: Engine,
) -> int:
    """Asks and judges everything, and writes what there is to read; the exit code."""
    from conformance.engine.ledger import Session

    out = options.out or default_folder(target)
    earlier = _earlier(options, out, catalog, target)
    for record in earlier.values():
        engine.know(record)
    assessment = Assessment(
        catalog, questions, engine.record, _expectations(target), baseline, whole=_is_whole(options)
    )
    with LogWriter(out) as log:
        if options.resume is None:
            log.write(run_row(catalog, target, options))
            log.write(catalog_row(catalog))
        session = Session(
            options=options,
            questions=[question for question in questions if question not in earlier],
            engine=engine,
            assessment=assessment,
            log=log,
            keeper=Keeper(out, witness=options.witness, evidence=options.evidence),
            progress=progress,
            profiles=catalog.profiles,
            controls=_plain_controls(catalog, questions),
            snapshots=snapshots_of(target, options),
        )
        for record in earlier.values():
            session.take(record)
        if not options.pytest_arguments:  # pytest can select nothing away, so the first answers need not wait for it
            session.begin(session.questions)
        threading.Thread(target=_import_ahead, args=(options,), name="conformance-imports", daemon=True).start()
        code = session.close(run_pytest(session, options))
    write_outputs.publish(out)
    if options.profile in session.readiness:
        print(session.readiness[options.profile])
    return code


def _import_ahead(options: RunOptions) -> None:
    """Imports what is slow to import and needed late, while the endpoint is waited for."""
    if options.witness:
        witness.prepare()
    write_outputs.prepare()


def _earlier(options: RunOptions, out: Path, catalog: Catalog, target: Target) -> dict[Question, Record]:
    """What a resumed run knows already; a run that is not resumed begins with an empty folder."""
    if options.resume is not None:
        return earlier_records(out, catalog, target)
    (out / LOG).unlink(missing_ok=True)
    shutil.rmtree(out / EVIDENCE, ignore_errors=True)
    return {}


def _expectations(target: Target) -> Expectations:
    return Expectations(documented=target.documented, known=target.known)


def _baseline(options: RunOptions) -> Baseline | None:
    if options.baseline is None:
        return None
    try:
        return seen_in(read_log(options.baseline))
    except LogError as problem:
        raise Mistake(str(problem)) from problem


def _is_whole(options: RunOptions) -> bool:
    """Whether what is not broken in this run got better: a profile, or pytest, may just not have asked where it is."""
    return options.profile is None and not options.pytest_arguments


def _plain_controls(catalog: Catalog, questions: Sequence[Question]) -> frozenset[str]:
    """The controls that any server passes on: what they show of the model's obedience, no missing feature hides."""
    named = {question.case.control for question in questions if question.case.control is not None}
    rows = {name: catalog.rows.get(catalog.cases[name].surface) for name in named}
    return frozenset(name for name, row in rows.items() if row is not None and row.tier == "core")


def _fixtures(catalog: Catalog, questions: Sequence[Question], target: Target, stack: ExitStack) -> Fixtures:
    """The fixtures' folder, and a server for it where a question sends its address to an endpoint that can reach it."""
    asked = target.capabilities.get("reachable-fixtures") and any(
        "reachable-fixtures" in question.case.needs for question in questions
    )
    url = stack.enter_context(FixtureServer(catalog.fixtures)).url if asked else ""
    return Fixtures(catalog.fixtures, url)


def default_folder(target: Target) -> Path:
    """`reports/runs/<target>-<version>-<time>/` below the current folder."""
    named = "-".join(part for part in (target.name, target.version) if part)
    return Path("reports", "runs", f"{named}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")


def snapshots_of(target: Target, options: RunOptions) -> Path | None:
    """Where the shapes of this target are kept, if they are: where somebody wrote them, or is about to."""
    folder = Path.cwd() / "reports" / "snapshots" / target.name
    writes = any(word.startswith("--snapshot-update") for word in options.pytest_arguments)
    return folder if writes or folder.is_dir() else None
