"""What single versions of Ollama did otherwise, each with the version that mended or brought it."""

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
    """A call right after a thought begins with the thought's index while that is open; both are stopped after it."""
    told: list[Event] = []
    held: Event | None = None
    shared: int | None = None
    kind = ""
    for event in events:
        match event["type"]:
            case "content_block_start":
                before, kind = kind, event["content_block"]["type"]
                shared = held["index"] if held is not None and kind == "tool_use" and before == "thinking" else None
                if held is not None and shared is None:
                    told.append(held)
                held = None
                told.append(event if shared is None else {**event, "index": shared})
            case "content_block_delta" if shared is not None:
                told.append({**event, "index": shared})
            case "content_block_stop" if kind == "thinking":
                held = event
            case "content_block_stop" if shared is not None:
                told += [{**event, "index": shared}, event]
                shared = None
            case _:
                if held is not None:
                    told.append(held)
                    held = None
                told.append(event)
    return told
