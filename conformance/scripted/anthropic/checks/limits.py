"""Checks of `max_tokens`, `stop_sequences` and `container`.

Source: https://platform.claude.com/docs/en/api/messages
"""

from conformance.scripted.anthropic.errors import invalid, not_found
from conformance.scripted.anthropic.fields import AnyTool, Container, OneTool
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import MessagesRequest, Prompt


def check_limits(request: Prompt, model: Model) -> None:
    if not isinstance(request, MessagesRequest):
        return
    if request.max_tokens > model.max_output:
        most = f"the maximum allowed number of output tokens for {model.id}"
        raise invalid("max_tokens", f"{request.max_tokens} > {model.max_output}, which is {most}")
    for index, sequence in enumerate(request.stop_sequences):
        if not sequence.strip():
            raise invalid(f"stop_sequences.{index}", "each stop sequence must contain non-whitespace")
    if request.max_tokens == 0:
        _check_warming(request)
    _check_container(request.container)


def _check_warming(request: MessagesRequest) -> None:
    """max_tokens 0 only fills the prompt cache, so nothing may be asked that needs an answer."""
    excluded = {
        "stream": request.stream,
        "thinking": request.thinks,
        "output_config.format": request.output_schema is not None,
        "tool_choice": isinstance(request.tool_choice, AnyTool | OneTool),
    }
    for key, given in excluded.items():
        if given:
            raise invalid("max_tokens", f"0 cannot be combined with {key}")


def _check_container(container: str | Container | None) -> None:
    if isinstance(container, Container) and container.skills:
        raise invalid(
            "container.skills", "skills need the code execution tool, which is not available on this endpoint"
        )
    name = container.id if isinstance(container, Container) else container
    if name is not None:
        raise not_found(f"container: {name}")
