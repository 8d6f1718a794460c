"""Fresh ids in the hosted API's form, and the opaque signatures of thinking blocks: only our own are genuine."""

import base64
import binascii
import hashlib
import hmac
import secrets


def fresh(prefix: str) -> str:
    """An id that was never given before, such as `msg_01...`."""
    return f"{prefix}_01{secrets.token_hex(11)}"


# Not a secret: it keeps signatures from being made up by accident, so that a changed or invented one is refused.
_KEY = b"scripted model, thinking"
_SALT_LENGTH = 16


def sign(thinking: str) -> str:
    """A fresh signature of a thinking text as it is shown."""
    salt = secrets.token_bytes(_SALT_LENGTH)
    return base64.b64encode(salt + _digest(salt, thinking)).decode()


def is_genuine(thinking: str, signature: str) -> bool:
    """Whether `sign` made this signature for this text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(raw[_SALT_LENGTH:], _digest(raw[:_SALT_LENGTH], thinking))


def _digest(salt: bytes, thinking: str) -> bytes:
    return hmac.digest(_KEY, salt + thinking.encode("utf-8", "surrogatepass"), hashlib.sha256)
