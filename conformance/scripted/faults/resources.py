"""Faults of models, batches, files, citations, caching and structured output: neighbours of those seen in the wild."""

from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.errors import not_found
from conformance.scripted.anthropic.models import SCRIPTED, described
from conformance.scripted.faults.fault import Answer, Call, Group, Message, document_of, forget, replace, with_document

RESOURCES = Group("resources")

Document = dict[str, Any]
MODELS, BATCHES, FILES = "/v1/models", "/v1/messages/batches", "/v1/files"
_JSON = "application/json"


def _absent(name: str, says: str, path: str) -> None:
    @RESOURCES.request(name, says)
    def request(call: Call) -> Call:
        if call.path == path or call.path.startswith(f"{path}/"):
            raise not_found("not found")
        return call


_absent("MO01", "models are answered with 404", MODELS)
_absent("BA01", "batches are answered with 404", BATCHES)
_absent("FI01", "files are answered with 404", FILES)


@RESOURCES.request("MO02", "lists ignore limit, after_id and before_id")
def not_paged(call: Call) -> Call:
    return replace(call, query=()) if call.method == "GET" else call


def _query_lost(name: str, says: str, lost: Callable[[str, str], bool]) -> None:
    @RESOURCES.request(name, says, needs="models")
    def request(call: Call) -> Call:
        return replace(call, query=tuple(pair for pair in call.query if not lost(*pair)))


_query_lost("X-before-ignored", "lists ignore before_id", lambda key, _: key == "before_id")
_query_lost("X-limit-unchecked", "limit 0 is the default limit", lambda key, value: (key, value) == ("limit", "0"))
_query_lost("X-lifecycle-ignored", "lifecycle does not narrow the models", lambda key, _: key.startswith("lifecycle"))


def _told(name: str, says: str, path: str, told: Callable[[Document], Document], *, needs: str) -> None:
    """A fault in the JSON that the paths from this one on are answered with."""

    @RESOURCES.answer(name, says, needs=needs)
    def answer(answer: Answer, call: Call) -> Answer:
        if answer.status != 200 or not call.path.startswith(path) or answer.header("content-type") != _JSON:
            return answer
        return with_document(answer, told(document_of(answer)))


def _with_more(more: bool) -> Callable[[Document], Document]:
    return lambda told: {**told, "has_more": more} if "has_more" in told else told


_told("X-more-always", "has_more of the models is always true", MODELS, _with_more(True), needs="models")
_told("X-more-never", "has_more of the models is always false", MODELS, _with_more(False), needs="models")
_told(
    "X-model-first", "whichever model is asked for, the first is described", f"{MODELS}/",
    lambda _: described(SCRIPTED), needs="models",
)  # fmt: skip


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
