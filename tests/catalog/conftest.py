"""A small catalog in a folder of its own, for tests that change it."""

from pathlib import Path

import pytest
from command_line import Write

AREAS = "areas: {messages: Messages, tools: Tools}\n"

MESSAGES_ROWS = """\
rows:
  - id: request.messages
    title: Messages
    tier: core
    weight: must
    why: Without it there is no answer.
    consequence: Nothing works.
    source: ["https://platform.claude.com/docs/en/api/messages"]
"""

TOOLS_ROWS = """\
rows:
  - id: request.tool_choice.tool
    title: A forced tool
    tier: feature
    weight: should
    why: Some clients force tools.
    consequence: Forced tools are not called.
    source: ["https://platform.claude.com/docs/en/api/messages"]
"""

MESSAGES = """\
family: messages
about: Plain messages.
cases:
  - id: messages.text
    title: A prompt is answered with text
    surface: request.messages
    kind: witnessed
    basis: documented
    spec: {url: "https://platform.claude.com/docs/en/api/messages#message", says: "It does."}
    ask: {body: {max_tokens: 256, messages: [{role: user, content: "Reply with exactly: {nonce}"}]}}
    effect: [{at: text, contains: "{nonce}"}]
    faults: ["refuse:messages"]
"""

CHOICE = """\
family: tools.choice
about: Forced tools.
cases:
  - id: tools.choice.tool
    title: tool_choice tool forces that tool
    surface: request.tool_choice.tool
    level: should
    spec: {url: "https://platform.claude.com/docs/en/api/messages#message", says: "It does."}
    needs: [tools]
    ask:
      body:
        max_tokens: 256
        tools: [{$use: tools/echo}]
        tool_choice: {type: tool, name: echo}
        messages: [{role: user, content: "Reply with exactly: {nonce}"}]
    effect: [{at: message.stop_reason, equals: tool_use}]
    faults: [TO14, "drop:tool_choice"]
  - id: tools.choice.unknown
    title: An unknown tool is refused
    surface: request.tool_choice.tool
    basis: documented
    spec: {url: "https://platform.claude.com/docs/en/api/messages#message", says: "It does."}
    modes: [json]
    needs: [tools]
    control: messages.text
    twin: tools.choice.tool
    ask:
      body:
        max_tokens: 256
        tools: [{$use: tools/echo}]
        tool_choice: {type: tool, name: nobody}
        messages: [{role: user, content: "Reply with exactly: {nonce}"}]
    refuse: {status: 400, type: invalid_request_error}
    faults: ["accept:tools.choice.unknown"]
"""

FILES = {
    "surface/areas.yaml": AREAS,
    "surface/messages.yaml": MESSAGES_ROWS,
    "surface/tools.yaml": TOOLS_ROWS,
    "capabilities.yaml": "capabilities: {tools: {title: Tools}, vision: {title: Images}}\n",
    "messages/messages.yaml": MESSAGES,
    "tools/choice.yaml": CHOICE,
    "fixtures/tools/echo.yaml": "name: echo\ninput_schema: {type: object, properties: {text: {type: string}}}\n",
    "profiles/quick.yaml": "title: Quick\nquestion: Does it work at all?\nselect: [messages.text]\n",
}


@pytest.fixture
def files() -> dict[str, str]:
    """The small catalog: file name to text."""
    return dict(FILES)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the small catalog, some files changed or added; returns its folder."""

    def written(changes: dict[str, str] | None = None) -> Path:
        for name, text in (FILES | (changes or {})).items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path

    return written
