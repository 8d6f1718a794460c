"""Asks the probe model every text prompt of the suite through llama-server, and compares with the scripted model.

    python evaluate.py conformance-probe.gguf ../reports/runs/reference --server llama-server --out figures.json
    python evaluate.py http://127.0.0.1:8080 ../reports/runs/reference

The prompts are those of a recorded run against the reference endpoint, all cases rendered, in both modes: none of them
was ever trained on. What the engine makes of a request counts, too, so the figures are a lower bound of the model's.
"""

import argparse
import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from conformance.judge.answer import Answer, read
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.runs.evidence import exchange_of
from conformance.runs.evidence_store import EvidenceStore
from conformance.targets.probe_model import llama_server_command
from conformance.words import Mode

NO_TEXT = ("image", "document", "search_result", "container_upload", "server_tool_use", "mcp_tool_use")
"""Blocks that this model cannot read, or that no engine hands on."""
UNREAD = ("is_error", "output_config", "output_format", "mcp_servers", "container", "fallbacks")
"""Keys that no engine of today shows to its model: whether it could obey is not told by asking."""
LONGEST = 30_000
"""Bytes of a request that fit into the model's window with its answer."""
ROOM = 4096
"""Tokens added to every limit that the reference's answer did not meet: this model's tokens are bytes."""

START_TRIES = 300


@dataclass(frozen=True)
class Prompt:
    """A request of the suite, and the reference endpoint's answer to it."""

    name: str
    case: str
    mode: Mode
    body: dict[str, Any]
    wanted: dict[str, Any]

    @property
    def family(self) -> str:
        return self.case.partition(".")[0]


def prompts(run: Path) -> Iterator[Prompt]:
    """The text prompts of a run that the reference endpoint answered with a message."""
    store = EvidenceStore(run)
    for name in store:
        evidence = store.read(name)
        answer = read(exchange_of(evidence), evidence.mode)
        body, wanted = answer.request, answer.message
        if answer.status != 200 or answer.path != "/v1/messages" or body is None or not isinstance(wanted, dict):
            continue
        if evidence.attempt == 1 and _is_text(body) and isinstance(wanted.get("content"), list):
            yield Prompt(name, evidence.case, evidence.mode, body, wanted)


def _is_text(body: dict[str, Any]) -> bool:
    packed = json.dumps(body)
    blocks = re.search(rf'"type": "({"|".join(NO_TEXT)})"', packed)
    tools = body.get("tools") or []
    server_tools = any(tool.get("type", "custom") != "custom" for tool in tools if isinstance(tool, dict))
    unread = any(f'"{key}": ' in packed for key in UNREAD)
    return not (blocks or server_tools or unread or len(packed) > LONGEST)


@contextmanager
def served(model: str, program: str) -> Iterator[str]:
    """The address of a server that answers with the model; one that this starts ends with the block."""
    if "://" in model:
        yield model.rstrip("/")
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = llama_server_command(port, program=program, weights=Path(model))
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
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


def asked(url: str, prompt: Prompt, client: httpx2.Client) -> Answer:
    """The server's answer to the same request, at temperature 0."""
    body = {**prompt.body, "temperature": 0}
    if prompt.wanted.get("stop_reason") != "max_tokens":
        body["max_tokens"] = body["max_tokens"] + ROOM
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
    response = client.post(f"{url}/v1/messages", content=content, headers=headers)
    request = Request("POST", f"{url}/v1/messages", (), content)
    exchange = Exchange(
        request=request,
        outcome="complete",
        status=response.status_code,
        headers=tuple((name.lower(), value) for name, value in response.headers.items()),
        chunks=(Chunk(0.0, response.content),),
    )
    return read(exchange, prompt.mode)


def difference(prompt: Prompt, answer: Answer) -> str:
    """How the answer differs from the wanted one, in words; empty where it does not."""
    message = answer.message
    if answer.status != 200 or not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return f"no message: status {answer.status}, {answer.exchange.body[:160]!r}"
    wanted, got = (_said(one["content"]) for one in (prompt.wanted, message))
    forced = (prompt.body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced:  # what stands before a forced call, and how large its input is, is left to a model
        wanted, got = (("", [name for name, _ in calls]) for _, calls in (wanted, got))
    if prompt.wanted.get("stop_reason") == "max_tokens" and not wanted[1]:
        return "" if wanted[0].startswith(got[0]) or not got[0] else f"wanted a beginning of {wanted!r}, got {got!r}"
    return "" if wanted == got else f"wanted {wanted!r}, got {got!r}"


def _said(content: list[Any]) -> tuple[str, list[Any]]:
    blocks = [block for block in content if isinstance(block, dict)]
    text = "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text").strip()
    return text, [(block.get("name"), block.get("input")) for block in blocks if block.get("type") == "tool_use"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("asked", help="the model's file, or the address of a server that serves it")
    parser.add_argument("run", type=Path, help="the folder of a run against the reference endpoint, with its evidence")
    parser.add_argument("--server", default="llama-server", help="the program that serves a file")
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--least", type=float, default=0.0, help="exit 1 where fewer of 100 are exact")
    parser.add_argument("--parallel", type=int, default=4)
    options = parser.parse_args()
    found = list(prompts(options.run))
    misses: dict[str, str] = {}
    with (
        served(options.asked, options.server) as url,
        httpx2.Client(timeout=120, trust_env=False) as client,
        ThreadPoolExecutor(options.parallel) as pool,
    ):
        answers = pool.map(lambda prompt: difference(prompt, asked(url, prompt, client)), found)
        for prompt, told in zip(found, answers, strict=True):
            if told:
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
