"""Faults in the text of an answer: lost or rewritten, in a stream as in JSON."""

import re
import unicodedata
from collections.abc import Callable

from conformance.scripted.faults.fault import Call, FaultGroup, Message

TEXT = FaultGroup("text")

_LONG = 100
_LOST = 10
_MOST = 2_000


def _rewritten(name: str, says: str, needs: str = "") -> Callable[[Callable[[str], str]], None]:
    """The function makes of each text of an answer another one."""

    def register(change: Callable[[str], str]) -> None:
        def message(message: Message, _: Call) -> Message:
            blocks = message["content"]
            changed = [{**one, "text": change(one["text"])} if one["type"] == "text" else one for one in blocks]
            return {**message, "content": changed}

        TEXT.message(name, says, needs=needs)(message)

    return register


@_rewritten("X-text-middle-lost", "ten characters are lost from the middle of a long text")
def middle_lost(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + text[middle + _LOST :] if len(text) > _LONG else text


@_rewritten("X-text-cut", "a text is cut after 2,000 characters, and the answer says end_turn", "long")
def cut(text: str) -> str:
    return text[:_MOST]


@_rewritten("X-text-compatible", "a text is brought into the compatible form of Unicode (NFKC)", "unicode")
def compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@_rewritten("X-text-joiners-lost", "zero width joiners are lost from a text", "unicode")
def joiners_lost(text: str) -> str:
    return text.replace("\u200d", "")


@_rewritten("X-text-separators", "line separators (U+2028) in a text become line breaks", "unicode")
def separators(text: str) -> str:
    return text.replace("\u2028", "\n")


@_rewritten("X-text-marks-lost", "what stands between <| and |> is lost from a text")
def marks_lost(text: str) -> str:
    return re.sub(r"<\|[^|]*\|>", "", text)


@_rewritten("X-text-fences-lost", "code fences are lost from a text")
def fences_lost(text: str) -> str:
    return re.sub(r"```\w*\n?", "", text)


@_rewritten("X-text-blank-lines", "blank lines are lost from a text")
def blank_lines_lost(text: str) -> str:
    return re.sub(r"\n{2,}", "\n", text)


@_rewritten("X-text-tags-lost", "what looks like a tag is lost from a text")
def tags_lost(text: str) -> str:
    return re.sub(r"</?[a-z][^>]*>", "", text)
