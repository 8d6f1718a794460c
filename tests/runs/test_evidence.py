"""Evidence: appended line by line, packed so that one exchange is read alone, read in every form that runs have."""

import json
import shutil
import struct
import subprocess
import tracemalloc
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.files import LineFile
from conformance.runs import frames
from conformance.runs.evidence import Evidence, RecordedAnswer, RecordedRequest, Text
from conformance.runs.evidence_store import (
    FOLDER,
    PACKED,
    PLAIN,
    EvidenceError,
    EvidenceStore,
    EvidenceWriter,
    name_of,
    pack_evidence,
)
from conformance.runs.frames import FRAME, MAGIC, FrameError, PackedLines, pack, unpack


def evidence(name: str, text: str = "OK") -> Evidence:
    case, mode, attempt = name.rsplit(".", 2)
    return Evidence(
        id=name,
        case=case,
        mode="json" if mode == "json" else "stream",
        attempt=int(attempt),
        request=RecordedRequest("POST", "http://127.0.0.1:1/v1/messages", [], Text(text="{}")),
        answer=RecordedAnswer(
            outcome="complete",
            status=200,
            http_version="HTTP/1.1",
            headers=[],
            chunks=[Text(text=text, at=0.1)],
            started=0.0,
            first_byte=0.1,
            finished=0.2,
        ),
    )


MANY = [evidence(f"case.{number:03}.json.1", f"{number} " * 4000) for number in range(200)]
"""More than three frames."""


def write(folder: Path, *exchanges: Evidence) -> None:
    writer = EvidenceWriter(folder)
    for exchange in exchanges:
        writer.write(exchange)
    writer.close()


def write_files(folder: Path, *exchanges: Evidence) -> None:
    """The form of older runs."""
    (folder / FOLDER).mkdir(parents=True)
    for exchange in exchanges:
        told = json.loads(msgspec.json.encode(exchange))
        del told["id"]
        (folder / FOLDER / f"{exchange.id}.json").write_text(json.dumps(told, indent=1))


def test_an_exchange_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    writer = EvidenceWriter(tmp_path)
    writer.write(MANY[0])
    assert EvidenceStore(tmp_path).read(MANY[0].id) == MANY[0]
    writer.write(MANY[1])
    assert list(EvidenceStore(tmp_path)) == [MANY[0].id, MANY[1].id]
    writer.close()


def test_packed_evidence_gives_back_every_exchange(tmp_path: Path) -> None:
    write(tmp_path, *reversed(MANY))
    pack_evidence(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PACKED]
    store = EvidenceStore(tmp_path)
    assert list(store) == [exchange.id for exchange in MANY]
    assert [store.read(exchange.id) for exchange in MANY] == MANY


def test_no_frame_unpacks_to_more_than_256_kb_and_one_exchange_needs_few_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *MANY, evidence("huge.json.1", "x" * 1_000_000))
    pack_evidence(tmp_path)
    store = EvidenceStore(tmp_path)
    sizes: list[int] = []
    whole = frames._unpacked

    def counted(frame: bytes, path: Path) -> bytes:
        sizes.append(len(whole(frame, path)))
        return whole(frame, path)

    monkeypatch.setattr(frames, "_unpacked", counted)
    store.read(MANY[120].id)
    assert len(sizes) == 1
    assert store.read("huge.json.1").answer.chunks[0].text == "x" * 1_000_000
    assert len(sizes) <= 1 + 6
    assert max(sizes) <= FRAME <= 256_000


@pytest.mark.skipif(shutil.which("zstdcat") is None, reason="there is no zstdcat on this machine")
def test_zstdcat_unpacks_it(tmp_path: Path) -> None:
    write(tmp_path, *MANY)
    pack_evidence(tmp_path)
    told = subprocess.run(["zstdcat", str(tmp_path / PACKED)], capture_output=True, check=True).stdout
    assert [name_of(line) for line in told.splitlines()] == [exchange.id for exchange in MANY]


