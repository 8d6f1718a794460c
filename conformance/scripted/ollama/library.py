"""The models that can be pulled, and what each name stands for.

Any model here answers chats with the scripted model. The names that bring trouble:

| name | what happens |
|---|---|
| `broken-pull` | the pull fails in mid-stream, always |
| `flaky-pull` | the pull fails in mid-stream once; the next one goes on from there |
| `slow-pull` | the pull takes two seconds |
| `disk-full` | pulls; to create anything from it, or under this name, fails in mid-stream: no space left on device |
| `no-tools` | cannot call tools, see or think; a request with tools is refused |
| `short-context` | made for 8,192 tokens, so that no variant gives it more, and loaded with 4,096 |
| `huge` | 900 GB; loading it fails, for it needs more memory than there is |
| `split` | loads with 40 % in graphics memory |
| `on-cpu` | loads with nothing in graphics memory |
| `remote` | a stub: another machine answers |
| `NAME:cloud`, `NAME:SIZE-cloud` | answered by ollama.com once somebody has signed in; needs no pull |

Models for everyday use (`gemma4`, `qwen3.5`, `qwen3-coder`, `glm-4.7-flash`, `gpt-oss`) and `disk-full` are loaded with
4,096 tokens until a variant has more; `scripted` and the other troubled ones with 65,536, so that only their own
trouble shows. A name that is not here cannot be pulled: `pull model manifest: file does not exist`.

Signing in: POST /api/me answers 401 with a `signin_url` on this face; a GET there signs in, and POST /api/signout out
again.
"""

import hashlib

from msgspec import Struct

GIGABYTE = 1_000_000_000
DEFAULT_CONTEXT = 4096
"""What a model is loaded with that says nothing else, on a machine without a graphics card."""
LONG_CONTEXT = 65_536


class Model(Struct, frozen=True, kw_only=True):
    """A model as it is installed or can be; sizes in bytes."""

    size: int = 2 * GIGABYTE
    family: str = "scripted"
    parameters_in_words: str = "3.2B"
    capabilities: tuple[str, ...] = ("completion", "tools", "thinking", "vision")
    context_length: int = 262_144
    """The longest context that it was made for."""
    num_ctx: int | None = None
    """The context that it is loaded with."""
    share_in_vram: float = 1.0
    remote_model: str = ""
    remote_host: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    """Further lines of its Modelfile."""
    modified_at: str = "2026-10-01T12:00:00.000000000Z"

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that depend on all of it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def loaded_context(self) -> int:
        return min(self.num_ctx or DEFAULT_CONTEXT, self.context_length)


CLOUD_HOST = "https://ollama.com:443"

_CLOUD = ("kimi-k2.6", "qwen3.5", "glm-5.1", "minimax-m2.7", "gpt-oss", "qwen3-coder", "scripted")

LIBRARY: dict[str, Model] = {
    "scripted": Model(num_ctx=LONG_CONTEXT),
    "gemma4": Model(size=10 * GIGABYTE, family="gemma4", parameters_in_words="12B"),
    "qwen3.5": Model(size=7 * GIGABYTE, family="qwen35", parameters_in_words="9B"),
    "qwen3-coder": Model(
        size=19 * GIGABYTE,
        family="qwen3moe",
        parameters_in_words="30.5B",
        capabilities=("completion", "tools"),
    ),
    "glm-4.7-flash": Model(size=19 * GIGABYTE, family="glm4moelite", parameters_in_words="29.9B"),
    "gpt-oss": Model(size=14 * GIGABYTE, family="gptoss", parameters_in_words="20.9B"),
    "broken-pull": Model(num_ctx=LONG_CONTEXT),
    "flaky-pull": Model(num_ctx=LONG_CONTEXT),
    "slow-pull": Model(num_ctx=LONG_CONTEXT),
    "disk-full": Model(),
    "no-tools": Model(capabilities=("completion",), num_ctx=LONG_CONTEXT),
    "short-context": Model(context_length=8192),
    "huge": Model(size=900 * GIGABYTE, parameters_in_words="1.4T"),
    "split": Model(share_in_vram=0.4, num_ctx=LONG_CONTEXT),
    "on-cpu": Model(share_in_vram=0.0, num_ctx=LONG_CONTEXT),
    "remote": Model(size=400, remote_model="scripted", remote_host="http://192.0.2.1:11434"),
}


def full_name(name: str) -> str:
    """A name with its tag: `latest` where it has none."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def base_of(name: str) -> str:
    """A name without its tag."""
    return full_name(name).rsplit(":", 1)[0]


def is_cloud(name: str) -> bool:
    tag = full_name(name).rsplit(":", 1)[1]
    return tag == "cloud" or tag.endswith("-cloud")


def offered(name: str) -> Model | None:
    """The model that a pull of this name brings; None where there is none."""
    base = base_of(name)
    if is_cloud(name):
        return Model(size=400, remote_model=base, remote_host=CLOUD_HOST) if base in _CLOUD else None
    return LIBRARY.get(base)
