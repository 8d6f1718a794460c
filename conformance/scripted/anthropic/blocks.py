"""The content blocks that a request may hold: closed objects, told apart by `type`.

Source: the parameter types of the official SDK, src/anthropic/types in
https://github.com/anthropics/anthropic-sdk-python
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Filled = Annotated[str, Meta(min_length=1)]
ToolId = Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
ToolName = Annotated[str, Meta(min_length=1, max_length=200)]


class Closed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An object in which an unknown key is an error."""


class CacheControl(Closed, frozen=True, kw_only=True):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Cacheable(Closed, frozen=True, kw_only=True):
    """A block that may carry a cache breakpoint."""

    cache_control: CacheControl | None = None


class CitationsConfig(Closed, frozen=True, kw_only=True):
    enabled: bool = False


# Sources of images and documents


class Base64Image(Closed, frozen=True, kw_only=True, tag="base64"):
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Filled


class Base64Pdf(Closed, frozen=True, kw_only=True, tag="base64"):
    media_type: Literal["application/pdf"]
    data: Filled


class Url(Closed, frozen=True, kw_only=True, tag="url"):
    url: Filled


class FileSource(Closed, frozen=True, kw_only=True, tag="file"):
    file_id: Filled


class PlainText(Closed, frozen=True, kw_only=True, tag="text"):
    media_type: Literal["text/plain"]
    data: Filled


# Blocks


class TextBlock(Cacheable, frozen=True, kw_only=True, tag="text"):
    text: str
    citations: list[dict[str, Any]] | None = None


class Transformations(Closed, frozen=True, kw_only=True):
    oversized_image: Literal["downsize", "error"] = "downsize"


class ImageBlock(Cacheable, frozen=True, kw_only=True, tag="image"):
    source: Base64Image | Url | FileSource
    transformations: Transformations | None = None


class Pieces(Closed, frozen=True, kw_only=True, tag="content"):
    content: str | list[TextBlock | ImageBlock]


class DocumentBlock(Cacheable, frozen=True, kw_only=True, tag="document"):
    source: Base64Pdf | Url | FileSource | PlainText | Pieces
    title: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    context: Filled | None = None
    citations: CitationsConfig | None = None


class SearchResultBlock(Cacheable, frozen=True, kw_only=True, tag="search_result"):
    content: list[TextBlock]
    source: str
    title: str
    citations: CitationsConfig | None = None


class ToolReferenceBlock(Cacheable, frozen=True, kw_only=True, tag="tool_reference"):
    tool_name: ToolName


class BrowserStateBlock(Cacheable, frozen=True, kw_only=True, tag="browser_state"):
    active_tab_id: Any = None
    tabs: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []


class ToolResultBlock(Cacheable, frozen=True, kw_only=True, tag="tool_result"):
    tool_use_id: ToolId
    content: (
        str | list[TextBlock | ImageBlock | SearchResultBlock | DocumentBlock | ToolReferenceBlock | BrowserStateBlock]
    ) = ""
    is_error: bool = False
    toolset_name: str | None = None


class ToolUseBlock(Cacheable, frozen=True, kw_only=True, tag="tool_use"):
    id: ToolId
    name: ToolName
    input: dict[str, Any]
    caller: dict[str, Any] | UnsetType = UNSET
    toolset_name: str | None = None


class ThinkingBlock(Closed, frozen=True, kw_only=True, tag="thinking"):
    thinking: str
    signature: str


class RedactedThinkingBlock(Closed, frozen=True, kw_only=True, tag="redacted_thinking"):
    data: str


ServerToolName = Literal[
    "web_search",
    "web_fetch",
    "code_execution",
    "bash_code_execution",
    "text_editor_code_execution",
    "tool_search_tool_regex",
    "tool_search_tool_bm25",
]


class ServerToolUseBlock(Cacheable, frozen=True, kw_only=True, tag="server_tool_use"):
    id: Annotated[str, Meta(pattern="^srvtoolu_[a-zA-Z0-9_]+$")]
    name: ServerToolName
    input: dict[str, Any]
    caller: dict[str, Any] | UnsetType = UNSET


class ServerToolResult(Cacheable, frozen=True, kw_only=True):
    """A result of a server tool in an earlier turn: a result or an error object, passed through unread."""

    tool_use_id: Annotated[str, Meta(pattern="^srvtoolu_[a-zA-Z0-9_]+$")]
    content: list[Any] | dict[str, Any]
    caller: dict[str, Any] | UnsetType = UNSET


class WebSearchResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="web_search_tool_result"):
    pass


class WebFetchResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="web_fetch_tool_result"):
    pass


class CodeExecutionResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="code_execution_tool_result"):
    pass


class BashCodeExecutionResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="bash_code_execution_tool_result"):
    pass


class TextEditorResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="text_editor_code_execution_tool_result"):
    pass


class ToolSearchResultBlock(ServerToolResult, frozen=True, kw_only=True, tag="tool_search_tool_result"):
    pass


class ContainerUploadBlock(Cacheable, frozen=True, kw_only=True, tag="container_upload"):
    file_id: Filled


Block = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | SearchResultBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ServerToolUseBlock
    | WebSearchResultBlock
    | WebFetchResultBlock
    | CodeExecutionResultBlock
    | BashCodeExecutionResultBlock
    | TextEditorResultBlock
    | ToolSearchResultBlock
    | ContainerUploadBlock
)

USER_BLOCKS = (TextBlock, ImageBlock, DocumentBlock, SearchResultBlock, ToolResultBlock, ContainerUploadBlock)
ASSISTANT_BLOCKS = (
    TextBlock,
    ImageBlock,
    DocumentBlock,
    SearchResultBlock,
    ToolUseBlock,
    ThinkingBlock,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    ServerToolResult,
)


class Message(Closed, frozen=True, kw_only=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]
    clear_at: Literal["next_user_message", "never"] | None = None
    output_config: dict[str, Any] | None = None

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The content as blocks; a string is one text block."""
        return (TextBlock(text=self.content),) if isinstance(self.content, str) else tuple(self.content)


def wire_name(block: Block) -> str:
    """The block's `type`."""
    return str(block.__struct_config__.tag)
