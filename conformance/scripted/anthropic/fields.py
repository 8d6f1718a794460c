"""The fields of a request beside its messages: tools, tool choice, thinking, output, context management.

Source: the parameter types of the official SDK, src/anthropic/types in
https://github.com/anthropics/anthropic-sdk-python
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from conformance.scripted.anthropic.blocks import Cacheable, Closed, Filled

PositiveInt = Annotated[int, Meta(ge=1)]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
ToolCaller = Literal["direct", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521"]


class Metadata(Closed, frozen=True, kw_only=True):
    user_id: Annotated[str, Meta(max_length=512)] | None = None


# Tools. The custom tool has no tag (its type may be absent, null or "custom"), so tools are told apart by hand.


class ClientTool(Cacheable, frozen=True, kw_only=True):
    """The fields that every tool executed by the caller may have."""

    allowed_callers: list[ToolCaller] | UnsetType = UNSET
    defer_loading: bool = False
    input_examples: list[dict[str, Any]] | UnsetType = UNSET
    strict: bool = False


class CustomTool(ClientTool, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str | UnsetType = UNSET
    eager_input_streaming: bool | None = None


class BashTool(ClientTool, frozen=True, kw_only=True):
    type: Literal["bash_20250124", "bash_20241022"]
    name: Literal["bash"]


class OldTextEditorTool(ClientTool, frozen=True, kw_only=True):
    type: Literal["text_editor_20250124", "text_editor_20241022"]
    name: Literal["str_replace_editor"]


class TextEditorTool(ClientTool, frozen=True, kw_only=True):
    type: Literal["text_editor_20250429", "text_editor_20250728"]
    name: Literal["str_replace_based_edit_tool"]
    max_characters: PositiveInt | None = None


class MemoryTool(ClientTool, frozen=True, kw_only=True):
    type: Literal["memory_20250818"]
    name: Literal["memory"]


class ComputerTool(ClientTool, frozen=True, kw_only=True):
    type: Literal["computer_20241022", "computer_20250124", "computer_20251124"]
    name: Literal["computer"]
    display_width_px: PositiveInt
    display_height_px: PositiveInt
    display_number: Annotated[int, Meta(ge=0)] | None = None
    enable_zoom: bool = False


class MemberConfig(Closed, frozen=True, kw_only=True):
    defer_loading: bool | None = None
    enabled: bool | None = None


ComputerMember = Literal[
    "cursor_position", "double_click", "hold_key", "key", "left_click", "left_click_drag", "left_mouse_down",
    "left_mouse_up", "middle_click", "mouse_move", "right_click", "screenshot", "scroll", "triple_click", "type",
    "wait", "zoom",
]  # fmt: skip
BrowserMember = (
    ComputerMember
    | Literal[
        "close_tab", "file_upload", "find", "form_input", "get_page_text", "hover", "javascript_exec", "list_tabs",
        "navigate", "new_tab", "read_console", "read_network", "read_page", "scroll_to", "switch_tab",
    ]
)  # fmt: skip


class ComputerToolset(Cacheable, frozen=True, kw_only=True):
    type: Literal["computer_toolset_20260801"]
    configs: dict[ComputerMember, MemberConfig | None] | None = None


class BrowserToolset(Cacheable, frozen=True, kw_only=True):
    type: Literal["browser_toolset_20260801"]
    configs: dict[BrowserMember, MemberConfig | None] | None = None


Tool = (
    CustomTool
    | BashTool
    | OldTextEditorTool
    | TextEditorTool
    | MemoryTool
    | ComputerTool
    | ComputerToolset
    | BrowserToolset
)

TOOL_TYPES: dict[str | None, type[Tool]] = {
    None: CustomTool,
    "custom": CustomTool,
    "bash_20250124": BashTool,
    "bash_20241022": BashTool,
    "text_editor_20250124": OldTextEditorTool,
    "text_editor_20241022": OldTextEditorTool,
    "text_editor_20250429": TextEditorTool,
    "text_editor_20250728": TextEditorTool,
    "memory_20250818": MemoryTool,
    "computer_20241022": ComputerTool,
    "computer_20250124": ComputerTool,
    "computer_20251124": ComputerTool,
    "computer_toolset_20260801": ComputerToolset,
    "browser_toolset_20260801": BrowserToolset,
}
SERVER_TOOL_PREFIXES = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "advisor_", "mcp_toolset")


# tool_choice


class Auto(Closed, frozen=True, kw_only=True, tag="auto"):
    disable_parallel_tool_use: bool = False


class AnyTool(Closed, frozen=True, kw_only=True, tag="any"):
    disable_parallel_tool_use: bool = False


class OneTool(Closed, frozen=True, kw_only=True, tag="tool"):
    name: Filled
    disable_parallel_tool_use: bool = False


class NoTool(Closed, frozen=True, kw_only=True, tag="none"):
    pass


ToolChoice = Auto | AnyTool | OneTool | NoTool


# thinking

Display = Literal["summarized", "omitted", "updates"]


class ThinkingEnabled(Closed, frozen=True, kw_only=True, tag="enabled"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Display | None = None
    block_binding: Any = None


class ThinkingAdaptive(Closed, frozen=True, kw_only=True, tag="adaptive"):
    display: Display | None = None
    block_binding: Any = None


class ThinkingDisabled(Closed, frozen=True, kw_only=True, tag="disabled"):
    pass


class ThinkingBetweenTools(Closed, frozen=True, kw_only=True, tag="between_tools"):
    pass


Thinking = ThinkingEnabled | ThinkingAdaptive | ThinkingDisabled | ThinkingBetweenTools


# output_config


class JsonFormat(Closed, frozen=True, kw_only=True, tag="json_schema"):
    schema: dict[str, Any]


class TaskBudget(Closed, frozen=True, kw_only=True):
    type: Literal["tokens"]
    total: PositiveInt
    remaining: Annotated[int, Meta(ge=0)] | None = None


class OutputConfig(Closed, frozen=True, kw_only=True):
    effort: Effort | None = None
    format: JsonFormat | None = None
    task_budget: TaskBudget | None = None


# context_management


class InputTokens(Closed, frozen=True, kw_only=True, tag="input_tokens"):
    value: PositiveInt


class ToolUses(Closed, frozen=True, kw_only=True, tag="tool_uses"):
    value: Annotated[int, Meta(ge=0)]


class ThinkingTurns(Closed, frozen=True, kw_only=True, tag="thinking_turns"):
    value: PositiveInt


class AllThinking(Closed, frozen=True, kw_only=True, tag="all"):
    pass


class ClearToolUses(Closed, frozen=True, kw_only=True, tag="clear_tool_uses_20250919"):
    trigger: InputTokens | ToolUses | None = None
    keep: ToolUses | None = None
    clear_at_least: InputTokens | None = None
    exclude_tools: list[str] | None = None
    clear_tool_inputs: bool | list[str] | None = None


class ClearThinking(Closed, frozen=True, kw_only=True, tag="clear_thinking_20251015"):
    keep: Literal["all"] | ThinkingTurns | AllThinking | None = None


class CompactionTrigger(Closed, frozen=True, kw_only=True, tag="input_tokens"):
    value: Annotated[int, Meta(ge=50_000)]


class Compact(Closed, frozen=True, kw_only=True, tag="compact_20260112"):
    trigger: CompactionTrigger | None = None
    pause_after_compaction: bool = False
    instructions: str | None = None


class ContextManagement(Closed, frozen=True, kw_only=True):
    edits: list[ClearToolUses | ClearThinking | Compact] = []


class Diagnostics(Closed, frozen=True, kw_only=True):
    previous_message_id: str | None = None


class Container(Closed, frozen=True, kw_only=True):
    id: str | None = None
    skills: list[dict[str, Any]] | None = None
