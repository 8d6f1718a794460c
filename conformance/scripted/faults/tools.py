"""Faults in tool calls."""

import json
import re
from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.faults.fault import Call, Event, FaultGroup, Message

TOOLS = FaultGroup("tools")

SAME_ID = "toolu_01AAAAAAAAAAAAAAAAAAAAAA"
_LONGEST = 1_000
_SHORT = 300
_MANY = 100

Block = dict[str, Any]


def _calls(message: Message, change: Callable[[Block], Block]) -> Message:
    content = [change(block) if block["type"] == "tool_use" else block for block in message["content"]]
    return {**message, "content": content}


def _inputs(events: list[Event], change: Callable[[list[str]], list[Any]]) -> list[Event]:
    """Every call's pieces of JSON, changed; as many or fewer than there were."""
    said: list[Event] = []
    pieces: list[Event] = []
    for event in events:
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            pieces.append(event)
            continue
        if pieces:
            changed = change([piece["delta"]["partial_json"] for piece in pieces])
            said.extend(
                {**pieces[0], "delta": {"type": "input_json_delta", "partial_json": piece}} for piece in changed
            )
            pieces = []
        said.append(event)
    return said


@TOOLS.message("TO01", "tool ids begin with call_ instead of toolu_", needs="tools", strength="note")
def foreign_ids(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "id": block["id"].replace("toolu_", "call_")})


def _by_order(body: dict[str, Any]) -> None:
    """What such a server does when its own ids come back: it takes calls and results by their order."""
    seen = {"tool_use": 0, "tool_result": 0}
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            for kind, key in (("tool_use", "id"), ("tool_result", "tool_use_id")):
                if isinstance(block, dict) and block.get("type") == kind and block.get(key) == SAME_ID:
                    seen[kind] += 1
                    block[key] = f"{SAME_ID}{seen[kind]}"


def _same_id(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "id": SAME_ID})


TOOLS.add(
    "TO02",
    "tool ids repeat, within a message and across turns",
    Hooks(request=on_body(_by_order), message=_same_id),
    needs="tools",
)


def _second_unsent(events: list[Event], _: Call) -> list[Event]:
    starts = (event for event in events if event["type"] == "content_block_start")
    later = [event["index"] for event in starts if event["content_block"]["type"] == "tool_use"][1:]
    return [event for event in events if event.get("index") not in later]


TOOLS.add(
    "ST34",
    "of two tool calls with one id, the second is silently not streamed",
    Hooks(request=on_body(_by_order), message=_same_id, events=_second_unsent),
    needs="parallel",
)


@TOOLS.message("TO04", "the tool's name is empty", needs="tools")
def nameless(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "name": ""})


@TOOLS.message("X-name-small", "a tool's name comes back in small letters", needs="tools")
def name_in_small_letters(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "name": block["name"].lower()})


@TOOLS.message("X-name-of-another-client", "a call of Bash comes under the name bash", needs="tools")
def name_of_another_client(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "name": "bash" if block["name"] == "Bash" else block["name"]})


_KEYS_OF_ANOTHER_CLIENT = {"file_path": "path", "command": "cmd"}


@TOOLS.message("X-keys-of-another-client", "inputs of Bash and Read get another client's keys", needs="tools")
def keys_of_another_client(message: Message, _: Call) -> Message:
    def renamed(block: Block) -> Block:
        if block["name"] not in ("Bash", "Read"):
            return block
        return {
            **block,
            "input": {_KEYS_OF_ANOTHER_CLIENT.get(key, key): block["input"][key] for key in block["input"]},
        }

    return _calls(message, renamed)


@TOOLS.body("X-search-as-function", "the web search of the server is handed to the model as a tool of the client's")
def search_as_function(body: dict[str, Any]) -> None:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and str(tool.get("type")).startswith("web_search_"):
            schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
            name = tool.get("name")
            tool.clear()
            tool.update(name=name, input_schema=schema)


@TOOLS.events("TO06", "partial_json is an object, not a string", needs="stream tools")
def object_delta(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [json.loads("".join(pieces) or "{}")])


@TOOLS.events("TO07", "the pieces of JSON lack the last brace", needs="stream tools arguments")
def brace_missing(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [*pieces[:-1], pieces[-1][:-1]])


@TOOLS.events("TO07-doubled", "the pieces of JSON begin with a doubled brace", needs="stream tools")
def brace_doubled(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: ["{", *pieces] if any(pieces) else ["{}{}"])


@TOOLS.events("TO09", "each partial_json carries all that was said so far", needs="stream tools arguments")
def accumulated(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: ["".join(pieces[: at + 1]) for at in range(len(pieces))])


