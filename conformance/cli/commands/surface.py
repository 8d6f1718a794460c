"""`conformance surface --against SDK`: what the installed official SDK's types name and the surface does not."""

import argparse
import re
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from conformance.catalog.load import load_catalog
from conformance.errors import UserError

REASONS = Path(__file__).with_name("surface-reasons.yaml")
SDK = "anthropic"

_UNIONS = {
    "block of a request": ("content_block_param", "ContentBlockParam"),
    "block of an answer": ("content_block", "ContentBlock"),
    "tool": ("tool_union_param", "ToolUnionParam"),
    "event": ("raw_message_stream_event", "RawMessageStreamEvent"),
    "delta": ("raw_content_block_delta", "RawContentBlockDelta"),
}


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", required=True, metavar="SDK", choices=[SDK], help=f"the types to compare with: {SDK}"
    )


def run(_: argparse.Namespace) -> int:
    """Exit 1 where something has neither a row, nor a case that sends it, nor a written reason."""
    try:
        sdk = import_module(SDK)
    except ImportError:
        raise UserError(f"the SDK {SDK} is not installed: pip install {SDK}") from None
    groups = msgspec.yaml.decode(REASONS.read_bytes(), type=dict[str, list[str]])
    reasons = frozenset(name for group in groups.values() for name in group)
    known = _spoken_of()
    names = sorted(set(named_by(sdk)))
    unlisted = [(kind, name) for kind, name in names if name not in known and name not in reasons]
    for kind, name in unlisted:
        print(f"{kind} {name}: no row and no case names it, and {REASONS.name} gives no reason")
    stale = sorted(reasons - {name for _, name in names})
    for name in stale:
        print(f"{name}: {REASONS.name} gives a reason, but this SDK does not name it")
    print(f"{SDK} {sdk.__version__}: {len(names)} named, {len(unlisted)} unlisted, {len(reasons)} with a reason")
    return 1 if unlisted or stale else 0


def named_by(sdk: ModuleType) -> Iterator[tuple[str, str]]:
    """Kind and name of each request field, block, tool, event, delta and beta flag that the SDK's types have."""
    for module in (f"{sdk.__name__}.types", f"{sdk.__name__}.types.beta"):
        fields = import_module(f"{module}.message_create_params").MessageCreateParamsBase
        yield from (("request field", name) for name in typing.get_type_hints(fields))
    for kind, (module, name) in _UNIONS.items():
        union = getattr(import_module(f"{sdk.__name__}.types.{module}"), name)
        yield from ((kind, tag) for member in _members(union) for tag in _tags(member))
    flags = import_module(f"{sdk.__name__}.types").AnthropicBetaParam
    yield from (("beta flag", flag) for member in typing.get_args(flags) for flag in typing.get_args(member))


def _members(union: Any) -> Iterator[Any]:
    """The types that a union has, nested ones and annotated ones too."""
    parts = [part for part in typing.get_args(union) if isinstance(part, type) or typing.get_args(part)]
    if not parts:
        yield union
    for part in parts:
        yield from _members(part) if typing.get_args(part) else [part]


def _tags(member: Any) -> Iterator[str]:
    """The words that `type` may be in an object of this kind: a model of an answer, or the parameters of a request."""
    models = getattr(member, "model_fields", None)
    hint = models["type"].annotation if models else typing.get_type_hints(member).get("type")
    for part in (hint, *typing.get_args(hint)):
        yield from (word for word in typing.get_args(part) if isinstance(word, str))


def _spoken_of() -> frozenset[str]:
    """All words of the rows and of what the cases send."""
    catalog = load_catalog(None)
    texts = [*(f"{row.id} {row.title}" for row in catalog.rows.values())]
    texts += [msgspec.json.encode(case).decode() for case in catalog.cases.values() if case.size != "large"]
    return frozenset(word for text in texts for word in re.findall(r"[A-Za-z0-9_-]+", text))
