"""Start-up time and memory: imports beside the waiting, a garbage collector that runs seldom, one heap.

A run of a few cases is over in two seconds, of which one would go into imports and garbage collection. All of it stands
here, so that the modules which do the work need not know of it. Nothing but speed and memory changes without it.
"""

import atexit
import gc
import sys
import threading
from contextlib import suppress

SELDOM = (50_000, 20, 20)
"""When the garbage collector looks for cycles: modules and questions live as long as the process, and to go through
them at its usual pace took a fifth of the CPU time of a run."""


HEAP = {-8: 1, -3: 2**17, -1: 2 * 2**20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""


def collect_seldom() -> None:
    """Lets the garbage collector look seldom, and not at all when the process ends: that took a fifth of a second."""
    gc.set_threshold(*SELDOM)
    atexit.register(gc.freeze)


def keep_one_heap() -> None:
    """Lets all threads allocate from one heap, and gives large pieces back at once, where the C library is glibc.

    Each thread that reads a large answer would else leave a heap of its own behind, in pieces: 40 MB at the peak.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        for parameter, value in HEAP.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def import_pytest_aside() -> None:
    """Imports pytest with the plugin, which takes a quarter of a second: while the endpoint says who it is."""
    threading.Thread(target=_import_pytest, name="conformance-imports", daemon=True).start()


def _import_pytest() -> None:
    with suppress(Exception):  # of a module whose import a signal ended elsewhere; whoever needs it says what is wrong
        import_pytest()


def import_pytest() -> None:
    """The same, while the first answer is awaited; what is done by then is not done again."""
    import conformance.pytest_plugin.plugin  # noqa: F401


def import_outputs_aside() -> None:
    """Imports what only the end of a run needs, on a thread of its own while the answers are awaited."""
    threading.Thread(target=_import_outputs, name="conformance-imports", daemon=True).start()


def _import_outputs() -> None:
    with suppress(Exception):  # as above
        from conformance.report import junit, summary, terminal  # noqa: F401
        from conformance.report.html import template

        template()
