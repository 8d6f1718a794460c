"""`--debug`: each exchange as it happens, keys already removed."""

import sys

from conformance.engine.question import Question
from conformance.harmless import harmless
from conformance.probe.exchange import Exchange

SHOWN = 4000


def show_exchange(question: Question, exchange: Exchange) -> None:
    """Prints request and answer, cut where they are long."""
    sent = exchange.request
    lines = [
        f"--- {question.id}",
        f"> {sent.method} {sent.url}",
        *(f"> {name}: {value}" for name, value in sent.headers),
        _body(sent.body),
        f"< {exchange.http_version} {exchange.status}",
        f"* {exchange.outcome} after {exchange.finished:.3f} s {exchange.detail}",
        *(f"< {name}: {value}" for name, value in exchange.headers),
        *(f"* {note}" for note in exchange.notes),
        _body(exchange.body),
    ]
    print(harmless("\n".join(lines)), file=sys.stderr, flush=True)


def _body(data: bytes) -> str:
    text = data[:SHOWN].decode(errors="replace")
    return text + (f"\n... {len(data) - SHOWN} bytes more" if len(data) > SHOWN else "")
