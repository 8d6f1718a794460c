"""Rules about the message itself: its keys, and that it is one."""

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import (
    ARRAY,
    FILLED,
    OBJECT,
    Form,
    constant,
    expect,
    expect_all,
    first_fault,
    fitting,
    optional,
)
from conformance.judge.rules.rule import MESSAGE, SDK_MESSAGE, Found, rule
from conformance.judge.wire import is_too_deep, looks_of, shown

USAGE_KEYS = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "output_tokens_details",
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "server_tool_use",
        "service_tier",
        "inference_geo",
        "speed",
        "iterations",
        "fallback_credit",
    }
)
"""The keys of a usage, those of beta features included."""
MESSAGE_KEYS = frozenset(
    {
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "stop_details",
        "usage",
        "container",
        "diagnostics",
        "context_management",
        "thread",
        "input_transformations",
    }
)


@rule(
    "message.object",
    row="response.json",
    law="The body of an answer is one JSON object, and it is a message.",
    source=MESSAGE,
    on=("message",),
)
def message_object(answer: Answer) -> Found:
    if answer.exchange.outcome != "complete":
        return None
    if answer.json is ABSENT:
        body = answer.exchange.body
        return [Violation("", "JSON", looks_of(body), "too-deep" if is_too_deep(body) else "not-json")]
    if not isinstance(answer.json, dict):
        return [Violation("", "a JSON object", looks_of(answer.exchange.body), "not-an-object")]
    if "error" in answer.json and "content" not in answer.json:
        return None
    return [] if answer.is_message else [Violation("", "a message", shown(answer.json), "not-a-message")]


_TYPE, _ROLE = constant("message"), constant("assistant")


def _of_form(answer: Answer, key: str, form: Form) -> Found:
    """What is wrong with a key of the message that names itself."""
    given = answer.head
    if given is None:
        return None
    at, message = given
    return expect(message, key, at, form)


@rule("message.id", row="response.id", law="A message has an id, a non-empty string.", source=SDK_MESSAGE)
def message_id(answer: Answer) -> Found:
    return _of_form(answer, "id", FILLED)


@rule("message.type", row="response.type", law='type is "message".', source=SDK_MESSAGE)
def message_type(answer: Answer) -> Found:
    return _of_form(answer, "type", _TYPE)


@rule("message.role", row="response.role", law='role is "assistant".', source=SDK_MESSAGE)
def message_role(answer: Answer) -> Found:
    return _of_form(answer, "role", _ROLE)


@rule("message.model", row="response.model", law="model is a non-empty string.", source=SDK_MESSAGE)
def message_model(answer: Answer) -> Found:
    return _of_form(answer, "model", FILLED)


@rule(
    "message.content",
    row="response.content",
    law="content is an array; an empty one, not null, when there is nothing to say.",
    source=SDK_MESSAGE,
    on=("message",),
)
def content(answer: Answer) -> Found:
    return expect(answer.message, "content", "", ARRAY) if answer.is_message else None


_NULLABLE = dict.fromkeys(("stop_details", "container", "diagnostics", "context_management"), optional(OBJECT))


@rule(
    "message.optional-keys",
    row="response.optional",
    law="stop_details, container, diagnostics and context_management are null or objects where they are given.",
    source=SDK_MESSAGE,
    leniency="They may be left out.",
)
def optional_keys(answer: Answer) -> Found:
    given = [found for found in (answer.head, answer.end) if found is not None]
    return first_fault(expect_all(holder, at, _NULLABLE) for at, holder in given) if given else None


_ID = fitting("msg_...", lambda given: given.startswith("msg_"))


@rule(
    "message.id-form",
    row="response.id",
    law="A message id begins with msg_.",
    source=MESSAGE,
    level="may",
    leniency="A note: the form is the vendor's habit, and is not promised.",
)
def id_form(answer: Answer) -> Found:
    given = answer.head
    if given is None or not isinstance(given[1].get("id"), str) or not given[1]["id"]:
        return None
    return expect(given[1], "id", given[0], _ID)


@rule(
    "message.model-echo",
    row="response.model",
    law="model is the one that was asked for.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: an alias may be answered with the name that it stands for.",
)
def model_echo(answer: Answer) -> Found:
    given, asked = answer.head, (answer.request or {}).get("model")
    if given is None or not isinstance(asked, str) or not isinstance(given[1].get("model"), str):
        return None
    return expect(given[1], "model", given[0], constant(asked))


@rule(
    "message.known-keys",
    row="response.extra",
    law="A message and its usage have only documented keys.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: clients skip what they do not know.",
)
def known_keys(answer: Answer) -> Found:
    given = answer.head
    if given is None:
        return None
    at, message = given
    usage = message.get("usage")
    extra = sorted(message.keys() - MESSAGE_KEYS)
    extra += [f"usage.{key}" for key in sorted(usage.keys() - USAGE_KEYS)] if isinstance(usage, dict) else []
    return [Violation(at, "documented keys", extra, "extra")] if extra else []
