"""Differences between versions of Ollama, each with the version that brought or mended it."""

from conformance.scripted.anthropic.stream import Event

TYPED_BLOCKS = (0, 19, 0)
"""From here on each content block is read into a type of its own, and an empty text is no content."""
CALLS_INDEXED = (0, 18, 0)
"""From here on a call that follows a thought has an index of its own (https://github.com/ollama/ollama/issues/14816)."""
MODELS_NOT_FOUND = (0, 18, 0)
"""From here on an unknown model is of the type not_found_error."""
MODELS_TAGGED = (0, 30, 0)
"""From here on the message about an unknown model names it with its tag."""


def calls_at_the_thoughts_index(events: list[Event]) -> list[Event]:
    """The events of a converter that counts blocks as they end, and lets no call end a thought.

    A call that follows a thought has the thought's index; the thought is stopped before the next text, or last of all.
    Source: `StreamConverter.Process` in anthropic/anthropic.go at v0.14.0.
    """
    renumbered: list[Event] = []
    at, kind, thinking = 0, "", False
    for event in events:
        match event["type"]:
            case "content_block_stop" if kind == "thinking":
                thinking = True
                continue
            case "content_block_start":
                kind = event["content_block"]["type"]
            case "content_block_delta" | "content_block_stop" | "message_delta":
                pass
            case _:
                renumbered.append(event)
                continue
        if thinking and (kind != "tool_use" or event["type"] == "message_delta"):
            renumbered.append({"type": "content_block_stop", "index": at})
            at, thinking = at + 1, False
        renumbered.append({**event, "index": at} if "index" in event else event)
        at += event["type"] == "content_block_stop"
    return renumbered
