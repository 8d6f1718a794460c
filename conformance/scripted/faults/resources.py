"""Faults of models, batches, files, citations, caching and structured output: neighbours of those seen in the wild."""

from typing import Any

from conformance.scripted.anthropic.errors import not_found
from conformance.scripted.faults.fault import Answer, Call, Group, Message, document_of, forget, replace, with_document

RESOURCES = Group("resources")


def _absent(name: str, says: str, path: str) -> None:
    @RESOURCES.request(name, says)
    def request(call: Call) -> Call:
        if call.path == path or call.path.startswith(f"{path}/"):
            raise not_found("not found")
        return call


_absent("MO01", "models are answered with 404", "/v1/models")
_absent("BA01", "batches are answered with 404", "/v1/messages/batches")
_absent("FI01", "files are answered with 404", "/v1/files")


@RESOURCES.request("MO02", "lists ignore limit, after_id and before_id")
def not_paged(call: Call) -> Call:
    return replace(call, query=()) if call.method == "GET" else call


@RESOURCES.answer("BA02", "the results of a batch lack their custom_id")
def results_mixed(answer: Answer, call: Call) -> Answer:
    if not call.path.endswith("/results") or answer.status != 200:
        return answer
    pieces = tuple(replace(piece, data=piece.data.replace(b'"custom_id"', b'"request_id"')) for piece in answer.pieces)
    size = str(sum(len(piece.data) for piece in pieces))
    headers = tuple((name, size if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, pieces=pieces, headers=headers)


@RESOURCES.answer("BA03", "the results_url of a batch is not absolute")
def results_relative(answer: Answer, call: Call) -> Answer:
    if "/batches/" not in call.path or answer.status != 200 or call.path.endswith("/results"):
        return answer
    document = document_of(answer)
    if not document.get("results_url"):
        return answer
    return with_document(answer, {**document, "results_url": document["results_url"].removeprefix(call.base_url)})


@RESOURCES.message("CI01", "citations are never given", needs="citations")
def uncited(message: Message, _: Call) -> Message:
    content = [{**block, "citations": None} if block["type"] == "text" else block for block in message["content"]]
    return {**message, "content": content}


_PLACES = ("_char_index", "_page_number", "_block_index")


@RESOURCES.message("CI02", "a citation points one place too far", needs="citations")
def misplaced(message: Message, _: Call) -> Message:
    def further(citation: dict[str, Any]) -> dict[str, Any]:
        return {key: value + 1 if key.endswith(_PLACES) else value for key, value in citation.items()}

    def shifted(block: dict[str, Any]) -> dict[str, Any]:
        cited = [further(citation) for citation in block.get("citations") or []]
        return {**block, "citations": cited} if cited else block

    return {**message, "content": [shifted(block) for block in message["content"]]}


@RESOURCES.body("CA01", "cache_control is ignored, and the counters stay 0", needs="caching")
def never_cached(body: dict[str, Any]) -> None:
    forget(body, "cache_control")


@RESOURCES.body("SO01", "output_config.format is ignored", needs="structured-outputs")
def schema_ignored(body: dict[str, Any]) -> None:
    if isinstance(body.get("output_config"), dict):
        body["output_config"].pop("format", None)
    body.pop("output_format", None)


@RESOURCES.message("SO02", "structured output comes in a code fence", needs="structured-outputs")
def fenced(message: Message, call: Call) -> Message:
    config = call.document.get("output_config") if isinstance(call.document, dict) else None
    if not config or not config.get("format"):
        return message
    content = [
        {**block, "text": f"```json\n{block['text']}\n```"} if block["type"] == "text" else block
        for block in message["content"]
    ]
    return {**message, "content": content}
