"""What was read once is kept, is never stale, and is no worse when it is damaged, lost or cannot be written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.cache import KEPT
from conformance.catalog.compiled import ENDING, compiled
from conformance.catalog.load import cases_folder, load_catalog


class Read(msgspec.Struct, frozen=True):
    """What is made of a folder."""

    file: Path
    value: Any


Reading = Callable[[], tuple[Read, int]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cases" / "messages"
    folder.mkdir(parents=True)
    (folder / "text.yaml").write_text("1")
    return folder.parent


@pytest.fixture
def reading(folder: Path, cache: Path) -> Reading:
    """What a folder's files are read as, and how often they have been read so far."""
    times = 0

    def read() -> Read:
        nonlocal times
        times += 1
        file = folder / "messages" / "text.yaml"
        return Read(file, int(file.read_text()))

    def again() -> tuple[Read, int]:
        return compiled(Read, folder, read), times

    return again


def test_what_has_not_changed_is_read_once(reading: Reading, folder: Path) -> None:
    file = folder / "messages" / "text.yaml"
    assert [reading() for _ in range(3)] == [(Read(file, 1), 1)] * 3


def test_a_change_of_any_file_is_read(reading: Reading, folder: Path) -> None:
    reading()
    (folder / "messages" / "text.yaml").write_text("2")
    assert (reading()[0].value, reading()[1]) == (2, 2)
    (folder / "messages" / "tools.yaml").write_text("")
    assert reading()[1] == 3
    (folder / "messages" / "tools.yaml").rename(folder / "messages" / "tool.yaml")
    assert reading()[1] == 4
    (folder / "messages" / "tool.yaml").unlink()
    assert reading()[1] == 4


@pytest.mark.parametrize("damage", [b"", b"no archive", b"\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00"])
def test_a_damaged_file_is_read_over(reading: Reading, cache: Path, damage: bytes) -> None:
    reading()
    (kept,) = cache.rglob(f"*{ENDING}")
    kept.write_bytes(damage)
    assert (reading()[1], reading()[1]) == (2, 2)


def test_a_part_of_a_file_is_read_over(reading: Reading, cache: Path) -> None:
    reading()
    (kept,) = cache.rglob(f"*{ENDING}")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert (reading()[1], reading()[1]) == (2, 2)


def test_where_nothing_can_be_kept_it_is_read_each_time(reading: Reading, cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    assert [reading()[1] for _ in range(2)] == [1, 2]


def test_a_user_without_a_home_reads_each_time(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setattr(Path, "home", homeless)
    assert [reading()[1] for _ in range(2)] == [1, 2]


def test_what_no_codec_takes_is_read_each_time(folder: Path, cache: Path) -> None:
    for value in (10**30, "\ud800"):
        read = Read(folder, value)
        assert compiled(Read, folder, lambda read=read: read) is read  # type: ignore[misc]
    assert not list(cache.rglob("*"))


def test_the_oldest_are_forgotten(reading: Reading, folder: Path, cache: Path) -> None:
    for number in range(KEPT + 3):
        (folder / "messages" / "text.yaml").write_text(str(number))
        reading()
    assert len(list(cache.rglob(f"*{ENDING}"))) == KEPT
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".zst"] == []


def test_the_shipped_catalog_is_the_same_as_the_one_that_is_read(cache: Path) -> None:
    read = load_catalog(cases_folder())
    assert [load_catalog() == read for _ in range(2)] == [True, True]
    assert load_catalog().cases_sha256 == read.cases_sha256
    assert list(cache.rglob(f"*{ENDING}"))
