"""Models, batches, files, keys and stray requests at the reference endpoint; and the same over a real socket."""

import json
import time
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_client import asking, ended_batch, events_in, talk


def test_models_are_listed_in_pages() -> None:
    async def script(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        paths = ("/v1/models?limit=1", "/v1/models?limit=1&after_id=scripted", "/v1/models?before_id=scripted-small")
        return [(await client.get(path)).json() for path in paths]

    first, second, before = talk(script)
    assert [first["has_more"], first["first_id"], first["last_id"]] == [True, "scripted", "scripted"]
    assert [second["has_more"], second["first_id"]] == [False, "scripted-small"]
    assert [model["id"] for model in before["data"]] == ["scripted"]
    retired = talk(lambda client: client.get("/v1/models?lifecycle[]=retired&lifecycle[]=deprecated")).json()
    assert (retired["data"], retired["first_id"]) == ([], None)
    model = first["data"][0]
    assert model["type"] == "model"
    assert {"display_name", "created_at", "lifecycle", "max_input_tokens", "max_tokens"} <= set(model)
    assert model["capabilities"]["thinking"]["types"]["adaptive"] == {"supported": True}


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/models/nobody", 404, "not_found_error"),
        ("GET", "/v1/models?limit=0", 400, "invalid_request_error"),
        ("GET", "/v1/models?lifecycle[]=unborn", 400, "invalid_request_error"),
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("DELETE", "/v1/messages", 405, "invalid_request_error"),
        ("GET", "/v1/messages/count_tokens", 405, "invalid_request_error"),
        ("POST", "/v1/complete", 404, "not_found_error"),
        ("GET", "/v1/skills", 404, "not_found_error"),
        ("GET", "/", 405, "invalid_request_error"),
        ("GET", "/v1/messages/batches/none", 404, "not_found_error"),
        ("GET", "/v1/files/none", 404, "not_found_error"),
        ("GET", "/fault/no-such-fault/v1/models", 404, "not_found_error"),
        ("GET", "/variant/no-such-variant/v1/models", 404, "not_found_error"),
    ],
)
def test_stray_requests_are_refused_in_the_envelope(method: str, path: str, status: int, kind: str) -> None:
    answer = talk(lambda client: client.request(method, path))
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_probes_for_life_are_answered() -> None:
    assert talk(lambda client: client.head("/")).status_code == 200
    assert talk(lambda client: client.options("/v1/messages")).status_code == 204
    assert talk(lambda client: client.head("/v1/models")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"x-api-key": "right"}, 200),
        ({"authorization": "Bearer right"}, 200),
        ({"x-api-key": "right", "authorization": "Bearer right"}, 200),
    ],
)
def test_a_key_is_asked_for_where_one_is_set(headers: dict[str, str], status: int) -> None:
    answer = talk(lambda client: client.post("/v1/messages?beta=true", json=asking(), headers=headers), api_key="right")
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["type"] == "authentication_error"


def batch(*items: dict[str, Any]) -> dict[str, Any]:
    return {"requests": [{"custom_id": f"item-{n}", "params": params} for n, params in enumerate(items)]}


def test_a_batch_runs_to_its_results() -> None:
    async def script(client: httpx2.AsyncClient) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]], Any]:
        path = "/v1/messages/batches"
        created = (await client.post(path, json=batch(asking(), asking(max_tokens=0), asking(stream=True)))).json()
        ended = await ended_batch(client, f"{path}/{created['id']}")
        lines = (await client.get(ended["results_url"])).text.splitlines()
        deleted = await client.delete(f"{path}/{created['id']}")
        gone = await client.get(f"{path}/{created['id']}")
        assert gone.status_code == 404
        return created, ended, [json.loads(line) for line in lines], deleted.json()

    created, ended, results, deleted = talk(script)
    assert (created["processing_status"], created["results_url"]) == ("in_progress", None)
    assert created["request_counts"]["processing"] == 3
    assert ended["request_counts"] == {"processing": 0, "succeeded": 1, "errored": 2, "canceled": 0, "expired": 0}
    assert ended["results_url"].startswith("http://reference/v1/messages/batches/")
    assert [result["result"]["type"] for result in results] == ["succeeded", "errored", "errored"]
    assert results[0]["result"]["message"]["content"][0]["text"] == "hello"
    assert results[1]["result"]["error"]["error"]["type"] == "invalid_request_error"
    assert deleted == {"id": created["id"], "type": "message_batch_deleted"}


