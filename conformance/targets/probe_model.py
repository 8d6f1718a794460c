"""The probe model, which ships with the suite: 4 MB that obey the probe language on any engine of GGUF files.

An engine with it is tested in minutes and without a download, its rendering of prompts, its parsing of calls and its
stop handling included. What it cannot do stands in its card; a capability that it lacks is never held against a server.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).with_name("probe-model")
FILE = FOLDER / "conformance-probe.gguf"
"""The weights, with tokenizer and chat template inside."""
WINDOW = 8_192
"""Tokens of context that servers are told to give it: longer prompts take minutes each, and are not asked."""
PORT = 8080
"""Where llama-server listens unless it is told otherwise."""
OLLAMA_PARAMETERS: dict[str, Any] = {
    "temperature": 0,
    "top_k": 1,
    "repeat_penalty": 1,
    "seed": 1,
    "num_ctx": WINDOW,
    "num_thread": 1,
    "stop": ["<|im_end|>", "<|im_start|>"],
}
"""The likeliest token always, by one thread: so small a model would have several wait for each other."""
SLOTS = 4
"""Questions that a server answers at once, each in a window of its own."""
OLLAMA_ENVIRONMENT = {"OLLAMA_NUM_PARALLEL": str(SLOTS), "OLLAMA_FLASH_ATTENTION": "0"}
"""What makes Ollama answer several questions at once, without flash attention: see `llama_server_command`."""


class ModelCard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model in figures: `card.yaml`."""

    name: str
    """The name under which it is served: nothing else may be called so."""
    sha256: str
    """Of `FILE`, in hexadecimal digits."""
    bytes: int
    parameters: int
    context: int
    """Tokens that it takes in at most; one token is a byte, but for the template's and the language's own words."""
    headroom: int
    """Tokens that it needs beyond a limit that is not the question, since a word is several of its tokens."""
    capabilities: dict[str, bool]
    obeys: str
    """How exactly it obeys, in words, as measured."""
    ollama_template: str
    """The chat template once more, in the words of Ollama's own templates."""


@cache
def card() -> ModelCard:
    return msgspec.yaml.decode((FOLDER / "card.yaml").read_bytes(), type=ModelCard)


def is_probe_model(model: str) -> bool:
    """Whether a server's name for its model means this one: with a folder, a tag or an ending, too."""
    return re.fullmatch(rf"(.*/)?{re.escape(card().name)}([.:-].*)?", model) is not None


def capabilities_of(model: str) -> dict[str, bool]:
    """What the card says that a model of this name can and cannot do; empty for any other model."""
    return card().capabilities if is_probe_model(model) else {}


def llama_server_command(port: int = PORT, *, program: str = "llama-server", weights: Path | None = None) -> list[str]:
    """The words that make llama.cpp serve it: several questions at once, each in a window of its own.

    By one thread: so small a model would have several wait for each other. With a second one for prompts (`-tb 2`) a
    whole run takes 185 s of CPU in place of 144, and no less time where two cores are busy. Without flash attention:
    llama.cpp's kernel of it takes 8 ms a token on a CPU where plain attention takes 2.6, at 1,200 tokens.
    """
    words = [program, "-m", str(weights or FILE), "--alias", card().name, "--jinja", "--offline", "--temp", "0"]
    words += ["-np", str(SLOTS), "-c", str(SLOTS * WINDOW), "--no-webui", "-t", "1", "-fa", "off"]
    return [*words, "--host", "127.0.0.1", "--port", str(port)]
