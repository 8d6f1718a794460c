"""Runs the suite: selects target and questions, runs pytest over them, and writes the outputs."""

import webbrowser
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack, closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conformance.bounded import end_by_signals, within
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import nearest
from conformance.cli import startup
from conformance.cli.display import Display, echo_line, publish_in_time, show_exchange
from conformance.cli.progress import Progress
from conformance.engine.assessment import Assessment
from conformance.engine.events import Ended, Handler
from conformance.engine.finish import Ending, Terms
from conformance.engine.inquiry import Inquiry, Transport, Watch
from conformance.engine.ledger import Ledger
from conformance.engine.log_header import catalog_row, run_row
from conformance.engine.outputs import EvidenceKeeper, into_log
from conformance.engine.plan import plain_controls, plan
from conformance.engine.purse import Price, Purse, cheapest_first
from conformance.engine.question import Earlier, Question, agent_of
from conformance.engine.readiness import in_words
from conformance.engine.records import Baseline, read_baseline
from conformance.engine.resume import earlier_part, is_begun, mend_head, with_earlier_choices
from conformance.engine.scheduler import AHEAD, Deadline, Scheduler
from conformance.engine.sdk_process import SdkProcess
from conformance.engine.target_selection import who_is_asked
from conformance.engine.testimony import no_testimonies
from conformance.errors import UserError
from conformance.files import as_name
from conformance.harmless import harmless
from conformance.judge.rules import RULES
from conformance.probe.asking import ServedFixtures
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.pace import NOTICED, pace_of, timed
from conformance.probe.preflight import UNREACHABLE, preflight
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.report.write import PAGE
from conformance.runs.evidence_store import remove_evidence
from conformance.runs.expectations import Expectations
from conformance.runs.log import FILE as LOG
from conformance.runs.log import PACKED as PACKED_LOG
from conformance.runs.log import LogWriter, read_log
from conformance.runs.options import RunOptions
from conformance.runs.run_folder import DiskError, RunFolder
from conformance.runs.snapshots import read_snapshot, snapshot_file, write_snapshot
from conformance.targets.load import target_problems
from conformance.targets.resolve import is_file
from conformance.targets.target import Target

Result = TypeVar("Result")
PLAIN = Display()
UPDATE = "--snapshot-update"
"""The word among pytest's arguments that writes the snapshot of the server that is asked."""


class Compared(Struct, frozen=True):
    """The earlier run that this one is compared with."""

    baseline: Baseline | None
    first: bool
    """Whether it was named, and is not there yet."""


class Call(Struct, frozen=True, kw_only=True):
    """One call of `conformance run`, once it is known who is asked what."""

    catalog: Catalog
    questions: Sequence[Question]
    target: Target
    options: RunOptions
    compared: Compared
    deadline: Deadline
    progress: Progress
    display: Display
    sdk: SdkProcess


def run_suite(options: RunOptions, display: Display = PLAIN) -> int:
    """Runs `conformance run`; the exit code."""
    end_by_signals()
    deadline = _deadline(options)
    begun, typed = is_begun(options.resume), options.target
    options = with_earlier_choices(options)
    catalog = catalog_of(options)
    check_capabilities(options, catalog)
    questions = plan(catalog, options)
    if options.max_usd is not None:
        questions = cheapest_first(questions)
    first = options.baseline is not None and not options.baseline.exists()
    baseline = None if options.baseline is None or first else read_baseline(options.baseline)
    with ExitStack() as stack:
        progress = Progress(len(questions), quiet=display.quiet)
        if first:
            progress.say(
                f"{options.baseline} is not there yet: this run passes, and later ones can be compared with it"
            )
            options = replace(options, baseline=None)
        if options.target not in (None, typed) and is_file(str(options.target)):
            progress.say(f"{options.target} is read, too: the head of {options.resume} names it as its target file")
        if options.target is not None:  # a mistake in a file is told whether or not its server answers
            check_entries(options, options.target, catalog, progress.say)
        if not begun and options.out is not None:
            progress.say(f"{options.out / LOG} holds no row: the run begins anew, with the options of this call")
        if options.out is not None:  # a folder that cannot be had is told before anybody is asked
            stack.enter_context(RunFolder(options.out, resumed=options.resume is not None))
        target = _found_out(options, stack, progress.say, deadline)
        if options.target is None:
            check_entries(options, target.name, catalog, progress.say)
        call = Call(
            catalog=catalog,
            questions=questions,
            target=target,
            options=options,
            compared=Compared(baseline, first),
            deadline=deadline,
            progress=progress,
            display=display,
            sdk=stack.enter_context(SdkProcess(deadline)),
        )
        return _judged(call, _asking(call, stack))


def _found_out(options: RunOptions, stack: ExitStack, say: Callable[[str], None], deadline: Deadline) -> Target:
    """Who is asked; UserError where that is not known within the budget."""
    startup.import_pytest_aside()
    try:
        return within(deadline.left, lambda: who_is_asked(options, stack, say))
    except TimeoutError:
        raise UserError(
            f"{options.base_url or options.target} has not said who it is within the budget", exit_code=UNREACHABLE
        ) from None


