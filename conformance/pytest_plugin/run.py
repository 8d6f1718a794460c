"""Runs pytest over the questions of a session, with the plugins that a run needs and no others."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.engine.options import RunOptions

if TYPE_CHECKING:
    from conformance.engine.ledger import Session

QUESTIONS = Path(__file__).with_name("items.py")
CONFIGURATION = Path(__file__).with_name("pytest.ini")
NEEDLESS = (
    "logging",
    "doctest",
    "unittest",
    "faulthandler",
    "unraisableexception",
    "threadexception",
    "warnings",
    "recwarn",
)
"""Plugins of pytest that cost time at every item and have nothing to do here."""
REMEMBERS = ("--lf", "--last-failed", "--ff", "--failed-first", "--sw", "--stepwise", "--nf", "--new-first")


def run_pytest(session: "Session", options: RunOptions) -> int:
    """Runs pytest over the questions of a session; its exit code."""
    import pytest

    from conformance.pytest_plugin.plugin import ConformancePlugin

    given = list(options.pytest_arguments)
    arguments = [
        str(QUESTIONS),
        "-c",
        str(CONFIGURATION),
        "-qq",
        "--no-header",
        "--no-summary",
        "--tb=no",
        "--capture=no",
    ]
    needless = [*NEEDLESS, *([] if any(word in REMEMBERS for word in given) else ["cacheprovider"])]
    arguments += [word for name in needless for word in ("-p", f"no:{name}")]
    arguments += ["-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"]
    if any(word.startswith("--html") for word in given):
        arguments += ["-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"]
    plugins: list[object] = [ConformancePlugin(session)]
    if session.snapshots is not None:
        from conformance.pytest_plugin.snapshots import ShapesPlugin

        arguments += ["-p", "syrupy", "--snapshot-warn-unused"]
        plugins.append(ShapesPlugin(session, session.snapshots))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    return int(pytest.main([*arguments, *given], plugins=plugins))
