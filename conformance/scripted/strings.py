"""The shortest strings that a schema allows, by length, format and pattern."""

from collections.abc import Iterator
from typing import Any

from conformance.scripted.patterns import LETTERS, shortest_match

FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@b.c",
    "idn-email": "a@b.c",
    "hostname": "a",
    "idn-hostname": "a",
    "ipv4": "0.0.0.0",  # noqa: S104  # an example of the format, nothing listens there
    "ipv6": "::",
    "uri": "a:b",
    "uri-reference": "",
    "iri": "a:b",
    "iri-reference": "",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "uri-template": "",
    "json-pointer": "",
    "relative-json-pointer": "0",
    "regex": "",
}


def smallest_strings(schema: dict[str, Any]) -> Iterator[str]:
    """Candidates, the shortest first: of the format, of the pattern, else letters of the least length."""
    least = schema.get("minLength", 0)
    if "format" in schema and schema["format"] in FORMATS:
        yield FORMATS[schema["format"]]
    if "pattern" in schema and (match := shortest_match(schema["pattern"])) is not None:
        yield match
        yield match.ljust(least, match[-1:] or "a")
    yield from (
        "a" * (least - 1) + letter if least else letter for letter in (LETTERS[:26] if least else ("", *LETTERS[:26]))
    )
