"""From what a person types to the target that is asked, against servers on real sockets."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers import Stub

from conformance.targets.load import load_target_file
from conformance.targets.resolve import Choices, TargetProblem, asks_reference, resolve
from conformance.targets.target import Target


def resolved(choices: Choices, environ: dict[str, str] | None = None) -> tuple[Target, list[str]]:
    said: list[str] = []
    return resolve(choices, environ or {}, said.append), said


def refused(choices: Choices, environ: dict[str, str] | None = None) -> TargetProblem:
    with pytest.raises(TargetProblem) as problem:
        resolved(choices, environ)
    assert "\n  File " not in problem.value.message
    return problem.value


def test_nobody_named_means_the_embedded_reference_endpoint() -> None:
    assert asks_reference(Choices())
    assert asks_reference(Choices(target="reference"))
    assert not asks_reference(Choices(base_url="http://localhost:1"))
    assert not asks_reference(Choices(target="ollama"))


def test_an_address_is_all_that_an_ollama_user_types(ollama: Stub) -> None:
    target, said = resolved(Choices(base_url=ollama.url + "/v1/"))
    assert (target.name, target.version, target.model) == ("ollama", "0.33.0", "qwen3-coder:latest")
    assert said == [f"{ollama.url} is recognised as Ollama 0.33.0: its target file `ollama` counts"]
    assert target.capabilities == {"tools": True, "vision": False, "thinking": False, "authentication": False}
    assert target.headroom == 0, "a model that cannot think needs no headroom"
    assert target.key is None
    assert not any(key.endswith("/v1/messages") for key, _, _ in ollama.asked)


@pytest.mark.parametrize("variable", ["OLLAMA_URL", "OLLAMA_HOST"])
def test_the_address_of_ollama_comes_from_its_own_variables(ollama: Stub, variable: str) -> None:
    bare = ollama.url.removeprefix("http://")
    target, said = resolved(Choices(target="ollama"), {variable: bare})
    assert target.base_url == ollama.url
    assert "asked as Ollama" in said[0]


def test_the_flag_goes_before_the_variable(ollama: Stub) -> None:
    target, _ = resolved(Choices(target="ollama", base_url=ollama.url), {"OLLAMA_HOST": "127.0.0.1:1"})
    assert target.base_url == ollama.url


def test_a_variable_that_is_no_address_is_named() -> None:
    assert "OLLAMA_HOST" in refused(Choices(target="ollama"), {"OLLAMA_HOST": "ftp://nowhere"}).message


def test_only_the_gaps_of_this_version_count(ollama: Stub) -> None:
    def gaps(version: str) -> set[str | None]:
        target, _ = resolved(Choices(target=f"ollama@{version}", base_url=ollama.url))
        return {gap.surface for gap in (*target.documented, *target.known)}

    assert "request.thinking.disabled" in gaps("0.23.3")
    assert "request.thinking.disabled" not in gaps("0.23.4")


def test_a_pinned_version_is_said_where_the_server_tells_another(ollama: Stub) -> None:
    target, said = resolved(Choices(target="ollama@0.18.0", base_url=ollama.url))
    assert target.version == "0.18.0"
    assert any("0.33.0" in line and "0.18.0" in line for line in said)


@pytest.mark.parametrize(
    ("told", "part"), [("0.0.0", "from source"), ("0.33.0-rc2", "pre-release"), ("?", "cannot be read")]
)
def test_an_odd_version_is_said(ollama: Stub, told: str, part: str) -> None:
    ollama.says(GET_api_version={"version": told})
    target, said = resolved(Choices(base_url=ollama.url))
    assert target.version == told
    assert any(part in line for line in said)


def test_several_models_and_none_named_is_a_list(ollama: Stub) -> None:
    ollama.says(GET_api_tags={"models": [{"name": f"m{number}:latest"} for number in range(30)]})
    problem = refused(Choices(base_url=ollama.url))
    assert problem.exit_code == 4
    assert "m0:latest" in problem.message
    assert "and 10 more" in problem.message
    assert "--model" in problem.message


def test_no_model_says_how_to_get_one(ollama: Stub) -> None:
    ollama.says(GET_api_tags={"models": []})
    assert "conformance prepare" in refused(Choices(base_url=ollama.url)).message


def test_a_misspelt_model_gets_the_nearest(ollama: Stub) -> None:
    problem = refused(Choices(base_url=ollama.url, model="qwen3-codr"))
    assert problem.exit_code == 4
    assert "did you mean qwen3-coder:latest?" in problem.message


def test_the_tag_latest_may_be_left_out(ollama: Stub) -> None:
    assert resolved(Choices(base_url=ollama.url, model="qwen3-coder"))[0].model == "qwen3-coder"


def test_a_cloud_model_behind_a_local_ollama_is_another_target(ollama: Stub) -> None:
    target, said = resolved(Choices(base_url=ollama.url, model="glm-5.1:cloud"))
    assert target.name == "ollama-cloud-proxy"
    assert "`ollama-cloud-proxy` counts" in said[0]


def test_what_a_server_does_not_say_is_unknown(ollama: Stub) -> None:
    ollama.says(POST_api_show={})
    target, _ = resolved(Choices(base_url=ollama.url))
    assert target.capabilities == {"authentication": False}
    assert target.headroom == 4096, "thinking cannot be ruled out"


@pytest.mark.parametrize(
    ("shown", "loaded", "enough"),
    [
        ({"parameters": "stop  x\nnum_ctx                        65536"}, None, True),
        ({"parameters": "num_ctx 4096"}, None, False),
        ({"parameters": "num_ctx 65536"}, 4096, False),
        ({}, 65536, True),
        ({}, None, None),
        ({"model_info": {"general.architecture": "a", "a.context_length": 32768}}, None, False),
    ],
)
def test_the_context_that_counts_is_the_one_as_loaded(
    ollama: Stub, shown: dict[str, Any], loaded: int | None, enough: bool | None
) -> None:
    ollama.says(POST_api_show=shown)
    if loaded is not None:
        ollama.says(GET_api_ps={"models": [{"name": "qwen3-coder:latest", "context_length": loaded}]})
    target, _ = resolved(Choices(base_url=ollama.url))
    assert target.capabilities.get("context-64k") is enough


def test_the_callers_word_on_capabilities_counts(ollama: Stub) -> None:
    choices = Choices(base_url=ollama.url, capabilities={"vision": True, "tools": False}, concurrency=7)
    target, _ = resolved(choices)
    assert target.capabilities["vision"] is True
    assert target.capabilities["tools"] is False
    assert target.concurrency == 7


def test_a_server_that_does_not_say_what_it_is_stands_for_the_bare_api(stub: Callable[[], Stub]) -> None:
    server = stub().says(GET_v1_models={"object": "list", "data": [{"id": "only"}]})
    target, said = resolved(Choices(base_url=server.url))
    assert (target.name, target.model, target.documented, target.known) == ("none", "only", (), ())
    assert "does not say what it is" in said[0]


def test_target_none_is_the_bare_api_whoever_answers(ollama: Stub) -> None:
    ollama.says(GET_v1_models={"data": [{"id": "m"}]})
    assert resolved(Choices(target="none", base_url=ollama.url))[0].name == "none"


def test_capabilities_come_from_the_models_list_of_the_api(stub: Callable[[], Stub]) -> None:
    capabilities = {"image_input": {"supported": True}, "thinking": {"supported": False}, "batch": None}
    server = stub().says(GET_v1_models={"data": [{"id": "m", "type": "model", "capabilities": capabilities}]})
    target, _ = resolved(Choices(target="none", base_url=server.url))
    assert target.capabilities == {"vision": True, "thinking": False}


def test_litellm_and_llama_cpp_are_told_by_what_they_say(stub: Callable[[], Stub]) -> None:
    gateway = stub().says(GET_health_liveliness="I'm alive!", GET_v1_models={"data": [{"id": "m"}]})
    assert resolved(Choices(base_url=gateway.url))[0].name == "litellm"
    engine = stub().says(GET_props={"build_info": "b6543-0a1b2c3"}, GET_v1_models={"data": [{"id": "m"}]})
    target, _ = resolved(Choices(base_url=engine.url))
    assert (target.name, target.version) == ("llama.cpp", "b6543-0a1b2c3")


def test_vllm_is_told_by_whose_model_it_lists(stub: Callable[[], Stub]) -> None:
    listed = {"object": "list", "data": [{"id": "tiny", "object": "model", "owned_by": "vllm", "max_model_len": 32768}]}
    engine = stub().says(GET_v1_models=listed, GET_version={"version": "0.32.0"})
    target, said = resolved(Choices(base_url=engine.url))
    assert (target.name, target.version, target.model) == ("vllm", "0.32.0", "tiny")
    assert said == [f"{engine.url} is recognised as vLLM 0.32.0: its target file `vllm` counts"]


@pytest.mark.parametrize(
    ("path", "answer", "name", "version", "itself"),
    [
        ("GET_", {"message": "LLMs API", "version": "1.0.51"}, "claude-code-router", "2.0.0", "1.0.51"),
        ("GET_", {"message": "LLMs API", "version": "9.9.9"}, "claude-code-router", "9.9.9", None),
    ],
)
def test_a_version_is_that_of_the_package_beside_what_the_server_says(
    stub: Callable[[], Stub], path: str, answer: dict[str, str], name: str, version: str, itself: str | None
) -> None:
    server = stub().says(**{path: answer})
    target, said = resolved(Choices(base_url=server.url, model="m"))
    assert (target.name, target.version, target.calls_itself) == (name, version, itself)
    assert any(f"claude-code-router {version}" in line for line in said)
    assert [line for line in said if "calls itself" in line] == [line for line in said if itself]


def test_a_model_that_is_still_loading_is_waited_for(stub: Callable[[], Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.targets.recognise.LOADING_PAUSE", 0.01)
    server, answers = stub(), iter([503, 503])
    loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    server.says(GET_v1_models={"data": [{"id": "m"}]}, GET_props={"build_info": "b1"})
    server.routes["GET /health"] = lambda _: (
        (503, {}, loading) if next(answers, None) else (200, {"server": "llama.cpp"}, {})
    )
    server.routes["GET /api/version"] = server.routes["GET /health"]
    target, said = resolved(Choices(base_url=server.url))
    assert target.name == "llama.cpp"
    assert "loading its model" in said[0]


def test_a_dead_address_is_one_line_with_what_to_type() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    problem = refused(Choices(target="ollama", base_url=url))
    assert problem.exit_code == 2
    assert "`ollama serve`" in problem.message
    assert "\n" not in problem.message
    assert refused(Choices(base_url=url)).exit_code == 2


def test_an_unknown_target_gets_the_nearest_name() -> None:
    problem = refused(Choices(target="olama"))
    assert problem.exit_code == 4
    assert "`ollama`" in problem.message


def test_a_target_without_an_address_asks_for_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\n")
    assert "--base-url" in refused(Choices(target=str(file))).message


def test_what_is_known_by_documents_only_cannot_be_asked() -> None:
    problem = refused(Choices(target="claude-bridge", base_url="http://127.0.0.1:1"))
    assert problem.exit_code == 4
    assert "documents only" in problem.message


def test_a_file_of_the_users_own(ollama: Stub, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"name: mine\nextends: ollama\nbase_url: {ollama.url}\nbase_url_env: []\ndrop: [{{surface: auth.wrong_key}}]\n"
    )
    target, said = resolved(Choices(target=str(file)))
    assert target.name == "mine"
    assert "`mine` counts" in said[0]
    assert "auth.wrong_key" not in {gap.surface for gap in target.documented}
    assert "auth.missing_key" in {gap.surface for gap in target.documented}


KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-hush",
    "ANTHROPIC_AUTH_TOKEN": "hush-2",
    "OLLAMA_API_KEY": "hush-3",
    "LITELLM_MASTER_KEY": "hush-4",
}


def sent(server: Stub) -> str:
    return " ".join(value for _, headers, _ in server.asked for value in headers.values())


def test_no_key_that_happens_to_be_set_is_read(ollama: Stub) -> None:
    target, said = resolved(Choices(base_url=ollama.url), KEYS)
    assert target.key is None
    assert "hush" not in sent(ollama)
    assert not any("hush" in line for line in said)


@pytest.mark.parametrize("target", ["litellm", "anthropic", "ollama-cloud"])
def test_a_targets_own_key_goes_to_no_other_origin(stub: Callable[[], Stub], target: str) -> None:
    server = stub().says(GET_v1_models={"data": [{"id": "m"}]})
    found, said = resolved(Choices(target=target, base_url=server.url), KEYS)
    assert found.key is None
    assert "hush" not in sent(server)
    assert any("stays here" in line and "--api-key-env" in line for line in said)


def test_a_server_that_calls_itself_by_anothers_name_gets_no_key(stub: Callable[[], Stub]) -> None:
    server = stub().says(GET_health_liveliness="I'm alive!", GET_v1_models={"data": [{"id": "m"}]})
    assert resolved(Choices(base_url=server.url), KEYS)[0].key is None
    assert "hush" not in sent(server)


def test_the_key_that_the_caller_names_is_sent_in_the_targets_form(stub: Callable[[], Stub]) -> None:
    server = stub().says(GET_v1_models={"data": [{"id": "m"}]})
    found, _ = resolved(
        Choices(target="litellm", base_url=server.url, api_key_env="MY_KEY"), KEYS | {"MY_KEY": " abc\n"}
    )
    assert (found.key, found.auth.env) == ("abc", "MY_KEY")
    assert {headers.get("authorization") for _, headers, _ in server.asked} == {None, "Bearer abc"}
    assert "hush" not in sent(server)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_key_variable_that_is_not_set_is_named(stub: Callable[[], Stub], value: str | None) -> None:
    environ = {} if value is None else {"MY_KEY": value}
    problem = refused(Choices(target="none", base_url=stub().url, api_key_env="MY_KEY"), environ)
    assert problem.exit_code == 4
    assert "MY_KEY" in problem.message


def test_a_cloud_target_says_which_variable_it_needs() -> None:
    problem = refused(Choices(target="ollama-cloud"))
    assert problem.exit_code == 4
    assert "OLLAMA_API_KEY" in problem.message


def test_a_key_that_no_header_can_carry_is_not_repeated(stub: Callable[[], Stub]) -> None:
    problem = refused(Choices(target="none", base_url=stub().url, api_key_env="MY_KEY"), {"MY_KEY": "hu\nsh"})
    assert not re.search("hu.?sh", problem.message, re.DOTALL)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[]", b'{"version": 7}', b'{"version": null}', b'{"version": {"a": 1}}', b"0" * 1000]
)
def test_odd_answers_are_no_tracebacks(stub: Callable[[], Stub], content: bytes) -> None:
    server = stub()
    for path in ("/api/version", "/api/tags", "/v1/models", "/props", "/health", "/"):
        server.routes[f"GET {path}"] = (200, {}, content)
    assert refused(Choices(base_url=server.url)).exit_code == 4


def test_an_endless_answer_ends(stub: Callable[[], Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.targets.wire.LARGEST_ANSWER", 1000)
    server = stub()
    server.routes["GET /api/version"] = (200, {}, b"x" * 2000)
    assert "more than 1000 bytes" in refused(Choices(target="ollama", base_url=server.url)).message


def test_a_redirect_to_elsewhere_is_not_followed(stub: Callable[[], Stub]) -> None:
    server, elsewhere = stub(), stub()
    server.routes["GET /v1/models"] = (302, {"location": elsewhere.url + "/v1/models"}, "")
    refused(Choices(target="none", base_url=server.url, api_key_env="MY_KEY"), {"MY_KEY": "abc"})
    assert elsewhere.asked == []


def test_every_packaged_target_names_itself_as_its_file_does() -> None:
    from conformance.targets.load import target_names

    for name in target_names():
        assert load_target_file(name).name == name
