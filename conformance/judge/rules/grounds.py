"""The grounds of each rule: its basis, and the section of its source.

A table of its own, so that a rule is its law and one line. Sections stand only for pages whose anchors are known.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from conformance.words import Basis

_SDK = """
    message.id message.type message.role message.model message.content message.optional-keys message.block message.text
    message.block-fields message.stop-sequence-present message.known-keys message.known-blocks message.stop-details
    tools.id tools.name tools.input usage.object usage.input-tokens usage.output-tokens usage.counters usage.labels
    usage.thinking-within-output stream.index stream.index-integer stream.data-type stream.no-done
"""
_CLIENT = """
    stream.body-ends stream.one-stop-reason tools.id-unique tools.id-fresh
    conversation.tool-ids-unique conversation.message-ids-unique stream.keep-alive usage.input-possible
"""
_INFERRED = """
    error.inner-status error.message-clean error.message-keyless message.characters message.no-control-tokens
    message.no-empty-text message.model-echo stream.citations-once stream.error-last stream.signature-whole
    parity.text-blocks parity.input-tokens parity.output-tokens parity.tool-input tools.not-as-text
    conversation.request-ids-unique conversation.signatures-differ batches.consistent count.only-tokens
    stream.comment-keep-alive stream.one-line-data thinking.first tools.server-call-asked usage.start-agrees
"""

RECORDED = Path(__file__).with_name("recorded.txt")
"""The rules that a recording of the real API kept in every answer; `conformance record --adopt` adds to them."""

_NAMED: dict[Basis, str] = {"sdk": _SDK, "client": _CLIENT, "inferred": _INFERRED, "recorded": RECORDED.read_text()}

BASIS: Mapping[str, Basis] = MappingProxyType(
    {rule: basis for basis, rules in _NAMED.items() for rule in rules.split()}
)
"""Rule to basis; a rule that is not named here is `documented` by its source."""

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        # https://platform.claude.com/docs/en/build-with-claude/streaming
        "stream.delta": "content-block-delta-types",
        "stream.delta-type": "content-block-delta-types",
        "stream.delta-payload": "content-block-delta-types",
        "stream.delta-adds": "text-delta",
        "stream.incremental": "text-delta",
        "stream.tool-start": "input-json-delta",
        "stream.thinking-start": "thinking-delta",
        "stream.signature-last": "thinking-delta",
        "stream.error-last": "error-events",
        "stream.ping": "ping-events",
        "parity.block-order": "get-the-final-message-without-handling-events",
        "parity.text-blocks": "get-the-final-message-without-handling-events",
        "parity.block-fields": "get-the-final-message-without-handling-events",
        "parity.input-tokens": "get-the-final-message-without-handling-events",
        "parity.output-tokens": "get-the-final-message-without-handling-events",
        "parity.tool-input": "get-the-final-message-without-handling-events",
        # https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
        "message.stop-reason": "stop-reason-values",
        "message.stop-sequence-agrees": "stop-sequence",
        "message.stop-sequence-excluded": "stop-sequence",
        "tools.reason-given": "tool-use",
        "tools.reason-earned": "tool-use",
        "usage.limit-reached": "max-tokens",
        # https://platform.claude.com/docs/en/build-with-claude/citations
        "message.citations": "response-structure",
        "message.citations-in-place": "citation-indices",
        # https://platform.claude.com/docs/en/build-with-claude/prompt-caching
        "usage.input-counted": "tracking-cache-performance",
        "usage.cache-creation-sum": "1-hour-cache-duration",
        "conversation.same-input": "tracking-cache-performance",
        # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
        "thinking.text": "how-to-use-extended-thinking",
        "thinking.signature": "how-to-use-extended-thinking",
        "thinking.signature-filled": "how-to-use-extended-thinking",
        "thinking.off": "how-to-use-extended-thinking",
        "thinking.first": "how-to-use-extended-thinking",
        "conversation.signatures-differ": "how-to-use-extended-thinking",
        # https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
        "tools.id-unique": "handling-tool-use-and-tool-result-content-blocks",
        "tools.id-fresh": "handling-tool-use-and-tool-result-content-blocks",
        "conversation.tool-ids-unique": "handling-tool-use-and-tool-result-content-blocks",
        "tools.name-declared": "specifying-client-tools",
        "tools.input-strict": "specifying-client-tools",
        "tools.parallel-obeyed": "parallel-tool-use",
        "tools.none-obeyed": "forcing-tool-use",
        "tools.not-as-text": "model-responses-with-tools",
        "tools.id-form": "handling-results-from-client-tools",
        "tools.input-schema": "specifying-client-tools",
        # https://platform.claude.com/docs/en/api/errors
        "error.content-type": "error-shapes",
        "error.details": "error-shapes",
        # https://platform.claude.com/docs/en/api/rate-limits
        "http.retry-after-given": "response-headers",
        "http.rate-limit-headers": "response-headers",
        # https://html.spec.whatwg.org/multipage/server-sent-events.html
        "stream.event-data": "event-stream-interpretation",
        "stream.one-line-data": "event-stream-interpretation",
    }
)
"""Rule to the section of its source, where the source itself names none."""

_EVENTS = "https://platform.claude.com/docs/en/build-with-claude/streaming"


def cited(rule: str, source: str) -> str:
    """The source of a rule with its section."""
    if "#" in source:
        return source
    section = SECTIONS.get(rule) or ("event-types" if source == _EVENTS else "")
    return f"{source}#{section}" if section else source
