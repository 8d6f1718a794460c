"""The interface of a face: its arguments, and the brain that it asks."""

import importlib
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Literal, cast

from msgspec import Struct

from conformance.errors import ExitCode
from conformance.scripted.brain import answer
from conformance.scripted.conversation import Conversation, Reply

Brain = Callable[[Conversation], Reply]
Application = Callable[[Any, Any, Any], Any]
"""An ASGI application."""

Protocol = Literal["anthropic", "openai", "ollama"]
PROTOCOLS: tuple[Protocol, ...] = ("anthropic", "openai", "ollama")


class Setting(Struct, frozen=True, kw_only=True):
    """The settings of a face."""

    brain: Brain = answer
    fault: str | None = None
    """The violation to commit in every answer."""
    variant: str | None = None
    """The legal variant to speak in every answer."""
    api_key: str | None = None
    """The only key that is let in; None lets anybody in."""
    like: str | None = None
    """`TARGET@VERSION`: the server to behave like."""
    upstream: str | None = None
    """A chat completions server to ask instead of the brain: the face `anthropic` becomes a gateway in front of it."""


def refuse_bending(face: Protocol, setting: Setting) -> None:
    """For a face that commits no faults, speaks no variants and asks nobody: better no start than one in vain."""
    for option in ("fault", "variant", "upstream"):
        if getattr(setting, option) is not None:
            raise UsageError(
                f"the face {face} takes no --{option}: that is for the reference endpoint, --face anthropic"
            )


class UsageError(Exception):
    """The caller's mistake, in a sentence that says what to do."""

    exit_code = ExitCode.BAD_USAGE


class NobodyThereError(UsageError):
    """A server that is to be asked does not answer."""

    exit_code = ExitCode.OUR_FAULT


def near(word: str, legal: Iterable[str]) -> str:
    """`; did you mean ...?` for the legal word that looks most like this one; empty where none does."""
    close = get_close_matches(word, list(legal), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def application(face: Protocol, setting: Setting) -> Application:
    """The ASGI application of a face: what `conformance.scripted.<face>` makes of the setting.

    Each face is a package with one public function, `application(setting) -> Application`, and is imported only when
    it is started.
    """
    package = importlib.import_module(f"conformance.scripted.{face}")
    return cast("Application", package.application(setting))
