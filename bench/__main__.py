"""`python -m bench [ROUNDS] [PART...]`: what the suite costs, beside a plain httpx2 loop measured in the same rounds.

Writes `reports/bench.json` and says which of the numbers to hold are held: ratios, which mean the same on any machine,
megabytes, and a few seconds. The limits in seconds are for a machine on which one more JSON case costs the plain loop
0.56 ms of CPU; what that loop costs here is measured first, and a number that is above such a limit, but would be below
it at that speed, is marked `holds scaled`. A number that is not held is worth a look and no error: the exit code does
not speak of it. The parts are `cases`, `latency`, `streams`, `growth` and `suite`; all of them where none is named.
`--peers` has other runners ask the same 300 questions, each installed into a folder of its own, and prints a table in
their place.
"""

import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench.process import Cost, Failed, installed, measure, measure_command, stub
from bench.questions import PEERS, Peer, write_cases

EVENTS = 200
LARGEST = 200.0
"""Megabytes."""
FEW_AND_MANY = (100, 600)
"""Cases of a short and a long run: the difference is what the cases cost without the start-up."""
GROWS = 1.15
"""What a case may cost more in a long run than in a short one."""
FLOOR_OF_LIMITS = 0.56
"""Milliseconds of CPU that one more JSON case costs the floor where the limits in seconds were set."""
REPORT = Path("reports/bench.json")
PEERS_FOLDER = Path(".nox/peers")
PEERS_ASKED = 300


class Figure(Struct, frozen=True, kw_only=True):
    """One number of the suite beside the same number of the floor."""

    what: str
    unit: str
    suite: float
    floor: float | None
    ratio: float | None
    limit: str
    holds: bool | None
    """Whether the number is held; None where it is only told."""
    holds_scaled: bool | None
    """The same of the number at the speed of the machine for which the limits in seconds were set."""

    @property
    def mark(self) -> str:
        if self.holds is None:
            return ""
        return "holds" if self.holds else "holds scaled" if self.holds_scaled else "does not hold"


