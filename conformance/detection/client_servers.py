"""Servers on which the real client was run: the outcome, and what its user has to know."""

from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.detection.client_figures import FOLDER
from conformance.detection.client_program import PINNED
from conformance.errors import UserError
from conformance.runs.detection import ClientOutcome, ClientSession


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server, and the outcome of the real client's session on it."""

    server: str
    """`ollama@0.33` for a likeness, else the server's name."""
    version: str = ""
    model: str = "scripted"
    outcome: ClientOutcome
    session: ClientOutcome
    """What the thirteen turns of `nox -s claude-code` amount to there."""
    seen: str
    """What the client's session showed, in one sentence."""
    missing: list[str] = []
    """The needs that the session showed not to be met: what stops it first."""
    unexercised: list[str] = []
    """Needs that are not met either, and that the session's turns did not touch."""
    earlier: dict[str, ClientOutcome] = {}
    """Earlier versions of the client to what their sessions amounted to."""
    stands_for: list[str] = []
    """Versions of the real server on which every turn of the client was the same as on the likeness."""

    @property
    def likeness(self) -> bool:
        return "@" in self.server


def sessions() -> list[ClientSession]:
    """What the real client showed on each server; that on a likeness, of the real versions that it stands for."""
    return [
        ClientSession(
            server=one.server.partition("@")[0],
            versions=one.stands_for if one.likeness else [one.version],
            client=f"Claude Code {PINNED}",
            outcome=one.outcome,
            seen=one.seen,
        )
        for one in client_servers()
    ]


def client_servers(file: Path = FOLDER / "servers.yaml") -> list[Server]:
    """The servers of the file; UserError where it cannot be read."""
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=list[Server])
    except msgspec.MsgspecError as problem:
        raise UserError(f"{file.name}: {problem}") from None
