"""Laws of the message itself: its keys, and that it is one."""

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.rule import MESSAGES, SDK_MESSAGE, Found, ending, head, is_message, rule
from conformance.judge.wire import looks_of, shown, slug

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
    source=MESSAGES,
    on=("message",),
)
def message_object(answer: Answer) -> Found:
    if answer.exchange.outcome != "complete":
        return None
    if answer.json is ABSENT:
        return [Violation("", "JSON", looks_of(answer.exchange.body), "not-json")]
    if not isinstance(answer.json, dict):
        return [Violation("", "a JSON object", looks_of(answer.exchange.body), "not-an-object")]
    if "error" in answer.json and "content" not in answer.json:
        return None
    return [] if is_message(answer) else [Violation("", "a message", shown(answer.json), "not-a-message")]


def _string(answer: Answer, key: str) -> Found:
    given = head(answer)
    if given is None:
        return None
    at, message = given
    value = message.get(key, ABSENT)
    if isinstance(value, str) and value:
        return []
    return [Violation(f"{at}/{key}", "a non-empty string", value, slug(value, "empty" if value == "" else "type"))]


def _constant(answer: Answer, key: str, wanted: str) -> Found:
    given = head(answer)
    if given is None:
        return None
    at, message = given
    value = message.get(key, ABSENT)
    return [] if value == wanted else [Violation(f"{at}/{key}", wanted, shown(value), slug(value, "other"))]


@rule("message.id", row="response.id", law="A message has an id, a non-empty string.", source=SDK_MESSAGE)
def message_id(answer: Answer) -> Found:
    return _string(answer, "id")


@rule("message.type", row="response.type", law='type is "message".', source=SDK_MESSAGE)
def message_type(answer: Answer) -> Found:
    return _constant(answer, "type", "message")


@rule("message.role", row="response.role", law='role is "assistant".', source=SDK_MESSAGE)
def message_role(answer: Answer) -> Found:
    return _constant(answer, "role", "assistant")


@rule("message.model", row="response.model", law="model is a non-empty string.", source=SDK_MESSAGE)
def message_model(answer: Answer) -> Found:
    return _string(answer, "model")


@rule(
    "message.content",
    row="response.content",
    law="content is an array; an empty one, not null, when there is nothing to say.",
    source=SDK_MESSAGE,
    on=("message",),
)
def content(answer: Answer) -> Found:
    if not is_message(answer):
        return None
    given = answer.message.get("content", ABSENT)
    return [] if isinstance(given, list) else [Violation("/content", "an array", shown(given), slug(given, "type"))]


_NULLABLE = ("stop_details", "container", "diagnostics", "context_management")


@rule(
    "message.optional-keys",
    row="response.optional",
    law="stop_details, container, diagnostics and context_management are null or objects where they are given.",
    source=SDK_MESSAGE,
    leniency="They may be left out.",
)
def optional_keys(answer: Answer) -> Found:
    given = [found for found in (head(answer), ending(answer)) if found is not None]
    for at, holder in given:
        for key in _NULLABLE:
            value = holder.get(key)
            if value is not None and not isinstance(value, dict):
                return [Violation(f"{at}/{key}", "an object or null", shown(value), "type")]
    return [] if given else None


@rule(
    "message.id-form",
    row="response.id",
    law="A message id begins with msg_.",
    source=MESSAGES,
    level="may",
    leniency="A note: the form is the vendor's habit, and is not promised.",
)
def id_form(answer: Answer) -> Found:
    given = head(answer)
    if given is None or not isinstance(given[1].get("id"), str) or not given[1]["id"]:
        return None
    value = given[1]["id"]
    return [] if value.startswith("msg_") else [Violation(f"{given[0]}/id", "msg_...", value, "form")]


@rule(
    "message.model-echo",
    row="response.model",
    law="model is the one that was asked for.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: an alias may be answered with the name that it stands for.",
)
def model_echo(answer: Answer) -> Found:
    given, asked = head(answer), (answer.request or {}).get("model")
    if given is None or not isinstance(asked, str) or not isinstance(given[1].get("model"), str):
        return None
    value = given[1]["model"]
    return [] if value == asked else [Violation(f"{given[0]}/model", asked, value, "other")]


@rule(
    "message.known-keys",
    row="response.extra",
    law="A message has only documented keys.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: clients skip what they do not know.",
)
def known_keys(answer: Answer) -> Found:
    given = head(answer)
    if given is None:
        return None
    extra = sorted(given[1].keys() - MESSAGE_KEYS)
    return [Violation(given[0], "documented keys", extra, "extra")] if extra else []
