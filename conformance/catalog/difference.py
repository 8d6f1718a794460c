"""The number of places in which two requests differ: a refusal and its accepted twin differ in one."""

from typing import Any

import msgspec
from msgspec import UNSET

from conformance.catalog.case import Ask
from conformance.doors import UNDECODABLE

_MISSING = object()


Change = tuple[str, Any, Any]


def differences(one: Ask, other: Ask) -> list[str]:
    """The places at which two requests differ; an entry more or less is one place, and so is one text that
    stands at several.
    """
    changes = [
        *_compare(one.method, other.method, "method"),
        *_compare(one.path, other.path, "path"),
        *_compare(one.query, other.query, "query"),
        *_compare(one.headers, other.headers, "headers"),
        *_compare(one.version, other.version, "version"),
        *_compare(one.key, other.key, "key"),
        *_compare(one.omits, other.omits, "omits"),
        *_compare(one.padded_to, other.padded_to, "padded_to"),
        *_compare(_body(one), _body(other), "body"),
    ]
    renamed: dict[tuple[str, str], str] = {}
    return [
        place
        for place, before, after in changes
        if not (isinstance(before, str) and isinstance(after, str))
        or renamed.setdefault((before, after), place) == place
    ]


def _body(ask: Ask) -> Any:
    """The body as JSON, `model` filled in where the run would fill it; a raw text that is no JSON stands for itself."""
    if isinstance(ask.raw, str) and ask.encoding != "utf-8":
        return ask.raw
    if isinstance(ask.raw, str):
        try:
            return msgspec.json.decode(ask.raw)
        except UNDECODABLE:
            return ask.raw
    if isinstance(ask.body, dict):
        return {"model": "{model}"} | ask.body
    return None if ask.multipart is UNSET else ask.multipart


def _compare(one: Any, other: Any, at: str) -> list[Change]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [
            change
            for key in keys
            for change in _compare(one.get(key, _MISSING), other.get(key, _MISSING), f"{at}.{key}")
        ]
    if isinstance(one, list) and isinstance(other, list):
        return _compare_lists(one, other, at)
    return [] if type(one) is type(other) and one == other else [(at, one, other)]


def _compare_lists(one: list[Any], other: list[Any], at: str) -> list[Change]:
    """Items one by one; of lists of different lengths, what was put in or taken out is one place."""
    if len(one) == len(other):
        return [
            change for n, pair in enumerate(zip(one, other, strict=True)) for change in _compare(*pair, f"{at}.{n}")
        ]
    shorter, longer = sorted((one, other), key=len)
    start = next((n for n, item in enumerate(shorter) if item != longer[n]), len(shorter))
    end = len(shorter) - start
    same_tail = end == 0 or shorter[start:] == longer[len(longer) - end :]
    return [(f"{at}.{start}", None, None)] if same_tail else [(f"{at}.{n}", None, None) for n in (start, start + 1)]
