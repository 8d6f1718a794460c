"""Arguments that `prepare`, `doctor` and `env` share: the target, its address and its model."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from conformance.errors import UserError

if TYPE_CHECKING:
    from conformance.targets.ollama.client import Ollama

OLLAMA_TARGETS = ("ollama",)


def target_arguments(parser: argparse.ArgumentParser, targets: Sequence[str]) -> None:
    parser.add_argument("--target", choices=targets, default=targets[0], help=f"default: {targets[0]}")
    parser.add_argument(
        "--base-url", metavar="URL", help="where it listens; default: OLLAMA_URL, OLLAMA_HOST, port 11434"
    )


def local_ollama(arguments: argparse.Namespace) -> "Ollama":
    """The server that the flags or the environment name; UserError for an address that cannot be used."""
    from conformance.targets.ollama.client import Ollama

    return Ollama(arguments.base_url) if arguments.base_url else Ollama.local()


def cloud_ollama() -> "Ollama":
    """ollama.com with the key in OLLAMA_API_KEY, the only variable that is read for it."""
    from conformance.targets.ollama.client import Ollama

    key = os.environ.get("OLLAMA_API_KEY", "").strip()
    if not key:
        raise UserError("OLLAMA_API_KEY is not set; make a key at https://ollama.com/settings/keys and export it")
    return Ollama.cloud(key)
