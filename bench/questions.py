"""Folders of synthetic cases: one request and six checks each, in one mode."""

from pathlib import Path
from typing import Any

import msgspec

ROW: dict[str, Any] = {
    "id": "bench.row",
    "title": "What is measured",
    "tier": "core",
    "weight": "must",
    "why": "it is measured",
    "consequence": "none",
    "source": ["https://example.org/"],
}
CHECKS: list[dict[str, Any]] = [
    {"at": "message.content[0].type", "equals": "text"},
    {"at": "message.type", "equals": "message"},
    {"at": "message.role", "equals": "assistant"},
    {"at": "message.stop_reason", "equals": "end_turn"},
    {"at": "message.stop_sequence", "equals": None},
    {"at": "message.usage.output_tokens", "at_least": 1},
]


def write_cases(folder: Path, number: int, mode: str) -> Path:
    """A folder of that many cases for `conformance run --cases`."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = [
        {
            "id": f"bench.case-{index}",
            "title": f"Case {index}",
            "surface": "bench.row",
            "modes": [mode],
            "ask": {
                "body": {"max_tokens": 1024, "messages": [{"role": "user", "content": f"Reply with exactly: {index}"}]}
            },
            "effect": CHECKS,
        }
        for index in range(number)
    ]
    file = {"family": "bench", "about": "Synthetic cases.", "cases": cases}
    (folder / "surface").mkdir(exist_ok=True)
    (folder / "surface" / "areas.yaml").write_bytes(msgspec.yaml.encode({"areas": {"bench": "Bench"}}))
    (folder / "surface" / "bench.yaml").write_bytes(msgspec.yaml.encode({"rows": [ROW]}))
    (folder / "bench").mkdir(exist_ok=True)
    (folder / "bench" / "cases.yaml").write_bytes(msgspec.yaml.encode(file))
    return folder