def test_any_zstd_reader_unpacks_it(tmp_path: Path) -> None:
    write(tmp_path, *MANY)
    pack_evidence(tmp_path)
    with (tmp_path / PACKED).open("rb") as file:
        told = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    assert told == unpack(tmp_path / PACKED)
    assert [msgspec.json.decode(line, type=Evidence) for line in told.splitlines()] == MANY


@pytest.mark.parametrize("cut", [1, 8, 12, 200, 0])
def test_a_missing_or_torn_index_is_made_anew_and_said(tmp_path: Path, cut: int) -> None:
    write(tmp_path, *MANY)
    pack_evidence(tmp_path)
    packed = tmp_path / PACKED
    whole = packed.read_bytes()
    index = len(whole) - int.from_bytes(whole[-12:-8], "little") - 8
    packed.write_bytes(whole[:-cut] if cut else whole[:index])
    said: list[str] = []
    store = EvidenceStore(tmp_path, said.append)
    assert [store.read(exchange.id) for exchange in MANY] == MANY
    assert len(said) == 1
    assert "made anew" in said[0]


def test_what_stands_before_a_torn_frame_is_kept(tmp_path: Path) -> None:
    write(tmp_path, *MANY)
    pack_evidence(tmp_path)
    packed = tmp_path / PACKED
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    store = EvidenceStore(tmp_path)
    kept = list(store)
    assert 0 < len(kept) < len(MANY)
    assert kept == [exchange.id for exchange in MANY[: len(kept)]]
    assert [store.read(name) for name in kept] == MANY[: len(kept)]


def test_an_index_that_lies_is_found_out(tmp_path: Path) -> None:
    write(tmp_path, MANY[0])
    pack_evidence(tmp_path)
    whole = (tmp_path / PACKED).read_bytes()
    end = len(whole) - int.from_bytes(whole[-12:-8], "little") - 8
    lie = {"frames": [[end, FRAME]], "lines": {"a": [0, 100], "b": [200, 100]}}
    payload = zstandard.ZstdCompressor().compress(json.dumps(lie).encode())
    length = (len(payload) + 12).to_bytes(4, "little")
    forged = whole[:end] + (0x184D2A5E).to_bytes(4, "little") + length + payload + length + MAGIC
    (tmp_path / PACKED).write_bytes(forged)
    store = EvidenceStore(tmp_path)
    assert list(store) == ["a", "b"]
    for name in store:
        with pytest.raises(EvidenceError):
            store.read(name)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x28\xb5\x2f\xfd", (0x184D2A5E).to_bytes(4, "little")])
def test_a_file_that_is_none_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PACKED).write_bytes(content)
    with pytest.raises(EvidenceError, match="no zstd file"):
        EvidenceStore(tmp_path)


def test_a_frame_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    swollen = zstandard.ZstdCompressor(level=19).compress(b"x" * 300_000_000)
    (tmp_path / PACKED).write_bytes(swollen)
    tracemalloc.start()
    with pytest.raises(EvidenceError):
        EvidenceStore(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_the_folder_of_an_older_run_is_read_and_packed(tmp_path: Path) -> None:
    write_files(tmp_path, *MANY[:3])
    store = EvidenceStore(tmp_path)
    assert [store.read(name) for name in store] == MANY[:3]
    pack_evidence(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PACKED]
    assert [EvidenceStore(tmp_path).read(exchange.id) for exchange in MANY[:3]] == MANY[:3]


def test_a_foreign_file_beside_the_evidence_is_left_alone(tmp_path: Path) -> None:
    write_files(tmp_path, MANY[0])
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    pack_evidence(tmp_path)
    assert (tmp_path / FOLDER / "notes.txt").read_text() == "mine"


def test_a_resumed_run_adds_to_what_was_packed_and_the_newest_counts(tmp_path: Path) -> None:
    write(tmp_path, *MANY[:2])
    pack_evidence(tmp_path)
    newer = replace(MANY[1], observation="shown")
    write(tmp_path, newer, MANY[2])
    store = EvidenceStore(tmp_path)
    assert [store.read(exchange.id) for exchange in MANY[:3]] == [MANY[0], newer, MANY[2]]
    pack_evidence(tmp_path)
    again = EvidenceStore(tmp_path)
    assert [again.read(name) for name in again] == [MANY[0], newer, MANY[2]]


def test_a_line_torn_by_a_kill_is_cut_before_the_next_is_written(tmp_path: Path) -> None:
    write(tmp_path, *MANY[:2])
    with (tmp_path / PLAIN).open("ab") as file:
        file.write(b'{"id":"torn.json.1","case":"' + b"x" * 200_000)
    assert list(EvidenceStore(tmp_path)) == [MANY[0].id, MANY[1].id]
    write(tmp_path, MANY[2])
    assert list(EvidenceStore(tmp_path)) == [exchange.id for exchange in MANY[:3]]


def test_packing_that_is_interrupted_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *MANY[:2])

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("conformance.runs.evidence_store.pack", full)
    with pytest.raises(OSError, match="No space"):
        pack_evidence(tmp_path)
    assert [EvidenceStore(tmp_path).read(exchange.id) for exchange in MANY[:2]] == MANY[:2]


