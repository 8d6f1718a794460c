"""The options of a run: as the caller gave them, and as the head of its log has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

NOT_KEPT = ("command", "address_from")
"""Options that the head of a log says elsewhere, or that are not said by the caller."""


class RunOptions(Struct, frozen=True, kw_only=True):
    """The options of `conformance run`."""

    target: str | None = None
    base_url: str | None = None
    model: str | None = None
    api_key_env: str | None = None
    profile: str | None = None
    select: str | None = None
    shard: str | None = None
    """`I/N`: the Ith of N parts."""
    thorough: bool = False
    """Large questions are asked too, which cost many bytes or tokens."""
    capability: tuple[str, ...] = ()
    no_capability: tuple[str, ...] = ()
    concurrency: int | None = None
    attempts: int = 3
    timeout: float = 300.0
    budget: float | None = None
    """Seconds."""
    max_usd: float | None = None
    """What the answers may cost, by their own usage and `price`."""
    price: tuple[float, float] = (0.0, 0.0)
    """US dollars for a million tokens that are sent, and that are answered."""
    baseline: Path | None = None
    out: Path | None = None
    strict: bool = False
    allow_improvements: bool = False
    resume: Path | None = None
    address_from: Path | None = None
    """The run whose head says who is asked, where the caller did not."""
    debug: bool = False
    witness: bool = True
    evidence: bool = True
    simulated: bool = False
    cases: Path | None = None
    command: str = ""
    pytest_arguments: tuple[str, ...] = ()

    @property
    def takes_a_sample(self) -> bool:
        """Whether what is not broken here may be so elsewhere: a profile, a shard or pytest chose what is asked."""
        return self.profile is not None or self.shard is not None or bool(self.pytest_arguments)


def kept(options: RunOptions) -> dict[str, Any]:
    """The options that differ from their defaults, as JSON has them."""
    defaults = msgspec.structs.asdict(RunOptions())
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in msgspec.structs.asdict(options).items()
        if value != defaults[name] and name not in NOT_KEPT
    }


def options_in(head: Mapping[str, Any]) -> RunOptions:
    """The options in the head of a log, which may be a stranger's; msgspec.ValidationError where one is none."""
    return msgspec.convert(head, RunOptions, dec_hook=_path)


def _path(kind: type, value: object) -> object:
    if kind is not Path or not isinstance(value, str):
        raise ValueError("Expected `str`")
    return Path(value)
