"""Counts how exactly the probe model obeys: all prompts of the suite, as a run asked them, against the scripted model.

    python evaluate.py --model conformance-probe.gguf --server llama-server --out figures.json
    python evaluate.py --run reports/runs/llama.cpp-b1-7e4c0a9-20261129T090000Z

With a model's file, llama-server serves it and the suite asks all its cases first. Of each text prompt the answer is
compared with that of the reference endpoint to the very same request. No prompt of the suite was trained on. What the
engine makes of a request counts, too, so that the figures are a lower bound of the model's.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from conformance.engine.scripted_process import ScriptedProcess
from conformance.judge.answer import Answer, read
from conformance.runs.evidence import exchange_of
from conformance.runs.evidence_store import EvidenceStore
from conformance.targets.probe_model import llama_server_command
from conformance.words import Mode

NO_TEXT = ("image", "document", "search_result", "container_upload", "server_tool_use", "mcp_tool_use")
"""Blocks that this model cannot read, or that no engine hands on."""
UNREAD = ("is_error", "output_config", "output_format", "mcp_servers", "container", "fallbacks")
"""Keys that no engine of today shows to its model: whether it could obey is not told by asking."""
LONGEST = 8_000
"""Bytes of a request that fit into the window in which the model is served, with its answer."""

START_TRIES = 300
PATIENCE = 120
"""Seconds: the reference endpoint paces long answers."""


@dataclass(frozen=True)
class Prompt:
    """A request of the suite, and the answer of the engine with the probe model."""

    name: str
    case: str
    mode: Mode
    body: dict[str, Any]
    answer: Answer

    @property
    def family(self) -> str:
        return self.case.partition(".")[0]


def prompts(run: Path) -> Iterator[Prompt]:
    """The text prompts that a run asked, each once."""
    store = EvidenceStore(run)
    for name in store:
        evidence = store.read(name)
        answer = read(exchange_of(evidence), evidence.mode)
        body = answer.request
        whole = evidence.attempt == 1 and answer.exchange.outcome == "complete"
        if answer.endpoint == "POST /v1/messages" and whole and body is not None and _is_text(body):
            yield Prompt(name, evidence.case, evidence.mode, body, answer)


def _is_text(body: dict[str, Any]) -> bool:
    packed = json.dumps(body)
    blocks = re.search(rf'"type": "({"|".join(NO_TEXT)})"', packed)
    tools = body.get("tools") or []
    server_tools = any(tool.get("type", "custom") != "custom" for tool in tools if isinstance(tool, dict))
    unread = any(f'"{key}": ' in packed for key in UNREAD)
    choice = body.get("tool_choice")
    choice = choice if isinstance(choice, dict) else {}
    unseen = choice.get("type") in ("none", "tool") or "disable_parallel_tool_use" in choice  # llama.cpp shows no model
    never_shown = unread or unseen or _has_glued_result(body) or body.get("max_tokens") == 0
    return not (blocks or server_tools or never_shown or len(packed) > LONGEST)


def _has_glued_result(body: dict[str, Any]) -> bool:
    """Whether a result has several texts: llama.cpp joins them by nothing before its model sees them."""
    contents = [turn.get("content") for turn in body.get("messages") or [] if isinstance(turn, dict)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
    return any(isinstance(result.get("content"), list) and len(result["content"]) > 1 for result in results)


def wanted(prompt: Prompt, client: httpx2.Client) -> dict[str, Any] | None:
    """The reference endpoint's message to the same request; None where it refuses it."""
    body = {**prompt.body, "model": "scripted"}
    if body.get("stream") is True:
        body["stream"] = False
    answered = client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    message = answered.json() if answered.status_code == 200 else None
    return message if isinstance(message, dict) else None


