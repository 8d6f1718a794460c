"""Our own parsers take anything: no exception but their own, and the same for every split of the bytes."""

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from command_line import FULL
from hostile_endpoints import Asked, confused
from hypothesis import given
from hypothesis import strategies as some

from conformance.catalog.load import load_catalog
from conformance.doors import from_json, http_date, rfc3339_time, seconds, whole_number
from conformance.errors import UserError
from conformance.judge.answer import read
from conformance.judge.rules import examine
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.sse import Decoder, frames
from conformance.runs.detection import read_figures
from conformance.runs.evidence_store import EvidenceError, EvidenceStore
from conformance.runs.frames import unpack
from conformance.runs.log import read_log
from conformance.runs.snapshots import read_snapshot
from conformance.targets.address import AddressError, origin, url_below
from conformance.targets.load import load_target_file

WORDS = [
    *(
        b"event: message_start\n",
        b"event: ping\n",
        b"data: ",
        b"\n",
        b"\r",
        b"\n\n",
        b": x\n",
        b"id: 1\n",
        b"retry: 9\n",
    ),
    *(b"{", b"}", b"[", b"]", b'"type":', b'"message_stop"', b'"error"', b'"index":', b"0", b"-1", b"9" * 30, b"1e999"),
    *(
        b'"content_block_start"',
        b'"content_block_delta"',
        b'"text_delta"',
        b'"text"',
        b"null",
        b",",
        b":",
        b'"',
        b"\\ud800",
    ),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x00", b"[" * 2000, b'{"a":' * 500, b"NaN", b"data:", b"data"),
    *(b'data: {"type":"ping"}\n\n', b'data: {"type":"message_stop"}\n\n', b'data: {"type":"error","error":{}}\n\n'),
    b'data: {"type":"message_start","message":{"id":"a","role":"assistant","content":[],"usage":{}}}\n\n',
]
bodies = some.one_of(some.binary(max_size=300), some.lists(some.sampled_from(WORDS), max_size=30).map(b"".join))
cuts = some.lists(some.integers(0, 400), max_size=6)


def split(body: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(one for one in at if one < len(body)), len(body)]
    return [body[first:last] for first, last in itertools.pairwise(edges)]


@given(body=bodies, at=cuts)
def test_the_stream_decoder_tells_the_same_for_every_split(body: bytes, at: list[int]) -> None:
    def told(pieces: list[bytes]) -> list[tuple[object, ...]]:
        decoder = Decoder()
        return [(one.name, one.data) for piece in pieces for one in decoder.feed(piece, 0.0)]

    assert told(split(body, at)) == told([body])
    assert len(frames(tuple(Chunk(0.0, piece) for piece in split(body, at)))) == len(frames((Chunk(0.0, body),)))


paths = some.sampled_from(
    ["/v1/messages", "/v1/models", "/v1/messages/count_tokens", "/v1/messages/batches/b/results", "/v1/files", "/x"]
)
names = some.sampled_from(
    ["content-type", "content-length", "date", "retry-after", "request-id", "content-encoding", "allow", "server"]
    + [f"anthropic-ratelimit-requests-{what}" for what in ("limit", "remaining", "reset")]
)
headers = some.lists(some.tuples(names, some.text(some.characters(max_codepoint=255), max_size=40)), max_size=5)


@given(body=bodies, at=cuts, headers=headers, path=paths, status=some.integers(100, 999), stream=some.booleans())
def test_every_answer_is_read_and_judged(
    body: bytes, at: list[int], headers: list[tuple[str, str]], path: str, status: int, stream: bool
) -> None:
    sent = msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": [], "stream": stream})
    for method in ("POST", "GET"):
        exchange = Exchange(
            request=Request(method, f"http://h{path}", (), sent if method == "POST" else b""),
            outcome="complete",
            status=status,
            headers=tuple(headers),
            chunks=tuple(Chunk(0.0, piece) for piece in split(body, at)),
        )
        answer = read(exchange, "stream" if stream else "json")
        examine(answer)
        assert answer.document["status"] == status
        assert answer.unreadable is None or answer.unreadable.kind


@given(data=bodies)
def test_the_readers_of_runs_take_any_file(data: bytes, tmp_path_factory: object) -> None:
    folder = Path(tmp_path_factory.mktemp("run"))  # type: ignore[attr-defined]
    for name in ("run.jsonl", "evidence.jsonl", "evidence.jsonl.zst"):
        (folder / name).write_bytes(data)
    with suppress(UserError):
        read_log(folder)
    with suppress(EvidenceError, UserError):
        store = EvidenceStore(folder)
        for one in list(store):
            store.read(one)


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_of_random_values_is_judged(streams: bool) -> None:
    asked = Asked({"stream": streams, "messages": []}, b"")
    sent = msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": [], "stream": streams})
    for seed in range(1000 if FULL else 100):
        body = confused(asked, seed).partition(b"\r\n\r\n")[2]
        exchange = Exchange(
            request=Request("POST", "http://h/v1/messages", (), sent),
            outcome="complete",
            status=200,
            headers=(("content-type", "text/event-stream" if streams else "application/json"),),
            chunks=(Chunk(0.0, body),),
        )
        examine(read(exchange, "stream" if streams else "json"))


DAMAGED = {
    "no UTF-8 in a name": b'{"type":"run","format":2,"suite":"\x91"}\n',
    "no UTF-8 in a name, format 1": b'{"type":"run","format":1,"suite":"\x91"}\n{"type":"catalog","rows":["\x91"]}\n',
    "no UTF-8 in a whole row": b'{"type":"tendency","case":"\x91","mode":"json","shown":1,"of":2}\n',
    "a byte that is none": b"\x91\n",
    "no UTF-8 behind the head": b'{"type":"end"}\n{"type":"case","case":"\xff"}\n',
    "too deep": b'{"type":"run","options":' + b"[" * 100_000 + b"\n{}\n",
    "no UTF-8 in the id of an exchange": b'{"id":"\xff"}\n{"id":"a","case":"\xff"}\n',
    "an exchange that is too deep": b'{"id":' + b"[" * 100_000 + b'}\n{"id":"a","x":' + b"[" * 100_000 + b"\n",
}


def test_an_unreadable_key_in_a_published_log_is_a_line(tmp_path: Path) -> None:
    """The bytes that atheris found, in the head of a run that is else whole."""
    published = min((Path(__file__).parents[2] / "reports" / "runs").glob("*/run.jsonl.zst"))
    head = unpack(published).splitlines(keepends=True)[0]
    (tmp_path / "run.jsonl").write_bytes(head.replace(b'"options":{"', b'"options":{"\x91":1,"', 1))
    with pytest.raises(UserError):
        read_log(tmp_path)


@pytest.mark.parametrize("name", DAMAGED)
def test_the_readers_of_runs_refuse_what_is_no_json_in_their_own_words(name: str, tmp_path: Path) -> None:
    """What atheris found in the reader of logs, and its siblings."""
    for file in ("run.jsonl", "evidence.jsonl", "fuzz.jsonl", "snapshot.json", "detection.json"):
        (tmp_path / file).write_bytes(DAMAGED[name])
    with pytest.raises(UserError):
        read_log(tmp_path)
    with pytest.raises(UserError):
        read_snapshot(tmp_path / "snapshot.json")
    with pytest.raises(UserError):
        read_figures(tmp_path / "detection.json")
    store = EvidenceStore(tmp_path)
    for one in list(store):
        with pytest.raises(EvidenceError):
            store.read(one)


LINES = [
    *(b"name: t\n", b"cases:\n", b"  - id: a.b\n", b"extends: ollama\n", b"&a [*a]\n", b"- ", b": ", b"{", b"}"),
    *(b"[" * 300, b"!!python/object:os.system x\n", b"auth: {env: X}\n", b"known: [1]\n", b"? ", b"'", b'"', b"\t"),
    b"9" * 5000,
]
yaml = some.one_of(some.binary(max_size=120), some.lists(some.sampled_from(LINES), max_size=12).map(b"".join))


@given(data=yaml)
def test_case_and_target_files_are_read_or_refused(data: bytes, tmp_path_factory: object) -> None:
    folder = Path(tmp_path_factory.mktemp("files"))  # type: ignore[attr-defined]
    (folder / "area").mkdir()
    for name in ("t.yaml", "area/cases.yaml", "surface.yaml", "capabilities.yaml"):
        (folder / name).write_bytes(data)
    for work in (lambda: load_catalog(folder), lambda: load_target_file(folder / "t.yaml")):
        with suppress(UserError):
            work()


@given(text=some.one_of(some.text(max_size=60), some.text("0123456789:-+TZ. GMTWedOct,", max_size=60)))
def test_the_doors_take_any_text(text: str) -> None:
    for door in (whole_number, seconds, http_date, rfc3339_time):
        door(text)
    from_json(text.encode("utf-8", "surrogatepass"))
    from_json(b"[" * 100_000)
    when = http_date(text)
    assert when is None or when.utcoffset() is not None


@given(path=some.text(max_size=80), base=some.sampled_from(["http://h", "https://h:8443/p", "http://[::1]:80"]))
def test_no_text_leads_to_another_origin(path: str, base: str) -> None:
    try:
        url = url_below(base, path)
    except AddressError:
        return
    assert origin(url.partition("?")[0]) == origin(base)


def log_of(lines: int) -> bytes:
    row = b'{"type":"tendency","case":"a.b","mode":"json","shown":1,"of":2}\n'
    return b'{"type":"run"}\n' + row * lines


def decoded(data: bytes, _: Path) -> None:
    Decoder().feed(data, 0.0)


def decoded_byte_by_byte(data: bytes, _: Path) -> None:
    decoder = Decoder()
    for byte in data:
        decoder.feed(bytes([byte]), 0.0)


def log_read(data: bytes, folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(data)
    with suppress(UserError):
        read_log(folder)


def evidence_read(data: bytes, folder: Path) -> None:
    for name in ("evidence.jsonl", "evidence.jsonl.zst"):
        (folder / name).write_bytes(data)
    with suppress(EvidenceError, UserError):
        list(EvidenceStore(folder))


def target_read(data: bytes, folder: Path) -> None:
    (folder / "t.yaml").write_bytes(data)
    with suppress(UserError):
        load_target_file(folder / "t.yaml")


Reader = Callable[[bytes, Path], None]
GROWING: dict[str, tuple[Callable[[int], bytes], Reader]] = {
    "a stream of small events": (lambda n: b'data: {"type":"ping"}\n\n' * n, decoded),
    "a stream byte by byte": (lambda n: b"d" * n * 5, decoded_byte_by_byte),
    "a stream of one line": (lambda n: b"data: x" * n, decoded),
    "a stream of comments": (lambda n: b": x\n" * n, decoded),
    "a stream of carriage returns": (lambda n: b"\r\n\r" * n, decoded),
    "a log of many rows": (log_of, log_read),
    "a log of one line": (lambda n: b"x" * n * 50, log_read),
    "evidence of many lines": (lambda n: b'{"id":"a"}\n' * n, evidence_read),
    "evidence of one line": (lambda n: b"[" * n * 9, evidence_read),
    "frames that are none": (lambda n: b"\x28\xb5\x2f\xfd" * n * 9, evidence_read),
    "a target of unknown keys": (lambda n: b"".join(b"k%d: 1\n" % k for k in range(n // 10)), target_read),
}


@pytest.mark.parametrize("name", GROWING)
def test_reading_takes_time_that_grows_with_the_bytes(name: str, tmp_path: Path) -> None:
    """Eight times the bytes take eight times the CPU; twenty-four are allowed, where a square would take sixty-four."""
    made, reader = GROWING[name]

    def cpu(size: int) -> float:
        data = made(size)
        began = time.process_time()
        reader(data, tmp_path)
        return time.process_time() - began

    cpu(100)  # imports
    small, large = (min(cpu(size) for _ in range(3)) for size in (2_000, 16_000))
    assert large <= 24 * max(small, 0.002), (small, large)
