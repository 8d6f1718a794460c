"""The worst endpoints, asked by the command line in a process of its own: its memory, its end, its verdicts.

One process is asked some of them in turn; in the full form each has one of its own, too.
"""

import asyncio
import itertools
import json
import os
import re
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen, run

import msgspec
import pytest
import zstandard
from command_line import extent
from hostile_catalogue import CATALOGUE, WAITS
from hostile_endpoints import ATTACKED, INNOCENT, OUTCOMES, Asked, Attack, Pieces, good, response, told
from hostile_inventions import SPELLED, SPELLINGS, leaks
from misbehaving import Peer, serving

from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import FILE, CaseRow, read_log, read_rows

NOT_THERE = response(b'{"type":"error","error":{"type":"not_found_error","message":"no"}}', status="404 Not Found")


class Endpoints:
    """All endpoints at once, each below a path of its own: `http://127.0.0.1:PORT/NAME`.

    Answers the first request of each endpoint well, and the ones with two words; the rest as the attack does."""

    def __init__(self, attacks: Mapping[str, Attack], canary: str) -> None:
        self._attacks, self._canary = attacks, canary
        self._asked: Counter[str] = Counter()

    async def behave(self, peer: Peer) -> None:
        while True:
            raw = await peer.request()
            head, _, body = raw.partition(b"\r\n\r\n")
            name, _, path = head.split(b" ")[1].decode().removeprefix("/").partition("/")
            if path != "v1/messages":
                await peer.send(NOT_THERE)
                continue
            asked = Asked(json.loads(body) if body.startswith(b"{") else {}, raw, self._canary)
            self._asked[name] += 1
            if " " in asked.text or self._asked[name] == 1:
                await peer.send(good(asked))
                continue
            answer = self._attacks[name](asked)
            if isinstance(answer, AsyncIterator):
                async for piece in answer:
                    await peer.send(piece)
            else:
                await peer.send(answer)
            await asyncio.sleep(0.05)
            return


@contextmanager
def hostile(attacks: Mapping[str, Attack]) -> Iterator[tuple[str, list[bytes]]]:
    """The address below which these endpoints are, and what a server was asked that nobody is to ask."""
    there, over = threading.Event(), threading.Event()
    told: list[tuple[str, list[bytes]]] = []

    async def serve() -> None:
        async with serving(lambda peer: peer.gone()) as canary:
            async with serving(Endpoints(attacks, canary.url).behave) as server:
                told.append((server.url, canary.requests))
                there.set()
                await asyncio.to_thread(over.wait)
            if canary.connections:
                canary.requests.append(b"a connection")

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    there.wait()
    try:
        yield told[0]
    finally:
        over.set()
        with suppress(RuntimeError):
            thread.join()


WORST = (
    *("million_blocks", "big_strings", "big_event_3m", "big_text_3m", "wide_text", "comment_3m", "tiny_events"),
    *(
        "many_words",
        "many_lines",
        "many_values",
        "too_many_values",
        "many_numbers",
        "many_keys",
        "chunks_of_a_byte",
        "too_many_chunks",
    ),
    *("many_blocks", "blocks_without_a_stop", "many_endings", "many_types", "long_event_name", "long_field"),
    *("events_without_end", "comments_flood", "empty_lines_flood", "big_event", "endless_stream", "gzip_bomb"),
    *("gzip_double", "deflate_bomb", "gb_declared_close", "endless_headers", "big_headers_60k", "nested_100k"),
    *("nested_error_event", "values_one_by_one", "redos_lines", "redos_call", "type_long", "limit_digits"),
    *("odd_error", "odd_200", "odd_event_names", "scripts", "echo_all", "unsolicited", "redirect_307"),
    *("bomb_behind_a_good_answer", "bomb_in_a_refusal", "hints_of_a_megabyte", "ids_by_the_thousand"),
    *("chunk_extensions_by_the_thousand", "nested_in_a_delta", "http09_that_never_ends", "nothing_but_nul"),
    *("commands_in_headers", "commands_in_a_stream_error", "hints_with_commands", "trailers_of_commands"),
    *("key_a_sign_a_header", "key_in_names_of_headers", "key_a_sign_an_event"),
    *("key_everywhere", "key_in_thirds", "key_in_a_refusal", "key_in_a_401", "key_in_a_status_line"),
    *("key_in_a_header_line", "key_in_no_http", "a_redirect_with_the_key", *(f"key_in_{name}" for name in SPELLED)),
)
SAMPLE = (
    *(
        "big_strings",
        "wide_text",
        "many_words",
        "many_keys",
        "many_values",
        "odd_200",
        "commands_in_headers",
        "key_in_percent_escapes_of_base64",
    ),
    *("key_in_letters_of_json", "key_everywhere", "key_in_thirds"),
)
IN_TURN, WHOLE = "in-turn", "whole"
"""The endpoints that answer each request as the next of the worst does, or as the next of all of them."""
TURNS = {IN_TURN: SAMPLE, WHOLE: tuple(sorted({*CATALOGUE} - WAITS - {"good"}))}
LARGEST = 200
"""Megabytes of memory at the peak."""
LARGEST_LOG = 3_000_000
"""Bytes, of which the catalog of all rows takes a part: whatever an endpoint sends, its values are cut."""
KEY = "sk-canary-9fJ2kQ7xLmZ0-secret"
FEW = "messages.text or messages.two-words or stop.max-tokens-cuts or stop.sequence-honoured"
"""More hostile answers than are asked for at once, and an innocent one."""
MANY = "messages.* or stop.* or streaming.* or usage.* or sampling.*"
"""More than there are endpoints."""
LIMIT = 900.0
"""Seconds that a run may take on a busy machine."""


