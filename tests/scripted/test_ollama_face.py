"""The ollama face beyond the probe vectors: the state of its models, what each troubled name does, and its wire."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from servers import scripted

from conformance.scripted.ollama import application
from conformance.scripted.protocol import Setting


@pytest.fixture
def ollama(served: Callable[..., str]) -> Iterator[httpx2.Client]:
    """A client of the face, which keeps its state; each test uses names of its own or cleans up."""
    with httpx2.Client(base_url=served("--face", "ollama"), timeout=20) as client:
        yield client
        for model in client.get("/api/tags").json()["models"]:
            if model["name"] != "scripted:latest":
                client.request("DELETE", "/api/delete", json={"model": model["name"]})
        client.post("/api/generate", json={"model": "scripted", "keep_alive": 0})
        client.post("/api/signout")


def lines(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def names(ollama: httpx2.Client) -> list[str]:
    return [model["name"] for model in ollama.get("/api/tags").json()["models"]]


def pull(ollama: httpx2.Client, model: str) -> list[dict[str, Any]]:
    return lines(ollama.post("/api/pull", json={"model": model}))


def chat(ollama: httpx2.Client, prompt: str = "Reply with exactly: pine oak", **fields: Any) -> httpx2.Response:
    messages = [{"role": "user", "content": prompt}]
    return ollama.post("/api/chat", json={"model": "scripted", "messages": messages, "stream": False, **fields})


def test_it_says_what_it_is(ollama: httpx2.Client) -> None:
    assert ollama.get("/").text == "Ollama is running"
    assert ollama.head("/").status_code == 200
    assert ollama.get("/api/version").json()["version"].count(".") == 2
    assert ollama.head("/api/version").status_code == 200


@pytest.mark.parametrize(
    ("like", "version"), [("ollama@0.33", "0.33.0"), ("ollama@0.13.5", "0.13.5"), ("ollama@0.33.0-rc2", "0.33.0-rc2")]
)
def test_its_version(like: str, version: str) -> None:
    async def told() -> Any:
        face = httpx2.ASGITransport(application(Setting(like=like)))
        async with httpx2.AsyncClient(transport=face, base_url="http://ollama") as client:
            return (await client.get("/api/version")).json()

    assert asyncio.run(told()) == {"version": version}


def test_a_chat(ollama: httpx2.Client) -> None:
    answer = chat(ollama, think=False).json()
    assert answer["model"] == "scripted"
    assert answer["message"] == {"role": "assistant", "content": "pine oak"}
    assert (answer["done"], answer["done_reason"]) == (True, "stop")
    assert answer["eval_count"] == 2
    assert {"created_at", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"} < answer.keys()


def test_it_streams_unless_told_not_to(ollama: httpx2.Client) -> None:
    messages = [{"role": "user", "content": "Reply with exactly: pine oak"}]
    got = lines(ollama.post("/api/chat", json={"model": "scripted", "messages": messages, "think": False}))
    assert [part["message"]["content"] for part in got] == ["pine", " oak", ""]
    assert [part["done"] for part in got] == [False, False, True]
    assert "eval_count" not in got[0]


def test_it_thinks_unless_told_not_to(ollama: httpx2.Client) -> None:
    assert "thinking" in chat(ollama).json()["message"]
    assert "thinking" not in chat(ollama, think=False).json()["message"]
    assert "thinking" not in chat(ollama, model="no-tools").json().get("message", {})


def test_an_answer_without_a_word_took_a_token_all_the_same(ollama: httpx2.Client) -> None:
    assert chat(ollama, "Reply with exactly: ", think=False).json()["eval_count"] == 1


def test_a_call_comes_whole_and_ends_with_stop(ollama: httpx2.Client) -> None:
    tools = [{"type": "function", "function": {"name": "echo", "parameters": {"type": "object"}}}]
    prompt = 'Call these tools in one turn: echo {"a": 1}; echo {}'
    answer = chat(ollama, prompt, tools=tools).json()
    functions = [call["function"] for call in answer["message"]["tool_calls"]]
    assert functions == [
        {"index": 0, "name": "echo", "arguments": {"a": 1}},
        {"index": 1, "name": "echo", "arguments": {}},
    ]
    assert answer["done_reason"] == "stop"


def test_generate_speaks_for_itself(ollama: httpx2.Client) -> None:
    body = {
        "model": "scripted",
        "prompt": "Think in 2 words, then reply with exactly: pine",
        "think": True,
        "stream": False,
    }
    answer = ollama.post("/api/generate", json=body).json()
    assert (answer["response"], len(answer["thinking"].split())) == ("pine", 2)
    assert "message" not in answer


def test_a_json_object_where_json_is_asked_for(ollama: httpx2.Client) -> None:
    assert chat(ollama, format="json").json()["message"]["content"] == "{}"
    assert "invalid format" in chat(ollama, format="xml").json()["error"]


def test_loading_and_unloading(ollama: httpx2.Client) -> None:
    assert ollama.get("/api/ps").json() == {"models": []}
    loaded = ollama.post("/api/generate", json={"model": "scripted"}).json()
    assert (loaded["response"], loaded["done_reason"]) == ("", "load")
    (running,) = ollama.get("/api/ps").json()["models"]
    assert (running["name"], running["context_length"]) == ("scripted:latest", 65536)
    assert running["size_vram"] == running["size"]
    assert ollama.post("/api/chat", json={"model": "scripted", "keep_alive": 0}).json()["done_reason"] == "unload"
    assert ollama.get("/api/ps").json() == {"models": []}


def test_a_pull_shows_its_progress(ollama: httpx2.Client) -> None:
    steps = pull(ollama, "gemma4")
    assert [step["status"] for step in steps if "digest" not in step] == [
        "pulling manifest",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    layer = [step for step in steps if "digest" in step]
    completed = [step.get("completed", 0) for step in layer]
    assert completed == sorted(completed)
    assert completed[-1] == layer[-1]["total"]
    assert "gemma4:latest" in names(ollama)
    assert not any("digest" in step for step in pull(ollama, "gemma4"))


def test_a_pull_of_what_does_not_exist(ollama: httpx2.Client) -> None:
    assert pull(ollama, "nonesuch")[-1] == {"error": "pull model manifest: file does not exist"}
    unstreamed = ollama.post("/api/pull", json={"model": "nonesuch", "stream": False})
    assert unstreamed.status_code == 500
    assert unstreamed.json()["error"]


def test_a_pull_that_breaks_off(ollama: httpx2.Client) -> None:
    for _ in range(2):
        steps = pull(ollama, "broken-pull")
        assert "error" in steps[-1]
        assert any("completed" in step for step in steps)
    assert "broken-pull:latest" not in names(ollama)


def test_a_pull_that_goes_on_where_it_broke_off(ollama: httpx2.Client) -> None:
    first = pull(ollama, "flaky-pull")
    assert "error" in first[-1]
    second = pull(ollama, "flaky-pull")
    assert second[-1] == {"status": "success"}
    assert next(step for step in second if "digest" in step)["completed"] >= first[-2]["completed"]


def test_a_variant_with_a_longer_context(ollama: httpx2.Client) -> None:
    pull(ollama, "qwen3-coder")
    body = {"model": "qwen3-coder-64k", "from": "qwen3-coder", "parameters": {"num_ctx": 65536, "stop": "x"}}
    assert lines(ollama.post("/api/create", json=body))[-1] == {"status": "success"}
    shown = ollama.post("/api/show", json={"model": "qwen3-coder-64k"}).json()
    assert [line.split() for line in shown["parameters"].splitlines()] == [["num_ctx", "65536"], ["stop", "x"]]
    assert shown["capabilities"] == ["completion", "tools"]
    assert shown["model_info"][shown["model_info"]["general.architecture"] + ".context_length"] == 262144
    for model, context in (("qwen3-coder-64k", 65536), ("qwen3-coder", 4096)):
        ollama.post("/api/generate", json={"model": model})
        loaded = {one["name"]: one["context_length"] for one in ollama.get("/api/ps").json()["models"]}
        assert loaded[f"{model}:latest"] == context


def test_a_disk_that_is_full(ollama: httpx2.Client) -> None:
    pull(ollama, "disk-full")
    steps = lines(ollama.post("/api/create", json={"model": "bigger", "from": "disk-full"}))
    assert "no space left on device" in steps[-1]["error"]
    assert "bigger:latest" not in names(ollama)


def test_a_stub_of_another_machine(ollama: httpx2.Client) -> None:
    body = {"model": "stub", "from": "scripted", "remote_host": "http://127.0.0.1:9"}
    assert lines(ollama.post("/api/create", json=body))[-1] == {"status": "success"}
    shown = ollama.post("/api/show", json={"model": "stub"}).json()
    assert (shown["remote_model"], shown["remote_host"]) == ("scripted", "http://127.0.0.1:9")
    assert chat(ollama, model="stub").json()["message"]["content"] == "pine oak"
    assert ollama.get("/api/ps").json() == {"models": []}


def test_a_second_name(ollama: httpx2.Client) -> None:
    copied = ollama.post("/api/copy", json={"source": "scripted", "destination": "claude-3-5-sonnet"})
    assert (copied.status_code, copied.content) == (200, b"")
    assert chat(ollama, model="claude-3-5-sonnet").json()["model"] == "claude-3-5-sonnet"
    assert ollama.request("DELETE", "/api/delete", json={"model": "claude-3-5-sonnet"}).status_code == 200
    assert names(ollama) == ["scripted:latest"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/show", {"model": "nonesuch"}),
        ("POST", "/api/chat", {"model": "nonesuch", "messages": [{"role": "user", "content": "x"}]}),
        ("POST", "/api/generate", {"model": "nonesuch"}),
        ("POST", "/api/copy", {"source": "nonesuch", "destination": "x"}),
        ("DELETE", "/api/delete", {"model": "nonesuch"}),
        ("POST", "/api/show", {"model": "nonesuch:cloud"}),
    ],
)
def test_a_model_that_is_not_there(ollama: httpx2.Client, method: str, path: str, body: dict[str, Any]) -> None:
    response = ollama.request(method, path, json=body)
    assert response.status_code == 404
    assert "not found" in response.json()["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": 1}', b"{}"])
def test_a_wrong_body(ollama: httpx2.Client, content: bytes) -> None:
    response = ollama.post("/api/show", content=content)
    assert response.status_code == 400
    assert response.json().keys() == {"error"}


def test_what_is_not_routed_is_refused_in_plain_text(ollama: httpx2.Client) -> None:
    unknown = ollama.post("/v1/messages/count_tokens", json={})
    assert (unknown.status_code, unknown.text) == (404, "404 page not found")
    assert ollama.get("/api/chat").status_code == 405


def test_a_model_that_cannot(ollama: httpx2.Client) -> None:
    pull(ollama, "no-tools")
    tools = [{"type": "function", "function": {"name": "echo"}}]
    assert "does not support tools" in chat(ollama, model="no-tools", tools=tools).json()["error"]
    assert "does not support thinking" in chat(ollama, model="no-tools", think=True).json()["error"]


def test_a_model_that_is_too_large(ollama: httpx2.Client) -> None:
    pull(ollama, "huge")
    refused = ollama.post("/api/generate", json={"model": "huge"})
    assert refused.status_code == 500
    assert "requires more system memory" in refused.json()["error"]


@pytest.mark.parametrize(
    ("model", "share", "context"), [("split", 0.4, 65536), ("on-cpu", 0, 65536), ("short-context", 1, 4096)]
)
def test_a_model_that_is_loaded_badly(ollama: httpx2.Client, model: str, share: float, context: int) -> None:
    pull(ollama, model)
    ollama.post("/api/generate", json={"model": model})
    (running,) = ollama.get("/api/ps").json()["models"]
    assert running["size_vram"] == running["size"] * share
    assert running["context_length"] == context


def test_a_model_of_the_cloud_asks_for_an_account(ollama: httpx2.Client) -> None:
    cloud = "glm-5.1:cloud"
    assert ollama.post("/api/show", json={"model": cloud}).json()["remote_host"] == "https://ollama.com:443"
    refused = chat(ollama, model=cloud)
    assert refused.status_code == 401
    assert ollama.post("/api/me").json() == refused.json()
    assert httpx2.get(refused.json()["signin_url"]).status_code == 200
    assert ollama.post("/api/me").json()["name"]
    assert chat(ollama, model=cloud).json()["message"]["content"] == "pine oak"
    assert names(ollama) == ["scripted:latest"]
    assert [step["status"] for step in pull(ollama, cloud)] == ["pulling manifest", "writing manifest", "success"]


def test_images_that_are_none(ollama: httpx2.Client) -> None:
    message = {"role": "user", "content": "Look.", "images": ["%"]}
    assert chat(ollama, messages=[message]).status_code == 400
    message["images"] = [base64.b64encode(b"x").decode()]
    message["content"] = "Reply with only the colours of the images, in order."
    assert chat(ollama, messages=[message]).json()["message"]["content"] == "unreadable"


def test_messages_are_answered_for_each_installed_model(ollama: httpx2.Client) -> None:
    def asked(model: str) -> httpx2.Response:
        messages = [{"role": "user", "content": "Reply with exactly: pine"}]
        return ollama.post("/v1/messages", json={"model": model, "max_tokens": 64, "messages": messages})

    pull(ollama, "gemma4")
    assert asked("gemma4").json()["content"][0]["text"] == "pine"
    assert asked("nonesuch").json()["error"]["type"] == "not_found_error"
    assert asked("glm-5.1:cloud").status_code == 401


def test_a_key() -> None:
    with scripted("--face", "ollama", "--api-key", "right") as url:
        body = {"model": "scripted", "stream": False, "messages": [{"role": "user", "content": "x"}]}
        assert httpx2.post(f"{url}/api/chat", json=body).status_code == 401
        right = {"authorization": "Bearer right"}
        assert httpx2.post(f"{url}/api/chat", json=body, headers=right).status_code == 200
