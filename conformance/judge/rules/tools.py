"""Rules about tool calls: their ids, names and inputs, and the stop_reason that goes with them."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from conformance.catalog.json_schema import SchemaError, validator
from conformance.catalog.pattern import linear
from conformance.judge.answer import Answer
from conformance.judge.block import CUT_SHORT
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import FILLED, OBJECT, expect, first_fault, fitting, unlike
from conformance.judge.rules.rule import SDK_BLOCKS, SERVER_TOOLS, STOP_REASONS, STREAMING, TOOL_USE, Found, rule
from conformance.judge.wire import decode, defect_of, shown

_ID = fitting("toolu_...", linear(r"toolu_[a-zA-Z0-9_-]+").fullmatch)
_AS_TEXT = linear(
    r"<tool_call>|<function=|<\|python_tag\|>|\[TOOL_CALLS\]|<tool_use>|<function_calls>|<invoke name=|<\|tool_call"
    r"|\"(name|function|tool)\"\s*:\s*(\{\s*\"name\"\s*:\s*)?\"([\w.-]+)\""
)
_RUN_BY_THE_SERVER = ("advisor_", "code_execution_", "tool_search_tool_", "web_fetch_", "web_search_")
"""How the types of server tools begin, a date behind each."""
_NAME = 3
"""The group of the name that is called."""
MOST_MARKS = 1000
"""Places of one text that are looked at."""


def _declared(answer: Answer) -> list[dict[str, Any]] | None:
    """The tools of the request; None where they are not known, as of the messages of a batch."""
    if answer.request is None:
        return None
    tools = answer.request.get("tools", [])
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else None


def _names_its_own(answer: Answer) -> bool:
    """Whether a name that no tool has may be the model's: there are tools, and it may choose what to do."""
    choice = (answer.request or {}).get("tool_choice")
    forced = isinstance(choice, dict) and choice.get("type") in ("any", "tool")
    return bool(_declared(answer)) and not forced


def _text_of(answer: Answer, key: str) -> Found:
    calls = answer.blocks_by_type["tool_use"]
    return first_fault(expect(call, key, at, FILLED) for at, call in calls) if calls else None


@rule(
    "tools.id",
    row="response.tool_use.id",
    law="A tool_use has an id, a non-empty string.",
    source=SDK_BLOCKS,
    leniency="Of any form: `call_abc.1` and UUIDs pass.",
)
def tool_id(answer: Answer) -> Found:
    return _text_of(answer, "id")


@rule("tools.name", row="response.tool_use.name", law="A tool_use has a name, a non-empty string.", source=SDK_BLOCKS)
def tool_name(answer: Answer) -> Found:
    return _text_of(answer, "name")


def _ids(answer: Answer) -> list[tuple[str, str]]:
    return [
        (at, call["id"])
        for at, call in answer.blocks_by_type["tool_use"]
        if call.get("id") and isinstance(call["id"], str)
    ]


@rule(
    "tools.id-unique",
    row="response.tool_use.id",
    law="No two tool_use blocks of a message share an id.",
    source=TOOL_USE,
)
def id_unique(answer: Answer) -> Found:
    ids = _ids(answer)
    seen: set[str] = set()
    for at, one in ids:
        if one in seen:
            return [Violation(f"{at}/id", "an id of its own", one, "repeated")]
        seen.add(one)
    return [] if len(ids) > 1 else None


@rule(
    "tools.id-fresh",
    row="response.tool_use.id",
    law="A tool_use has an id that no earlier turn of the conversation used.",
    source=TOOL_USE,
)
def id_fresh(answer: Answer) -> Found:
    used = _used_ids(answer)
    ids = _ids(answer)
    if not used or not ids:
        return None
    stale = [Violation(f"{at}/id", "an id of its own", one, "of-an-earlier-turn") for at, one in ids if one in used]
    return stale[:1]


