"""Gets a model ready for long sessions: pulled, with a context of 64k tokens, under a name that clients ask for."""

import re
from collections.abc import Callable
from difflib import get_close_matches

from msgspec import Struct

from conformance.errors import ExitCode, UserError
from conformance.targets.discover import is_cloud_name, same_model
from conformance.targets.ollama.client import Installed, Ollama, OllamaError, Progress
from conformance.targets.ollama.models import recommended
from conformance.targets.probe_model import FILE, OLLAMA_PARAMETERS, card
from conformance.targets.versions import read_version, within

LONG_CONTEXT = 65_536
"""Tokens: what coding tools need at least (https://docs.ollama.com/context-length), as a power of two."""

NOT_FOUND = ("file does not exist", "not found")
NO_NETWORK = ("dial tcp", "no such host", "connection refused", "i/o timeout", "network is unreachable")
"""What Ollama says where it cannot reach its library: that says nothing of the model."""


class PreparationError(UserError):
    """The reason why a model is not ready, and what to do; nothing half-made is left behind."""


class Prepared(Struct, frozen=True):
    """A prepared model, and the steps that were taken, in order."""

    model: str
    """The name to give to clients."""
    done: tuple[str, ...]
    native: str = ""
    """The name of a second model of the same weights, whose prompts the engine renders; empty where it cannot."""


async def prepare(
    ollama: Ollama,
    model: str,
    *,
    context: int = LONG_CONTEXT,
    alias: str | None = None,
    on_progress: Callable[[str, Progress], object] | None = None,
) -> Prepared:
    """Pulls a model, makes its variant with a long context, and gives that a second name where one is asked for.

    Each step looks first whether it is done already, so a second call goes on where the first stopped.
    `on_progress` gets the name of the model and each step of its pull or creation. A cloud name needs neither.
    PreparationError says what is missing; wire.Unreachable that no server answers.
    """

    def follow(name: str) -> Callable[[Progress], object] | None:
        return None if on_progress is None else lambda step: on_progress(name, step)

    if is_cloud_name(model):
        if alias:
            raise PreparationError(
                f"{model} runs on ollama.com and cannot be given a second name here; give {model} itself to the client"
            )
        return Prepared(model, (f"{model} runs on ollama.com with its full context: there is nothing to prepare",))
    done = [await _pulled(ollama, model, follow(model))]
    ready, said = await _with_context(ollama, model, context, follow(variant_name(model, context)))
    done.append(said)
    if alias:
        done.append(await _named(ollama, ready, alias))
    return Prepared(alias or ready, tuple(done))


NATIVE_SINCE = "0.30"
"""The version from which on the engine itself renders a model that has no template of Ollama's own."""


async def prepare_probe_model(ollama: Ollama) -> Prepared:
    """Uploads the probe model and makes a model of it, and a second one where the engine itself can render prompts.

    The first is rendered by Ollama's own template, the second, `conformance-probe:native`, by the one in its file. What
    is there already is made anew, so that an older suite's weights go. PreparationError says why it cannot be made.
    """
    rendered, native = card().name, ""
    done = [f"made {rendered}: the suite's probe model, {card().bytes / 1e6:.1f} MB; Ollama's template renders prompts"]
    try:
        files = {FILE.name: await ollama.upload(FILE.read_bytes())}
        await ollama.create(rendered, files=files, template=card().ollama_template, parameters=OLLAMA_PARAMETERS)
        if within(f">={NATIVE_SINCE}", read_version(await ollama.version())):
            native = f"{card().name}:native"
            await ollama.create(native, files=files, parameters=OLLAMA_PARAMETERS)
            await ollama.unload(rendered)
            done.append(f"made {native}: the same weights; the engine renders prompts by the template in their file")
    except OllamaError as problem:
        raise PreparationError(f"the probe model could not be made: {problem}. {_remedy(str(problem))}") from problem
    return Prepared(rendered, tuple(done), native)


