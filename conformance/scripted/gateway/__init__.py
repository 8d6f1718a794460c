"""The reference endpoint as a gateway: a Messages request goes to a chat completions server, its answer comes back.

So what only an upstream can show has a correct endpoint to compare with, and faults that bend the translation. What
the other wire cannot say is lost, as in every gateway: whether a tool result is an error reaches the model in words
only. Sources of that wire: `conformance.scripted.openai`.
"""

from conformance.scripted.gateway.gateway import Gateway, wait_for

__all__ = ["Gateway", "wait_for"]