def measured(words: list[str], folder: Path) -> tuple[int, float, str]:
    """The exit code of a run, the memory at its peak in megabytes, and what it printed."""
    with (folder / "printed").open("w+b") as printed:
        environment = {**os.environ, "HOSTILE_KEY": KEY, "GITHUB_ACTIONS": "true"}
        process = Popen(
            [sys.executable, "-m", "conformance", *words], cwd=folder, env=environment, stdout=printed, stderr=printed
        )
        until, peak = time.monotonic() + LIMIT, 0.0
        while process.poll() is None:
            peak = peak_of(process.pid) or peak
            if time.monotonic() > until:
                process.kill()
            time.sleep(0.05)
        printed.seek(0)
        return process.returncode, peak, printed.read().decode(errors="replace")


def peak_of(process: int) -> float:
    """The most memory that a process held so far, in megabytes; 0 where it has ended.

    What the system says of a child that has ended includes the size of the process that started it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def in_turn(names: Sequence[str], met: set[str]) -> Attack:
    """One after the other; those that somebody met are told."""
    turns = itertools.cycle(names)

    def attack(asked: Asked) -> "bytes | Pieces":
        name = next(turns)
        met.add(name)
        return CATALOGUE[name](asked)

    return attack


@pytest.mark.parametrize("name", extent((*TURNS, *WORST), [IN_TURN]))
def test_the_command_line_survives(name: str, tmp_path: Path) -> None:
    met: set[str] = set()
    with hostile({**CATALOGUE, **{turns: in_turn(names, met) for turns, names in TURNS.items()}}) as (url, stolen):
        began = time.monotonic()
        words = ["run", "--base-url", f"{url}/{name}", "--target", "none", "--model", "m", "--timeout", "20"]
        words += [
            "--select",
            MANY if name == WHOLE else FEW,
            "--api-key-env",
            "HOSTILE_KEY",
            "--out",
            "out",
            "--debug",
        ]
        code, megabytes, printed = measured(words, tmp_path)
        seconds = time.monotonic() - began
    print(f"{name}: {megabytes:.0f} MB at the peak, {seconds:.0f} s")
    assert code in (0, 1, 2), printed
    assert megabytes < LARGEST
    assert not stolen
    log = read_log(tmp_path / "out")
    assert log.complete, printed
    rows: dict[tuple[str, str], CaseRow] = {}
    for row in read_rows(tmp_path / "out" / FILE):
        if isinstance(row, CaseRow):
            rows.setdefault((row.case, row.mode), row)  # as it was judged, before a cause is named in its place
    if name in TURNS:
        assert met == set(TURNS[name])
    else:
        expected = OUTCOMES[name].split(" | ")
        assert [told(rows[ATTACKED, mode]) for mode in ("stream", "json")] == [one.rstrip(" |") for one in expected[:2]]
    assert {rows[INNOCENT, mode].verdict for mode in ("stream", "json")} == {"supported"}
    assert {row.verdict for row in log.cases} | {row.verdict for row in log.rules} <= GOOD_AND_BAD
    assert (tmp_path / "out" / FILE).stat().st_size < LARGEST_LOG
    _says_nothing_dangerous(printed)
    kept = EvidenceStore(tmp_path / "out")
    texts = {name: msgspec.json.encode(kept.read(name)).decode().replace("\\\\", "\\") for name in kept}
    assert len(texts) >= len(rows)
    files = {str(file): file for file in (tmp_path / "out").rglob("*") if file.is_file()}
    texts |= {name: file.read_bytes().decode(errors="replace") for name, file in files.items()}
    for name, text in texts.items():
        assert not any(leaks(text, KEY, spelled) for spelled in SPELLINGS_OF_IT), name
    for name, text in {**texts, "the terminal": printed}.items():
        assert not any(third in text for third in THIRDS), name


SPELLINGS_OF_IT = [KEY, *(SPELLINGS[name](KEY) for names in SPELLED.values() for name in names)]
"""As the endpoints that give it back spell it."""
THIRDS = [KEY[first : first + 9] for first in (0, 9, 18)]
"""As it stands in the deltas of one answer."""
GOOD_AND_BAD = {
    *("supported", "partial", "ignored", "refused", "broken", "inconclusive", "blocked", "not-applicable", "not-run"),
}
"""All but `error`: whatever an endpoint does is its own doing."""


def _says_nothing_dangerous(printed: str) -> None:
    assert "Traceback" not in printed
    assert all(sign.isprintable() or sign in "\n\t" for sign in printed), printed
    assert not re.search(r"^\s*(::|##\[)", printed, re.MULTILINE), printed
    assert KEY not in printed


ROOM = 16 * 2**20
"""Bytes of what a bomb unpacks to that are made at once."""


def _bomb(path: Path, begin: bytes, filling: bytes, times: int, end: bytes = b"", window: int = 20) -> None:
    """A zstd file that unpacks to a beginning, a filling many times over, and an end."""
    settings = zstandard.ZstdCompressionParameters.from_level(1, window_log=window)
    with path.open("wb") as file, zstandard.ZstdCompressor(compression_params=settings).stream_writer(file) as packed:
        packed.write(begin)
        piece = filling * max(1, ROOM // len(filling))
        for _ in range(times * len(filling) // len(piece)):
            packed.write(piece)
        packed.write(end)


HEAD = b'{"type":"run","format":2,"started":"x","suite":{},"target":{"name":"x"},"options":{"x":['
LOG_BOMBS: dict[str, Callable[[Path], None]] = {
    "blanks": lambda path: _bomb(path, HEAD, b" ", 300_000_000),
    "empty lines": lambda path: _bomb(path, b"", b"\n", 300_000_000),
    "rows": lambda path: _bomb(path, b"", b'{"type":"case"}\n', 5_000_000),
    "values": lambda path: _bomb(path, HEAD, b"[],", 90_000_000, b"[]]}}\n"),
    "a long memory": lambda path: _bomb(path, HEAD, b" ", 300_000_000, window=27),
}
EVIDENCE_BOMBS: dict[str, Callable[[Path], None]] = {
    "a line of blanks": lambda path: _bomb(path, b'{"id":"a"', b" ", 300_000_000, b"}\n"),
    "lines": lambda path: _bomb(path, b"", b'{"id":"a"}\n', 6_000_000),
    "an index": lambda path: _with_index(path, b" " * 300_000_000),
    "an index of places": lambda path: _with_index(
        path, b'{"frames":[],"lines":{' + b",".join(b'"%d":[0,0]' % number for number in range(600_000)) + b"}}"
    ),
}
READ_THEM = """
import sys
from pathlib import Path
from conformance.errors import UserError
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import read_log
for number, folder in enumerate(sorted(Path().iterdir())):
    before = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
    try:
        if folder.name.startswith("log"):
            read_log(folder)
        else:
            store = EvidenceStore(folder)
            [store.read(name) for name in store]
    except UserError as problem:
        print(folder.name, "refused:", str(problem).replace("\\n", " "))
    after = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
    print(folder.name, after // 1024, "MB")
"""


def _with_index(path: Path, index: bytes) -> None:
    """One line of evidence, and behind it an index that unpacks to this."""
    line = zstandard.ZstdCompressor().compress(b'{"id":"a"}\n')
    payload = zstandard.ZstdCompressor(level=1).compress(index)
    length = len(payload) + 12
    footer = struct.pack("<I8s", length, b"mc-index")
    path.write_bytes(line + struct.pack("<II", 0x184D2A5E, length) + payload + footer)


def test_a_bomb_of_a_stranger_is_refused_in_little_memory(tmp_path: Path) -> None:
    for name, make in LOG_BOMBS.items():
        (tmp_path / f"log {name}").mkdir()
        make(tmp_path / f"log {name}" / "run.jsonl.zst")
    for name, make in EVIDENCE_BOMBS.items():
        (tmp_path / f"evidence {name}").mkdir()
        make(tmp_path / f"evidence {name}" / "evidence.jsonl.zst")
    (tmp_path / "log plain").mkdir()
    with (tmp_path / "log plain" / "run.jsonl").open("wb") as file:
        file.write(HEAD)
        file.truncate(400_000_000)
    told = run([sys.executable, "-c", READ_THEM], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    peaks = [int(found) for found in re.findall(r"(\d+) MB$", told, re.MULTILINE)]
    assert len(peaks) == len(LOG_BOMBS) + len(EVIDENCE_BOMBS) + 1
    assert max(peaks) < LARGEST, told
    assert told.count("refused:") >= len(peaks) - len(EVIDENCE_BOMBS), told
