"""Fresh ids in the hosted API's form."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def fresh(prefix: str) -> str:
    """An id that was never given before, such as `msg_01...`."""
    return f"{prefix}_01" + "".join(secrets.choice(_ALPHABET) for _ in range(22))
