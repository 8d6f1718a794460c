"""The files endpoints: upload, list, describe, content, delete.

Source: https://platform.claude.com/docs/en/api/files-create
"""

import mimetypes
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from conformance.scripted.anthropic.answer import Answer, json_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal, invalid
from conformance.scripted.anthropic.service import Service
from conformance.scripted.anthropic.stores import limit_of

SHORTEST_LIFE, LONGEST_LIFE = 3_600, 7_776_000
MOST_IDS = 100


async def upload(service: Service, call: Call, _: object) -> Answer:
    fields = _form(call)
    part = fields.get("file")
    if part is None or not part.get_filename():
        raise invalid("file", "Field required")
    unknown = set(fields) - {"file", "expires_in_seconds"}
    if unknown:
        raise invalid(min(unknown), "Extra inputs are not permitted")
    filename = str(part.get_filename())
    mime_type = part.get_content_type() if part["content-type"] else mimetypes.guess_type(filename)[0]
    file = service.files.add(
        filename, mime_type or "application/octet-stream", _payload(part), _lifetime(fields.get("expires_in_seconds"))
    )
    return json_answer(file.described())


def _form(call: Call) -> dict[str, Message]:
    """The parts of a multipart body by their names."""
    content_type = call.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        raise invalid("file", "expected a multipart/form-data body with the part `file`")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    if not message.is_multipart():
        raise invalid("", "the multipart body cannot be read")
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    return {str(part.get_param("name", "", "content-disposition")): part for part in parts}


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _lifetime(part: Message | None) -> int | None:
    if part is None:
        return None
    text = _payload(part).decode("ascii", "replace")
    if not text.isdigit() or not SHORTEST_LIFE <= int(text) <= LONGEST_LIFE:
        raise invalid("expires_in_seconds", f"must be an integer from {SHORTEST_LIFE} to {LONGEST_LIFE}")
    return int(text)


async def listing(service: Service, call: Call, _: object) -> Answer:
    """All files, newest first, in pages whose `next_page` is the place to go on at; or those with the given ids."""
    files = [file.described() for file in service.files.newest_first()]
    if ids := [value for key, value in call.query if key in ("ids", "ids[]")]:
        if len(ids) > MOST_IDS:
            raise invalid("ids", f"at most {MOST_IDS} ids may be given")
        return json_answer({"data": [file for file in files if file["id"] in ids], "next_page": None})
    limit, start = limit_of(call), call.parameter("page") or "page_0"
    number = start.removeprefix("page_")
    if not number.isdigit():
        raise invalid("page", f"{start!r} is not a page of this list")
    end = int(number) + limit
    return json_answer({"data": files[int(number) : end], "next_page": f"page_{end}" if end < len(files) else None})


async def retrieve(service: Service, call: Call, _: object) -> Answer:
    return json_answer(service.files.get(call.names["file"]).described())


async def content(service: Service, call: Call, _: object) -> Answer:
    """Only files that a tool of the server made can be downloaded, and no such tool runs here."""
    file = service.files.get(call.names["file"])
    message = f"the file {file.id} was uploaded, and cannot be downloaded"
    raise Refusal(400, "invalid_request_error", message, code="file_not_downloadable")


async def delete(service: Service, call: Call, _: object) -> Answer:
    service.files.remove(call.names["file"])
    return json_answer({"id": call.names["file"], "type": "file_deleted"})
