"""Faults in the history: results in several messages, tools that are gone, missing keys, what shows after turns."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from conformance.scripted.anthropic.errors import Refusal, invalid
from conformance.scripted.faults.fault import Call, FaultGroup, Message

HISTORY = FaultGroup("history")

Block = dict[str, Any]

_MOST = 64


def _dicts(value: Any) -> list[Block]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _messages(body: Any) -> list[Block]:
    messages = body.get("messages") if isinstance(body, dict) else None
    return _dicts(messages)


def _blocks(message: Block, *kinds: str) -> list[Block]:
    content = message.get("content")
    return [block for block in _dicts(content) if block.get("type") in kinds]


def _followers(body: Block) -> list[Block]:
    """The user messages that follow a user message with tool results, at once or after others like them."""
    found: list[Block] = []
    results = False
    for message in _messages(body):
        user = message.get("role") == "user"
        if user and results:
            found.append(message)
        results = user and (results or bool(_blocks(message, "tool_result")))
    return found


@HISTORY.body("X-later-results-lost", "of results in two messages the later ones become a failure", needs="tools turns")
def later_results_lost(body: Block) -> None:
    for message in _followers(body):
        for result in _blocks(message, "tool_result"):
            result |= {"content": "The tool did not answer.", "is_error": True}


@HISTORY.request("X-user-messages-alternate", "two user messages in a row are refused after a tool result")
def alternating(call: Call) -> Call:
    if isinstance(call.document, dict) and _followers(call.document):
        raise invalid("messages", "roles must alternate between user and assistant")
    return call


@HISTORY.body("X-text-after-results-lost", "a user message of text after one of results is lost", needs="tools turns")
def text_message_lost(body: Block) -> None:
    lost = [message for message in _followers(body) if not _blocks(message, "tool_result")]
    if lost:
        body["messages"] = [message for message in body["messages"] if message not in lost]


@HISTORY.body("X-text-before-results", "text after results is moved before them", needs="tools turns")
def text_before_results(body: Block) -> None:
    messages = _messages(body)
    for index, message in enumerate(messages):
        if any(message is follower for follower in _followers(body)) and not _blocks(message, "tool_result"):
            messages[index - 1], messages[index] = message, messages[index - 1]
            body["messages"] = messages
            return


def _undeclared(body: Any) -> set[str]:
    """The names of the calls in the history that the request does not declare as tools."""
    tools = body.get("tools") if isinstance(body, dict) else None
    declared = {tool.get("name") for tool in tools if isinstance(tool, dict)} if isinstance(tools, list) else set()
    calls = [block for message in _messages(body) for block in _blocks(message, "tool_use")]
    return {str(call.get("name")) for call in calls} - declared


@HISTORY.request("X-history-needs-tools", "a history with calls is answered with 500 where no tools are given")
def tools_needed(call: Call) -> Call:
    if isinstance(call.document, dict) and not call.document.get("tools") and _undeclared(call.document):
        raise Refusal(500, "api_error", "'NoneType' object is not iterable")
    return call


@HISTORY.body("X-undeclared-calls-lost", "calls of tools that are not declared are lost with their results")
def undeclared_calls_lost(body: Block) -> None:
    strangers = _undeclared(body)
    for before, after in pairwise(_messages(body)):
        calls = [call for call in _blocks(before, "tool_use") if call.get("name") in strangers]
        ids = {call.get("id") for call in calls}
        results = [result for result in _blocks(after, "tool_result") if result.get("tool_use_id") in ids]
        for message, lost in ((before, calls), (after, results)):
            if lost:
                kept = [block for block in message["content"] if block not in lost]
                message["content"] = kept or [{"type": "text", "text": "(nothing)"}]


@HISTORY.request("X-tools-empty", "an empty list of tools is refused")
def tools_empty(call: Call) -> Call:
    if isinstance(call.document, dict) and call.document.get("tools") == []:
        raise invalid("tools", "must have at least one item")
    return call


@HISTORY.body("X-results-sixty-four", "of the results of one turn those after the 64th are empty", needs="tools turns")
def results_cut(body: Block) -> None:
    for message in _messages(body):
        for result in _blocks(message, "tool_result")[_MOST:]:
            result.pop("content", None)


@HISTORY.body("X-text-after-call-lost", "text after a call in an earlier answer is lost", needs="tools turns")
def text_after_call_lost(body: Block) -> None:
    for message in _messages(body):
        calls = _blocks(message, "tool_use")
        if calls and message.get("role") == "assistant":
            at = message["content"].index(calls[0])
            later = [block for block in message["content"][at:] if block.get("type") != "text"]
            message["content"] = message["content"][:at] + later


@HISTORY.body("X-middle-user-lost", "of three user messages in a row the second is lost", needs="turns")
def middle_user_lost(body: Block) -> None:
    messages = _messages(body)
    roles = [message.get("role") for message in messages]
    lost = [at for at in range(1, len(messages) - 1) if roles[at - 1 : at + 2] == ["user"] * 3]
    if lost:
        body["messages"] = [message for at, message in enumerate(messages) if at not in lost]


REPLAYED = FaultGroup("replayed")

Body = dict[str, Any]

_IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})


def _turns(body: Body) -> list[list[Block]]:
    """The blocks of the messages whose content is a list."""
    return [_dicts(message.get("content")) for message in _dicts(body.get("messages"))]


def _all_blocks(body: Body, kind: str) -> Iterator[Block]:
    for turn in _turns(body):
        yield from (block for block in turn if block.get("type") == kind)


def _results(body: Body) -> list[Block]:
    return list(_all_blocks(body, "tool_result"))


@REPLAYED.body("X-call-id-filled-in", "a tool_use without an id is given that of the next result", needs="turns tools")
def id_filled_in(body: Body) -> None:
    calls = [block for block in _all_blocks(body, "tool_use") if not block.get("id")]
    for call, result in zip(calls, _results(body), strict=False):
        call["id"] = result.get("tool_use_id", "toolu_01")


@REPLAYED.body("X-call-name-filled-in", "a tool_use without a name is called unknown", needs="turns tools")
def name_filled_in(body: Body) -> None:
    for call in _all_blocks(body, "tool_use"):
        call["name"] = call.get("name") or "unknown"


@REPLAYED.body("X-call-input-filled-in", "a tool_use without input has an empty one", needs="turns tools")
def input_filled_in(body: Body) -> None:
    for call in _all_blocks(body, "tool_use"):
        call.setdefault("input", {})


@REPLAYED.body("X-result-id-filled-in", "a tool_result without an id answers the last call", needs="turns tools")
def result_id_filled_in(body: Body) -> None:
    calls = list(_all_blocks(body, "tool_use"))
    for result in _results(body):
        if not result.get("tool_use_id") and calls:
            result["tool_use_id"] = calls[-1].get("id")


@REPLAYED.body(
    "X-result-block-skipped", "blocks of unknown types inside a tool_result are skipped", needs="turns tools"
)
def block_skipped(body: Body) -> None:
    for result in _results(body):
        if isinstance(result.get("content"), list):
            result["content"] = [block for block in _dicts(result["content"]) if block.get("type") in _IN_RESULTS]


@REPLAYED.body("X-thought-skipped", "a thinking block that lacks a part is skipped", needs="turns thinking")
def thought_skipped(body: Body) -> None:
    for message in _dicts(body.get("messages")):
        content = message.get("content")
        if isinstance(content, list):
            message["content"] = [block for block in content if not _is_incomplete(block)]


def _is_incomplete(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and not {"thinking", "signature"} <= block.keys()


def _crashing(name: str, says: str, message: str, wrong: Callable[[Body], bool], needs: str) -> None:
    @REPLAYED.request(name, says, needs=needs)
    def request(call: Call) -> Call:
        if isinstance(call.document, dict) and wrong(call.document):
            raise Refusal(500, "api_error", message)
        return call


def _lacks_source(body: Body) -> bool:
    return any("source" not in block for kind in ("document", "search_result") for block in _all_blocks(body, kind))


_crashing(
    "X-source-missing-500",
    "a document or a search result without source is answered with 500",
    "KeyError: 'source'",
    _lacks_source,
    "documents",
)


_crashing(
    "X-call-name-500",
    "a call in the history whose name is no string is answered with 500",
    "object of type 'int' has no len()",
    lambda body: any(not isinstance(call.get("name", ""), str) for call in _all_blocks(body, "tool_use")),
    "tools turns",
)


def _has(*kinds: str) -> Callable[[Body], bool]:
    return lambda body: any(True for kind in kinds for _ in _all_blocks(body, kind))


_crashing(
    "X-redacted-500",
    "a redacted_thinking block in the history is answered with 500",
    "KeyError: 'thinking'",
    _has("redacted_thinking"),
    "turns thinking",
)
_crashing(
    "X-server-blocks-500",
    "blocks of server tools in the history are answered with 500",
    "unhandled content block type",
    _has("server_tool_use", "web_search_tool_result"),
    "turns",
)


@REPLAYED.refusal(
    "X-signature-foreign-500", "a signature of another server is answered with 500", needs="turns thinking"
)
def foreign_crashes(refusal: Refusal, _: Call) -> Refusal:
    foreign = "Invalid `signature`" in refusal.message
    return Refusal(500, "api_error", "cipher: message authentication failed") if foreign else refusal


@REPLAYED.body("X-display-any", "an unknown display of thinking is taken for none", needs="thinking")
def display_dropped(body: Body) -> None:
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("display") not in (None, "summarized", "omitted", "updates"):
        del thinking["display"]


@REPLAYED.body("X-result-text-beside-image", "texts beside an image in a tool_result are lost", needs="turns vision")
def text_beside_image_lost(body: Body) -> None:
    for result in _results(body):
        blocks = _dicts(result.get("content"))
        if any(block.get("type") == "image" for block in blocks):
            result["content"] = [block for block in blocks if block.get("type") != "text"]


@REPLAYED.body("X-result-url-image", "an image that a tool_result gives by its URL is lost", needs="turns vision")
def url_image_lost(body: Body) -> None:
    for result in _results(body):
        blocks = _dicts(result.get("content"))
        if blocks:
            result["content"] = [block for block in blocks if not _is_by_url(block)]


def _is_by_url(block: Block) -> bool:
    source = block.get("source")
    return block.get("type") == "image" and isinstance(source, dict) and source.get("type") == "url"


JOURNEY = FaultGroup("journey")

_MANY = 12
"""Messages from which on a conversation counts as long: six turns and the newest question."""
_LATE = 6
"""Messages after which a result comes late."""
_CIRCLE = 4
"""Messages after which ids come again."""
_SESSIONS = 256


@JOURNEY.request("X-turns-six", "a conversation with calls of more than six turns is answered with 500", needs="turns")
def six_turns(call: Call) -> Call:
    messages = _messages(call.document)
    if len(messages) > _MANY and any(_blocks(message, "tool_use") for message in messages):
        raise Refusal(500, "api_error", "list index out of range")
    return call


@JOURNEY.body("X-old-turns-emptied", "what a user said ten messages ago is left out", needs="turns")
def old_turns_emptied(body: Body) -> None:
    for message in _messages(body)[:-10]:
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            message["content"] = "(left out)"
        for block in _blocks(message, "text") if message.get("role") == "user" else []:
            block["text"] = "(left out)"


@JOURNEY.body("X-late-results-lost", "a result after the third turn is that of the first", needs="turns tools")
def late_results_lost(body: Body) -> None:
    results = [(place, result) for place, one in enumerate(_messages(body)) for result in _blocks(one, "tool_result")]
    for place, result in results:
        if place > _LATE:
            result["content"] = results[0][1].get("content", "")


@JOURNEY.body("X-late-errors-lost", "is_error is lost from the second result of a conversation on", needs="turns tools")
def late_errors_lost(body: Body) -> None:
    results = [result for message in _messages(body) for result in _blocks(message, "tool_result")]
    for result in results[1:]:
        result.pop("is_error", None)


@JOURNEY.message("X-usage-newest", "input_tokens are those of the newest message", needs="turns")
def newest_weighed(message: Message, call: Call) -> Message:
    messages = _messages(call.document)
    if len(messages) < _LATE or not isinstance(message.get("usage"), dict):
        return message
    return {**message, "usage": {"input_tokens": 12, "output_tokens": message["usage"].get("output_tokens", 1)}}


@JOURNEY.message("X-call-ids-come-again", "the ids of calls come again every four messages", needs="turns tools")
def ids_come_again(message: Message, call: Call) -> Message:
    place = len(_messages(call.document)) % _CIRCLE
    content = [
        {**block, "id": f"toolu_0{place}{number}"} if block.get("type") == "tool_use" else block
        for number, block in enumerate(message["content"])
    ]
    return {**message, "content": content}


@JOURNEY.body("X-markers-stay", "cache_control after the first turn is lost", needs="turns caching")
def markers_stay(body: Body) -> None:
    for message in _messages(body)[1:]:
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict):
                block.pop("cache_control", None)


_SAID: OrderedDict[str, list[Body]] = OrderedDict()
"""User id to the longest conversation that was sent with it."""


@JOURNEY.body("X-session-kept", "a conversation that begins anew for a user follows his earlier one", needs="turns")
def session_kept(body: Body) -> None:
    metadata, messages = body.get("metadata"), _messages(body)
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str) or not messages:
        return
    earlier = _SAID.get(user, [])
    if len(messages) > len(earlier):
        _SAID[user] = [one for one in messages if not _blocks(one, "tool_use") and not _blocks(one, "tool_result")]
        while len(_SAID) > _SESSIONS:
            _SAID.popitem(last=False)
    else:
        body["messages"] = [*earlier, *messages]
