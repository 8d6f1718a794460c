"""The tasks of a session with a real client: turns in the probe language, and the check of each."""

import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

SIGNS = (
    '  <a href="x">&amp; b</a>\n\tif a < b && c > \'d\':  # \\n stays\n\n"Grüße", мир, 世界 🦊 C:\\new\\dir\n'
    + "".join(f"line {n} of the file\n" for n in range(5, 70))
)
"""What is written to a file, and compared with it byte by byte."""
LETTERS = (
    "# A <b>bold</b> plan & more\n\n\tif a < b && c > d:  # \\n stays\n\n```html\n<ul>\n  <li>Grüße, мир"
    ", 世界 🦊</li>\n"
    '</ul>\n```\n\nThe end: &amp; "quoted" C:\\new'
)
FILES = ("one.txt", "two.txt", "three.txt", "secret.txt", "red.png", "out.html")
NUMBERS = " ".join(map(str, range(1, 131)))


class ClientOutput(Struct, frozen=True, kw_only=True):
    """The output of the client in one turn."""

    result: str
    is_error: bool
    results: Sequence[str] = ()
    """The texts of the tool results of the turn, as the client gave them to the model."""
    requests: int = 0
    """The POST requests that the turn took."""


class Task(Struct, frozen=True):
    """One turn: what the user types, what shows that it went right, and the requests that it takes at least."""

    id: str
    prompt: str
    right: Callable[[ClientOutput], bool]
    requests: int
    pictures: bool = False
    """Whether it shows nothing but that pictures are seen."""


def prepare(folder: Path) -> None:
    """The files that the tasks read."""
    (folder / "one.txt").write_text("walrus one\n")
    (folder / "two.txt").write_text("walrus two\n")
    (folder / "three.txt").write_text("walrus three\n")
    (folder / "secret.txt").write_text("The secret word is kumquat.\n")
    (folder / "red.png").write_bytes(_png(b"\xff\x00\x00"))


def tasks(folder: Path, *, short: bool = False) -> list[Task]:
    """The turns of a session in a folder; the short form leaves out what takes long."""
    quoted = {name: _quoted(str(folder / name)) for name in FILES}
    missing = _quoted(str(folder / "missing.txt"))

    def written(_: ClientOutput) -> bool:
        file = folder / "out.html"
        return file.is_file() and file.read_bytes() == SIGNS.encode()

    every = [
        Task("text", f"Reply with exactly: {LETTERS}", lambda a: a.result.strip() == LETTERS, 1),
        Task(
            "read", f'Call the tool Read with this input: {{"file_path": {quoted["one.txt"]}}}', _reads("walrus one"), 2
        ),
        Task(
            "two",
            f'Call these tools in one turn: Read {{"file_path": {quoted["two.txt"]}}}; '
            f'Read {{"file_path": {quoted["three.txt"]}}}',  # not one.txt: of what was read 2.1.154 says no more
            _reads_two,
            2,
        ),
        Task(
            "write",
            f'Call the tool Write with this input: {{"file_path": {quoted["out.html"]}, "content": {_quoted(SIGNS)}}}',
            written,
            2,
        ),
        Task(
            "missing",
            f'Call the tool Read with this input: {{"file_path": {missing}}}',
            lambda a: bool(a.result) and any("not exist" in text for text in a.results),
            2,
        ),
        Task(
            "secret",
            f'Call the tool Read with this input: {{"file_path": {quoted["secret.txt"]}}}',
            _reads("kumquat"),
            2,
        ),
        Task("word", "Reply with only the secret word.", lambda a: a.result.strip() == "kumquat", 1),
        Task("count", "Count from 1 to 130.", lambda a: a.result.strip() == NUMBERS, 1),
        Task(
            "agent",
            'Call the tool Agent with this input: {"description": "Says a word", "prompt": "Reply with exactly: '
            'narwhal", "run_in_background": false}',
            lambda a: any("narwhal" in text for text in a.results),
            3,
        ),
        Task(
            "image",
            f'Call the tool Read with this input: {{"file_path": {quoted["red.png"]}}}',
            lambda _: True,
            3,  # the scripted model says nothing to a picture, and the client asks again for words
            True,
        ),
        Task(
            "colour",
            "Reply with only the colours of the images, in order.",
            lambda a: a.result.strip() == "red",
            1,
            True,
        ),
        Task("compact", "/compact", lambda a: "rror" not in a.result, 0),
        Task("after", "Reply with exactly: after all", lambda a: a.result.strip() == "after all", 1),
    ]
    left_out = {"agent", "compact", "after"} if short else set()
    return [task for task in every if task.id not in left_out]


def _reads_two(answered: ClientOutput) -> bool:
    """Whether the client read both files, and the model was shown the later result, of which it says the text."""
    told = set(re.findall(r"walrus (?:two|three)", "\n".join(answered.results)))
    return told == {"walrus two", "walrus three"} and any(words in answered.result for words in told)


def _reads(word: str) -> Callable[[ClientOutput], bool]:
    return lambda answered: word in answered.result


def _quoted(text: str) -> str:
    """A JSON string on one line, so that the instruction stays one."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _png(colour: bytes, side: int = 16) -> bytes:
    """A picture of one colour (https://www.w3.org/TR/png-3/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    lines = (b"\x00" + colour * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