def test_an_unknown_id_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, MANY[0])
    with pytest.raises(EvidenceError, match=r"case\.00.json\.1; did you mean case\.000\.json\.1\?"):
        EvidenceStore(tmp_path).read("case.00.json.1")


def test_a_path_is_no_id(tmp_path: Path) -> None:
    write_files(tmp_path / "run", MANY[0])
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(EvidenceError):
        EvidenceStore(tmp_path / "run").read("../../secret")


LINES = st.binary(max_size=60).map(lambda line: line.replace(b"\n", b""))


@settings(max_examples=50, deadline=None)
@given(lines=st.dictionaries(st.text(max_size=5), LINES, max_size=20))
def test_any_lines_come_back_whatever_the_frames(
    tmp_path_factory: pytest.TempPathFactory, lines: dict[str, bytes]
) -> None:
    path = tmp_path_factory.mktemp("packed") / "lines.zst"
    with pytest.MonkeyPatch.context() as patch, path.open("wb") as file:
        patch.setattr(frames, "FRAME", 16)
        pack(lines.items(), file)
    packed = PackedLines(path, name_of)
    assert not packed.rebuilt
    assert {name: packed.read(name) for name in packed} == lines
    assert unpack(path) == b"".join(line + b"\n" for line in lines.values())


LEADS: dict[str, dict[str, tuple[int, int]]] = {
    "before the file": {"a": (-12, 11)},
    "behind its end": {"a": (0, 10**9)},
    "far behind its end": {"a": (2**70, 1)},
    "backwards": {"a": (5, -5)},
    "to one place by many names": {f"n{number}": (0, 11) for number in range(2000)},
}


@pytest.mark.parametrize("where", LEADS)
def test_an_index_that_leads_elsewhere_is_made_anew(where: str, tmp_path: Path) -> None:
    """One that named a line of 28 MB a hundred thousand times had it unpacked as often."""
    packer = zstandard.ZstdCompressor()
    whole = b'{"id":"a"}\n{"id":"b"}\n'
    packed = packer.compress(whole)
    payload = packer.compress(json.dumps({"frames": [[len(packed), len(whole)]], "lines": LEADS[where]}).encode())
    length = len(payload) + 12
    head, foot = struct.pack("<II", 0x184D2A5E, length), struct.pack("<I8s", length, MAGIC)
    path = tmp_path / "evidence.jsonl.zst"
    path.write_bytes(packed + head + payload + foot)
    lines = PackedLines(path, name_of)
    assert lines.rebuilt
    assert {name: lines.read(name) for name in lines} == {"a": b'{"id":"a"}', "b": b'{"id":"b"}'}


def test_a_file_of_lines_begins_after_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for torn, left in ((b"", b""), (b"torn", b""), (b"a\nb\ntorn", b"a\nb\n"), (b"a\n", b"a\n")):
        path.write_bytes(torn)
        with LineFile(path) as file:
            file.write(b"next")
        assert path.read_bytes() == left + b"next\n"


def test_a_torn_zstd_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "log.zst").write_bytes(zstandard.ZstdCompressor().compress(b"x" * 1000)[:-3])
    with pytest.raises(FrameError, match=r"log\.zst"):
        unpack(tmp_path / "log.zst")
