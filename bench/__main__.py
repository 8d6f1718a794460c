"""`python -m bench [ROUNDS]`: what the suite costs, as ratios to a plain httpx2 loop measured in the same rounds.

Writes `reports/bench.json` and says which of the numbers to hold are held: by the ratio, which means the same on any
machine, or by the memory. A number that is not held is worth a look and no error: the exit code does not speak of it.
"""

import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench.process import Cost, measure, stub
from bench.questions import write_cases

EVENTS = 200
LARGEST = 150.0
"""Megabytes."""
MARKS = {True: "holds", False: "EXCEEDED", None: ""}
REPORT = Path("reports/bench.json")


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


class Bench:
    """Measures in interleaved rounds, so that a slow minute of the machine is everybody's."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self._folder = folder
        self._rounds = rounds
        self._runs = 0

    def suite(self, url: str, cases: int, mode: str, in_flight: int = 4) -> Callable[[], Cost]:
        questions = write_cases(self._folder / f"{mode}-{cases}", cases, mode)

        def run() -> Cost:
            self._runs += 1
            out = self._folder / f"out-{self._runs}"
            words = ["conformance", "run", "--target", "none", "--base-url", url, "--model", "bench", "--no-witness"]
            words += ["--no-evidence", "--cases", str(questions), "--concurrency", str(in_flight), "--out", str(out)]
            return measure(words)

        return run

    def floor(self, url: str, times: int, mode: str, in_flight: int = 4) -> Callable[[], Cost]:
        return lambda: measure(["bench.floor", url, str(times), str(in_flight), mode])

    def pytest_alone(self) -> Callable[[], Cost]:
        """One item that does nothing, under pytest as it comes."""
        file = self._folder / "test_nothing.py"
        file.write_text("def test_nothing(): pass\n")
        words = ["pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(self._folder), str(file)]
        return lambda: measure(words, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

    def medians(self, *programs: Callable[[], Cost]) -> list[Cost]:
        """The median cost of each program, all of them run in turn in every round, after one that does not count."""
        for program in programs:
            program()
        rounds = [[program() for program in programs] for _ in range(self._rounds)]
        return [_median(list(costs)) for costs in zip(*rounds, strict=True)]


def _median(costs: list[Cost]) -> Cost:
    def middle(name: str) -> float:
        return float(statistics.median(getattr(cost, name) for cost in costs))

    return Cost(middle("cpu"), middle("wall"), middle("megabytes"))


def cpu_per_case(bench: Bench) -> Iterator[Figure]:
    """Start-up, and what one more JSON case costs."""
    few, many = 100, 600
    with stub(latency=0.0) as url:
        one, low, high, floor_low, floor_high, pytest_alone = bench.medians(
            bench.suite(url, 1, "json"),
            bench.suite(url, few, "json"),
            bench.suite(url, many, "json"),
            bench.floor(url, few, "json"),
            bench.floor(url, many, "json"),
            bench.pytest_alone(),
        )
    suite = (high.cpu - low.cpu) / (many - few) * 1000
    floor = (floor_high.cpu - floor_low.cpu) / (many - few) * 1000
    yield _figure("one more JSON case", "ms CPU", suite, floor, "2.9 times the floor", most=2.9)
    yield _figure(
        "start-up, one case (floor: pytest alone)", "s CPU", one.cpu, pytest_alone.cpu, "1.9 times the floor", most=1.9
    )


def wall_with_latency(bench: Bench) -> Iterator[Figure]:
    """How well the waiting of an endpoint is used."""
    with stub(latency=0.05) as url:
        suite, one, floor, floor_one = bench.medians(
            bench.suite(url, 200, "json", in_flight=16),
            bench.suite(url, 1, "json", in_flight=16),
            bench.floor(url, 200, "json", in_flight=16),
            bench.floor(url, 1, "json", in_flight=16),
        )
    yield _figure("200 cases of 50 ms, 16 in flight", "s", suite.wall, floor.wall, "1.3 times the floor", most=1.3)
    net, floor_net = suite.wall - one.wall, floor.wall - floor_one.wall
    yield _figure("the same without start-up", "s", net, floor_net, "1.3 times the floor", most=1.3)


def streams(bench: Bench) -> Iterator[Figure]:
    """Memory, and events per CPU second."""
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
    yield _figure("stream events, recorded and judged", "per CPU s", suite, floor, "told only")
    memory = _figure(f"memory, {many} streams (floor: {few})", "MB", high.megabytes, low.megabytes, "150 MB")
    yield replace(memory, holds=high.megabytes <= LARGEST)


def _figure(what: str, unit: str, suite: float, floor: float | None, limit: str, most: float | None = None) -> Figure:
    ratio = suite / floor if floor else None
    holds = None if most is None or ratio is None else ratio <= most
    return Figure(what=what, unit=unit, suite=suite, floor=floor, ratio=ratio, limit=limit, holds=holds)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), rounds)
        figures = []
        print(f"{'':48} {'suite':>10} {'floor':>10} {'ratio':>6} {'':8} unit; limit")
        for part in (cpu_per_case, wall_with_latency, streams):
            for figure in part(bench):
                figures.append(figure)
                floor = f"{figure.floor:10.2f}" if figure.floor is not None else " " * 10
                ratio = f"{figure.ratio:6.2f}" if figure.ratio is not None else " " * 6
                told = f"{figure.what:48} {figure.suite:10.2f} {floor} {ratio} {MARKS[figure.holds]:8}"
                print(f"{told} {figure.unit}; {figure.limit}", flush=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    REPORT.parent.mkdir(exist_ok=True)
    document = {"rounds": rounds, "on": machine, "figures": figures}
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
