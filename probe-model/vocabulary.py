"""The vocabulary of the probe model: 256 bytes, three control tokens, one token for each constant string.

Constant strings are those of the chat template and of the probe language. They are user-defined tokens: an engine cuts
them out of the text before anything else. The longest comes first, since Ollama tries them in the order of the
vocabulary. None holds a whole tool call: a grammar that waits for the call could not follow it.
"""

import re

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TOOLS_BEGIN = "Tools, one JSON object per line:\n<tools>\n"
TOOLS_END = "</tools>\nTo call one, put its name and arguments as JSON between tool_call tags.\n"
_TEMPLATE = (
    *(TOOLS_BEGIN, TOOLS_END, "system\n", "user\n", "assistant\n"),
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
)
_INSTRUCTIONS = (
    *("Reply with exactly:", "Count from ", "Call the tool ", " with this input:", "Call these tools in one turn:"),
    *("Reply with only the secret word.", "The secret word is "),
    *("Reply with only the text of the last tool result.", "Think in ", " words, then reply with exactly:"),
    'Reply with only "error" if the last tool result is an error, otherwise "ok".',
)
_JSON = (
    *('{"name": "', '", "description": "', '", "parameters": ', '", "arguments": '),
    *('{"name":"', '","description":"', '","parameters":', '","arguments":'),
    *('{"type": "object", "properties": {', '{"type": "string"', '{"type": "integer"', '"required": ['),
    *('"properties":{', '{"type":"string"', '{"type":"integer"', '"required":[', '{"type":"object"'),
)
CONSTANTS = tuple(sorted((*_TEMPLATE, *_INSTRUCTIONS, *_JSON), key=lambda text: (-len(text), text)))


def _printable() -> dict[int, str]:
    """The character that stands for each byte in vocabularies of the kind `gpt2`."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + place) for place, byte in enumerate(others)}


_CHARACTER = _printable()
_MERGED = _CHARACTER[0] * 2
"""The result of the one merge, which never applies: engines want a list of merges that is not empty."""
TOKENS = (*(_CHARACTER[byte] for byte in range(256)), *CONTROL, *CONSTANTS, _MERGED)
MERGES = (f"{_CHARACTER[0]} {_CHARACTER[0]}",)
NORMAL, CONTROLLING, USER_DEFINED = 1, 3, 4
KINDS = (*[NORMAL] * 256, *[CONTROLLING] * len(CONTROL), *[USER_DEFINED] * len(CONSTANTS), NORMAL)
"""What GGUF calls the type of each token."""
SIZE = len(TOKENS)
END_OF_TEXT, BEGIN_OF_TURN, END_OF_TURN = range(256, 256 + len(CONTROL))

_WHOLE = {text: number for number, text in enumerate(TOKENS) if text in (*CONTROL, *CONSTANTS)}
_SPLIT = re.compile("(" + "|".join(re.escape(text) for text in sorted(_WHOLE, key=len, reverse=True)) + ")")


def encode(text: str) -> list[int]:
    """The tokens of a text."""
    tokens: list[int] = []
    for part in _SPLIT.split(text):
        whole = _WHOLE.get(part)
        tokens.extend(part.encode() if whole is None else (whole,))
    return tokens


def decode(tokens: list[int]) -> str:
    """The text of tokens; a byte sequence that is no UTF-8 becomes U+FFFD."""
    parts = (bytes([token]) if token < 256 else TOKENS[token].encode() for token in tokens)
    return b"".join(parts).decode(errors="replace")
