"""Runs pytest over the questions of a run, with the plugins that it needs and no others."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.engine.finish import Ending
from conformance.pytest_plugin.items import HERE
from conformance.pytest_plugin.plugin import ConformancePlugin

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
ENDINGS: dict[int, Ending] = {
    pytest.ExitCode.INTERRUPTED: "interrupted",
    pytest.ExitCode.USAGE_ERROR: "bad usage",
    pytest.ExitCode.NO_TESTS_COLLECTED: "bad usage",
    pytest.ExitCode.INTERNAL_ERROR: "suite failed",
}


def run_pytest(plugin: ConformancePlugin, given: Sequence[str]) -> Ending:
    """Runs pytest over the items of a plugin, with the caller's own arguments; how the asking ended."""
    arguments = [str(HERE), "-c", str(CONFIGURATION), "--capture=no"]
    # Where nobody asked pytest for anything, it has nothing to say: not even that a person interrupted it.
    arguments += ["-qq", "--no-header", "--no-summary", "--tb=no"] if given else ["-p", "no:terminal"]
    needless = [*NEEDLESS, *([] if any(word in REMEMBERS for word in given) else ["cacheprovider"])]
    arguments += [word for name in needless for word in ("-p", f"no:{name}")]
    arguments += ["-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"]
    if any(word.startswith("--html") for word in given):
        arguments += ["-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    return ENDINGS.get(int(pytest.main([*arguments, *given], plugins=[plugin])), "finished")