@TOOLS.message("TO11", "the tool call is printed as text", needs="tools")
def printed(message: Message, _: Call) -> Message:
    if message["stop_reason"] != "tool_use":
        return message

    def text(block: Block) -> Block:
        call = json.dumps({"name": block["name"], "arguments": block["input"]})
        return {"type": "text", "text": f"<tool_call>{call}</tool_call>", "citations": None}

    return {**_calls(message, text), "stop_reason": "end_turn"}


@TOOLS.events("TO12", "arguments outside ASCII are corrupted where they are split", needs="stream tools unicode")
def corrupted(events: list[Event], _: Call) -> list[Event]:
    def damaged(pieces: list[str]) -> list[str]:
        text = "".join(pieces)
        wide = next((character for character in text if not character.isascii()), None)
        return [text.replace(wide, "\ufffd\ufffd", 1)] if wide else pieces

    return _inputs(events, damaged)


@TOOLS.body("TO14", "tool_choice {type: tool} is ignored", needs="tools choice")
def choice_ignored(body: dict[str, Any]) -> None:
    if isinstance(body.get("tool_choice"), dict) and body["tool_choice"].get("type") == "tool":
        del body["tool_choice"]


@TOOLS.body("TO16", "disable_parallel_tool_use is ignored", needs="parallel")
def parallel_anyway(body: dict[str, Any]) -> None:
    if isinstance(body.get("tool_choice"), dict):
        body["tool_choice"].pop("disable_parallel_tool_use", None)


@TOOLS.message("TO17", "text and tool_use come in the other order than in a stream", needs="tools")
def reversed_in_json(message: Message, call: Call) -> Message:
    if message["stop_reason"] != "tool_use":
        return message
    text = {"type": "text", "text": "Calling.", "citations": None}
    calls = message["content"]
    return {**message, "content": [text, *calls] if call.streams else [*calls, text]}


@TOOLS.request("X-forced-choice", "tool_choice any and tool are refused", needs="tools")
def force_refused(call: Call) -> Call:
    choice = call.document.get("tool_choice") if isinstance(call.document, dict) else None
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        raise invalid("tool_choice", "this model cannot be forced to call a tool")
    return call


def _value_faults(name: str, says: str, needs: str = "tools arguments") -> Callable[[Callable[[Any], Any]], None]:
    """The function makes of each value in a call's input, from the inside out, another one."""

    def register(change: Callable[[Any], Any]) -> None:
        def walked(value: Any) -> Any:
            if isinstance(value, dict):
                value = {key: walked(inner) for key, inner in value.items()}
            elif isinstance(value, list):
                value = [walked(inner) for inner in value]
            return change(value)

        def message(message: Message, _: Call) -> Message:
            return _calls(message, lambda block: {**block, "input": walked(block["input"])})

        TOOLS.message(name, says, needs=needs)(message)

    return register


def _string_faults(name: str, says: str) -> Callable[[Callable[[str], Any]], None]:
    """The function makes of each text in a call's input something else."""

    def register(change: Callable[[str], Any]) -> None:
        _value_faults(name, says)(lambda value: change(value) if isinstance(value, str) else value)

    return register


@_value_faults("X-input-null-lost", "keys of a tool's input whose value is null are lost")
def null_lost(value: Any) -> Any:
    return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value


@_value_faults("X-input-empty-lost", "keys of a tool's input whose value is empty, false or 0 are lost")
def empty_lost(value: Any) -> Any:
    return {key: inner for key, inner in value.items() if inner or inner is None} if isinstance(value, dict) else value


@_value_faults("X-input-array-null", "an empty array in a tool's input becomes null")
def array_null(value: Any) -> Any:
    return None if value == [] else value


@_value_faults("X-input-boolean-text", "true and false in a tool's input become texts")
def boolean_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


@_value_faults("X-input-large-number", "integers beyond 2^53 in a tool's input lose their last digits")
def rounded(value: Any) -> Any:
    return int(float(value)) if isinstance(value, int) and abs(value) > 2**53 else value


@_value_faults("X-input-camel", "keys of a tool's input with underscores become camelCase")
def camel(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), key): inner for key, inner in value.items()}


@_value_faults("X-input-small-keys", "keys of a tool's input come in small letters")
def small_keys(value: Any) -> Any:
    return {key.lower(): inner for key, inner in value.items()} if isinstance(value, dict) else value


@_value_faults("X-input-values-once", "values that a list of a tool's input repeats are lost")
def values_once(value: Any) -> Any:
    return [one for at, one in enumerate(value) if one not in value[:at]] if isinstance(value, list) else value


