"""`/v1/messages` on this face: the reference endpoint answers, for any model that is installed."""

from typing import Any

import msgspec
from starlette.requests import Request

from conformance.scripted.ollama.store import OllamaError, Store
from conformance.scripted.protocol import Application, Setting
from conformance.scripted.protocol import application as face
from conformance.scripted.speaking import json_response

_TYPES = {401: "authentication_error", 404: "not_found_error"}


class Messages:
    """An ASGI application; the reference endpoint's own model stands in for the one that was asked for."""

    def __init__(self, store: Store, setting: Setting) -> None:
        self.store = store
        self.setting = setting
        self.reference: Application | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = self._with_own_model(await Request(scope, receive).body())
        except OllamaError as refusal:
            error = {"type": _TYPES.get(refusal.status, "api_error"), "message": str(refusal)}
            await json_response({"type": "error", "error": error}, refusal.status)(scope, receive, send)
            return
        if self.reference is None:
            self.reference = face("anthropic", Setting(brain=self.setting.brain, api_key=self.setting.api_key))
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Any:
            return unread.pop() if unread else await receive()

        await self.reference(scope, receive_again, send)

    def _with_own_model(self, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
            model = self.store.load(asked["model"])
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return body  # the reference endpoint says what is wrong with it
        self.store.check_account(model, "")
        return msgspec.json.encode({**asked, "model": "scripted"})
