"""How an endpoint may spell a key that it gives back: whatever a decoder undoes."""

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote

KEY = "sk-canary-9fJ2kQ7xLmZ0-secret/+="

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "URL": lambda key: quote(key, safe=""),
    "URL in lower case": lambda key: re.sub("%..", lambda escape: escape[0].lower(), quote(key, safe="")),
    "URL, every character": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "URL, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON with escaped slashes": lambda key: key.replace("/", "\\/"),
    "JSON, every character": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "JSON, every second character": lambda key: "".join(
        f"\\u{ord(sign):04X}" if number % 2 else sign for number, sign in enumerate(key)
    ),
    "JSON in JSON": lambda key: json.dumps(json.dumps("".join(f"\\u{ord(sign):04x}" for sign in key))),
    "a program's escapes": lambda key: "".join(f"\\x{ord(sign):02x}" for sign in key),
    "HTML": lambda key: html.escape(key).replace("/", "&#x2F;"),
    "HTML, every character": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 without padding": lambda key: base64.b64encode(key.encode()).decode().rstrip("="),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 behind a name": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "base64 inside a text": lambda key: base64.b64encode(f"ab{key}, and more".encode()).decode(),
    "base64 in a URL": lambda key: quote(base64.b64encode(key.encode()).decode(), safe=""),
    "a program's braces": lambda key: "".join(f"\\u{{{ord(sign):x}}}" for sign in key),
    "octal": lambda key: "".join(f"\\{ord(sign):03o}" for sign in key),
    "mail": lambda key: "".join(f"={ord(sign):02X}" for sign in key),
    "UTF-16": lambda key: key.encode("utf-16-be").decode(),
    "UTF-32": lambda key: key.encode("utf-32-le").decode(),
    "base64 escaped": lambda key: "".join(f"%{ord(sign):02x}" for sign in base64.b64encode(key.encode()).decode()),
    "hexadecimal backwards": lambda key: key[::-1].encode().hex(),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal in capitals": lambda key: key.encode().hex().upper(),
    "backwards": lambda key: key[::-1],
}


def leaks(text: str, key: str, spelled: str) -> bool:
    """Whether a spelling is still there: of base64 the ends belong to other bytes, too."""
    core = spelled[6:-6]
    return spelled in text or core in text or key in text
