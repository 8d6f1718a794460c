"""Finds what keeps Claude Code from working on Ollama, each with the command that mends it."""

import os
import platform
import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from conformance.keys import shortened
from conformance.targets.address import AddressError, is_loopback, origin
from conformance.targets.discover import ENOUGH_CONTEXT, Abilities, is_cloud_name, same_model
from conformance.targets.ollama.client import CLOUD, Loaded, Ollama, OllamaError
from conformance.targets.ollama.models import recommended
from conformance.targets.ollama.prepare import LONG_CONTEXT, NO_NETWORK
from conformance.targets.versions import read_version, within
from conformance.targets.wire import Silent, Unreachable

Severity = Literal["good", "note", "warning", "problem"]
"""A problem keeps Claude Code from working; a warning makes it work badly; a note is worth knowing."""

FIRST_VERSION = "0.14.0"
"""The first with `/v1/messages` (https://ollama.com/blog/claude)."""

INSTALL = {
    "Linux": "curl -fsSL https://ollama.com/install.sh | sh",
    "Darwin": "brew install ollama",
    "Windows": "winget install Ollama.Ollama",
}
UPGRADE = {**INSTALL, "Darwin": "brew upgrade ollama", "Windows": "winget upgrade Ollama.Ollama"}
INSTALL_CLAUDE = "npm install -g @anthropic-ai/claude-code"


class Diagnosis(Struct, frozen=True):
    """One thing that the doctor found: its slug, how grave it is, what it is, and the command that mends it."""

    id: str
    severity: Severity
    says: str
    mend: str = ""


class Hardware(Struct, frozen=True):
    """The facts about this machine that the doctor needs."""

    system: str
    programs: frozenset[str]
    """Which of `ollama` and `claude` are on the path."""
    memory: int | None
    """Bytes of main memory; None where it is unknown."""
    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> "Hardware":
        programs = frozenset(name for name in ("ollama", "claude") if shutil.which(name))
        return cls(platform.system(), programs, _memory(), dict(os.environ))


async def examine(
    ollama: Ollama, model: str | None, machine: Hardware, tell: Callable[[Diagnosis], object] = lambda _: None
) -> list[Diagnosis]:
    """Everything that was found, the gravest cause first met first; `tell` gets each as soon as it is known.

    Ends with one prompt through `/v1/messages`, its answer and its time, unless a problem stands in its way.
    """
    found: list[Diagnosis] = []

    def note(*diagnoses: Diagnosis) -> None:
        for diagnosis in diagnoses:
            found.append(diagnosis)
            tell(diagnosis)

    note(*shell_diagnoses(machine, ollama.url), *_client_diagnoses(machine))
    try:
        cloud = origin(ollama.url) == origin(CLOUD)
        if not cloud:
            note(await _version(ollama, machine))
        chosen = await _choose(ollama, model, note)
        if chosen and not cloud:
            note(*await _model_diagnoses(ollama, chosen, machine))
        if chosen and not any(diagnosis.severity == "problem" and diagnosis.id in BLOCKING for diagnosis in found):
            note(await _probe(ollama, chosen))
    except Silent as problem:
        note(Diagnosis("busy", "problem", str(problem), "ollama ps"))
    except Unreachable as problem:
        note(_unreachable(str(problem), ollama.url, machine))
    except OllamaError as problem:
        mend = _prompt_mend(ollama.url, model or "", problem)
        note(Diagnosis("refused", "problem", f"{ollama.url} refuses: {problem}", mend))
    return found


BLOCKING = frozenset({"version", "model-missing", "not-signed-in"})
"""Problems that leave a prompt no chance."""


