"""Getting a model ready on an Ollama: pulled, with a long context, under a second name, over a real socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from servers import Stub

from conformance.targets.ollama.client import Ollama, OllamaError, Progress
from conformance.targets.ollama.prepare import PreparationError, Prepared, clean, prepare, variant_name
from conformance.targets.wire import Unreachable

T = TypeVar("T")


def steps(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


class Registry:
    """The state of a simulated Ollama: which models it has, and what the next pull and creation say."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.models: dict[str, dict[str, Any]] = {}
        self.pull: bytes | None = None
        self.create: bytes | None = None
        stub.says(GET_api_version={"version": "0.33.0"})
        stub.routes["GET /api/tags"] = lambda _: (200, {}, {"models": [self.listed(name) for name in self.models]})
        stub.routes["POST /api/show"] = self.shown
        stub.routes["POST /api/pull"] = self.pulled
        stub.routes["POST /api/create"] = self.created
        stub.routes["POST /api/copy"] = self.copied
        stub.routes["DELETE /api/delete"] = lambda body: (
            200 if self.models.pop(full(body["model"]), None) else 404,
            {},
            "",
        )

    def add(self, name: str, **model: Any) -> None:
        self.models[full(name)] = {"digest": f"d{len(self.models)}", "num_ctx": None, "trained": 262144, **model}

    def listed(self, name: str) -> dict[str, Any]:
        return {"name": name, "digest": self.models[name]["digest"], "size": 7}

    def shown(self, body: Any) -> tuple[int, dict[str, str], Any]:
        model = self.models.get(full(body["model"]))
        if model is None:
            return 404, {}, {"error": f"model '{body['model']}' not found"}
        parameters = f"num_ctx {model['num_ctx']}" if model["num_ctx"] else ""
        info = {"general.architecture": "q", "q.context_length": model["trained"]}
        shown = {"capabilities": ["completion", "tools"], "parameters": parameters, "model_info": info}
        return 200, {}, shown | ({"remote_host": model["remote"]} if "remote" in model else {})

    def pulled(self, body: Any) -> tuple[int, dict[str, str], bytes]:
        if self.pull is None:
            self.add(body["model"])
            layers = [{"status": "pulling d", "digest": "sha256:d", "total": 4, "completed": n} for n in (1, 4)]
            return 200, {}, steps({"status": "pulling manifest"}, *layers, {"status": "success"})
        return 200, {}, self.pull

    def created(self, body: Any) -> tuple[int, dict[str, str], bytes]:
        if self.create is None:
            self.add(body["model"], num_ctx=body["parameters"]["num_ctx"])
            return 200, {}, steps({"status": "writing manifest"}, {"status": "success"})
        return 200, {}, self.create

    def copied(self, body: Any) -> tuple[int, dict[str, str], str]:
        self.models[full(body["destination"])] = self.models[full(body["source"])]
        return 200, {}, ""

    def asked(self, path: str) -> int:
        return sum(key.endswith(path) for key, _, _ in self.stub.asked)


def full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


@pytest.fixture
def registry(stub: Callable[[], Stub]) -> Registry:
    return Registry(stub())


def run(registry: Registry, act: Callable[[Ollama], Awaitable[T]]) -> T:
    async def within() -> T:
        async with Ollama(registry.stub.url) as ollama:
            return await act(ollama)

    return asyncio.run(within())


def prepared(registry: Registry, model: str, **options: Any) -> Prepared:
    return run(registry, lambda ollama: prepare(ollama, model, **options))


def fails(registry: Registry, model: str, **options: Any) -> str:
    with pytest.raises(PreparationError) as error:
        prepared(registry, model, **options)
    return str(error.value)


