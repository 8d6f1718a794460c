"""The probe language as `conformance lint` knows it: which prompts a case may use.

A prompt outside the language tests the model's understanding, not the endpoint. `cases/probe-vectors.yaml` is the
language in full, with the answer to every instruction.
"""

import re
from collections.abc import Iterator
from typing import Any

from conformance.catalog.case import Ask, Case, asks_of

INSTRUCTION = re.compile(
    r"""^(?:
        Reply\ with\ exactly:
      | Count\ from\ -?\d+\ to\ -?\d+\.
      | Call\ the\ tool\ \S+\ with\ this\ input:\ ?\{
      | Call\ these\ tools\ in\ one\ turn:\ ?\S+\ \{
      | Reply\ with\ only\ the\ secret\ word\.
      | Reply\ with\ only\ the\ text\ of\ the\ last\ tool\ result\.
      | Reply\ with\ only\ "error"\ if\ the\ last\ tool\ result\ is\ an\ error,\ otherwise\ "ok"\.
      | Reply\ with\ only\ the\ colours\ of\ the\ images,\ in\ order\.
      | Think\ in\ \d+\ words,\ then\ reply\ with\ exactly:
      | Think\ ".*",\ then\ reply\ with\ exactly:
      | Fill\ the\ schema\.
    )""",
    re.MULTILINE | re.VERBOSE,
)
UPSTREAM_INSTRUCTION = re.compile(
    r"""^(?:
        Fail\ with\ .+\.
      | Reply\ with\ only\ the\ request\ you\ received\ at\ \S*(?:\ or\ \S+)*\.
      | Reply\ with\ only\ how\ the\ answer\ that\ began\ with\ \S+\ ended\.
      | Reply\ with\ only\ how\ far\ the\ answer\ that\ began\ with\ \S+\ has\ come\.
    )\s*$""",
    re.MULTILINE | re.VERBOSE,
)
LENGTH = re.compile(
    r"^(?:Think in (?P<words>\d{1,9}) words|Count from (?P<first>-?\d{1,18}) to (?P<last>-?\d{1,18})\."
    r"|Reply with exactly: (?P<exactly>.+))",
    re.MULTILINE,
)
"""The instructions that say how long an answer becomes."""
SEPARATED = "request.messages.content.array.separated"
"""The one row that asks whether blocks are kept apart."""
CONTROLLED_UPSTREAM = "controlled-upstream"
"""The capability that the instructions of the upstream need."""


def conversations(ask: Ask) -> Iterator[list[Any]]:
    """The message lists of a request that a model is to answer."""
    if not isinstance(ask.body, dict):
        return
    if ask.path == "/v1/messages":
        yield _list(ask.body.get("messages"))
    elif ask.path == "/v1/messages/batches":
        for request in _list(ask.body.get("requests")):
            if isinstance(request, dict) and isinstance(request.get("params"), dict):
                yield _list(request["params"].get("messages"))


def speaks(messages: list[Any], *, upstream: bool) -> bool:
    """Whether the last user turn holds an instruction, or a tool result, which is answered without one."""
    for block in _last_user_turn(messages):
        if block.get("type") == "tool_result":
            return True
        text = block.get("text")
        if isinstance(text, str) and (INSTRUCTION.search(text) or (upstream and UPSTREAM_INSTRUCTION.search(text))):
            return True
    return False


def words_asked_for(case: Case) -> int:
    """The words of the longest answer that a case asks for, cut at its `max_tokens`; 0 where no prompt says."""
    longest = 0
    for ask in asks_of(case):
        if ask.path != "/v1/messages" or not isinstance(ask.body, dict):
            continue
        most = ask.body.get("max_tokens")
        for block in _last_user_turn(_list(ask.body.get("messages"))):
            if isinstance(text := block.get("text"), str) and (found := LENGTH.search(text)):
                words = _words(found)
                longest = max(longest, min(words, most) if isinstance(most, int) else words)
    return longest


def _words(length: re.Match[str]) -> int:
    """The words that a match of `LENGTH` asks for; a number that is counted is one."""
    if length["words"]:
        return int(length["words"])
    if length["exactly"]:
        return len(length["exactly"].split())
    return abs(int(length["last"]) - int(length["first"])) + 1


def is_glued(messages: list[Any]) -> bool:
    """Whether an instruction stands at the very start of a block that follows another one.

    A server that joins blocks without a separator takes it for a part of the line before.
    """
    following = (
        block for message in messages if isinstance(message, dict) for block in _blocks(message.get("content"))[1:]
    )
    texts = (block.get("text") for block in following if block.get("type") == "text")
    return any(isinstance(text, str) and INSTRUCTION.match(text) is not None for text in texts)


def _last_user_turn(messages: list[Any]) -> Iterator[dict[str, Any]]:
    """The blocks of the last run of user messages; a prefill and system messages after it do not end it."""
    inside = False
    for message in reversed(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user":
            inside = True
            yield from _blocks(message.get("content"))
        elif inside and role != "system":
            return


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in _list(content) if isinstance(block, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
