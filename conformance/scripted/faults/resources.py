"""Faults of models, batches, files, citations, caching and structured output."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from conformance.scripted.anthropic.errors import not_found
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.models import SCRIPTED, described
from conformance.scripted.anthropic.rewriting import document_of, forget, with_document
from conformance.scripted.faults.fault import Answer, Call, Event, FaultGroup, Message, replace

RESOURCES = FaultGroup("resources")

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


Reported = Callable[[Document], Document]


def _reported(name: str, says: str, path: str, *, needs: str) -> Callable[[Reported], Reported]:
    """The function under it bends the JSON that this path and those below it are answered with."""

    def register(bend: Reported) -> Reported:
        @RESOURCES.answer(name, says, needs=needs)
        def answer(answer: Answer, call: Call) -> Answer:
            if answer.status != 200 or not call.path.startswith(path) or answer.header("content-type") != _JSON:
                return answer
            return with_document(answer, bend(document_of(answer)))

        return bend

    return register


def _with_more(more: bool) -> Reported:
    return lambda reported: {**reported, "has_more": more} if "has_more" in reported else reported


_reported("X-more-always", "has_more of the models is always true", MODELS, needs="models")(_with_more(True))
_reported("X-more-never", "has_more of the models is always false", MODELS, needs="models")(_with_more(False))


@_reported("X-batches-oldest-first", "batches are listed with the oldest first", BATCHES, needs="batches")
def oldest_first(reported: Document) -> Document:
    return {**reported, "data": reported["data"][::-1]} if "data" in reported else reported


@RESOURCES.body("X-batch-system-lost", "system of a request in a batch is lost", needs="batches")
def batch_without_system(body: Document) -> None:
    asked = body.get("requests")
    for one in asked if isinstance(asked, list) else []:
        if isinstance(one, dict) and isinstance(one.get("params"), dict):
            one["params"].pop("system", None)


@_reported("X-model-first", "whichever model is asked for, the first is described", f"{MODELS}/", needs="models")
def first_model(_: Document) -> Document:
    return described(SCRIPTED)


@RESOURCES.answer("BA02", "the results of a batch lack their custom_id")
def results_mixed(answer: Answer, call: Call) -> Answer:
    if not call.path.endswith("/results") or answer.status != 200:
        return answer
    return _with_body(answer, answer.body.replace(b'"custom_id"', b'"request_id"'))


def _with_body(answer: Answer, body: bytes) -> Answer:
    headers = tuple((name, str(len(body)) if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, pieces=(replace(answer.pieces[0], data=body),), headers=headers)


@RESOURCES.answer("X-custom-id-cut", "the custom_id of a batch result is cut at 32 characters", needs="batches")
def ids_cut(answer: Answer, call: Call) -> Answer:
    if not call.path.endswith("/results") or answer.status != 200:
        return answer
    return _with_body(answer, re.sub(rb'("custom_id":"[^"]{32})[^"]*', rb"\1", answer.body))


@RESOURCES.answer("X-results-in-ascii", "letters outside ASCII become ? in the results of a batch", needs="batches")
def results_in_ascii(answer: Answer, call: Call) -> Answer:
    if not call.path.endswith("/results") or answer.status != 200:
        return answer
    return _with_body(answer, answer.body.decode().encode("ascii", "replace"))


@RESOURCES.answer("BA03", "the results_url of a batch is not absolute")
def results_relative(answer: Answer, call: Call) -> Answer:
    if "/batches/" not in call.path or answer.status != 200 or call.path.endswith("/results"):
        return answer
    document = document_of(answer)
    if not document.get("results_url"):
        return answer
    return with_document(answer, {**document, "results_url": document["results_url"].removeprefix(call.base_url)})


Results = list[dict[str, Any]]


def _resulting(name: str, says: str, change: Callable[[Results], Results]) -> None:
    @RESOURCES.answer(name, says, needs="batches")
    def answer(answer: Answer, call: Call) -> Answer:
        if not call.path.endswith("/results") or answer.status != 200:
            return answer
        results = change([msgspec.json.decode(line) for line in answer.body.splitlines()])
        return _with_body(answer, b"".join(msgspec.json.encode(result) + b"\n" for result in results))


def _swapped(results: Results) -> Results:
    ids = [result["custom_id"] for result in results]
    return [{**result, "custom_id": name} for result, name in zip(results, ids[1:] + ids[:1], strict=True)]


def _bare_errors(results: Results) -> Results:
    def bare(result: Document) -> Document:
        return {**result, "error": result["error"]["error"]} if result["type"] == "errored" else result

    return [{**each, "result": bare(each["result"])} for each in results]


def _message_without(key: str, nothing: Any = None) -> Callable[[Results], Results]:
    def changed(result: Document) -> Document:
        if result["type"] != "succeeded":
            return result
        message = {name: value for name, value in result["message"].items() if name != key}
        return {**result, "message": message if nothing is None else {**message, key: nothing}}

    return lambda results: [{**each, "result": changed(each["result"])} for each in results]


_resulting("X-results-swapped", "the results of a batch stand under each other's custom_id", _swapped)
_resulting("X-result-lost", "the last result of several is lost", lambda each: each[:-1] if len(each) > 1 else each)
_resulting("X-result-error-bare", "the error of a batch result comes without its envelope", _bare_errors)
_resulting("X-result-text-lost", "the message of a batch result has no content", _message_without("content", []))
_resulting("X-result-usage-lost", "the message of a batch result has no usage", _message_without("usage"))


def _of_batch(name: str, says: str) -> Callable[[Reported], Reported]:
    """The function under it says what is reported of a batch instead."""

    def register(reported: Reported) -> Reported:
        @_reported(name, says, BATCHES, needs="batches")
        def changed(document: Document) -> Document:
            return {**document, **reported(document)} if document.get("type") == "message_batch" else document

        return reported

    return register


@_of_batch("X-batch-ended-early", "a batch ended before it was created")
def ended_early(batch: Document) -> Document:
    return {"ended_at": "2020-01-01T00:00:00Z"} if batch["ended_at"] else {}


@_of_batch("X-batch-expired", "a batch expires when it is created")
def expired_at_once(batch: Document) -> Document:
    return {"expires_at": batch["created_at"]}


@_of_batch("X-cancel-untold", "a cancelled batch does not say since when")
def cancel_time_missing(_: Document) -> Document:
    return {"cancel_initiated_at": None}


@_of_batch("X-batch-never-counted", "the requests of an ended batch are still counted as in process")
def never_counted(batch: Document) -> Document:
    counts = batch["request_counts"]
    return {"request_counts": {**dict.fromkeys(counts, 0), "processing": sum(counts.values())}}


@RESOURCES.answer(
    "X-cancel-ended-again", "a batch that has ended is in process again when it is cancelled", needs="batches"
)
def canceling_again(answer: Answer, call: Call) -> Answer:
    if answer.status != 200 or not call.path.endswith("/cancel"):
        return answer
    return with_document(answer, {**document_of(answer), "processing_status": "canceling", "ended_at": None})


def _undeleted(name: str, says: str, path: str, kind: str) -> None:
    """What is to be deleted is only looked up."""

    def looked_up(call: Call) -> Call:
        if call.method != "DELETE" or not call.path.startswith(f"{path}/"):
            return call
        return replace(call, method="GET", headers={**call.headers, _KEPT: "yes"})

    def confirmed(answer: Answer, call: Call) -> Answer:
        if _KEPT not in call.headers or answer.status != 200:
            return answer
        return with_document(answer, {"id": document_of(answer)["id"], "type": kind})

    RESOURCES.add(name, says, Hooks(request=looked_up, answer=confirmed))


_KEPT = "kept-all-the-same"
_undeleted("X-batch-undeleted", "a deleted batch can still be looked up", BATCHES, "message_batch_deleted")
_undeleted("X-file-undeleted", "a deleted file can still be looked up", FILES, "file_deleted")


@_reported("X-file-unix-time", "created_at of a file is a number", FILES, needs="files")
def unix_time(file: Document) -> Document:
    return {**file, "created_at": 1767225600} if file.get("type") == "file" else file


@RESOURCES.message("CI01", "citations are never given", needs="citations")
def uncited(message: Message, _: Call) -> Message:
    content = [{**block, "citations": None} if block["type"] == "text" else block for block in message["content"]]
    return {**message, "content": content}


_PLACES = ("_char_index", "_page_number", "_block_index")


@RESOURCES.message("CI02", "a citation points one place too far", needs="citations")
def misplaced(message: Message, _: Call) -> Message:
    def further(citation: Document) -> Document:
        return {key: value + 1 if key.endswith(_PLACES) else value for key, value in citation.items()}

    return _cited(message, further)


def _cited(message: Message, change: Callable[[Document], Document]) -> Message:
    def bent(block: Document) -> Document:
        cited = [change(citation) for citation in block.get("citations") or []]
        return {**block, "citations": cited} if cited else block

    return {**message, "content": [bent(block) for block in message["content"]]}


@RESOURCES.message("X-citation-textless", "cited_text is empty", needs="citations")
def textless(message: Message, _: Call) -> Message:
    return _cited(message, lambda citation: {**citation, "cited_text": ""})


@RESOURCES.message("X-citation-whole", "a citation begins where its document does", needs="citations")
def from_the_start(message: Message, _: Call) -> Message:
    return _cited(message, lambda citation: {**citation, "start_char_index": 0})


@RESOURCES.message("X-citation-untitled", "a citation does not name the title of its document", needs="citations")
def untitled(message: Message, _: Call) -> Message:
    return _cited(message, lambda citation: {**citation, "document_title": None})


@RESOURCES.events("X-citations-twice", "citations stand in the start of their block and in deltas", needs="citations")
def cited_twice(events: list[Event], _: Call) -> list[Event]:
    cited: dict[int, list[Any]] = {}
    for event in events:
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "citations_delta":
            cited.setdefault(event["index"], []).append(event["delta"]["citation"])

    def started(event: Event) -> Event:
        if event["type"] != "content_block_start" or event["index"] not in cited:
            return event
        return {**event, "content_block": {**event["content_block"], "citations": cited[event["index"]]}}

    return [started(event) for event in events]


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


@RESOURCES.message("X-schema-split", "structured output is split over two text blocks", needs="structured-outputs")
def split_over_two(message: Message, call: Call) -> Message:
    config = call.document.get("output_config") if isinstance(call.document, dict) else None
    if not config or not config.get("format"):
        return message
    halves = [
        [{**block, "text": block["text"][:3]}, {**block, "text": block["text"][3:]}]
        if block["type"] == "text" and len(block["text"]) > 3
        else [block]
        for block in message["content"]
    ]
    return {**message, "content": [block for half in halves for block in half]}


@RESOURCES.message("X-schema-as-call", "structured output comes as the call of a tool", needs="structured-outputs")
def called_instead(message: Message, call: Call) -> Message:
    config = call.document.get("output_config") if isinstance(call.document, dict) else None
    if not config or not config.get("format") or message["stop_reason"] != "end_turn":
        return message
    content = [
        {"type": "tool_use", "id": fresh("toolu"), "name": "json_output", "input": msgspec.json.decode(block["text"])}
        if block["type"] == "text"
        else block
        for block in message["content"]
    ]
    return {**message, "content": content, "stop_reason": "tool_use"}