def test_a_model_is_pulled_given_a_long_context_and_a_second_name(registry: Registry) -> None:
    seen: list[tuple[str, Progress]] = []
    ready = prepared(
        registry, "qwen3-coder", alias="claude-3-5-sonnet", on_progress=lambda model, step: seen.append((model, step))
    )
    assert ready.model == "claude-3-5-sonnet"
    assert ready.done == (
        "pulled qwen3-coder",
        "made qwen3-coder-64k: qwen3-coder with 65536 tokens of context",
        "claude-3-5-sonnet now means qwen3-coder-64k",
    )
    assert ("qwen3-coder", Progress("pulling d", "sha256:d", 4, 1)) in seen
    assert set(registry.models) == {"qwen3-coder:latest", "qwen3-coder-64k:latest", "claude-3-5-sonnet:latest"}


def test_a_second_time_nothing_is_left_to_do(registry: Registry) -> None:
    prepared(registry, "qwen3-coder", alias="claude-3-5-sonnet")
    again = prepared(registry, "qwen3-coder", alias="claude-3-5-sonnet")
    assert again.done == (
        "qwen3-coder is there already",
        "qwen3-coder-64k is there already",
        "claude-3-5-sonnet means qwen3-coder-64k already",
    )
    assert (registry.asked("/api/pull"), registry.asked("/api/create"), registry.asked("/api/copy")) == (1, 1, 1)


def test_what_was_made_is_taken_away_again(registry: Registry) -> None:
    prepared(registry, "qwen3-coder", alias="claude-3-5-sonnet")
    done = run(registry, lambda ollama: clean(ollama, "qwen3-coder", alias="claude-3-5-sonnet"))
    assert set(registry.models) == {"qwen3-coder:latest"}
    assert "`ollama rm qwen3-coder`" in done[-1]


def test_what_was_made_with_other_words_is_taken_away_too(registry: Registry) -> None:
    prepared(registry, "qwen3-coder", context=32768, alias="claude-3-5-sonnet")
    done = run(registry, lambda ollama: clean(ollama, "qwen3-coder"))
    assert set(registry.models) == {"qwen3-coder:latest"}
    assert {"deleted qwen3-coder-32k", "deleted claude-3-5-sonnet"} <= set(done)
    assert "nothing that prepare makes of it is here" in run(registry, lambda ollama: clean(ollama, "qwen3-coder"))[-1]


def test_a_library_that_cannot_be_reached_says_nothing_of_the_model(registry: Registry) -> None:
    says = (
        'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host'
    )
    registry.pull = steps({"status": "pulling manifest"}, {"error": says})
    with pytest.raises(PreparationError) as failed:
        prepared(registry, "qwen3-coder")
    assert "cannot reach its library" in str(failed.value)
    assert "did you mean" not in str(failed.value)
    assert failed.value.exit_code == 2


@pytest.mark.parametrize("model", ["glm-5.1:cloud", "gpt-oss:120b-cloud"])
def test_cloud_names_need_nothing(registry: Registry, model: str) -> None:
    assert prepared(registry, model).model == model
    assert registry.stub.asked == []
    assert "second name" in fails(registry, model, alias="claude-3-5-sonnet")


