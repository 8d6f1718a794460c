"""Legal variants of a correct answer: other ways to say the same, each a small bend of the correct endpoint."""


def variant_named(name: str) -> None:
    return None
