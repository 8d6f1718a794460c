"""`/v1/messages` on this face: the reference endpoint answers, for any model that is installed."""

from typing import Any

import msgspec

from conformance.scripted.face import Application, Setting
from conformance.scripted.face import application as face
from conformance.scripted.ollama.store import OllamaError, Store


class Messages:
    """An ASGI application; the reference endpoint's own model stands in for the one that was asked for."""

    def __init__(self, store: Store, setting: Setting) -> None:
        self.store = store
        self.setting = setting
        self.reference: Application | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if self.reference is None:
            self.reference = face("anthropic", Setting(brain=self.setting.brain))
        replaced: bytes | None = self._replaced(body)

        async def again() -> Any:
            nonlocal replaced
            if replaced is None:
                return await receive()
            sent, replaced = replaced, None
            return {"type": "http.request", "body": sent, "more_body": False}

        await self.reference(scope, again, send)

    def _replaced(self, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
            self.store.load(asked["model"])
        except (msgspec.DecodeError, KeyError, TypeError, OllamaError):
            return body  # the reference endpoint refuses it in the right form
        return msgspec.json.encode({**asked, "model": "scripted"})
