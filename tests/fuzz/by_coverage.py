"""Every reader of foreign bytes, run by atheris for some seconds: `python by_coverage.py NAME SECONDS`.

It bends the bytes that reach new lines of the code. A reader may refuse them in its own words; anything else that it
raises ends the process, with the bytes in a file `crash-*`.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["conformance"], enable_loader_override=False):
    from conformance.catalog.load import load_catalog
    from conformance.errors import UserError
    from conformance.judge.answer import read
    from conformance.judge.rules import examine
    from conformance.probe.exchange import Chunk, Exchange, Request
    from conformance.probe.sse import Decoder
    from conformance.runs.evidence_store import EvidenceError, EvidenceStore
    from conformance.runs.frames import unpack
    from conformance.runs.log import read_log
    from conformance.targets.load import load_target_file

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(tempfile.mkdtemp())
PATHS = ("/v1/messages", "/v1/messages", "/v1/models", "/v1/messages/count_tokens", "/v1/messages/batches/b/results")
SENT = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hello"}],"stream":%s}'
LARGEST = 20_000


def decoded(data: bytes) -> None:
    """The first byte says how long the pieces are that the rest comes in."""
    size = 1 + data[0] % 17 if data else 1
    pieces = [data[at : at + size] for at in range(1, len(data), size)]

    def told(given: list[bytes]) -> list[tuple[object, ...]]:
        decoder = Decoder()
        return [(one.name, one.data) for piece in given for one in decoder.feed(piece, 0.0)]

    assert told(pieces) == told([data[1:]])


def judged(data: bytes) -> None:
    """The first bytes choose path, mode, status and length of the pieces; a header line comes before the body."""
    choice = data[:4].ljust(4, b"\0")
    header, _, body = data[4:].partition(b"\n")
    stream, size = bool(choice[0] % 2), 1 + choice[3] * 8
    request = Request("POST", f"http://h{PATHS[choice[1] % len(PATHS)]}", (), SENT % (b"true" if stream else b"false"))
    name, _, value = header.decode("latin-1").partition(":")
    exchange = Exchange(
        request=request,
        outcome="complete",
        status=(200, 200, 200, 400, 429, 500, 204, 302)[choice[2] % 8],
        headers=(("content-type", "text/event-stream" if stream else "application/json"), (name, value)),
        chunks=tuple(Chunk(0.0, body[at : at + size]) for at in range(0, len(body), size)),
    )
    examine(read(exchange, "stream" if stream else "json"))


def log_read(data: bytes) -> None:
    (FOLDER / "run.jsonl").write_bytes(data)
    with suppress(UserError):
        read_log(FOLDER)


def evidence_read(data: bytes) -> None:
    for name in ("evidence.jsonl", "evidence.jsonl.zst"):
        (FOLDER / name).write_bytes(data)
    with suppress(EvidenceError, UserError):
        store = EvidenceStore(FOLDER)
        for one in list(store):
            with suppress(EvidenceError, UserError):
                store.read(one)


def cases_read(data: bytes) -> None:
    (FOLDER / "area").mkdir(exist_ok=True)
    (FOLDER / "area" / "cases.yaml").write_bytes(data)
    with suppress(UserError):
        load_catalog(FOLDER)


def target_read(data: bytes) -> None:
    (FOLDER / "t.yaml").write_bytes(data)
    with suppress(UserError):
        load_target_file(FOLDER / "t.yaml")


STREAM = b"".join(
    b"event: %s\ndata: %s\n\n" % (event.split(b'"')[3], event)
    for event in (
        b'{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":9}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}',
        b'{"type":"message_stop"}',
    )
)
MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_1",'
    b'"name":"f","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}'
)
REFUSAL = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}'


def _published(name: str, lines: int) -> bytes:
    """The first lines of a file of a published run."""
    file = min((ROOT / "reports" / "runs").glob(f"*/{name}.zst"))
    return b"".join(unpack(file).splitlines(keepends=True)[:lines])[:LARGEST]


READERS: Mapping[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "stream": (decoded, lambda: [b"\x03" + STREAM, b"\x00" + STREAM.replace(b"\n", b"\r\n")]),
    "answer": (
        judged,
        lambda: [
            b"\x01\0\0\x05retry-after:9\n" + STREAM,
            b"\0\0\0\x40date:Thu, 01 Jan 1970 00:00:00 GMT\n" + MESSAGE,
            b"\0\0\x03\x40anthropic-ratelimit-requests-reset:2026-01-01T00:00:00Z\n" + REFUSAL,
            b'\0\x02\0\x40content-length:9\n{"data":[{"type":"model","id":"m"}],"has_more":false}',
        ],
    ),
    "log": (log_read, lambda: [_published("run.jsonl", 1), _published("run.jsonl", 12)]),
    "evidence": (
        evidence_read,
        lambda: [
            _published("evidence.jsonl", 2),
            min((ROOT / "reports" / "runs").glob("*/evidence.jsonl.zst")).read_bytes()[:LARGEST],
        ],
    ),
    "cases": (
        cases_read,
        lambda: [
            file.read_bytes()[:LARGEST] for file in (ROOT / "cases").rglob("*.yaml") if file.stat().st_size < LARGEST
        ],
    ),
    "target": (target_read, lambda: [file.read_bytes() for file in (ROOT / "conformance" / "targets").glob("*.yaml")]),
}
"""Each reader, and what it is begun with."""


def main(name: str, seconds: str) -> None:
    """Runs one of them: the process ends with it."""
    reader, seeds = READERS[name]
    begun = Path(tempfile.mkdtemp())
    for number, seed in enumerate(seeds()):
        (begun / str(number)).write_bytes(seed)
    words = [f"-max_total_time={seconds}", f"-max_len={LARGEST}", "-timeout=10", "-rss_limit_mb=1024", "-verbosity=1"]
    atheris.Setup([name, *words, str(begun)], reader)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
