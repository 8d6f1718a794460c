"""Conversations that grow: each turn is what the endpoint answered, sent back to it as clients do."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from conformance.engine.question import Attempt
from conformance.fuzz.laws import AskCase, Sent, Valid, laws_broken
from conformance.fuzz.requests import PIECES, REPLY, SCHEMAS
from conformance.fuzz.sequences import Seen
from conformance.judge.answer import Answer
from conformance.judge.rules import examine_conversation


def _request(turns: list[dict[str, Any]], effect: list[dict[str, Any]], *, tools: bool) -> Sent:
    """A request with all turns so far, and what must be seen in its answer."""
    body: dict[str, Any] = {"max_tokens": 256, "messages": list(turns)}
    if tools:
        body["tools"] = [{"name": "lookup", "description": "Looks up.", "input_schema": SCHEMAS[0]}]
    return Sent(
        body=body,
        effect=tuple(effect),
        control={"max_tokens": 256, "messages": [{"role": "user", "content": f"{REPLY}{{nonce}}"}]},
        control_effect=({"at": "text", "equals": "{nonce}"},),
    )


def conversations(ask: AskCase, seen: Seen, *, tools: bool) -> type[RuleBasedStateMachine]:
    """The rules by which a conversation grows: a turn keeps the laws of a valid request, all of them those of turns."""

    class Conversation(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.turns: list[dict[str, Any]] = []
            self.answers: list[Answer] = []
            self.calls: list[dict[str, Any]] = []

        def _turn(self, content: Any, effect: list[dict[str, Any]]) -> None:
            self.turns.append({"role": "user", "content": content})
            sent = _request(self.turns, effect, tools=tools)
            attempts: list[Attempt] = []

            def kept(document: dict[str, Any], mode: Any) -> Attempt:
                attempts.append(ask(document, mode))
                return attempts[-1]

            for broken in Valid(sent).broken(kept):
                seen(broken)
            answer = attempts[0].replies[-1].answer if attempts[0].replies else None
            content = answer.message.get("content") if answer and isinstance(answer.message, dict) else None
            if answer is None or not isinstance(content, list) or not content:  # an odd model says nothing at times
                self.turns.append({"role": "assistant", "content": "Noted."})
                return
            self.answers.append(answer)
            self.turns.append({"role": "assistant", "content": content})
            self.calls = [block for block in content if block.get("type") == "tool_use"]
            document = {**Valid(sent).question(), "rules": []}
            for broken in laws_broken(examine_conversation(self.answers), document, "json"):
                seen(broken)

        @precondition(lambda self: not self.calls)
        @rule(words=st.lists(st.sampled_from(PIECES), max_size=3))
        def say(self, words: list[str]) -> None:
            said = " ".join(["{nonce}", *words])
            self._turn(f"{REPLY}{said}", [{"at": "text", "equals": said}])

        @precondition(lambda self: tools and not self.calls)
        @rule()
        def call(self) -> None:
            prompt = 'Call the tool lookup with this input: {"key": "{nonce}"}'
            self._turn(prompt, [{"at": "message.content[?type=='tool_use'].input | [0].key", "equals": "{nonce}"}])

        @precondition(lambda self: bool(self.calls))
        @rule(beside=st.booleans())
        def give_results(self, *, beside: bool) -> None:
            results = [
                {"type": "tool_result", "tool_use_id": one.get("id"), "content": "{nonce} found"} for one in self.calls
            ]
            self.calls = []
            said = [{"type": "text", "text": "\nReply with only the text of the last tool result."}] if beside else []
            self._turn([*results, *said], [{"at": "text", "equals": "{nonce} found"}])

    return Conversation
