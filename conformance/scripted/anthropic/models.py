"""The models of the endpoint: two sizes of the scripted model, described as the API describes a model.

Source: the type ModelInfo of the official SDK, https://github.com/anthropics/anthropic-sdk-python.
"""

from typing import Any

from msgspec import Struct

from conformance.scripted.anthropic.errors import not_found


class Model(Struct, frozen=True):
    id: str
    display_name: str
    window: int
    """The most input tokens; with the answer's tokens, the whole context."""
    max_output: int
    sees: bool = True
    """Reads images and PDFs."""
    thinks: bool = True
    minimum_cached: int = 1024
    """A prefix with fewer tokens is silently not cached."""


LIFECYCLES = ("active", "deprecated", "retired")

SCRIPTED = Model("scripted", "Scripted model", window=200_000, max_output=128_000)
SMALL = Model("scripted-small", "Scripted model, small", window=8_192, max_output=4_096, sees=False, thinks=False)
MODELS = {model.id: model for model in (SCRIPTED, SMALL)}

# Names that documented examples and Claude Code's sub-agents write into requests whatever the endpoint.
ALIASES = {"claude-3-5-sonnet": SCRIPTED, "claude-haiku-4-5-20251001": SCRIPTED}


def model_named(name: str) -> Model:
    """The model that serves a name, or a 404."""
    model = MODELS.get(name) or ALIASES.get(name)
    if model is None:
        raise not_found(f"model: {name}")
    return model


def described(model: Model) -> dict[str, Any]:
    """The model as GET /v1/models shows it."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": model.window,
        "max_tokens": model.max_output,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, Any]:
    yes, no = {"supported": True}, {"supported": False}
    sees, thinks = (yes if model.sees else no), (yes if model.thinks else no)
    return {
        "batch": yes,
        "citations": yes,
        "code_execution": no,
        "context_management": {
            "supported": True,
            "clear_tool_uses_20250919": yes,
            "clear_thinking_20251015": yes,
            "compact_20260112": no,
        },
        "effort": {"supported": True, "low": yes, "medium": yes, "high": yes, "xhigh": yes, "max": yes},
        "image_input": sees,
        "pdf_input": sees,
        "server_tools": {"supported": False, "code_execution": no, "web_search": no},
        "structured_outputs": yes,
        "thinking": {
            "supported": model.thinks,
            "types": {"adaptive": thinks, "between_tools": thinks, "disabled": yes, "enabled": thinks},
        },
    }
