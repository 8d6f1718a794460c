"""Kinds of stops that no open block has: a real client reads on after one of them, and gives up at the others."""

from typing import Any

import pytest
from correct_exchanges import asked, exchange, sse

from conformance.judge.answer import read
from conformance.judge.stream import follow

START = {"type": "content_block_start"}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {}}
TEXT = {"type": "text", "text": ""}


def _kinds(*blocks: dict[str, Any]) -> list[str]:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "m",
        "stop_reason": None,
    }
    events = [
        {"type": "message_start", "message": {**message, "usage": {"input_tokens": 1, "output_tokens": 1}}},
        *blocks,
    ]
    answer = read(exchange(sse(events), request=asked(stream=True)), "stream")
    return [one.kind for one in follow(answer.frames).breaches.get("stream.stop-open", [])]


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ([{**START, "index": 0, "content_block": TEXT}, {"type": "content_block_stop", "index": 3}], ["never-opened"]),
        ([{**START, "index": 0, "content_block": TEXT}, *2 * [{"type": "content_block_stop", "index": 0}]], ["closed"]),
        (
            [
                {**START, "index": 0, "content_block": THINKING},
                {**START, "index": 0, "content_block": CALL},
                {"type": "content_block_stop", "index": 0},
                {"type": "content_block_stop", "index": 1},
                {"type": "content_block_stop", "index": 2},
            ],
            ["renumbered", "never-opened"],
        ),
    ],
)
def test_a_stop_without_its_block(events: list[dict[str, Any]], kinds: list[str]) -> None:
    assert _kinds(*events) == kinds
