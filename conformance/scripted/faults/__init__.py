"""Deliberate violations: what real servers have done wrong, each a small bend of the correct endpoint."""


def fault_named(name: str) -> None:
    return None
