"""The `openai` face: chat completions, as an upstream behind a gateway speaks them.

Source: the OpenAI API reference, https://platform.openai.com/docs/api-reference/chat, and the types of its official
SDK, https://github.com/openai/openai-python (src/openai/types/chat). `reasoning_content` is DeepSeek's addition,
https://api-docs.deepseek.com/guides/reasoning_model, which gateways read as thinking. `stop_reason`
names the stop sequence that ended an answer: vLLM's addition, https://github.com/vllm-project/vllm/pull/2976.
"""

from conformance.scripted.openai.application import application

__all__ = ["application"]