def test_a_batch_can_be_cancelled() -> None:
    async def script(client: httpx2.AsyncClient) -> tuple[dict[str, Any], dict[str, Any]]:
        path = "/v1/messages/batches"
        created = (await client.post(path, json=batch(asking()))).json()
        early = await client.delete(f"{path}/{created['id']}")
        assert early.status_code == 400
        canceling = (await client.post(f"{path}/{created['id']}/cancel")).json()
        await ended_batch(client, f"{path}/{created['id']}")
        return canceling, (await client.get(path)).json()["data"][0]

    canceling, ended = talk(script)
    assert canceling["processing_status"] == "canceling"
    assert canceling["cancel_initiated_at"]
    assert ended["request_counts"]["canceled"] == 1


@pytest.mark.parametrize(
    ("body", "beginning"),
    [
        ({}, "requests: "),
        ({"requests": []}, "requests: "),
        ({"requests": [{"custom_id": "a b", "params": {}}]}, "requests.0.custom_id: "),
        ({"requests": [{"custom_id": "a", "params": {}}] * 2}, "requests.1.custom_id: "),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params: "),
    ],
)
def test_a_malformed_batch_is_refused(body: dict[str, Any], beginning: str) -> None:
    answer = talk(lambda client: client.post("/v1/messages/batches", json=body))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(beginning)


def test_a_file_is_kept_used_and_deleted() -> None:
    async def script(client: httpx2.AsyncClient) -> tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]:
        upload = {"file": ("word.txt", b"The secret word is zebra.", "text/plain")}
        file = (await client.post("/v1/files", files=upload)).json()
        assert (await client.get("/v1/files")).json()["data"] == [file]
        assert (await client.get(f"/v1/files?ids={file['id']}")).json()["data"] == [file]
        assert (await client.get(f"/v1/files/{file['id']}")).json() == file
        content = (await client.get(f"/v1/files/{file['id']}/content")).json()
        document = {"type": "document", "source": {"type": "file", "file_id": file["id"]}}
        question = {"type": "text", "text": "Reply with only the secret word."}
        answer = await client.post(
            "/v1/messages", json=asking(messages=[{"role": "user", "content": [document, question]}])
        )
        deleted = (await client.delete(f"/v1/files/{file['id']}")).json()
        assert (await client.get(f"/v1/files/{file['id']}")).status_code == 404
        return file, content, answer.json()["content"][0]["text"], deleted

    file, content, text, deleted = talk(script)
    assert (file["filename"], file["mime_type"], file["size_bytes"]) == ("word.txt", "text/plain", 25)
    assert content["error"]["details"] == {"error_code": "file_not_downloadable"}
    assert text == "zebra"
    assert deleted == {"id": file["id"], "type": "file_deleted"}


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_a_file_is_read_byte_for_byte(content: bytes) -> None:
    async def script(client: httpx2.AsyncClient) -> int:
        upload = {"file": ("a.bin", content)}
        return int((await client.post("/v1/files", files=upload)).json()["size_bytes"])

    assert talk(script) == len(content)


@pytest.mark.parametrize("form", [{"data": {"a": "b"}}, {"json": {}}, {"files": {"other": ("a", b"b")}}])
def test_an_upload_without_a_file_is_refused(form: dict[str, Any]) -> None:
    assert talk(lambda client: client.post("/v1/files", **form)).status_code == 400


def test_over_a_real_socket_the_sdk_streams_and_pages(address: str) -> None:
    with anthropic.Anthropic(api_key="any", base_url=address, max_retries=0) as client:
        with client.messages.stream(**asking("Count from 1 to 120.", max_tokens=500)) as stream:
            assert stream.get_final_text().split()[-1] == "120"
        assert [model.id for model in client.models.list(limit=1)] == ["scripted", "scripted-small"]
        params: Any = asking()
        batch = client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
        for _ in range(1500):
            if client.messages.batches.retrieve(batch.id).processing_status == "ended":
                break
            time.sleep(0.02)
        (result,) = client.messages.batches.results(batch.id)
        assert result.result.type == "succeeded"
        assert [block.text for block in result.result.message.content if block.type == "text"] == ["hello"]


def test_a_long_answer_comes_over_time(address: str) -> None:
    with (
        httpx2.Client() as client,
        client.stream(
            "POST", f"{address}/v1/messages", json=asking("Count from 1 to 150.", max_tokens=500, stream=True)
        ) as answer,
    ):
        begun = time.monotonic()
        pieces = [(time.monotonic() - begun, piece) for piece in answer.iter_raw()]
    assert len(pieces) > 10
    assert pieces[-1][0] - pieces[0][0] > 0.1
    assert events_in(b"".join(piece for _, piece in pieces).decode())[-1] == {"type": "message_stop"}


def test_a_url_on_this_machine_is_fetched(address: str) -> None:
    """The endpoint's own list of models is no image, which the refusal says; so it was fetched."""
    source = {"type": "url", "url": f"{address}/v1/models"}
    body = asking(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])
    answer = httpx2.post(f"{address}/v1/messages", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("messages.0.content.0.source: ")