async def clean(
    ollama: Ollama, model: str, *, context: int = LONG_CONTEXT, alias: str | None = None
) -> tuple[str, ...]:
    """Takes away what `prepare` made, and says what; the pulled model itself stays.

    Its variants are known by their names, whatever context they have, and second names by the weights that they share.
    """
    installed = await ollama.models()
    named = re.compile(rf"{re.escape(variant_name(model, 0).removesuffix('0k'))}\d+k(:latest)?")
    variants = [entry for entry in installed if named.fullmatch(entry.name)]
    digests = {entry.digest for entry in variants if entry.digest}
    second = [entry for entry in installed if entry.digest in digests and entry.name.startswith("claude-")]
    wanted = [name for name in (alias, variant_name(model, context)) if name]
    made = [entry.name for entry in installed if any(same_model(entry.name, name) for name in wanted)]
    names = list(dict.fromkeys([*made, *(entry.name for entry in (*second, *variants))]))
    for name in names:
        await ollama.delete(name)
    done = [f"deleted {name.removesuffix(':latest')}" for name in names]
    looked_for = "" if done else f"nothing that prepare makes of it is here ({', '.join(wanted)}); "
    return (*done, f"{looked_for}{model} stays; `ollama rm {model}` deletes it")


def variant_name(model: str, context: int = LONG_CONTEXT) -> str:
    """The name of a model's variant with a longer context: `qwen3-coder-64k`, `gpt-oss:20b-64k`."""
    return f"{model.removesuffix(':latest')}-{context // 1024}k"


async def _pulled(ollama: Ollama, model: str, follow: Callable[[Progress], object] | None) -> str:
    if await ollama.has(model):
        return f"{model} is there already"
    try:
        await ollama.pull_model(model, follow)
    except OllamaError as problem:
        if any(words in str(problem) for words in NO_NETWORK):
            says = f"{model} is not here, and the server at {ollama.url} cannot reach its library: {problem}"
            raise PreparationError(f"{says}. The same command goes on when it can", ExitCode.OUR_FAULT) from problem
        if any(words in str(problem) for words in NOT_FOUND):
            raise PreparationError(_unknown(model, await ollama.models())) from problem
        raise PreparationError(
            f"the pull of {model} failed: {problem}. What has arrived is kept: the same command goes on from there"
        ) from problem
    return f"pulled {model}"


async def _with_context(
    ollama: Ollama, model: str, context: int, follow: Callable[[Progress], object] | None
) -> tuple[str, str]:
    shown = await ollama.show(model)
    if shown is None:
        raise PreparationError(f"{model} was pulled and is not there now; `ollama list` shows what is")
    if shown.remote:
        return model, f"{model} runs at {shown.remote}: its context is set there"
    trained = shown.context
    if trained is not None and trained < context:
        raise PreparationError(
            f"{model} takes in {trained} tokens at most, and {context} are needed; "
            f"choose another model, such as {recommended()[0].name}, or say --context {trained}"
        )
    if shown.context_set is not None and shown.context_set >= context:
        return model, f"{model} is loaded with {shown.context_set} tokens of context already"
    variant = variant_name(model, context)
    there = await ollama.show(variant)
    if there is not None and there.context_set == context:
        return variant, f"{variant} is there already"
    try:
        await ollama.create(variant, source=model, parameters={"num_ctx": context}, on_progress=follow)
    except OllamaError as problem:
        await _undo(ollama, variant, existed=there is not None)
        raise PreparationError(f"{variant} could not be made: {problem}. {_remedy(str(problem))}") from problem
    return variant, f"made {variant}: {model} with {context} tokens of context"


async def _named(ollama: Ollama, ready: str, alias: str) -> str:
    installed = await ollama.models()
    before = next((m for m in installed if same_model(m.name, alias)), None)
    source = next((m for m in installed if same_model(m.name, ready)), None)
    if before is not None and source is not None and before.digest == source.digest:
        return f"{alias} means {ready} already"
    if before is not None and not alias.startswith("claude-"):
        raise PreparationError(f"a model named {alias} is there already; choose another name, or `ollama rm {alias}`")
    try:
        await ollama.copy(ready, alias)
    except OllamaError as problem:
        raise PreparationError(f"{ready} is ready, but could not be named {alias}: {problem}") from problem
    return f"{alias} now means {ready}"


async def _undo(ollama: Ollama, variant: str, *, existed: bool) -> None:
    """Ollama writes a model's manifest last, so mostly there is nothing to take away."""
    try:
        if not existed and await ollama.has(variant):
            await ollama.delete(variant)
    except OllamaError:
        return


def _remedy(problem: str) -> str:
    if "no space left" in problem:
        return "Make room on its disk (`ollama list` shows what takes it, `ollama rm NAME` frees it) and try again"
    return "Nothing was left behind; the same command tries again"


def _unknown(model: str, installed: list[Installed]) -> str:
    names = [entry.name for entry in recommended()] + [entry.name for entry in installed]
    names = [name for name in names if not same_model(name, model)]
    near = get_close_matches(model, names, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]}?" if near else "."
    return f"there is no model {model}{guess} https://ollama.com/library lists them all"
