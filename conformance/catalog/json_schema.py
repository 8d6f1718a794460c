"""JSON Schemas over text from outside: a schema refers to nothing outside of itself, and its patterns are linear."""

from functools import lru_cache
from typing import Any

import msgspec


class SchemaError(ValueError):
    """A schema that is none, or leads elsewhere; the message says why."""


def validator(schema: dict[str, Any]) -> Any:
    """The validator of a schema, with the method `is_valid`; SchemaError."""
    return _validator(msgspec.json.encode(schema))


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs  # only answers that are held against a schema pay for it

    try:
        return jsonschema_rs.validator_for(
            msgspec.json.decode(schema), retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (ValueError, jsonschema_rs.ValidationError) as problem:
        raise SchemaError(str(problem).splitlines()[0][:200]) from problem


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema refers to nothing outside of itself, and this one to {uri}")
