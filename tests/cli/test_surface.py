"""The surface against the types of the official SDK: a new release of it says what is missing."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from conformance.cli.commands import surface

Command = Callable[..., CompletedProcess[str]]


def test_nothing_that_the_sdk_names_is_left_out(conformance: Command) -> None:
    done = conformance("surface", "--against", "anthropic")
    assert done.returncode == 0, done.stdout
    assert ", 0 unlisted, " in done.stdout


def test_what_has_neither_row_nor_reason_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reasons.yaml").write_text("A reason.: [betas, no-such-thing]\n")
    monkeypatch.setattr(surface, "REASONS", tmp_path / "reasons.yaml")
    assert surface.run(None) == 1  # type: ignore[arg-type]  # it takes no options but the name of the SDK
    told = capsys.readouterr().out
    assert "request field workspace_id: no row and no case names it" in told
    assert "request field betas" not in told
    assert "no-such-thing: reasons.yaml gives a reason, but this SDK does not name it" in told


def test_all_kinds_of_things_are_read() -> None:
    import anthropic

    named = set(surface.named_by(anthropic))
    assert {
        ("request field", "max_tokens"),
        ("block of a request", "tool_result"),
        ("block of an answer", "tool_use"),
        ("tool", "web_search_20250305"),
        ("event", "content_block_delta"),
        ("delta", "input_json_delta"),
        ("beta flag", "context-1m-2025-08-07"),
    } <= named
