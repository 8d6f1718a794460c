"""Fresh ids in the hosted API's form."""

import secrets


def fresh(prefix: str) -> str:
    """An id that was never given before, such as `msg_01...`."""
    return f"{prefix}_01{secrets.token_hex(11)}"
