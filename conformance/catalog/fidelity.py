"""The family `fidelity`, made from a table: each kind of thing, in each place, in both directions.

The table is `cases/fixtures/fidelity/specimens.yaml`. `python -m conformance.cli.generate` writes the cases and rows
that are made from it, so that what is asked can be read and hashed like any other case.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from conformance.catalog.case_yaml import Json, yaml_file

TABLE = Path("fixtures", "fidelity", "specimens.yaml")
CASES = Path("fidelity", "to-the-letter.yaml")
ROWS = Path("surface", "fidelity.yaml")

TEXT = "https://platform.claude.com/docs/en/api/messages#text_block"
CALL = (
    "https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls#handling-results-from-client-tools"
)
THOUGHT = "https://platform.claude.com/docs/en/build-with-claude/extended-thinking#how-to-use-extended-thinking"
GIVEN = "https://platform.claude.com/docs/en/api/messages/create#create.messages"
UPSTREAM = "https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages"

PLACES = ("system", "description", "property", "question", "said", "result")
"""Where a text stands in a request that goes upstream; a call's input has its own form there."""
UPWARD = frozenset({"order"})
"""Kinds that are asked of requests alone: the order of keys means nothing in JSON, but much to an upstream's cache."""
ESCAPED = ("system", "description", "schema", "question", "said", "result", "input")
"""The places for each of which a fault escapes what stands there."""
_LOOKUP = {"$use": "tools/lookup"}
_RECORD = {"name": "record", "description": "Records something.", "input_schema": {"type": "object", "properties": {}}}
_GIVE_BACK = "\nPace: 0 ms.\nReply with only the request you received at ."
_ARGUMENTS = "parse_json(to_string(parse_json(text).messages[].tool_calls[] | [0].function.arguments))"
_OTHERWISE = "told otherwise"
"""What an effect reads in place of arguments where the call goes up in another form: `upstream.request.tool-ids` asks
about that, and its letters could stand in any spelling."""
_SCHEMA = "parse_json(text).tools[0].function.parameters.properties.item.enum | [0]"


