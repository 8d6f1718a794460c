"""Differences between versions of Ollama, each with the version that brought or mended it."""

from conformance.scripted.anthropic.stream import Event

Version = tuple[int, int, int]

INPUT_COUNTED = (0, 15, 5)
"""From here on streams say how many input tokens there were (https://github.com/ollama/ollama/pull/13934)."""
SEARCHES = (0, 16, 2)
"""From here on web_search is a server tool (https://github.com/ollama/ollama/pull/14246)."""
CALLS_INDEXED = (0, 18, 0)
"""From here on a call that follows a thought has an index of its own (https://github.com/ollama/ollama/issues/14816)."""
MODELS_NOT_FOUND = (0, 18, 0)
"""From here on an unknown model is of the type not_found_error."""
SEARCHES_LOCALLY = (0, 18, 0)
"""From here on web_search is one for local models, too (https://github.com/ollama/ollama/pull/14787)."""
TYPED_BLOCKS = (0, 19, 0)
"""From here on each content block is read into a type of its own, and an empty text is no content."""
THINKING_DISABLED = (0, 23, 4)
"""From here on thinking of type disabled and effort are honoured (https://github.com/ollama/ollama/pull/16047)."""
RESULT_IMAGES = (0, 23, 4)
"""From here on the model sees images in tool results (https://github.com/ollama/ollama/pull/16047)."""
MODELS_TAGGED = (0, 30, 0)
"""From here on the message about an unknown model names it with its tag."""

FIRST: Version = (0, 14, 0)
CHANGES: tuple[Version, ...] = (
    *(FIRST, INPUT_COUNTED, SEARCHES, CALLS_INDEXED, MODELS_NOT_FOUND, SEARCHES_LOCALLY),
    *(TYPED_BLOCKS, THINKING_DISABLED, RESULT_IMAGES, MODELS_TAGGED),
)


def last_change(version: Version) -> Version:
    """The newest version up to this one at which something changed: all versions since then are alike."""
    return max((change for change in CHANGES if change <= version), default=FIRST)


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
