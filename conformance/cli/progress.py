"""Progress of a run: one live line on a terminal, a plain line now and then in CI."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from conformance.engine.events import CaseJudged, Ended, Event, Handler, SuiteFailed
from conformance.harmless import harmless
from conformance.words import VERDICTS, Verdict

EVERY_SECONDS = 0.1
PLAIN_EVERY_SECONDS = 15.0
TOO_FEW = 5
"""Questions that are no sample of how long one takes."""


class Progress:
    """Counts verdicts and shows them now and then."""

    def __init__(self, total: int, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        """`quiet` says nothing but that the suite itself failed."""
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._total = total
        self._done = 0
        self._counts: Counter[Verdict] = Counter()
        self._began = self._shown = time.monotonic()

    def judged(self, verdict: Verdict | None, running: Callable[[], int]) -> None:
        """One more question has its verdict, or none as a tendency; `running` tells what is under way."""
        self._done += 1
        self._counts.update([verdict] if verdict else [])
        now = time.monotonic()
        if self._quiet:
            return
        if now - self._shown >= (EVERY_SECONDS if self._live else PLAIN_EVERY_SECONDS):
            self._shown = now
            self._show(running(), now)

    def follow(self, running: Callable[[], int]) -> Handler:
        """Counts the verdicts of a run. What is wrong is said at its end, by causes: row by row it is a cascade."""

        def handle(event: Event) -> None:
            match event:
                case CaseJudged(row=row):
                    self.judged(row.verdict if row.kind != "tendency" else None, running)
                case SuiteFailed(at=at, trace=trace):
                    self._print(f"{at}: the suite itself failed; please report this\n{trace}")
                case Ended():
                    self.close()

        return handle

    def say(self, line: str) -> None:
        """A line that stays, above the live one."""
        if not self._quiet:
            self._print(line)

    def _print(self, line: str) -> None:
        self._clear()
        print(harmless(line), file=self._stream, flush=True)

    def close(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._live and not self._quiet:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _show(self, running: int, now: float) -> None:
        line = self.line(running, now - self._began)
        if self._live:
            self._stream.write(f"\r\x1b[K{line}")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def line(self, running: int, elapsed: float) -> str:
        """`120 of 640 questions  4 in flight  118 supported  2 refused  about 0:45 left`.

        The time that is left is shown only when a twentieth is done: before that it is no estimate, but a guess.
        """
        counts = "  ".join(
            f"{self._counts[verdict]} {verdict}" for verdict in reversed(VERDICTS) if self._counts[verdict]
        )
        flight = f"{running} in flight" if running else ""
        parts = [f"{self._done} of {self._total} questions", flight, counts, self._left(elapsed)]
        return "  ".join(part for part in parts if part)

    def _left(self, elapsed: float) -> str:
        if self._done < max(TOO_FEW, self._total / 20):
            return ""
        left = int(elapsed / self._done * (self._total - self._done))
        return f"about {left // 60}:{left % 60:02} left"
