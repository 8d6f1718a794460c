"""Finds the end of an answer: its own end, a stop sequence, or the last token that it may use."""

from collections.abc import Iterable, Sequence

from conformance.scripted.conversation import Conversation, Invocation, Reply, Speech, Thought
from conformance.scripted.tokens import cost, counts_input, split


def cut(blocks: Iterable[Thought | Speech | Invocation], conversation: Conversation) -> Reply:
    """The reply that these blocks make within `max_tokens` and `stop_sequences`.

    Stop sequences act on text only, and one that was generated before the last token was used wins over it. A tool call
    that does not fit is left out. An empty text is no block.
    """
    answer = _Answer(conversation)
    for block in blocks:
        answer.add(block)
        if answer.stop is not None:
            break
    return answer.reply()


class _Answer:
    """An answer while it is written."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.blocks: list[Thought | Speech | Invocation] = []
        self.used = 0
        self.thinking = 0
        self.stop: str | None = "length" if conversation.max_tokens == 0 else None
        self.stop_sequence: str | None = None

    def add(self, block: Thought | Speech | Invocation) -> None:
        if self.stop is not None:
            return
        match block:
            case Invocation():
                self._call(block)
            case Thought():
                text = self._fitting(block.text)
                self.thinking += len(split(text))
                self.blocks.append(Thought(text))
            case Speech():
                self._say(self._fitting(block.text))

    def _fitting(self, text: str) -> str:
        """As much of a text as may still be said."""
        words = split(text)
        limit = self.conversation.max_tokens
        if limit is not None and len(words) > limit - self.used:
            words = words[: limit - self.used]
            self.stop = "length"
        self.used += len(words)
        return "".join(words)

    def _say(self, text: str) -> None:
        sequence = first_stop(text, self.conversation.stop_sequences)
        if sequence is not None:
            said = text[: text.index(sequence)]
            self.used -= len(split(text)) - len(split(said + sequence))
            self.stop, self.stop_sequence, text = "sequence", sequence, said
        if text:
            self.blocks.append(Speech(text))

    def _call(self, call: Invocation) -> None:
        tokens = cost(call)
        if self.conversation.max_tokens is not None and self.used + tokens > self.conversation.max_tokens:
            self.stop = "length"
            return
        self.used += tokens
        self.blocks.append(call)

    def reply(self) -> Reply:
        called = any(isinstance(block, Invocation) for block in self.blocks)
        return Reply(
            blocks=tuple(self.blocks),
            stop=self.stop or ("tool" if called else "end"),  # type: ignore[arg-type]  # only the words above
            stop_sequence=self.stop_sequence,
            input_tokens=counts_input(self.conversation),
            output_tokens=self.used,
            thinking_tokens=self.thinking,
        )


def first_stop(text: str, sequences: Sequence[str]) -> str | None:
    """The stop sequence that is complete first as the text is written; of several that end together, the longest."""
    ends = {sequence: text.index(sequence) + len(sequence) for sequence in sequences if sequence and sequence in text}
    return min(ends, key=lambda sequence: (ends[sequence], -len(sequence)), default=None)
