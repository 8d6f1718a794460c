"""The worst endpoints, asked by the command line in a process of its own: its memory, its end, its verdicts.

One process meets some of them in turn, in the full form all of them, and is weighed after each.
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
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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


SAMPLE = (
    *("big_strings", "wide_text", "many_values", "odd_200", "commands_in_headers", "key_in_percent_escapes_of_base64"),
    *("key_in_letters_of_json", "key_everywhere", "key_in_thirds"),
)
QUICK = tuple(sorted({*CATALOGUE} - WAITS - {"good"}))
ALONE = ("million_blocks", "wide_text", "many_lines", "endless_stream", "gzip_bomb", "echo_all", "key_in_no_http")
"""Those that have a run of their own in the full form, for its verdicts."""


@dataclass(frozen=True)
class Meeting:
    """A run that meets one endpoint after another: which, and the words of its command."""

    names: tuple[str, ...]
    select: str
    more: tuple[str, ...] = ()
    weighed: bool = True
    """Whether each answer waits until all earlier ones are judged, so that what it takes is known."""


FEW = "messages.text or messages.two-words or stop.max-tokens-cuts or stop.sequence-honoured"
"""More hostile answers than are asked for at once, and an innocent one."""
MANY = "messages.* or stop.* or streaming.* or usage.* or sampling.* or tools.*"
"""More than there are endpoints."""
ONE = ("--concurrency", "1")
MEETINGS = {
    "some": Meeting(SAMPLE, FEW, ONE),
    "each": Meeting(QUICK, MANY, ONE),
    "each that waits": Meeting(tuple(sorted(WAITS)), "messages.* or stop.*", (*ONE, "--timeout", "0.5")),
    "several at once": Meeting(QUICK, MANY, weighed=False),
}
LARGEST = 200
"""Megabytes of memory at the peak."""
LARGEST_LOG = 3_000_000
"""Bytes, of which the catalog of all rows takes a part: whatever an endpoint sends, its values are cut."""
FIGURES = os.environ.get("HOSTILE_FIGURES")
"""The file to which lines are added: endpoint, megabytes at the peak of the run, and of the SDK's process."""
KEY = "sk-canary-9fJ2kQ7xLmZ0-secret"
LIMIT = 900.0
"""Seconds that a run may take on a busy machine."""


def keep(peaks: Mapping[str, tuple[float, float]]) -> None:
    lines = [f"{name} | {run:.0f} | {sdk:.0f}\n" for name, (run, sdk) in peaks.items()]
    print("".join(lines))
    if FIGURES:
        with Path(FIGURES).open("a", encoding="utf-8") as file:
            file.writelines(lines)


class Scales:
    """Weighs a run and the SDK's process at the hand of each endpoint that they meet."""

    def __init__(self, weighed: bool) -> None:
        self._weighed = weighed
        self.process = 0
        """Once it has begun."""
        self.peaks: dict[str, tuple[float, float]] = {}
        """In megabytes, by the name of the endpoint."""
        self._now = "all"

    def note(self) -> None:
        """Notes what was taken since the last endpoint was met."""
        run, sdk = self.peaks.get(self._now, (0.0, 0.0))
        of_sdk = max(map(peak_of, children_of(self.process)), default=0.0)
        self.peaks[self._now] = max(run, peak_of(self.process)), max(sdk, of_sdk)

    async def meet(self, name: str) -> None:
        """Waits until all that was answered is judged, and counts anew for this endpoint."""
        if not self._weighed:
            return
        until, idle = time.monotonic() + LONGEST_WORK, 0
        while idle < IDLE and time.monotonic() < until:
            await asyncio.sleep(0.02)
            idle = idle + 1 if all(map(sleeps, (self.process, *children_of(self.process)))) else 0
        self.note()
        self._now = name
        forget_peaks((self.process, *children_of(self.process)))


IDLE, LONGEST_WORK = 3, 15.0
"""How often in a row a process has to sleep to have nothing to do, and seconds that this is waited for."""


def forget_peaks(processes: Iterable[int]) -> None:
    """What they hold now is their peak from then on."""
    for process in processes:
        with suppress(OSError):
            Path(f"/proc/{process}/clear_refs").write_text("5")


def sleeps(process: int) -> bool:
    """Whether no thread of a process works, or wants to."""
    with suppress(OSError):
        threads = [one.read_text().rpartition(")")[2][1] for one in Path(f"/proc/{process}/task").glob("*/stat")]
        return not set(threads) & {"R", "D"}
    return True


def ran(words: list[str], folder: Path, scales: Scales) -> tuple[int, str]:
    """The exit code of a run, and what it printed."""
    with (folder / "printed").open("w+b") as printed:
        environment = {**os.environ, "HOSTILE_KEY": KEY, "GITHUB_ACTIONS": "true"}
        process = Popen(
            [sys.executable, "-m", "conformance", *words], cwd=folder, env=environment, stdout=printed, stderr=printed
        )
        scales.process = process.pid
        until = time.monotonic() + LIMIT
        while process.poll() is None:
            scales.note()
            if time.monotonic() > until:
                process.kill()
            time.sleep(0.05)
        printed.seek(0)
        return process.returncode, printed.read().decode(errors="replace")


def children_of(process: int) -> list[int]:
    """The processes that the threads of one have started: that of the SDK, anew where it had ended."""
    told: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            told += map(int, (thread / "children").read_text().split())
    return told


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


def in_turn(names: Sequence[str], met: set[tuple[str, bool]], scales: Scales) -> Attack:
    """One after the other, in each mode; those that somebody met are told."""
    half = len(names) // 2
    turns = {True: itertools.cycle(names), False: itertools.cycle([*names[half:], *names[:half]])}

    async def attack(asked: Asked) -> Pieces:
        name = next(turns[asked.streams])
        met.add((name, asked.streams))
        await scales.meet(name)
        answer = CATALOGUE[name](asked)
        if isinstance(answer, bytes):
            yield answer
            return
        async for piece in answer:
            yield piece

    return attack


@pytest.mark.parametrize("name", extent((*MEETINGS, *ALONE), ["some"]))
def test_the_command_line_survives(name: str, tmp_path: Path) -> None:
    met: set[tuple[str, bool]] = set()
    meeting = MEETINGS.get(name, Meeting((name,), FEW))
    scales = Scales(meeting.weighed)
    with hostile({"endpoint": in_turn(meeting.names, met, scales)}) as (url, stolen):
        words = ["run", "--base-url", f"{url}/endpoint", "--target", "none", "--model", "m", "--timeout", "20"]
        words += [*meeting.more, "--select", meeting.select, "--api-key-env", "HOSTILE_KEY", "--out", "out", "--debug"]
        code, printed = ran(words, tmp_path, scales)
    keep(scales.peaks if meeting.weighed else {name: scales.peaks["all"]})
    assert code in (0, 1, 2), printed
    assert {one for one, _ in met} == set(meeting.names)
    assert 0 < max(run for run, _ in scales.peaks.values()) < LARGEST, scales.peaks
    assert 0 < max(sdk for _, sdk in scales.peaks.values()) < LARGEST, scales.peaks
    assert not stolen
    log = read_log(tmp_path / "out")
    assert log.complete, printed
    rows: dict[tuple[str, str], CaseRow] = {}
    for row in read_rows(tmp_path / "out" / FILE):
        if isinstance(row, CaseRow):
            rows.setdefault((row.case, row.mode), row)  # as it was judged, before a cause is named in its place
    if name in ALONE:
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
