"""Synthetic questions: one request and six checks each, as cases of the suite and in the files of other runners."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

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


# The same for other runners


def _body(index: int) -> dict[str, Any]:
    return {
        "model": "bench",
        "max_tokens": 1024,
        "stream": False,
        "messages": [{"role": "user", "content": f"Reply with exactly: {index}"}],
    }


PATHS = {
    "$.content[0].type": "text",
    "$.type": "message",
    "$.role": "assistant",
    "$.stop_reason": "end_turn",
    "$.stop_sequence": None,
    "$.usage.output_tokens": 5,
}
JSON = {"content-type": "application/json"}


def _tavern(file: Path, url: str, number: int) -> None:
    answer = {
        "content": [{"type": "text"}],
        "type": "message",
        "role": "assistant",
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"output_tokens": 5},
    }
    tests = [
        {
            "test_name": f"case {index}",
            "strict": ["json:off"],
            "stages": [
                {
                    "name": "ask",
                    "request": {"url": f"{url}/v1/messages", "method": "POST", "json": _body(index)},
                    "response": {"status_code": 200, "json": answer},
                }
            ],
        }
        for index in range(number)
    ]
    file.write_bytes(b"---\n".join(map(msgspec.yaml.encode, tests)))


def _gabbi(file: Path, _url: str, number: int) -> None:
    tests = [
        {
            "name": f"case {index}",
            "POST": "/v1/messages",
            "request_headers": JSON,
            "data": _body(index),
            "status": 200,
            "response_json_paths": PATHS,
        }
        for index in range(number)
    ]
    file.write_bytes(msgspec.yaml.encode({"tests": tests}))


def _schemathesis(file: Path, _url: str, number: int) -> None:
    """A path for each question: the stub answers them all alike."""
    block = {"type": "object", "required": ["type"], "properties": {"type": {"const": "text"}}}
    tokens = {"type": "object", "required": ["output_tokens"], "properties": {"output_tokens": {"minimum": 1}}}
    answer = {
        "type": "object",
        "required": ["content", "type", "role", "stop_reason", "stop_sequence", "usage"],
        "properties": {
            "content": {"type": "array", "items": block},
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "stop_reason": {"const": "end_turn"},
            "stop_sequence": {"type": "null"},
            "usage": tokens,
        },
    }
    said = {"200": {"description": "a message", "content": {"application/json": {"schema": answer}}}}
    paths = {
        f"/v1/messages/{index}": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}, "example": _body(index)}},
                },
                "responses": said,
            }
        }
        for index in range(number)
    }
    document = {"openapi": "3.1.0", "info": {"title": "bench", "version": "1"}, "paths": paths}
    file.write_bytes(msgspec.json.encode(document))


def _stepci(file: Path, url: str, number: int) -> None:
    steps = [
        {
            "name": f"case {index}",
            "http": {
                "url": f"{url}/v1/messages",
                "method": "POST",
                "headers": JSON,
                "json": _body(index),
                "check": {"status": 200, "jsonpath": PATHS},
            },
        }
        for index in range(number)
    ]
    file.write_bytes(msgspec.yaml.encode({"version": "1.1", "name": "bench", "tests": {"all": {"steps": steps}}}))


class Peer(Struct, frozen=True):
    """Another runner of declared questions: its program, the file that it reads, and the arguments for that."""

    name: str
    version: str
    index: str
    """Where its package comes from: PyPI or npm."""
    program: str
    file: str
    write: Callable[[Path, str, int], None]
    arguments: Callable[[str, str], list[str]]
    """Of the file and the address."""
    beside: tuple[str, ...] = ()
    """Versions of other packages without which it does not start."""


PEERS = (
    Peer("tavern", "3.7.1", "PyPI", "pytest", "test_bench.tavern.yaml", _tavern, lambda file, _: ["-q", file],
         ("pytest<9",)),
    Peer("schemathesis", "4.32.5", "PyPI", "schemathesis", "openapi.json", _schemathesis, lambda file, url: [
        "run", file, "--url", url, "--phases", "examples", "--checks", "response_schema_conformance",
    ]),
    Peer("gabbi", "4.2.3", "PyPI", "gabbi-run", "bench.yaml", _gabbi, lambda file, url: [url, "--", file]),
    Peer("stepci", "2.8.2", "npm", "stepci", "workflow.yml", _stepci, lambda file, _: ["run", file]),
)  # fmt: skip