def catalog_of(options: RunOptions) -> Catalog:
    """The questions; UserError with every problem of their files."""
    return load_catalog(options.cases)


def check_capabilities(options: RunOptions, catalog: Catalog) -> None:
    """UserError where an option names a capability that no question asks for."""
    known = {name for case in catalog.cases.values() for name in (*case.needs, *case.lacks)}
    for name in (*options.capability, *options.no_capability):
        if name not in known:
            raise UserError(f"no question depends on the capability `{name}`{nearest(name, known)}")


def check_entries(options: RunOptions, target: str, catalog: Catalog, say: Callable[[str], None]) -> None:
    """UserError where an entry of a target's file matches nothing; one that is past its end is only said."""
    if target == "none" or options.cases is not None:  # a folder of one's own need not have the rows of ours
        return
    named = target.partition("@")[0]
    today = datetime.now(UTC).date()
    problems = target_problems(
        named, surfaces=catalog.rows, rules=RULES, cases=catalog.cases, profiles=catalog.profiles, today=today
    )
    wrong = [str(problem) for problem in problems if not problem.at.endswith("until")]
    for problem in problems:
        if str(problem) not in wrong:
            say(str(problem))
    if wrong:
        raise UserError("\n".join(wrong))


def _asking(call: Call, stack: ExitStack) -> Scheduler:
    """A scheduler that can ask the target, which has shown that it is there; UserError where it is not."""
    target, options, deadline, say = call.target, call.options, call.deadline, call.progress.say
    client = Client(
        limits=Limits(first_byte=options.timeout, idle=options.timeout, total=4 * options.timeout), keys=[target.key]
    )
    patience = Patience(target.concurrency, say=say)
    inquiry = Inquiry(
        catalog=call.catalog,
        target=target,
        transport=Transport(client, patience, _fixtures(call, stack), call.sdk.step),
        attempts=options.attempts,
        deadline=deadline,
        watch=_watch(options, deadline),
    )
    ahead = AHEAD if options.max_usd is None else target.concurrency  # what is in flight is paid for all the same
    shown_to = call.sdk.show if options.witness else None
    scheduler = Scheduler(inquiry.on, ahead=ahead, deadline=deadline, shown_to=shown_to)
    scheduler.start()
    stack.callback(lambda: scheduler.stop(client.aclose()))
    first = scheduler.submit(timed(preflight(target, client, say=say, agent=agent_of(call.questions))))
    startup.import_pytest()
    problem, took = _in_time(first, target, deadline)
    if problem is not None:
        raise UserError(problem.line, problem.exit)
    if options.witness:
        call.sdk.start()
    if target.concurrency > 1 and took >= NOTICED:
        pace = _in_time(scheduler.submit(pace_of(target, client)), target, deadline)
        if pace is not None:
            patience.slots.one_at_a_time()
            say(f"{target.base_url} answers one at a time ({pace}): it is asked for no more.")
    return scheduler


def _in_time(first: "Future[Result]", target: Target, deadline: Deadline) -> Result:
    """What the first questions come to; UserError where the budget is spent before."""
    try:
        return first.result(deadline.left)
    except FutureTimeout:
        first.cancel()
        raise UserError(
            f"{target.base_url} has not answered the first question within the budget", exit_code=UNREACHABLE
        ) from None


def _deadline(options: RunOptions) -> Deadline:
    """What ends the asking."""
    if options.max_usd is None:
        return Deadline(options.budget)
    return Purse(options.budget, options.max_usd, Price(*options.price))


def _watch(options: RunOptions, deadline: Deadline) -> Watch | None:
    """Who is shown each exchange."""
    watches: list[Watch] = [show_exchange] if options.debug else []
    if isinstance(deadline, Purse):
        watches.append(deadline.pay)

    def watch(question: Question, exchange: Exchange) -> None:
        for one in watches:
            one(question, exchange)

    return watch if watches else None


def _judged(call: Call, scheduler: Scheduler) -> int:
    """Asks and judges everything, and writes what there is to read; the exit code."""
    out = call.options.out or default_folder(call.target)
    with nullcontext() if call.options.out else RunFolder(out, resumed=False):
        try:
            ended = _logged(call, scheduler, out)
            _published(call, out)
        except OSError as problem:
            raise _unwritable(out, problem) from problem
    profile = call.options.profile
    if profile is not None and profile in ended.readiness and not (call.display.json or call.display.quiet):
        print(harmless(in_words(ended.readiness[profile], call.catalog.profiles[profile])))
    if call.display.open:
        webbrowser.open((out / PAGE).resolve().as_uri())
    return ended.logged.exit


