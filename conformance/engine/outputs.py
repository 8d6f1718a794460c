"""The handler that writes a run's events to its log."""

from conformance.engine.events import Event, Handler, SuiteFailed
from conformance.runs.log import LogWriter


def into_log(log: LogWriter) -> Handler:
    """Appends the row of each event to a log."""

    def handle(event: Event) -> None:
        if not isinstance(event, SuiteFailed):
            log.write(event.logged)

    return handle