@_string_faults("X-input-number-read", "a text of digits in a tool's input becomes a number")
def number_read(text: str) -> Any:
    return int(text) if re.fullmatch(r"\d{1,15}", text) else text


@_string_faults("X-input-lines-escaped", "a line break in a tool's input arrives as backslash and n")
def lines_escaped(text: str) -> str:
    return text.replace("\n", "\\n")


@_string_faults("X-input-backslashes", "backslashes in a tool's input are doubled")
def backslashes_doubled(text: str) -> str:
    return text.replace("\\", "\\\\")


@_string_faults("X-input-stripped", "texts in a tool's input lose the white space around them")
def input_stripped(text: str) -> str:
    return text.strip()


@_string_faults("X-input-line-blanks", "blanks at the ends of lines are lost from a tool's input")
def input_line_blanks(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


@_string_faults("X-input-html", "angle brackets and ampersands in a tool's input become entities")
def input_entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@_string_faults("X-input-date", "a text in a tool's input that looks like a date gets a time")
def dated(text: str) -> str:
    return f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


@_string_faults("X-input-cut", "texts in a tool's input are cut after 1,000 characters")
def input_cut(text: str) -> str:
    return text[:_LONGEST]


@_string_faults("X-input-cut-short", "texts in a tool's input are cut after 300 characters")
def input_cut_short(text: str) -> str:
    return text[:_SHORT]


@_string_faults("X-input-ascii", "characters outside ASCII in a tool's input become question marks")
def input_ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


@_string_faults("X-input-astral", "characters of four bytes are lost from a tool's input")
def input_astral(text: str) -> str:
    return "".join(character for character in text if ord(character) < 0x10000)


@TOOLS.message("X-input-key-added", "the input of each call has a key more than the model gave", needs="tools")
def key_added(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "input": {**block["input"], "_reason": "asked"}})


@TOOLS.message("X-input-nulls", "keys of a tool that a call leaves out come as null", needs="tools")
def nulls_added(message: Message, call: Call) -> Message:
    schemas = {tool.get("name"): tool.get("input_schema") or {} for tool in call.document.get("tools") or []}

    def filled(block: Block) -> Block:
        keys = schemas.get(block["name"], {}).get("properties") or {}
        return {**block, "input": {**dict.fromkeys(keys), **block["input"]}}

    return _calls(message, filled)


@TOOLS.message("X-third-call-lost", "of several calls in one answer only two arrive", needs="parallel")
def third_call_lost(message: Message, _: Call) -> Message:
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    return {**message, "content": [block for block in message["content"] if block not in calls[2:]]}


@TOOLS.events("X-input-delta-lost", "one input_json_delta inside a long text is lost", needs="stream tools long")
def input_delta_lost(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [*pieces[:9], *pieces[10:]] if len(pieces) > 11 else pieces)


@TOOLS.events("X-input-delta-doubled", "one input_json_delta inside a long text comes twice", needs="stream tools long")
def input_delta_doubled(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [*pieces[:60], *pieces[59:]] if len(pieces) > _MANY else pieces)


@TOOLS.events("X-input-null-first", "the first partial_json of a call is null", needs="stream tools")
def input_null_first(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [None, *pieces])


@TOOLS.events("X-input-repeated", "the input of a call stands in its start and in deltas", needs="stream tools")
def input_repeated(events: list[Event], _: Call) -> list[Event]:
    given: dict[int, str] = {}
    for event in events:
        if event.get("delta", {}).get("type") == "input_json_delta":
            given[event["index"]] = given.get(event["index"], "") + event["delta"]["partial_json"]

    def filled(event: Event) -> Event:
        whole = given.get(event["index"], "") if event["type"] == "content_block_start" else ""
        return {**event, "content_block": {**event["content_block"], "input": json.loads(whole)}} if whole else event

    return [filled(event) for event in events]


@TOOLS.message("X-calls-doubled", "each call comes twice, with an id of its own", needs="tools", strength="note")
def calls_doubled(message: Message, _: Call) -> Message:
    again = [{**block, "id": f"{block['id']}b"} for block in message["content"] if block["type"] == "tool_use"]
    return {**message, "content": [*message["content"], *again]}


@TOOLS.message("X-server-call-unasked", "texts come behind a server_tool_use, though the request offers no server tool")
def server_call_unasked(message: Message, call: Call) -> Message:
    offered = any(tool.get("type") for tool in call.document.get("tools") or [])
    if offered or not any(block.get("text") for block in message["content"]):
        return message
    search = {"type": "server_tool_use", "id": fresh("srvtoolu"), "name": "web_search", "input": {"query": "this"}}
    return {**message, "content": [search, *message["content"]]}