def _logged(call: Call, scheduler: Scheduler, out: Path) -> Ended:
    """Asks and judges everything, in a folder that is this run's alone; what the log ends with."""
    options, progress = call.options, call.progress
    head = run_row(call.catalog, call.target, options)
    if options.resume is not None and mend_head(out, head, call.target):
        progress.say(f"{out / LOG} had no head: it has been written again, as this call says")
    earlier = _earlier(call, out)
    for one in earlier.values():
        scheduler.know(one.record)
    left = [question for question in call.questions if question not in earlier]
    with LogWriter(out, echo_line if call.display.json else None) as log, closing(EvidenceKeeper(out)) as keeper:
        if options.resume is None:
            log.write(head)
            log.write(catalog_row(call.catalog))
        else:
            _mend(log, call.catalog, progress.say)
        ledger = _ledger(call, scheduler, [*([keeper.handle] if options.evidence else []), into_log(log)])
        for question, one in earlier.items():
            ledger.take(one)
            scheduler.judged(question)
        given = [word for word in options.pytest_arguments if word != UPDATE]
        if not given:  # pytest may select some of them away
            scheduler.begin(left)
        startup.import_outputs_aside()
        return ledger.finish(_under_pytest(ledger, left, scheduler, options, given))


def _ledger(call: Call, scheduler: Scheduler, writers: Sequence[Handler]) -> Ledger:
    """Who judges each answer, and tells evidence and log, and progress."""
    options, target, catalog = call.options, call.target, call.catalog
    expectations = Expectations.of(target)
    return Ledger(
        source=scheduler,
        assessment=Assessment(
            catalog,
            call.questions,
            scheduler.record,
            expectations,
            call.compared.baseline,
            whole=not options.takes_a_sample,
            selected=options.select is not None,
        ),
        handlers=[*writers, call.progress.follow(scheduler.running)],
        controls=plain_controls(catalog, call.questions),
        terms=Terms(
            strict=options.strict,
            allow_improvements=options.allow_improvements,
            first=call.compared.first,
            profiles=catalog.profiles,
            profile=options.profile,
            expectations=expectations,
            model=target.model,
        ),
        witness=call.sdk.testimonies if options.witness else no_testimonies,
        snapshot=None if UPDATE in options.pytest_arguments else read_snapshot(snapshot_file(target.name)),
    )


def _published(call: Call, out: Path) -> None:
    """Writes what there is to read beside the log; DiskError where it cannot be written."""
    try:
        (out / LOG).lstat()
        if UPDATE in call.options.pytest_arguments:
            write_snapshot(snapshot_file(call.target.name), read_log(out).cases)
        publish_in_time(out, call.deadline, call.progress.say, quiet=call.display.quiet)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise DiskError(
            f"the report of {out} cannot be written ({problem.strerror}): the log is whole; make room, "
            f"then `conformance report {out}`"
        ) from problem


def _under_pytest(
    ledger: Ledger, questions: Sequence[Question], scheduler: Scheduler, options: RunOptions, given: Sequence[str]
) -> Ending:
    """Judges the questions as items of pytest, which selects, reports and stops as the caller's own arguments say."""
    from conformance.pytest_plugin.plugin import ConformancePlugin, run_pytest

    plugin = ConformancePlugin(
        ledger,
        questions,
        scheduler.begin,
        strict=options.strict,
        allow_improvements=options.allow_improvements,
        heard=bool(given),
    )
    ending = run_pytest(plugin, given)
    if plugin.disk is not None:
        raise plugin.disk
    return ending


def _unwritable(out: Path, problem: OSError) -> DiskError:
    """The end of a run whose disk is full, or whose folder is gone."""
    if isinstance(problem, FileNotFoundError):
        return DiskError(
            f"{out} was removed, moved or replaced while the run went on, and what was asked is lost with it: ask again"
        )
    return DiskError(
        f"{out} cannot be written any more ({problem.strerror}): what was judged is kept; make room, "
        f"then `conformance run --resume {out}`"
    )


def _mend(log: LogWriter, catalog: Catalog, say: Callable[[str], None]) -> None:
    """Writes what a killed run has not left, and says so."""
    if log.cut:
        say(f"the last line of {log.folder / LOG} was torn and has been cut: its question is asked again")
    if not read_log(log.folder).catalog.rows:
        log.write(catalog_row(catalog))
        say(f"{log.folder / LOG} had no catalog: it has been written again")


def _earlier(call: Call, out: Path) -> dict[Question, Earlier]:
    """What a resumed run knows already; a run that is not resumed begins with an empty folder."""
    if call.options.resume is not None:
        return earlier_part(out, call.catalog, call.target)
    (out / LOG).unlink(missing_ok=True)
    (out / PACKED_LOG).unlink(missing_ok=True)
    remove_evidence(out)
    return {}


def _fixtures(call: Call, stack: ExitStack) -> ServedFixtures:
    """The fixtures' folder, and a server for it where a question sends its address to an endpoint that can reach it."""
    folder = call.catalog.fixtures
    asked = call.target.capabilities.get("reachable-fixtures") and any(
        "reachable-fixtures" in question.case.needs for question in call.questions
    )
    if not asked:
        return ServedFixtures(folder)
    from conformance.engine.fixture_server import FixtureServer  # and http.server, which only such a run needs

    return ServedFixtures(folder, stack.enter_context(FixtureServer(folder)).url)


def default_folder(target: Target) -> Path:
    """`reports/runs/<target>-<version>-<time>/` below the current folder."""
    named = "-".join(as_name(part) for part in (target.name, target.version) if part)
    return Path("reports", "runs", f"{named}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
