"""Recognises the server at an address, and its version, by what it says of itself."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from conformance.keys import shortened
from conformance.targets.address import is_loopback, origin
from conformance.targets.target import Recognition, TargetFile
from conformance.targets.wire import ServerConnection, ShortAnswer, Unreachable

LOADING_SECONDS = 600.0
LOADING_PAUSE = 0.5


class Acquaintance:
    """The answers of one server so far: each path is asked once."""

    def __init__(self, wire: ServerConnection, say: Callable[[str], None]) -> None:
        self._wire = wire
        self._say = say
        self._answers: dict[str, ShortAnswer] = {}

    def answer(self, path: str) -> ShortAnswer:
        """The answer to a GET on a path; wire.Unreachable when there is none."""
        if path not in self._answers:
            self._answers[path] = self._loaded(path)
        return self._answers[path]

    def _loaded(self, path: str) -> ShortAnswer:
        """Waits for a server that is still loading its model: llama.cpp answers 503 to everything until then."""
        until = time.monotonic() + LOADING_SECONDS
        said = False
        while (answer := self._wire.get(path)).status == 503 and "oading model" in answer.text:
            if time.monotonic() > until:
                raise Unreachable(f"{self._wire.base_url} is still loading its model after {LOADING_SECONDS:g} s")
            if not said:
                self._say(f"{self._wire.base_url} is still loading its model: waiting")
                said = True
            time.sleep(LOADING_PAUSE)
        return answer

    def which(self, files: Iterable[TargetFile]) -> TargetFile | None:
        """The first target that the server says it is; a well-known host needs no question."""
        files = list(files)
        url = self._wire.base_url
        if not is_loopback(url):
            for file in files:
                if file.base_url and origin(file.base_url)[:2] == origin(url)[:2]:
                    return file
        return next((file for file in files if any(self.shows(mark) for mark in file.recognise)), None)

    def shows(self, mark: Recognition) -> bool:
        """Whether all that a mark names is there."""
        answer = self.answer(mark.path)
        if answer.status != mark.status or (mark.text is not None and mark.text not in answer.text):
            return False
        if mark.header is not None:
            name, _, part = mark.header.partition(":")
            value = answer.headers.get(name.strip().lower())
            if value is None or part.strip().lower() not in value.lower():
                return False
        return mark.at is None or look(mark.at, answer.json()) is not None

    def version(self, file: TargetFile) -> str | None:
        """The version that the server tells, as the target's file says where it stands."""
        mark = file.version
        if mark is None or not self.shows(mark):
            return None
        if mark.version_at is not None:
            found = look(mark.version_at, self.answer(mark.path).json())
            return shortened(str(found), 100) if isinstance(found, str | int | float) else None
        name = (mark.header or "").partition(":")[0].strip().lower()
        return self.answer(mark.path).headers.get(name)

    @property
    def simulated(self) -> bool:
        """Whether an answer says that the server is the scripted model in the guise of another."""
        return any(look("simulated", answer.json()) is True for answer in self._answers.values())


def look(path: str, document: Any) -> Any:
    """The value at a JMESPath in a document; None where there is none."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(path, document)
    except JMESPathError:
        return None