def shell_diagnoses(machine: Hardware, url: str) -> list[Diagnosis]:
    """What is wrong with the ANTHROPIC_* variables of this shell, as far as Claude Code would use them now."""
    set_url = machine.environ.get("ANTHROPIC_BASE_URL", "").strip()
    if not set_url:
        return []
    found = []
    if set_url.rstrip("/").endswith("/v1"):
        found.append(
            Diagnosis(
                "base-url-v1",
                "problem",
                f"ANTHROPIC_BASE_URL is {set_url}: clients add /v1/messages themselves and would ask /v1/v1/messages",
                "export ANTHROPIC_BASE_URL=" + shlex.quote(set_url.rstrip("/").removesuffix("/v1")),
            )
        )
    try:
        foreign = origin(set_url)[1] not in ("api.anthropic.com", "")
        elsewhere = origin(set_url) != origin(url)
    except AddressError as problem:
        return [*found, Diagnosis("base-url", "problem", f"ANTHROPIC_BASE_URL: {problem}", "unset ANTHROPIC_BASE_URL")]
    found += [
        Diagnosis(
            "foreign-key",
            "problem",
            f"{name} holds a key of Anthropic's, and Claude Code would send it to {set_url}",
            f"export {name}={harmless}",
        )
        for name, harmless in (("ANTHROPIC_API_KEY", ""), ("ANTHROPIC_AUTH_TOKEN", "ollama"))
        if foreign and machine.environ.get(name, "").startswith("sk-ant-")
    ]
    if foreign and elsewhere:
        found.append(
            Diagnosis(
                "base-url-elsewhere",
                "warning",
                f"ANTHROPIC_BASE_URL is {set_url}, not {url}, which is examined here",
                f"export ANTHROPIC_BASE_URL={url}",
            )
        )
    return found


def _client_diagnoses(machine: Hardware) -> list[Diagnosis]:
    if "claude" in machine.programs:
        return [Diagnosis("claude", "good", "Claude Code is installed")]
    return [Diagnosis("claude", "warning", "Claude Code is not installed here", INSTALL_CLAUDE)]


def _unreachable(problem: str, url: str, machine: Hardware) -> Diagnosis:
    if not is_loopback(url):
        return Diagnosis("unreachable", "problem", problem, f"curl -v {url}/api/version")
    if "ollama" in machine.programs:
        return Diagnosis("not-running", "problem", f"Ollama is installed and does not run: {problem}", "ollama serve")
    install = INSTALL.get(machine.system, "open https://ollama.com/download")
    return Diagnosis("not-installed", "problem", f"Ollama is not installed here: {problem}", install)


async def _version(ollama: Ollama, machine: Hardware) -> Diagnosis:
    version = read_version(await ollama.version())
    if not within(f">={FIRST_VERSION}", version):
        return Diagnosis(
            "version",
            "problem",
            f"Ollama {version.reported} has no /v1/messages; {FIRST_VERSION} is the first that has",
            UPGRADE.get(machine.system, "open https://ollama.com/download"),
        )
    return Diagnosis("version", "good", f"Ollama {version.reported} runs at {ollama.url}")


async def _choose(ollama: Ollama, model: str | None, note: Callable[..., None]) -> str | None:
    installed = [entry.name for entry in await ollama.models()]
    if model is not None and is_cloud_name(model):
        return model
    if model is None and len(installed) == 1:
        return installed[0]
    if model is None and not installed:
        note(Diagnosis("model-missing", "problem", "no model is installed", _prepare(recommended()[0].name)))
        return None
    if model is None:
        says = f"{len(installed)} models are there: {', '.join(installed)}; which one?"
        mend = f"conformance doctor --target ollama --model {installed[0]}"
        note(Diagnosis("model-missing", "problem", says, mend))
        return None
    if any(same_model(model, name) for name in installed):
        return model
    near = get_close_matches(model, installed, n=1, cutoff=0.6)
    says = f"the model {model} is not installed" + (f"; {near[0]} is" if near else "")
    note(Diagnosis("model-missing", "problem", says, _prepare(near[0] if near else model)))
    return None


async def _model_diagnoses(ollama: Ollama, model: str, machine: Hardware) -> list[Diagnosis]:
    shown = await ollama.show(model)
    if is_cloud_name(model) or (shown is not None and shown.remote):
        return await _remote_diagnoses(ollama, model, shown)
    found = [_tools(model, shown)]
    size = next((entry.size for entry in await ollama.models() if same_model(entry.name, model)), 0)
    if machine.memory is not None and is_loopback(ollama.url) and size > machine.memory:
        says = f"{model} takes {_gigabytes(size)}, and this machine has {_gigabytes(machine.memory)} of memory"
        return [*found, Diagnosis("memory", "problem", says, _prepare(recommended()[0].name))]
    await ollama.load(model)
    loaded = next((entry for entry in await ollama.loaded() if same_model(entry.name, model)), None)
    return [*found, *(_loaded_diagnoses(model, loaded, shown.context if shown else None) if loaded else [])]