@contextmanager
def served(model: Path, program: str) -> Iterator[str]:
    """The address of a llama-server with the model, which ends with the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = llama_server_command(port, program=program, weights=model)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(Path(program).parent)}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(START_TRIES):
                if process.poll() is not None:
                    raise SystemExit(f"{program} ended with {process.returncode} instead of serving {model}")
                with contextlib.suppress(httpx2.HTTPError):
                    if httpx2.get(f"{url}/health", trust_env=False).status_code == 200:
                        break
                time.sleep(0.2)
            else:
                raise SystemExit(f"{program} did not serve {model} in time")
            yield url
        finally:
            process.terminate()


def difference(prompt: Prompt, message: dict[str, Any]) -> str:
    """How the engine's answer differs from the wanted message, in words; empty where it does not."""
    answered = prompt.answer.message
    if prompt.answer.status != 200 or not isinstance(answered, dict) or not isinstance(answered.get("content"), list):
        return f"no message: status {prompt.answer.status}, {prompt.answer.exchange.body[:160]!r}"
    expected, got = (_said(one["content"]) for one in (message, answered))
    forced = (prompt.body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced:  # what stands before a forced call, and how large its input is, is left to a model
        expected, got = (("", [name for name, _ in calls]) for _, calls in (expected, got))
    given = _prefill(prompt.body)
    if given and got[0].startswith(given):  # llama.cpp says the prefill again before the rest
        got = got[0].removeprefix(given).strip(), got[1]
    cut = "max_tokens" in (message.get("stop_reason"), answered.get("stop_reason"))
    if cut and not expected[1]:  # a token of this model is a byte, one of the scripted model a word
        return "" if expected[0].startswith(got[0]) else f"wanted a beginning of {expected!r}, got {got!r}"
    return "" if expected == got else f"wanted {expected!r}, got {got!r}"


def _prefill(body: dict[str, Any]) -> str:
    """The text with which the client lets the answer begin."""
    last = body["messages"][-1] if body.get("messages") else {}
    if not isinstance(last, dict) or last.get("role") != "assistant":
        return ""
    content = last.get("content")
    return _said(content)[0] if isinstance(content, list) else str(content or "").strip()


def _said(content: list[Any]) -> tuple[str, list[Any]]:
    blocks = [block for block in content if isinstance(block, dict)]
    text = "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text").strip()
    return text, [(block.get("name"), block.get("input")) for block in blocks if block.get("type") == "tool_use"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", type=Path, help="the GGUF file to serve and to ask")
    which.add_argument("--run", type=Path, help="the folder of a run that was asked already, with its evidence")
    parser.add_argument("--server", default="llama-server", help="the program that serves the file")
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--least", type=float, default=0.0, help="exit 1 where fewer of 100 are exact")
    options = parser.parse_args()
    if options.run:
        return compare(options.run, options)
    with tempfile.TemporaryDirectory() as folder, served(options.model, options.server) as url:
        run = Path(folder) / "run"
        command = [
            sys.executable,
            "-m",
            "conformance",
            "run",
            url,
            "--no-witness",
            "--timeout",
            "120",
            "--out",
            str(run),
        ]
        subprocess.run(command, check=False)
        return compare(run, options)


def compare(run: Path, options: argparse.Namespace) -> int:
    """Asks the reference endpoint all that the run asked, and tells the figures."""
    found, misses = [], {}
    with (
        ScriptedProcess("anthropic") as reference,
        httpx2.Client(base_url=reference.url, timeout=PATIENCE, trust_env=False) as client,
    ):
        for prompt in prompts(run):
            if (message := wanted(prompt, client)) is not None:
                found.append(prompt)
                if told := difference(prompt, message):
                    misses[prompt.name] = told
                    print(f"{prompt.name}: {told[:400]}", flush=True)
    return _tell(found, misses, options)


def _tell(found: list[Prompt], misses: dict[str, str], options: argparse.Namespace) -> int:
    asked_of, missed = Counter(p.family for p in found), Counter(p.family for p in found if p.name in misses)
    modes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for prompt in found:
        modes[prompt.mode][0] += prompt.name not in misses
        modes[prompt.mode][1] += 1
    for family in sorted(asked_of):
        print(f"{family:<20} {asked_of[family] - missed[family]:>5} of {asked_of[family]}")
    exact = 100 * (len(found) - len(misses)) / max(1, len(found))
    print(
        f"{exact:.1f} % of {len(found)} prompts to the letter; "
        + ", ".join(f"{m} {k} of {n}" for m, (k, n) in modes.items())
    )
    if options.out:
        families = {family: [asked_of[family] - missed[family], asked_of[family]] for family in sorted(asked_of)}
        figures = {"exact": round(exact, 1), "prompts": len(found), "families": families, "misses": misses}
        options.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if exact >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
