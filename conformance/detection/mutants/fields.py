"""The fields of an answer: the rules that check each, and its legal values, with the reason."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

OPTIONAL = "optional: it may be left out or null"
LATER = "optional here: what counts comes in a later event"
FREE = "free content: what it says is the question of a case"
PLACEHOLDER = "message_start may say any small number of output tokens"
NO_OWN_VALUE = "null takes the place of a number that nothing else in the answer repeats"


class Field(Struct, frozen=True):
    """A place in an answer."""

    place: str
    """A pattern of a path, items of lists by their type."""
    aim: tuple[str, ...] = ()
    legal: dict[str, str] = {}
    """Slug of a wrong value to the reason why it is no violation."""
    notes: tuple[str, ...] = ()
    """Slugs of values that are only noted."""
    skips: tuple[str, ...] = ()
    """Slugs of values that depend on the rest of the answer: `meaning` makes those."""


def _optional(place: str, *aim: str, **more: str) -> Field:
    return Field(place, aim, {"missing": OPTIONAL, "null": OPTIONAL} | more)


_BLOCKS = (
    Field("*/content/text/text", ("message.text",), skips=("empty",)),
    _optional("*/content/text/citations", "message.citations"),
    Field("*/content/text/citations/*/cited_text", ("message.citations",)),
    Field(
        "*/content/text/citations/*/type",
        ("message.citations",),
        {"empty": "an unknown type of citation: new ones may appear"},
    ),
    *(
        Field(f"*/content/text/citations/char_location/{key}", ("message.citations",), skips=("zero", "negative"))
        for key in ("document_index", "start_char_index", "end_char_index")
    ),
    Field("*/content/text/citations/*/*", ("message.citations",), {"zero": FREE, "negative": FREE, "empty": FREE}),
    Field("*/content/text/citations/*", ("message.citations",)),
    Field(
        "*/content/thinking/thinking", ("thinking.text",), {"empty": "thinking is empty where its display is omitted"}
    ),
    Field("*/content/thinking/signature", ("thinking.signature", "thinking.signature-filled")),
    Field("*/content/tool_use/id", ("tools.id",)),
    Field("*/content/tool_use/name", ("tools.name", "tools.name-declared")),
    Field("*/content/tool_use/input", ("tools.input", "tools.input-schema"), notes=("empty",)),
    Field("*/content/server_tool_use/input", ("message.block-fields",), {"empty": FREE}),
    Field("*/content/*/*/*"),
    Field("*/content/*/type", ("message.block",)),
    *(
        Field(f"*/content/{kind}/*", ("message.block-fields",))
        for kind in ("redacted_thinking", "*_tool_*", "server_*")
    ),
    *(Field(f"*/content/{kind}/*") for kind in ("text", "thinking", "tool_use", "hologram")),
    Field("*/content/*", ("message.block",)),
)
_COUNTERS = ("usage.counters", "usage.cache-creation-sum", "usage.thinking-within-output", "parity.input-tokens")
_USAGE = (
    Field("message_delta/usage/output_tokens", ("usage.output-tokens",), skips=("zero",)),
    Field(
        "message_delta/usage/*_tokens",
        ("usage.input-tokens", "usage.counters"),
        {"missing": OPTIONAL, "null": OPTIONAL},
        skips=("zero",),
    ),
    Field("*/usage/input_tokens", ("usage.input-tokens",), skips=("zero",)),
    Field("*/usage/output_tokens", ("usage.output-tokens",), skips=("zero",)),
    _optional("*/usage/cache_creation", *_COUNTERS, empty=OPTIONAL),
    _optional("*/usage/cache_creation/*", *_COUNTERS),
    _optional("*/usage/server_tool_use", *_COUNTERS, empty=OPTIONAL),
    _optional("*/usage/server_tool_use/*", *_COUNTERS, zero=FREE),
    _optional("*/usage/output_tokens_details", *_COUNTERS, empty=OPTIONAL),
    _optional("*/usage/output_tokens_details/*", *_COUNTERS, zero=FREE),
    _optional("*/usage/service_tier", "usage.labels"),
    Field("*/usage/cache_*_input_tokens", _COUNTERS, {"missing": OPTIONAL, "null": OPTIONAL}, skips=("zero",)),
    Field("*/usage", ("usage.object", "usage.input-tokens", "usage.output-tokens")),
)
_ENDING = (
    Field("*/stop_reason", ("message.stop-reason", "message.stop-sequence-agrees")),
    Field("*/stop_sequence", ("message.stop-sequence-present", "message.stop-sequence-agrees")),
    Field("*/stop_details/type", ("message.stop-details",)),
    _optional("*/stop_details/*", "message.stop-details", empty=FREE),
    _optional("*/stop_details", "message.optional-keys", "message.stop-details"),
    _optional("*/container", "message.optional-keys"),
    _optional("*/diagnostics", "message.optional-keys"),
)
_NAMES = (
    Field("*/id", ("message.id",)),
    Field("*/type", ("message.type", "message.object")),
    Field("*/role", ("message.role",)),
    Field("*/model", ("message.model",)),
)

MESSAGE = (
    *_BLOCKS,
    *_USAGE,
    *_ENDING,
    Field("/content", ("message.content", "message.object")),
    *_NAMES,
)
"""The fields of a message in JSON; the first that fits counts."""

_DELTA = ("stream.delta", "stream.delta-payload", "stream.delta-type")
EVENTS = (
    Field("message_start/message/content", ("stream.start-content",)),
    Field("message_start/message/stop_reason", ("stream.start-stop",)),
    Field("message_start/message/stop_sequence", ("stream.start-stop",)),
    Field("message_start/message/usage/output_tokens", ("usage.output-tokens",), {"zero": PLACEHOLDER}),
    *(field for field in (*_USAGE, *_ENDING)),
    *(Field(f"message_start/message/{key}", (f"message.{key}",)) for key in ("id", "type", "role", "model")),
    Field("message_start/message/*"),
    Field("message_start/message", ("stream.start-message",)),
    Field(
        "content_block_start/content_block/text/citations", ("message.citations",), {"missing": LATER, "null": LATER}
    ),
    Field("content_block_start/content_block/text/text", ("stream.text-start",)),
    Field(
        "content_block_start/content_block/thinking/signature",
        ("stream.thinking-start",),
        {"missing": LATER, "null": LATER},
    ),
    Field("content_block_start/content_block/thinking/thinking", ("stream.thinking-start",)),
    Field("content_block_start/content_block/tool_use/id", ("tools.id",)),
    Field("content_block_start/content_block/tool_use/name", ("tools.name",)),
    Field("content_block_start/content_block/tool_use/input", ("stream.tool-start",)),
    Field(
        "content_block_start/content_block/server_tool_use/input",
        ("message.block-fields",),
        dict.fromkeys(("missing", "null", "type", "string"), "its deltas bring the whole input of a server tool"),
    ),
    Field("content_block_start/content_block/*/*/*"),
    Field("content_block_start/content_block/*/type", ("stream.block",)),
    *(
        Field(f"content_block_start/content_block/{kind}/*", ("message.block-fields",))
        for kind in ("redacted_thinking", "*_tool_*", "server_*")
    ),
    Field("content_block_start/content_block/*/*"),
    Field("content_block_start/content_block", ("stream.block",)),
    Field("content_block_delta/delta/citations_delta/citation/cited_text", ("message.citations",)),
    Field(
        "content_block_delta/delta/citations_delta/citation/type",
        ("message.citations",),
        {"empty": "an unknown type of citation: new ones may appear"},
    ),
    Field("content_block_delta/delta/citations_delta/citation/*/*"),
    Field(
        "content_block_delta/delta/citations_delta/citation/*",
        ("message.citations",),
        {"empty": "of a title or url of no words, too, nothing is said"},
        skips=("zero", "negative"),
    ),
    Field("content_block_delta/delta/citations_delta/citation", ("stream.delta-payload", "message.citations")),
    Field("content_block_delta/delta/*/type", _DELTA),
    Field("content_block_delta/delta/text_delta/text", _DELTA, {"empty": FREE}),
    Field("content_block_delta/delta/thinking_delta/thinking", _DELTA, {"empty": FREE}),
    Field("content_block_delta/delta/signature_delta/signature", (*_DELTA, "thinking.signature-filled")),
    Field("content_block_delta/delta/input_json_delta/partial_json", (*_DELTA, "tools.input-json")),
    Field("content_block_delta/delta", _DELTA),
    Field(
        "*/index",
        ("stream.index-integer", "stream.index", "stream.delta-open", "stream.stop-open"),
    ),
    Field("message_delta/delta", ("stream.message-delta", "message.stop-reason", "message.stop-sequence-present")),
    Field("*/type", ("stream.data-type", "stream.ping")),
)
"""The fields of the events of a stream; the first that fits counts."""

COUNT = (Field("/input_tokens", ("count.input-tokens", "count.counted")),)
_MODEL = (
    Field("*/id", ("models.info", "models.list")),
    Field("*/type", ("models.info",)),
    Field("*/display_name", ("models.info",)),
    Field("*/created_at", ("models.info",)),
    _optional("*/max_input_tokens", "models.optional-keys", negative=FREE, zero=FREE),
    _optional("*/max_tokens", "models.optional-keys", negative=FREE, zero=FREE),
    _optional("*/capabilities", "models.optional-keys", empty=FREE),
    _optional("*/lifecycle", "models.optional-keys", empty=FREE),
    _optional("*/line", "models.optional-keys", empty=FREE),
)
MODELS = (
    Field("/data", ("models.list",)),
    Field("/has_more", ("models.list",)),
    Field("/first_id", ("models.list",)),
    Field("/last_id", ("models.list",)),
    Field("/data/model", ("models.info", "models.list")),
    *_MODEL,
)
_WHEN_ENDED = "a null or absent end says no less than the state of the batch"
BATCHES = (
    Field("/data", ("batches.list",)),
    Field("/has_more", ("batches.list",)),
    _optional("/first_id", "batches.list"),
    _optional("/last_id", "batches.list"),
    Field("*/request_counts/*", ("batches.batch",), {"zero": FREE}),
    Field("*/ended_at", ("batches.batch",), {"missing": _WHEN_ENDED}),
    Field("*/results_url", ("batches.batch",), {"missing": _WHEN_ENDED}),
    Field("*", ("batches.batch",)),
)
FILES = (
    Field("/next_page"),
    Field("*/downloadable"),
    _optional("*/expires_at", "files.file"),
    Field("*/size_bytes", ("files.file",), {"zero": FREE}),
    Field("*", ("files.file",)),
)
ENVELOPE = (
    Field("/type", ("error.envelope",)),
    Field("/error", ("error.envelope", "error.type")),
    Field("/error/type", ("error.type",)),
    Field("/error/message", ("error.message",)),
    _optional("/error/details", "error.details", empty=OPTIONAL),
    _optional("/error/details/error_code", "error.details", empty=FREE),
    _optional("/request_id", "error.request-id"),
)


def field_at(fields: tuple[Field, ...], place: str) -> Field | None:
    """The field that a place is, None where nobody says anything of it."""
    return next(_fitting(fields, place), None)


def _fitting(fields: tuple[Field, ...], place: str) -> Iterator[Field]:
    return (field for field in fields if fnmatchcase(place, field.place))
