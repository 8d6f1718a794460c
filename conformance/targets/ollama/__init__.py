"""Ollama from Python: a client for a local server or the cloud, models got ready, and what Claude Code needs.

    import asyncio
    from conformance.targets.ollama import Ollama, claude_code_environment, prepare

    async def main() -> None:
        async with Ollama.local() as ollama:
            await ollama.pull_model("qwen3-coder", on_progress=lambda step: print(step.status, step.completed))
            print(await ollama.generate("qwen3-coder", "Say hello in one sentence."))
            ready = await prepare(ollama, "qwen3-coder", alias="claude-3-5-sonnet")
            print(claude_code_environment(ollama.url, ready.model))

    asyncio.run(main())

`Ollama.cloud(api_key)` is the same at ollama.com. OllamaError is what the server refuses, Unreachable that none
answers, PreparationError why a model cannot be got ready.
"""

from conformance.targets.environment import FromVariable, claude_code_environment
from conformance.targets.ollama.client import Account, Installed, Loaded, Ollama, OllamaError, Progress
from conformance.targets.ollama.doctor import Diagnosis, Hardware, examine
from conformance.targets.ollama.models import Recommended, recommended
from conformance.targets.ollama.prepare import PreparationError, Prepared, clean, prepare
from conformance.targets.wire import Unreachable

__all__ = [
    "Account",
    "Diagnosis",
    "FromVariable",
    "Hardware",
    "Installed",
    "Loaded",
    "Ollama",
    "OllamaError",
    "PreparationError",
    "Prepared",
    "Progress",
    "Recommended",
    "Unreachable",
    "claude_code_environment",
    "clean",
    "examine",
    "prepare",
    "recommended",
]