class Bench:
    """Measures in interleaved rounds, so that a slow minute of the machine is everybody's."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self._folder = folder
        self._rounds = rounds
        self._runs = 0
        self.slower = self._slower()
        """How many times as long the floor takes here as where the limits in seconds were set."""

    def _slower(self) -> float:
        with stub(latency=0.0) as url:
            few, many = self.medians(*(self.floor(url, times, "json") for times in FEW_AND_MANY))
        return _each(few, many) / FLOOR_OF_LIMITS

    def suite(
        self, url: str, cases: int, mode: str, in_flight: int = 4, *, evidence: bool = False
    ) -> Callable[[], Cost]:
        questions = write_cases(self._folder / f"{mode}-{cases}", cases, mode)
        words = ["--target", "none", "--base-url", url, "--model", "bench", "--no-witness"]
        words += ["--cases", str(questions), "--concurrency", str(in_flight)]
        return self._run(words if evidence else [*words, "--no-evidence"])

    def default_run(self, *without: str) -> Callable[[], Cost]:
        """`conformance run` as a person types it."""
        return self._run(without)

    def _run(self, words: Sequence[str]) -> Callable[[], Cost]:
        def run() -> Cost:
            self._runs += 1
            out = self._folder / f"out-{self._runs}"
            cost = measure(["conformance", "run", *words, "--out", str(out)])
            files = (out / "run.jsonl", out / "evidence.jsonl.zst")
            written = sum(file.stat().st_size for file in files if file.exists())
            shutil.rmtree(out)
            return replace(cost, written=float(written))

        return run

    def floor(self, url: str, times: int, mode: str, in_flight: int = 4) -> Callable[[], Cost]:
        return lambda: measure(["bench.floor", url, str(times), str(in_flight), mode])

    def pytest_alone(self) -> Callable[[], Cost]:
        """One item that does nothing, under pytest as it comes."""
        file = self._folder / "test_nothing.py"
        file.write_text("def test_nothing(): pass\n")
        words = ["pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(self._folder), str(file)]
        return lambda: measure(words, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

    def peer(self, peer: Peer, program: Path, url: str, number: int) -> Callable[[], Cost]:
        """Another runner, asked the same questions."""
        folder = self._folder / f"{peer.name}-{number}"
        folder.mkdir()
        peer.write(folder / peer.file, url, number)
        command = [str(program), *peer.arguments(str(folder / peer.file), url)]
        return lambda: measure_command(command, folder, STEPCI_DISABLE_ANALYTICS="1")

    def medians(self, *programs: Callable[[], Cost]) -> list[Cost]:
        """The median cost of each program, all of them run in turn in every round, after one that does not count."""
        for program in programs:
            program()
        rounds = [[program() for program in programs] for _ in range(self._rounds)]
        return [_median(list(costs)) for costs in zip(*rounds, strict=True)]


def _median(costs: list[Cost]) -> Cost:
    def middle(name: str) -> float:
        return float(statistics.median(getattr(cost, name) for cost in costs))

    return Cost(middle("cpu"), middle("wall"), middle("megabytes"), middle("written"))


def _each(few: Cost, many: Cost) -> float:
    """Milliseconds of CPU of one more case."""
    less, more = FEW_AND_MANY
    return (many.cpu - few.cpu) / (more - less) * 1000


def cpu_per_case(bench: Bench) -> Iterator[Figure]:
    """Start-up, and what one more JSON case costs."""
    few, many = FEW_AND_MANY
    with stub(latency=0.0) as url:
        one, low, high, floor_low, floor_high, pytest_alone = bench.medians(
            bench.suite(url, 1, "json"),
            bench.suite(url, few, "json"),
            bench.suite(url, many, "json"),
            bench.floor(url, few, "json"),
            bench.floor(url, many, "json"),
            bench.pytest_alone(),
        )
    suite, floor = _each(low, high), _each(floor_low, floor_high)
    yield _figure("one more JSON case", "ms CPU", suite, floor, most=1.0, times=2.4, slower=bench.slower)
    start_up = one.cpu, pytest_alone.cpu
    yield _figure("start-up, one case (floor: pytest)", "s CPU", *start_up, most=0.45, times=2.0, slower=bench.slower)


def wall_with_latency(bench: Bench) -> Iterator[Figure]:
    """How well the waiting of an endpoint is used."""
    with stub(latency=0.05) as url:
        suite, one, floor, floor_one = bench.medians(
            bench.suite(url, 200, "json", in_flight=16),
            bench.suite(url, 1, "json", in_flight=16),
            bench.floor(url, 200, "json", in_flight=16),
            bench.floor(url, 1, "json", in_flight=16),
        )
    yield _figure("200 cases of 50 ms, 16 in flight", "s", suite.wall, floor.wall, times=1.2)
    yield _figure("the same without start-up", "s", suite.wall - one.wall, floor.wall - floor_one.wall, times=1.2)


def streams(bench: Bench) -> Iterator[Figure]:
    """Events per CPU second, and memory."""
    few, many = 100, 500
    with stub(latency=0.0, events=EVENTS) as url:
        low, high, floor_low, floor_high = bench.medians(
            bench.suite(url, few, "stream"),
            bench.suite(url, many, "stream"),
            bench.floor(url, few, "stream"),
            bench.floor(url, many, "stream"),
        )
    events = EVENTS * (many - few)
    suite, floor = events / (high.cpu - low.cpu), events / (floor_high.cpu - floor_low.cpu)
    yield _figure("stream events, recorded and judged", "per CPU s", suite, floor, at_least=0.65)
    yield _figure(f"memory, {many} streams (floor: {few})", "MB", high.megabytes, low.megabytes, most=LARGEST)


def growth(bench: Bench) -> Iterator[Figure]:
    """Whether a case costs the same in a long run as in a short one: CPU, memory, and bytes of log and evidence."""
    sizes = (100, 1_000, 3_000)
    with stub(latency=0.0) as url:
        costs = bench.medians(*(bench.suite(url, size, "json", evidence=True) for size in sizes))
    short, long = (
        (after.cpu - before.cpu) / (more - less) * 1000
        for (less, before), (more, after) in pairwise(zip(sizes, costs, strict=True))
    )
    yield _figure("a case after 1,000 (floor: before)", "ms CPU", long, short, times=GROWS)
    first, _, last = costs
    yield _figure("memory, 3,000 cases (floor: 100)", "MB", last.megabytes, first.megabytes, most=LARGEST)
    short, long = (
        (after.written - before.written) / (more - less)
        for (less, before), (more, after) in pairwise(zip(sizes, costs, strict=True))
    )
    yield _figure("log and evidence of a case after 1,000", "bytes", long, short, times=GROWS)


def whole_suite(bench: Bench) -> Iterator[Figure]:
    """The default run against the embedded reference endpoint: alone, and with witness, evidence and page."""
    everything, bare = bench.medians(bench.default_run(), bench.default_run("--no-witness", "--no-evidence"))
    yield _figure("the default run, all switched on", "s wall", everything.wall, None, most=12.0, slower=bench.slower)
    yield _figure("the same (floor: no witness or evidence)", "s wall", everything.wall, bare.wall, times=1.5)
    yield _figure("CPU of all its processes (floor: the same)", "s CPU", everything.cpu, bare.cpu, times=1.5)


def peers(bench: Bench) -> Iterator[str]:
    """A table of what the same questions cost other runners and the suite, in the same rounds."""
    yield f"| what asks | CPU s for {PEERS_ASKED} | start-up, CPU s | one more question, ms CPU | largest memory, MB |"
    yield "|---|--:|--:|--:|--:|"
    with stub(latency=0.0) as url:
        named: dict[str, tuple[Callable[[], Cost], Callable[[], Cost]]] = {
            "a plain httpx2 loop": (bench.floor(url, 1, "json"), bench.floor(url, PEERS_ASKED, "json")),
            "this suite, `--no-witness --no-evidence`": (
                bench.suite(url, 1, "json"),
                bench.suite(url, PEERS_ASKED, "json"),
            ),
        }
        for peer in PEERS:
            try:
                program = installed(
                    PEERS_FOLDER.resolve(), peer.index, peer.name, peer.version, peer.program, peer.beside
                )
                one, all_of_them = (bench.peer(peer, program, url, number) for number in (1, PEERS_ASKED))
                one()
            except (Failed, OSError) as problem:
                yield f"| {peer.name}: {str(problem)[-300:]} | | | | |".replace("\n", " ")
                continue
            named[f"{peer.name} {peer.version}"] = one, all_of_them
        costs = bench.medians(*(program for pair in named.values() for program in pair))
    for name, one_cost, cost in zip(named, costs[::2], costs[1::2], strict=True):
        more = (cost.cpu - one_cost.cpu) / (PEERS_ASKED - 1) * 1000
        yield f"| {name} | {cost.cpu:.1f} | {one_cost.cpu:.2f} | {more:.2g} | {cost.megabytes:.0f} |"


def _figure(
    what: str,
    unit: str,
    suite: float,
    floor: float | None,
    *,
    most: float | None = None,
    times: float | None = None,
    at_least: float | None = None,
    slower: float = 1.0,
) -> Figure:
    """`most` limits the number where the machine is not `slower`; `times` and `at_least` its ratio to the floor."""
    ratio = suite / floor if floor else None
    here = f" ({most * slower:.3g} at this speed)" if most is not None and slower != 1.0 else ""
    limits = [
        *([(f"at most {most:g}{here}", suite <= most, suite <= most * slower)] if most is not None else []),
        *([_of_ratio(f"at most {times:g}", ratio <= times)] if times is not None and ratio is not None else []),
        *([_of_ratio(f"at least {at_least:g}", ratio >= at_least)] if at_least and ratio is not None else []),
    ]
    return Figure(
        what=what,
        unit=unit,
        suite=suite,
        floor=floor,
        ratio=ratio,
        limit=", ".join(limit for limit, _, _ in limits) or "told only",
        holds=all(held for _, held, _ in limits) if limits else None,
        holds_scaled=all(scaled for _, _, scaled in limits) if limits else None,
    )


def _of_ratio(limit: str, held: bool) -> tuple[str, bool, bool]:
    """Of a ratio, which means the same at any speed."""
    return f"{limit} x the floor", held, held


PARTS = {
    "cases": cpu_per_case,
    "latency": wall_with_latency,
    "streams": streams,
    "growth": growth,
    "suite": whole_suite,
}


def main(rounds: int, parts: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), rounds)
        figures = []
        print(f"{'':48} {'suite':>10} {'floor':>10} {'ratio':>6} {'':13} unit; limit")
        for part in parts or PARTS:
            for figure in PARTS[part](bench):
                figures.append(figure)
                floor = f"{figure.floor:10.2f}" if figure.floor is not None else " " * 10
                ratio = f"{figure.ratio:6.2f}" if figure.ratio is not None else " " * 6
                told = f"{figure.what:48} {figure.suite:10.2f} {floor} {ratio} {figure.mark:13}"
                print(f"{told} {figure.unit}; {figure.limit}", flush=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    REPORT.parent.mkdir(exist_ok=True)
    document = {"rounds": rounds, "on": machine, "slower": bench.slower, "figures": figures}
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or [3]
    if "--peers" in sys.argv:
        with tempfile.TemporaryDirectory() as temporary:
            for line in peers(Bench(Path(temporary), numbers[0])):
                print(line, flush=True)
    else:
        main(numbers[0], [word for word in sys.argv[1:] if word in PARTS])