def test_a_name_that_does_not_exist_gets_the_nearest_that_does(registry: Registry) -> None:
    registry.pull = steps({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"})
    assert "did you mean qwen3-coder?" in fails(registry, "qwen3-codr")
    assert registry.models == {}


def test_a_pull_that_fails_in_mid_stream_says_that_it_goes_on(registry: Registry) -> None:
    progress = {"status": "pulling d", "digest": "sha256:d", "total": 9, "completed": 4}
    registry.pull = steps(progress, {"error": "max retries exceeded: unexpected EOF"})
    says = fails(registry, "qwen3-coder")
    assert "max retries exceeded" in says
    assert "goes on from there" in says
    registry.pull = None
    assert prepared(registry, "qwen3-coder").done[0] == "pulled qwen3-coder"


@pytest.mark.parametrize("answer", [b"", steps({"status": "pulling manifest"}), b"not json\n", b"[1, 2]\n", b"{}\n"])
def test_a_pull_that_never_succeeds_is_none(registry: Registry, answer: bytes) -> None:
    registry.pull = answer
    assert "broke off" in fails(registry, "qwen3-coder")


def test_a_full_disk_leaves_nothing_half_made(registry: Registry) -> None:
    registry.add("qwen3-coder")

    def half(body: Any) -> tuple[int, dict[str, str], bytes]:
        registry.add(body["model"])
        return 200, {}, steps({"status": "writing"}, {"error": "write /x: no space left on device"})

    registry.stub.routes["POST /api/create"] = half
    says = fails(registry, "qwen3-coder")
    assert "no space left on device" in says
    assert "`ollama rm NAME`" in says
    assert set(registry.models) == {"qwen3-coder:latest"}


def test_a_model_with_a_short_context_is_told_before_anything_is_made(registry: Registry) -> None:
    registry.add("small", trained=8192)
    says = fails(registry, "small")
    assert "8192" in says
    assert "--context 8192" in says
    assert prepared(registry, "small", context=8192).model == "small-8k"


def test_a_model_that_is_long_already_needs_no_variant(registry: Registry) -> None:
    registry.add("long", num_ctx=131072)
    assert prepared(registry, "long").model == "long"


def test_a_model_that_runs_elsewhere_is_left_as_it_is(registry: Registry) -> None:
    registry.add("far", remote="https://ollama.com:443")
    assert prepared(registry, "far").model == "far"
    assert registry.asked("/api/create") == 0


def test_an_alias_does_not_push_a_model_aside(registry: Registry) -> None:
    registry.add("qwen3-coder")
    registry.add("mine")
    assert "`ollama rm mine`" in fails(registry, "qwen3-coder", alias="mine")
    prepared(registry, "mine", alias="claude-3-5-sonnet")
    assert (
        prepared(registry, "qwen3-coder", alias="claude-3-5-sonnet").done[-1].startswith("claude-3-5-sonnet now means")
    )


@pytest.mark.parametrize(
    ("model", "variant"),
    [
        ("qwen3-coder", "qwen3-coder-64k"),
        ("gpt-oss:20b", "gpt-oss:20b-64k"),
        ("a:latest", "a-64k"),
        ("me/a", "me/a-64k"),
    ],
)
def test_the_name_of_a_variant(model: str, variant: str) -> None:
    assert variant_name(model) == variant


def test_generate_asks_through_the_messages_api(registry: Registry) -> None:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    registry.stub.says(POST_v1_messages={"content": content})
    assert run(registry, lambda ollama: ollama.generate("m", "say hello")) == "hello"


@pytest.mark.parametrize("answer", [{"content": None}, {}, [], "not json", {"content": "text"}])
def test_generate_of_an_odd_answer_is_no_text(registry: Registry, answer: Any) -> None:
    registry.stub.says(POST_v1_messages=answer)
    assert run(registry, lambda ollama: ollama.generate("m", "say hello")) == ""


def test_a_refusal_is_told_in_the_servers_words(registry: Registry) -> None:
    envelope = {"type": "error", "error": {"type": "not_found_error", "message": "model 'm' not found"}}
    registry.stub.routes["POST /v1/messages"] = (404, {}, envelope)
    with pytest.raises(OllamaError, match="model 'm' not found") as error:
        run(registry, lambda ollama: ollama.generate("m", "hello"))
    assert error.value.status == 404


def test_the_cloud_client_sends_its_key_and_the_local_one_none(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "hush")
    monkeypatch.setenv("OLLAMA_HOST", registry.stub.url.removeprefix("http://"))

    async def ask() -> None:
        async with Ollama.local() as ollama:
            await ollama.version()
        async with Ollama(registry.stub.url, api_key="named") as ollama:
            await ollama.version()

    asyncio.run(ask())
    assert [headers.get("authorization") for _, headers, _ in registry.stub.asked] == [None, "Bearer named"]


def test_no_server_is_said_as_that(registry: Registry) -> None:
    registry.stub.close()
    with pytest.raises(Unreachable, match="nothing answers"):
        prepared(registry, "qwen3-coder")