def _tools(model: str, shown: Abilities | None) -> Diagnosis:
    if shown is None or shown.capabilities.get("tools") is None:
        return Diagnosis("tools", "note", f"Ollama does not say whether {model} can call tools")
    if shown.capabilities["tools"]:
        return Diagnosis("tools", "good", f"{model} can call tools")
    others = ", ".join(entry.name for entry in recommended() if not entry.cloud)
    says = f"{model} cannot call tools, without which Claude Code does nothing; these can: {others}"
    return Diagnosis("tools", "problem", says, _prepare(recommended()[0].name))


def _loaded_diagnoses(model: str, loaded: Loaded, trained: int | None) -> list[Diagnosis]:
    found = []
    context = loaded.context_length
    if context is not None and context < ENOUGH_CONTEXT:
        says = f"{model} is loaded with {context} tokens of context; Claude Code needs {ENOUGH_CONTEXT}"
        found.append(Diagnosis("context", "problem", says, longer_context(model, trained)))
    elif context is not None:
        found.append(Diagnosis("context", "good", f"{model} is loaded with {context} tokens of context"))
    if loaded.size and loaded.size_vram < loaded.size:
        share = round(100 * loaded.size_vram / loaded.size)
        where = f"only {share} % of {model} is in graphics memory" if share else f"{model} runs on the CPU alone"
        found.append(Diagnosis("split", "warning", f"{where}: answers will be slow", _prepare(recommended()[0].name)))
    return found


def longer_context(model: str, trained: int | None) -> str:
    """The command that gives a model enough context: of one that was trained on less, another model."""
    if trained is None or trained >= LONG_CONTEXT:
        return f"{_prepare(model)} --context {LONG_CONTEXT}"
    return f"{_prepare(model)} --context {trained}" if trained >= ENOUGH_CONTEXT else _prepare(recommended()[0].name)


async def _remote_diagnoses(ollama: Ollama, model: str, shown: Abilities | None) -> list[Diagnosis]:
    where = (shown.remote if shown else None) or "ollama.com"
    stays = is_loopback(where if "://" in where else f"http://{where}")
    leave = "no prompt leaves this machine" if stays else "prompts, and the code in them, leave this machine"
    found = [Diagnosis("remote", "note", f"{model} runs at {where}: {leave}")]
    account = await ollama.account()
    if account.signed_in is False and "ollama.com" in where:
        says = "the server is not signed in at ollama.com, which cloud models need"
        if account.signin_url:
            says += f" (or open {account.signin_url})"
        found.append(Diagnosis("not-signed-in", "problem", says, "ollama signin"))
    return found


async def _probe(ollama: Ollama, model: str) -> Diagnosis:
    word = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz") for _ in range(8))
    began = time.monotonic()
    try:
        text = await ollama.generate(model, f"Reply with exactly: {word}")
    except OllamaError as problem:
        mend = _prompt_mend(ollama.url, model, problem)
        return Diagnosis("probe", "problem", f"one prompt to {model} failed: {problem}", mend)
    took = f"in {time.monotonic() - began:.1f} s"
    if word in text:
        return Diagnosis("probe", "good", f"one prompt to {model} came back as asked {took}: {word}")
    shown = shortened(text.strip().replace("\n", " "), 80)
    if not shown:
        says = f"one prompt to {model} came back {took} without any text"
        return Diagnosis("probe", "problem", says, f"conformance run --model {model} --profile claude-code")
    return Diagnosis("probe", "warning", f"asked to say {word}, {model} said {took}: {shown}")


def _prompt_mend(url: str, model: str, problem: OllamaError) -> str:
    """What helps where a prompt fails: the network, a pull of a cloud name as old versions want it, or a key."""
    if any(words in str(problem) for words in NO_NETWORK):
        return "curl -sI https://ollama.com  # the server's machine cannot reach it"
    if is_cloud_name(model) and "not found" in str(problem):
        return f"ollama pull {model}  # before 0.17.6 a cloud name has to be pulled"
    return _key_mend(url, problem)


def _key_mend(url: str, problem: OllamaError) -> str:
    if problem.status not in (401, 403):
        return "ollama serve  # its log says more"
    if origin(url) == origin(CLOUD):
        return "export OLLAMA_API_KEY=...  # from https://ollama.com/settings/keys"
    return "ollama signin"


def _prepare(model: str) -> str:
    return f"conformance prepare --target ollama --model {model}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
