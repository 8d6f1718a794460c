"""Discovers the models of a server: their names, capabilities and context lengths."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformance.targets.recognise import look
from conformance.targets.target import Auth
from conformance.targets.wire import ServerConnection

OLLAMA_CAPABILITIES = {"tools": "tools", "vision": "vision", "thinking": "thinking"}
"""What `/api/show` calls a capability to what cases call it; one that its list lacks is a no."""

LISTED_CAPABILITIES = {
    "image_input": "vision",
    "pdf_input": "pdf",
    "thinking": "thinking",
    "citations": "citations",
    "structured_outputs": "structured-outputs",
    "batch": "batches",
    "effort": "effort",
}
"""The same for the `capabilities` of a model in the API's list of models
(https://platform.claude.com/docs/en/api/models/list)."""

ENOUGH_CONTEXT = 64_000
"""Tokens that coding tools need at least (https://docs.ollama.com/context-length)."""


class Abilities(Struct, frozen=True):
    """The abilities of a model, as its server states them."""

    capabilities: dict[str, bool] = {}
    context: int | None = None
    """Tokens that the model takes in at most."""
    context_set: int | None = None
    """Tokens that it is loaded with, where it says so itself (`num_ctx`)."""
    remote: str | None = None
    """The host that answers in place of this machine."""
    context_loaded: int | None = None
    """Tokens that it is loaded with now, where it is in memory."""


def key_headers(auth: Auth, key: str | None) -> dict[str, str]:
    """The headers that carry a key, in the form that the target takes."""
    secret = key or auth.placeholder
    if not secret or auth.header == "none":
        return {}
    headers = {}
    if auth.header in ("x-api-key", "both"):
        headers["x-api-key"] = secret
    if auth.header in ("bearer", "both"):
        headers["authorization"] = f"Bearer {secret}"
    return headers


def is_cloud_name(model: str) -> bool:
    """Whether an Ollama name stands for a model that ollama.com runs: `glm-4.7:cloud`, `gpt-oss:120b-cloud`."""
    tag = model.rpartition("/")[2].partition(":")[2]
    return tag == "cloud" or tag.endswith("-cloud")


def same_model(one: str, other: str) -> bool:
    """Whether two Ollama names mean one model: `qwen3` is `qwen3:latest`."""
    return _tagged(one) == _tagged(other)


def ollama_models(wire: ServerConnection) -> list[str] | None:
    """The installed models as `/api/tags` lists them, or None when it cannot be read."""
    return _names(look("models[].[model || name][]", wire.get("/api/tags").json()))


def ollama_abilities(wire: ServerConnection, model: str) -> Abilities:
    """The abilities of a model by `/api/show`, and its loaded context by `/api/ps`."""
    answer = wire.post("/api/show", {"model": model})
    if answer.status != 200:
        return Abilities()
    abilities = read_show(answer.json())
    running = look("models", wire.get("/api/ps").json())
    lengths = [
        entry["context_length"]
        for entry in (running if isinstance(running, list) else [])
        if isinstance(entry, dict)
        and _is_name(entry.get("name"))
        and same_model(entry["name"], model)
        and isinstance(entry.get("context_length"), int)
    ]
    loaded = lengths[0] if lengths else None
    return replace(_with_context(abilities, loaded or abilities.context_set), context_loaded=loaded)


def _with_context(abilities: Abilities, loaded: int | None) -> Abilities:
    """Adds whether the context is long enough, where that is known before the model is loaded."""
    trained = abilities.context
    enough = loaded >= ENOUGH_CONTEXT if loaded is not None else None
    if trained is not None and trained < ENOUGH_CONTEXT:
        enough = False
    known = {} if enough is None else {"context-64k": enough}
    return replace(abilities, capabilities={**abilities.capabilities, **known})


def read_show(document: Any) -> Abilities:
    """The abilities in an answer of `/api/show`; a server too old to list capabilities leaves them unknown."""
    listed = look("capabilities", document)
    capabilities = {}
    if isinstance(listed, list):
        capabilities = {ours: theirs in listed for theirs, ours in OLLAMA_CAPABILITIES.items()}
    remote = look("remote_host", document)
    return Abilities(
        capabilities,
        context_length(look("model_info", document)),
        _num_ctx(look("parameters", document)),
        remote if isinstance(remote, str) and remote else None,
    )


def context_length(info: Any) -> int | None:
    """The context that a model was trained for: `<architecture>.context_length` of its metadata."""
    if not isinstance(info, dict):
        return None
    length = info.get(f"{info.get('general.architecture')}.context_length")
    return length if isinstance(length, int) else None


def _num_ctx(parameters: Any) -> int | None:
    """`parameters` is text, a name and a value on each line."""
    for line in parameters.splitlines() if isinstance(parameters, str) else []:
        words = line.split()
        if len(words) == 2 and words[0] == "num_ctx" and words[1].isdecimal() and len(words[1]) < 12:
            return int(words[1])
    return None


def listed_models(wire: ServerConnection, headers: Mapping[str, str]) -> dict[str, Abilities] | None:
    """The models at `/v1/models` in the API's own shape or OpenAI's, or None when there is no such list."""
    answer = wire.get("/v1/models", {"anthropic-version": "2023-06-01", **headers})
    entries = look("data", answer.json()) if answer.status == 200 else None
    if not isinstance(entries, list):
        return None
    return {entry["id"]: _listed(entry) for entry in entries if isinstance(entry, dict) and _is_name(entry.get("id"))}


def _listed(entry: dict[str, Any]) -> Abilities:
    listed = entry.get("capabilities")
    capabilities = {}
    if isinstance(listed, dict):
        for theirs, ours in LISTED_CAPABILITIES.items():
            value = listed.get(theirs)
            supported = value.get("supported") if isinstance(value, dict) else value
            if isinstance(supported, bool):
                capabilities[ours] = supported
    context = entry.get("max_input_tokens")
    if isinstance(context, int):
        capabilities["context-64k"] = context >= ENOUGH_CONTEXT
        return Abilities(capabilities, context)
    return Abilities(capabilities)


def _names(found: Any) -> list[str] | None:
    return [name for name in found if _is_name(name)] if isinstance(found, list) else None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 300 and value.isprintable()


def _tagged(model: str) -> str:
    name = model.lower()
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