class Specimen(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind: `text` stands between two nonces, `whole` alone; `word` can be a secret word; `value` is an input."""

    title: str
    consequence: str
    text: str | None = None
    whole: str | None = None
    word: str | None = None
    value: Json | None = None

    def said(self, place: str = "") -> str:
        """The text as it stands at a place, which it names."""
        if self.whole is not None:
            return self.whole.replace("{nonce}", f"{place}-{{nonce}}") if place else self.whole
        return f"{place}{' ' if place else ''}{{nonce}} {self.text} {{nonce}}"

    @property
    def input(self) -> Json:
        """The input of a call that holds it."""
        return {"text": self.said()} if self.value is None else {"word": "{nonce}", **self.value}


def files(cases: Path) -> dict[Path, str]:
    """The generated files of a folder of cases, with their texts."""
    table = msgspec.yaml.decode((cases / TABLE).read_bytes(), type=dict[str, Specimen])
    every = [case for kind, specimen in table.items() for case in _cases(kind, specimen)]
    rows = [row for kind, specimen in table.items() for row in _rows(kind, specimen)]
    about = "What is said arrives to the letter, whatever it holds, from the model and at the model."
    head = {"family": "fidelity", "about": about}
    return {
        cases / CASES: yaml_file("case", head, "cases", every, TABLE.as_posix()),
        cases / ROWS: yaml_file("surface", {}, "rows", rows, TABLE.as_posix()),
    }


def _rows(kind: str, specimen: Specimen) -> Iterator[Json]:
    for direction, way, source in (
        ("answer", "from the model to the client", TEXT),
        ("request", "from the client to the model", GIVEN),
    ):
        if direction == "answer" and kind in UPWARD:
            continue
        yield {
            "id": f"fidelity.{direction}.{kind.replace('-', '_')}",
            "title": f"{specimen.title}, {way}",
            "tier": "feature",
            "weight": "should",
            "why": "Code and data mean what they say to the letter.",
            "consequence": specimen.consequence,
            "source": [source],
        }


def _cases(kind: str, specimen: Specimen) -> Iterator[Json]:
    if kind not in UPWARD:
        yield _answered(kind, specimen)
    if specimen.value is None:
        yield _thought(kind, specimen)
        yield _read(kind, specimen)
    elif kind not in UPWARD:
        yield _in_schema(kind, specimen)
    yield _upstream(kind, specimen)


def _case(name: str, direction: str, kind: str, title: str, needs: list[str], url: str, says: str) -> Json:
    return {
        "id": f"fidelity.{direction}.{name}",
        "title": title,
        "surface": f"fidelity.{direction}.{kind.replace('-', '_')}",
        "level": "should",
        "kind": "invariant",
        "needs": needs,
        "spec": {"url": url, "says": says},
    }


def _answered(kind: str, specimen: Specimen) -> Json:
    """What the model says: as a text, where it is one, and as the input of a call."""
    call: Json = {
        "max_tokens": 1024,
        "tools": [_RECORD],
        "messages": [_user(f"Call the tool record with this input: {_json(specimen.input)}")],
    }
    of_call = "message.content[?type=='tool_use'].input | [0]"
    word = "text" if specimen.value is None else "word"
    called = [{"at": f"{of_call}.{word}", "contains": "{nonce}"}]
    case = _case(
        kind, "answer", kind, f"{specimen.title}: as a call's input they reach the client as they are",
        ["verbatim", "tools"], CALL, "The input of a call is what the model gave, in its values and in every text.",
    )  # fmt: skip
    if specimen.value is not None:
        effect = [{"at": of_call, "equals": specimen.input}]
        return case | {"ask": {"body": call}, "premise": called, "effect": effect, "faults": [f"X-answer-{kind}"]}
    case["title"] = f"{specimen.title}: as a text and as a call's input they reach the client to the letter"
    text = {"max_tokens": 1024, "messages": [_user(f"Reply with exactly: {specimen.said()}")]}
    return case | {
        "steps": [
            {"name": "text", "ask": {"body": text}, "premise": [{"at": "text", "contains": "{nonce}"}]},
            {"name": "call", "ask": {"body": call}},
        ],
        "premise": called,
        "effect": [
            {"at": "steps.text.text", "equals": specimen.said()},
            {"at": f"{of_call}.text", "equals": specimen.said()},
        ],
        "faults": [f"X-answer-{kind}"],
    }


def _thought(kind: str, specimen: Specimen) -> Json:
    """What the model thinks."""
    body = {
        "max_tokens": 2048,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [_user(f"Think {_json(specimen.said())}, then reply with exactly: {{nonce}}")],
    }
    place = "join('', message.content[?type=='thinking'].thinking)"
    case = _case(
        f"{kind}-thought", "answer", kind, f"{specimen.title}: as a thought they reach the client to the letter",
        ["verbatim", "thinking"], THOUGHT, "A thinking block holds what the model thought.",
    )  # fmt: skip
    return case | {
        "ask": {"body": body},
        "premise": [{"at": "text", "contains": "{nonce}"}, {"at": place, "contains": "{nonce}"}],
        "effect": [{"at": place, "equals": specimen.said()}],
        "faults": [f"X-answer-{kind}"],
    }


def _read(kind: str, specimen: Specimen) -> Json:
    """What the model reads, as it says it again: a tool's result, and a secret word in each place of a request."""
    question = "Reply with only the secret word."
    result: Json = {
        "tools": [_LOOKUP],
        "messages": _loop(specimen.said(), "Reply with only the text of the last tool result."),
    }
    asks: list[tuple[str, Json, str]] = [("result", result, specimen.said())]
    if specimen.word is not None:
        secret = f"{{nonce}}{specimen.word}"
        sentence = f"The secret word is {secret}."
        tool = {**_RECORD, "description": sentence}
        asks += [
            ("system", {"system": sentence, "messages": [_user(question)]}, secret),
            ("description", {"tools": [tool], "messages": [_user(question)]}, secret),
            ("said", {"messages": [_user("Hello."), _assistant(sentence), _user(question)]}, secret),
        ]
    case = _case(
        kind, "request", kind, f"{specimen.title}: the model is given them to the letter",
        ["verbatim", "tools"], GIVEN, "What a request holds is given to the model as it is.",
    )  # fmt: skip
    said = [{"at": "text", "matches": "{nonce}|^unknown$", "why": "The model that finds no secret word says unknown."}]
    return case | {
        "modes": ["json"],
        "control": "tools.loop.result-plain",
        "steps": [
            {"name": name, "ask": {"body": {"max_tokens": 1024, **body}}, **({"premise": said} if at else {})}
            for at, (name, body, _) in zip(range(len(asks) - 1, -1, -1), asks, strict=True)
        ],
        "premise": said,
        "effect": [{"at": f"steps.{name}.text", "equals": wanted} for name, _, wanted in asks],
        "faults": [f"X-request-{kind}"],
    }


def _in_schema(kind: str, specimen: Specimen) -> Json:
    """What the model is given in a schema, as the only input that it allows."""
    allowed = {"word": {"enum": ["{nonce}"]}, "item": {"enum": [specimen.value]}}
    schema = {"type": "object", "properties": allowed, "required": ["word", "item"], "additionalProperties": False}
    case = _case(
        kind, "request", kind, f"{specimen.title}: the model is given them in a schema as they are",
        ["verbatim", "tools", "forced-tools"], GIVEN, "The input_schema of a tool is given to the model as it is.",
    )  # fmt: skip
    of_call = "message.content[?type=='tool_use'].input | [0]"
    return case | {
        "control": f"fidelity.answer.{kind}",
        "ask": {
            "body": {
                "max_tokens": 1024,
                "tools": [{**_RECORD, "input_schema": schema}],
                "tool_choice": {"type": "tool", "name": "record"},
                "messages": [_user("Reply with exactly: {nonce}")],
            }
        },
        "premise": [{"at": f"{of_call}.word", "equals": "{nonce}"}],
        "effect": [{"at": f"{of_call}.item", "equals": specimen.value}],
        "faults": [f"X-schema-{kind}"],
    }


def _upstream(kind: str, specimen: Specimen) -> Json:
    """What reaches the model behind a gateway, in every place of the request."""
    case = _case(
        f"{kind}-upstream", "request", kind, f"{specimen.title}: the model behind a gateway is given them as they are",
        ["controlled-upstream", "tools"], UPSTREAM, "Texts, arguments and schemas are the same there.",
    )  # fmt: skip
    control = "messages.text" if kind in UPWARD else f"fidelity.answer.{kind}"
    case |= {"control": control, "premise": [{"at": "text", "contains": "{nonce}"}]}
    if specimen.value is not None:
        schema = {"type": "object", "properties": {"item": {"description": "{nonce}", "enum": [specimen.value]}}}
        tool = {"name": "lookup", "description": "Looks something up.", "input_schema": schema}
        messages = _loop("42", _GIVE_BACK, given=specimen.input)
        effect = [_argued("", specimen.input), {"at": _SCHEMA, "equals": specimen.value}]
        if kind == "order":
            order = _in_order(specimen.value)
            effect = [
                {"at": f"to_string({_ARGUMENTS})", "matches": f"^null$|{order}"},
                {"at": f"to_string({_SCHEMA})", "matches": order},
            ]
        body = {"max_tokens": 4096, "tools": [tool], "messages": messages}
        return case | {"ask": {"body": body}, "effect": effect, "faults": [f"X-request-{kind}"]}
    said = {place: specimen.said(place) for place in PLACES}
    schema = {"type": "object", "properties": {"key": {"type": "string", "description": said["property"]}}}
    body = {
        "max_tokens": 4096,
        "system": said["system"],
        "tools": [{"name": "lookup", "description": said["description"], "input_schema": schema}],
        "messages": _loop(said["result"], _GIVE_BACK, said["question"], said["said"], {"key": specimen.said("input")}),
    }
    return case | {
        "ask": {"body": body},
        "effect": [
            *({"at": "text", "contains": _json(said[place])[1:-1]} for place in PLACES),
            _argued(".key", specimen.said("input")),
        ],
        "faults": [f"X-request-{kind}", *(f"X-escaped-{place}" for place in ESCAPED if kind == "markup")],
    }


def _argued(key: str, value: Any) -> Json:
    """The effect that the arguments of the earlier call, or one key of them, have a value."""
    return {"at": f"not_null({_ARGUMENTS}{key}, '{_OTHERWISE}')", "in": [value, _OTHERWISE]}


def _loop(
    result: str, question: str, asked: str = "Look it up.", said: str = "I will look it up.", given: Json | None = None
) -> list[Json]:
    """A call with its result, and a question after it."""
    call = {"type": "tool_use", "id": "toolu_01letter", "name": "lookup", "input": given or {"key": "word"}}
    return [
        _user(asked),
        {"role": "assistant", "content": [{"type": "text", "text": said}, call]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01letter", "content": result},
                {"type": "text", "text": "\n" + question.removeprefix("\n")},
            ],
        },
    ]


def _user(text: str) -> Json:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}


def _in_order(value: Json) -> str:
    """A pattern of the keys, however deep, in their order."""
    return ".*".join(re.escape(f'"{key}"') for key in _keys(value))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
