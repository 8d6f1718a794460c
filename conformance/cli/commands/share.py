"""`conformance share RUN`: a copy of a run that may be given away, with a list of what was masked in it."""

import argparse
import getpass
import re
import shutil
import socket
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.catalog.load import load_catalog
from conformance.cli.commands.recorded_runs import beside, say_besides
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless
from conformance.runs.log import read_log
from conformance.targets.address import is_loopback
from conformance.targets.load import target_names

if TYPE_CHECKING:
    from conformance.engine.share import Shared
    from conformance.runs.log import RunLog
    from conformance.runs.masking import Kind, Masked, Masks

PUBLIC_MODELS = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos|instant|\d)[a-z0-9.-]*|scripted")
"""Names of models that are the vendor's own, or the suite's."""
LISTED, LISTED_IDS = 20, 3
"""Texts of one kind that are listed; ids say nothing to a person."""


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("-o", "--out", type=Path, help="where the copy goes (default: RUN-shared)")
    parser.add_argument("--mask", metavar="WORD", action="append", default=[], help="mask this, too (repeatable)")
    parser.add_argument("--keep-model", action="store_true", help="leave the names of models as they are")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    from conformance.engine.share import share

    log = read_log(arguments.run)
    if not any(row.exchanges for row in log.cases):
        raise UserError(f"{log.folder} holds no evidence, so nobody could judge a copy of it")
    say_besides(log, baseline=False)
    out = beside(log.folder, "shared", arguments.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already; name another folder with --out")
    catalog = load_catalog(arguments.cases)
    out.mkdir(parents=True, exist_ok=True)
    try:
        shared = share(log, catalog, out, _masks(log, arguments), packaged=target_names())
    except BaseException:
        shutil.rmtree(out)
        raise
    if shared.different:
        shutil.rmtree(out)
        raise UserError(
            f"with its masks, {log.folder} would say something else in {len(shared.different)} of its rows "
            f"({', '.join(shared.different[:5])}), so no copy is made: please report this, with these names",
            exit_code=ExitCode.OUR_FAULT,
        )
    print(harmless(_account(shared, log, out)))
    return 0


def _masks(log: "RunLog", arguments: argparse.Namespace) -> "Masks":
    from conformance.engine.share import models_of, own_words
    from conformance.runs.masking import Masks, words_of_this_machine

    here = words_of_this_machine(_user(), socket.gethostname(), str(Path.home()))
    asked = urlsplit(log.run.target.base_url).hostname or ""
    models = [] if arguments.keep_model else [name for name in models_of(log) if not PUBLIC_MODELS.fullmatch(name)]
    known: dict[Kind, list[str]] = {
        "word": arguments.mask,
        "host": [*([asked] if asked and not is_loopback(log.run.target.base_url) else []), *here["host"]],
        "path": here["path"],
        "user name": here["user name"],
        "model": models,
    }
    return Masks(known, own_words(log))


def _user() -> str:
    with suppress(OSError, KeyError):  # a container's user may have no name
        return getpass.getuser()
    return ""


def _account(shared: "Shared", log: "RunLog", out: Path) -> str:
    """What stands in the copy and what does not, in lines."""
    size = sum(file.stat().st_size for file in out.iterdir())
    counts = Counter(one.kind for one in shared.masked)
    lines = [
        f"{out}: {size / 1000:.0f} kB in {len(list(out.iterdir()))} files. Nothing has been sent: pass it on yourself.",
        f"same verdicts: {shared.rows} rows judged again say what they say of {log.folder}",
        "masked: " + (", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items())) or "nothing"),
    ]
    for kind in sorted(counts):
        lines += _listed([one for one in shared.masked if one.kind == kind])
    left, kept = len(shared.left_out), len(shared.kept_headers)
    lines += [
        f"left out: the command line, what was judged before, {left} headers of answers{_named(shared.left_out)}",
        f"kept: the requests, the texts of the answers, their times, {kept} headers{_named(shared.kept_headers)}",
        f"look at it before you pass it on: conformance evidence {out}; mask more with --mask WORD",
        f"a page of it, for any static host: conformance report {out} --out site",
    ]
    return "\n".join(lines)


def _listed(masked: "list[Masked]") -> list[str]:
    most = LISTED_IDS if masked[0].kind == "id" else LISTED
    lines = [f"  {one.kind}: {one.original} -> {one.mask}" for one in masked[:most]]
    return [*lines, *([f"  {masked[0].kind}: and {len(masked) - most} more"] if len(masked) > most else [])]


def _named(headers: tuple[str, ...]) -> str:
    return f" ({', '.join(headers)})" if headers else ""