def _used_ids(answer: Answer) -> set[str]:
    messages = (answer.request or {}).get("messages")
    turns = [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    blocks = [block for turn in turns if isinstance(turn.get("content"), list) for block in turn["content"]]
    calls = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use"]
    return {call["id"] for call in calls if isinstance(call.get("id"), str)}


@rule(
    "tools.id-form",
    row="response.tool_use.id",
    law="A tool_use id has the form toolu_..., of letters, digits, underscore and hyphen.",
    source=TOOL_USE,
    level="may",
    leniency="A note: clients send it back as it is, whatever its form.",
)
def id_form(answer: Answer) -> Found:
    ids = _ids(answer)
    return first_fault(unlike(one, f"{at}/id", _ID) for at, one in ids) if ids else None


@rule(
    "tools.name-declared",
    row="response.tool_use.name",
    law="A tool_use names a tool that the request declares.",
    source=TOOL_USE,
    leniency="Where the model chooses, a name of its own may be the model's; that no client is asked to run a server "
    "tool is a question of its own. Not asked where a toolset or an MCP server declares tools by other names than its "
    "own.",
)
def name_declared(answer: Answer) -> Found:
    if _names_its_own(answer):
        return None
    calls = [(at, call["name"]) for at, call in answer.blocks_by_type["tool_use"] if call.get("name")]
    tools = _declared(answer)
    if not calls or tools is None or any(not isinstance(tool.get("name"), str) for tool in tools):
        return None
    names = [tool["name"] for tool in tools if not _is_server_tool(tool)]
    foreign = [Violation(f"{at}/name", names, name, "undeclared") for at, name in calls if name not in names]
    return foreign[:1]


def _is_server_tool(tool: dict[str, Any]) -> bool:
    """Whether a tool is run by the server, which answers its calls itself."""
    kind = tool.get("type")
    return isinstance(kind, str) and kind.startswith(_RUN_BY_THE_SERVER)


@rule(
    "tools.server-call-asked",
    row="response.block.server_tool_use",
    law="A server_tool_use comes only where the request offers a tool that the server runs.",
    source=SERVER_TOOLS,
    leniency="Not asked where any tool has a type, or the request names MCP servers or a container.",
)
def server_call_asked(answer: Answer) -> Found:
    tools = _declared(answer)
    asked = (answer.request or {}).keys() & {"mcp_servers", "container"}
    if tools is None or asked or any(tool.get("type") not in (None, "custom") for tool in tools):
        return None
    calls = answer.blocks_by_type["server_tool_use"]  # that none came shows nothing of the row
    return [Violation(at, "no call of a server tool", call.get("name"), "unasked") for at, call in calls[:1]] or None


@rule(
    "tools.input",
    row="response.tool_use.input",
    law="The input of a tool_use is an object, {} where the tool takes nothing.",
    source=SDK_BLOCKS,
    on=("message",),
)
def tool_input(answer: Answer) -> Found:
    calls = answer.blocks_by_type["tool_use"]
    return first_fault(expect(call, "input", at, OBJECT) for at, call in calls) if calls else None


@rule(
    "tools.input-json",
    row="stream.tool_input",
    law="The partial_json pieces of a tool_use add up to one complete JSON object, or to nothing for {}.",
    source=STREAMING + "#input-json-delta",
    on=("stream",),
    leniency="The last tool_use may be cut short by max_tokens or the context window, and eager_input_streaming "
    "promises no valid JSON. Where a delta was lost, that is said, and not this.",
)
def input_json(answer: Answer) -> Found:
    if not answer.in_events or not answer.stream_result.finished:
        return None
    blocks = answer.stream_result.blocks
    eager = [tool.get("name") for tool in _declared(answer) or [] if tool.get("eager_input_streaming") is True]
    seen = False
    for number, block in enumerate(blocks):
        cut = answer.stop_reason in CUT_SHORT and block is blocks[-1]
        if not block.kind.endswith("tool_use") or block.damaged or cut or block.start.get("name") in eager:
            continue
        seen = True
        text = block.input_json
        given = decode(text) if text.strip() else {}
        if not isinstance(given, dict):
            kind = defect_of(text.encode(errors="replace")) if given is ABSENT else "not-an-object"
            return [Violation(f"/content/{number}/input", "a JSON object", shown(text), kind)]
    return [] if seen else None


def _validator(schema: dict[str, Any]) -> Any:
    try:
        return validator(schema)
    except SchemaError:
        return None


def _schema_says(answer: Answer, *, strict: bool) -> Found:
    tools = {tool.get("name"): tool for tool in _declared(answer) or [] if isinstance(tool.get("input_schema"), dict)}
    cut = answer.stop_reason in CUT_SHORT
    seen = False
    for at, call in answer.blocks_by_type["tool_use"]:
        name, given = call.get("name"), call.get("input")
        tool = tools.get(name) if isinstance(name, str) else None
        if tool is None or (tool.get("strict") is True) is not strict or not isinstance(given, dict) or cut:
            continue
        validator = _validator(tool["input_schema"])
        if validator is None:
            continue
        seen = True
        if not validator.is_valid(given):
            return [Violation(f"{at}/input", shown(tool["input_schema"]), shown(given), "invalid")]
    return [] if seen else None


@rule(
    "tools.input-strict",
    row="response.tool_use.input",
    law="The input of a strict tool is valid under its schema.",
    source=TOOL_USE,
)
def input_strict(answer: Answer) -> Found:
    return _schema_says(answer, strict=True)


@rule(
    "tools.input-schema",
    row="response.tool_use.input",
    law="The input of a tool_use is valid under the tool's schema.",
    source=TOOL_USE,
    level="may",
    leniency="A note unless the tool is strict: a weak model fills a schema wrongly on a correct server.",
)
def input_schema(answer: Answer) -> Found:
    return _schema_says(answer, strict=False)


@rule(
    "tools.reason-given",
    row="response.stop_reason",
    law="A message that calls a tool does not end with end_turn or stop_sequence.",
    source=STOP_REASONS,
    leniency="max_tokens, refusal and the like may end it in the middle.",
)
def reason_given(answer: Answer) -> Found:
    calls, reason = answer.blocks_by_type["tool_use"], answer.stop_reason
    if not calls or reason is None:
        return None
    at = answer.end
    if at is not None and reason in ("end_turn", "stop_sequence"):
        return [Violation(f"{at[0]}/stop_reason", "tool_use", reason, "tool-call")]
    return []


@rule(
    "tools.reason-earned",
    row="response.stop_reason",
    law="A message that ends with tool_use holds a tool_use block.",
    source=STOP_REASONS,
)
def reason_earned(answer: Answer) -> Found:
    if answer.stop_reason != "tool_use":
        return None
    if not answer.in_events and not (answer.is_message and isinstance(answer.message.get("content"), list)):
        return None
    kinds = [one.get("type") for one in answer.blocks]
    return [] if "tool_use" in kinds else [Violation("/content", "a tool_use block", kinds, "no-tool-use")]


@rule(
    "tools.parallel-obeyed",
    row="response.tool_use.parallel",
    law="With disable_parallel_tool_use a message holds at most one tool_use.",
    source=TOOL_USE,
)
def parallel_obeyed(answer: Answer) -> Found:
    choice = (answer.request or {}).get("tool_choice")
    calls = answer.blocks_by_type["tool_use"]
    if not isinstance(choice, dict) or choice.get("disable_parallel_tool_use") is not True or not calls:
        return None
    return [] if len(calls) == 1 else [Violation("/content", "one tool_use", len(calls), "several")]


@rule(
    "tools.none-obeyed",
    row="response.tool_use.none",
    law="With tool_choice none a message holds no tool_use.",
    source=TOOL_USE,
)
def none_obeyed(answer: Answer) -> Found:
    choice = (answer.request or {}).get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") != "none" or answer.stop_reason is None:
        return None
    calls = answer.blocks_by_type["tool_use"]
    return [Violation(calls[0][0], "no tool_use", shown(calls[0][1]), "called")] if calls else []


@rule(
    "tools.not-as-text",
    row="response.tool_use.as_text",
    law="A tool call stands in a tool_use block, and is not printed as text.",
    source=TOOL_USE,
    level="should",
    leniency="A SHOULD, for a model may write what looks like a call; asked only where no tool_use came, the marks are "
    "not in the request and name a declared tool, and the text tells neither a tool's definition nor an earlier call.",
)
def not_as_text(answer: Answer) -> Found:
    names = {tool["name"] for tool in _declared(answer) or [] if isinstance(tool.get("name"), str)}
    choice = (answer.request or {}).get("tool_choice")
    forbidden = isinstance(choice, dict) and choice.get("type") == "none"
    if not names or forbidden or answer.stop_reason is None or answer.blocks_by_type["tool_use"]:
        return None
    text = answer.text
    marks = [
        mark for mark in islice(_AS_TEXT.finditer(text), MOST_MARKS) if mark[_NAME] in names or mark[_NAME] is None
    ]
    if not marks:
        return []
    sent = _bare(answer.exchange.request.body.decode(errors="replace"))
    foreign = [mark for mark in marks if _bare(text[mark.start() : mark.end() + 40]) not in sent]
    if not foreign or not any(name in text for name in names):
        return []
    # behind a gateway the suite has the model tell what it received: its tools and earlier calls, in other words, and
    # with their keys in any order
    told = _bare(text)
    if any(known in told for known in _known(answer)):
        return []
    return [Violation("/content/0", "a tool_use block", shown(text[foreign[0].start() :]), "printed")]


def _known(answer: Answer) -> Iterator[str]:
    """What the request itself says, bare: descriptions and schemas of its tools, inputs and ids of earlier calls."""
    for tool in _declared(answer) or []:
        yield from (_bare_json(tool[key]) for key in ("description", "input_schema") if tool.get(key))
    for message in (answer.request or {}).get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "tool_use":
                if block.get("input"):
                    yield _bare_json(block["input"])
                if isinstance(block.get("id"), str) and block["id"]:  # its input may have been lost on the way
                    yield _bare(block["id"])


def _bare_json(value: object) -> str:
    return _bare(json.dumps(value, ensure_ascii=False))


_BLANKS = dict.fromkeys([ord("\\"), *(code for code in range(0x3001) if chr(code).isspace())])
_ESCAPED_BLANK = linear(r"\\+[nrt]")
"""A line feed, return or tab as JSON spells it, once or again inside a text that is JSON itself."""


def _bare(text: str) -> str:
    """A text without white space and escapes, to find it again inside a JSON string."""
    return str(_ESCAPED_BLANK.sub("", text)).translate(_BLANKS)
