"""Faults in the history of tool calls: results in several messages, calls of tools that are gone, many at once."""

from itertools import pairwise
from typing import Any

from conformance.scripted.anthropic.errors import Refusal, invalid
from conformance.scripted.faults.fault import Call, FaultGroup

HISTORY = FaultGroup("history")

Block = dict[str, Any]

_MOST = 64


def _messages(body: Any) -> list[Block]:
    messages = body.get("messages") if isinstance(body, dict) else None
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _blocks(message: Block, *kinds: str) -> list[Block]:
    content = message.get("content")
    return [block for block in content if block.get("type") in kinds] if isinstance(content, list) else []


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
