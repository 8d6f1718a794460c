"""`conformance record`: makes a recording of the real API, for so much money, and learns what the suite has wrong.

conformance record --target anthropic --max-usd 5
conformance record --resume RUN --max-usd 5
conformance record --adopt RUN
"""

import argparse
import re
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from conformance.catalog.load import cases_folder, load_catalog
from conformance.cli.parser import Parser
from conformance.engine.plan import plan
from conformance.engine.purse import Price, estimate
from conformance.engine.question import Question
from conformance.engine.resume import with_earlier_choices
from conformance.errors import ExitCode, UserError
from conformance.judge.rules.grounds import BASIS, RECORDED
from conformance.runs.log import FILE, RunLog, is_unbegun, read_log
from conformance.runs.options import RunOptions
from conformance.targets.load import load_target_file

ASSUMED = Price(5.0, 25.0)
"""What Claude Code assumes of a model whose price it does not know."""
REAL = "anthropic"


def declare(parser: Parser) -> None:
    parser.add_argument("--target", metavar="NAME", default=REAL, help="whose API is recorded (default: %(default)s)")
    parser.add_argument("--base-url", metavar="URL", help="where it listens; the target's own address by default")
    parser.add_argument("--model", metavar="M", help="the model to ask")
    parser.add_argument("--api-key-env", metavar="VAR", help="the environment variable that holds the key")
    parser.add_argument("--max-usd", metavar="N", type=_dollars, help="spend at most so much; the rest is not asked")
    parser.add_argument(
        "--price", metavar="IN,OUT", type=_price, default=ASSUMED, help="US dollars per million tokens (default: 5,25)"
    )
    parser.add_argument("--select", metavar="EXPR", help="such as 'tools.*'; everything by default")
    parser.add_argument("--estimate", action="store_true", help="say what it would cost, and ask nothing")
    parser.add_argument("--resume", metavar="RUN", type=Path, help="go on with an earlier recording")
    parser.add_argument("--out", metavar="DIR", type=Path, help="default: recordings/<target>-<time>/")
    parser.add_argument(
        "--adopt", metavar="RUN", type=Path, help="in a checkout: say `basis: recorded` where this recording agrees"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.adopt is not None:
        return _adopt(arguments.adopt)
    if arguments.max_usd is None or arguments.max_usd <= 0:
        raise UserError("say how much it may cost: --max-usd 5")
    options = _options(arguments)
    questions = _unanswered(options)
    costs = estimate(questions, arguments.price, headroom=load_target_file(options.target or REAL).headroom)
    print(
        f"{len(questions)} questions, {costs.requests} requests, {costs.input_tokens} tokens sent: "
        f"about ${costs.usd:.2f} with answers of the usual length, ${costs.most_usd:.2f} at most, "
        f"at ${arguments.price.input:g} and ${arguments.price.output:g} a million tokens (--price)"
    )
    if arguments.estimate:
        return ExitCode.AS_EXPECTED
    print(f"asking until ${arguments.max_usd:g} are spent; what is left is asked with --resume")
    return _recorded(options)


def _unanswered(options: RunOptions) -> list[Question]:
    """What is to be asked: of a recording that is gone on with, what it has no answer to yet."""
    asked = plan(load_catalog(), with_earlier_choices(options))
    if options.resume is None or is_unbegun(options.resume):
        return asked
    answered = {(row.case, row.mode) for row in read_log(options.resume).cases if row.verdict != "not-run"}
    return [question for question in asked if (question.case.id, question.mode) not in answered]


def _recorded(options: RunOptions) -> int:
    from conformance.cli.display import write_beside
    from conformance.cli.run_suite import run_suite
    from conformance.runs.masking import rename_ids

    code = run_suite(options)
    folder = options.resume or options.out
    if folder is not None and (folder / FILE).is_file():
        rename_ids(folder)
        write_beside(read_log(folder))
        print(f"{folder}: ids and account headers have been renamed; what the reference endpoint does otherwise:")
        print(f"  conformance run --out reference && conformance diff reference {folder}")
    return code


def _options(arguments: argparse.Namespace) -> RunOptions:
    name = f"{arguments.target.partition('@')[0]}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return RunOptions(
        target=None if arguments.resume else arguments.target,
        base_url=arguments.base_url,
        model=arguments.model,
        api_key_env=arguments.api_key_env,
        select=arguments.select,
        attempts=1,
        witness=False,
        out=None if arguments.resume else arguments.out or Path("recordings", name),
        resume=arguments.resume,
        max_usd=arguments.max_usd,
        price=(arguments.price.input, arguments.price.output),
        command="conformance record",
    )


def _adopt(path: Path) -> int:
    log = read_log(path)
    if log.run.target.name != REAL or log.run.target.simulated:
        raise UserError(f"{path} is a recording of {log.run.target.name}, and only the real API is a basis")
    if not log.run.target.base_url.startswith("https://"):
        raise UserError(f"{path} was recorded at {log.run.target.base_url}, which is not the real API")
    changed = adopt(cases_folder(), agreeing(log))
    added = adopt_rules(RECORDED, held(log))
    print(f"{len(changed)} cases say `basis: recorded` now, and {len(added)} rules: look at them with git diff")
    if inferred := [rule for rule in added if BASIS.get(rule) == "inferred"]:
        print(f"{len(inferred)} of these rules were inferred, and fail a run from now on: {', '.join(inferred)}")
    return ExitCode.AS_EXPECTED


def agreeing(log: RunLog) -> set[str]:
    """The cases that the recording answered as they claim, in every mode that was asked."""
    seen: dict[str, set[str]] = {}
    for row in log.cases:
        seen.setdefault(row.case, set()).add(row.verdict)
    return {case for case, verdicts in seen.items() if verdicts == {"supported"}}


def held(log: RunLog) -> set[str]:
    """The rules that the recording kept in every answer, and that some answer could have broken."""
    return {row.rule for row in log.rules if row.verdict == "supported" and row.seen}


_SUM = r"[0-9]{1,9}(\.[0-9]{1,9})?"


def _dollars(text: str) -> float:
    if not re.fullmatch(_SUM, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no sum of US dollars such as 5 or 0.5")
    return float(text)


def _price(text: str) -> Price:
    if not re.fullmatch(f"{_SUM},{_SUM}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no price such as 5,25")
    return Price(*map(float, text.split(",")))


_ID = re.compile(r"^  - id: (\S+)\s*$")
_BASIS = re.compile(r"^(\s+basis: )(sdk|documented|client|inferred)(\s*)$")


def adopt(folder: Path, cases: Collection[str]) -> list[str]:
    """Rewrites the `basis:` line of each of these cases below a folder; the ids of those that were changed."""
    changed = []
    for file in sorted(folder.rglob("*.yaml")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        case = ""
        for number, line in enumerate(lines):
            if found := _ID.match(line):
                case = found[1]
            if case in cases and (basis := _BASIS.match(line)):
                lines[number] = f"{basis[1]}recorded{basis[3]}"
                changed.append(case)
        text = "".join(lines)
        if text != file.read_text(encoding="utf-8"):
            file.write_text(text, encoding="utf-8", newline="\n")
    return changed


def adopt_rules(file: Path, rules: Collection[str]) -> list[str]:
    """Adds these rules to a file with one on each line; those that were not there before."""
    before = file.read_text(encoding="utf-8").split()
    added = sorted(set(rules) - set(before))
    if added:
        file.write_text("".join(f"{rule}\n" for rule in sorted({*before, *added})), encoding="utf-8", newline="\n")
    return added
