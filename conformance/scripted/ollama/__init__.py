"""The `ollama` face: Ollama's own API with the scripted model behind it.

It stands in for an Ollama where models are installed, shown, pulled, created, copied and deleted, and it is the remote
upstream of a real Ollama whose model is a stub. State is kept in memory and begins anew with each start: one installed
model, `scripted`, and nobody signed in. Some names of models bring a trouble with them (`library` lists them all).

Source: the API's documentation, https://docs.ollama.com/api, and its server, https://github.com/ollama/ollama
(api/types.go, server/routes.go). As the upstream of a stub it leaves `think` off where a request does not say.
"""

from conformance.scripted.ollama.application import application

__all__ = ["application"]
