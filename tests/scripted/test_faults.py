"""Every fault shows to a client that asks the right thing, and only to the one that asks for the fault."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from reference_client import asking, ended_batch, talk
from reference_probes import CACHED, MANY, MESSAGES, masked, probes, seen

from conformance.catalog.case import Case, asks_of, modes_of
from conformance.catalog.load import Catalog, load_catalog
from conformance.detection.measure import measure
from conformance.probe.request import Setting, new_nonce, render
from conformance.scripted.faults import faults
from conformance.scripted.listing import list_faults
from conformance.targets.target import Target
from conformance.words import Mode

STATEFUL = {"LC02", "LC03", "LC04", "X-same-request"}
LONG = {"X-max-tokens-capped"}
KEYED = {"ER11", "ER11-openai", "X-key-echoed"}
OPEN = {
    "X-bearer-any": ("POST", "/v1/messages", {"authorization": "Bearer bad"}),
    "X-key-empty": ("POST", "/v1/messages", {"x-api-key": ""}),
    "X-models-open": ("GET", "/v1/models", {"x-api-key": "bad"}),
    "X-batches-open": ("GET", "/v1/messages/batches", {"x-api-key": "bad"}),
    "X-files-open": ("GET", "/v1/files", {"x-api-key": "bad"}),
}
BATCHED = {"BA02", "BA03"}
BAD_RESULTS = {"X-results-swapped", "X-result-lost", "X-result-error-bare", "X-result-text-lost", "X-result-usage-lost"}
BAD_BATCHES = {
    "X-batch-ended-early",
    "X-batch-expired",
    "X-batch-never-counted",
    "X-cancel-untold",
    "X-batch-undeleted",
}
BAD_FILES = {"X-file-undeleted", "X-file-unix-time"}
AFTERWARDS = BAD_RESULTS | BAD_BATCHES | BAD_FILES
SILENT = {"TR09", "LC05"}
UNMASKED = {"X-request-id-same", "X-reset-passed"}
NAMED = {"X-name-small", "X-search-as-function"}
UPSTREAM = {fault.id for fault in faults().values() if "upstream" in fault.needs}  # see test_gateway.py


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def hasty() -> Iterator[httpx2.Client]:
    """A client that waits for no silence: where one is a fault, that is how it shows."""
    with httpx2.Client(timeout=0.5) as client:
        yield client


@pytest.fixture(scope="module")
def correct(address: str, client: httpx2.Client) -> list[tuple[Any, tuple[Any, ...]]]:
    for probe in probes(set(CACHED)):
        seen(client, address, probe)  # fills the prompt cache
    return [(probe, seen(client, address, probe)) for probe in probes()]


NO_PROBE = {
    "X-agent-curl", "X-agent-needed", "X-agent-refused", "X-assistant-texts-reversed",
    "X-billing-cached", "X-blocks-sixteen", "X-call-name-500", "X-choice-with-system",
    "X-chunks-unread", "X-combined-refused", "X-count-cache-refused", "X-count-capped",
    "X-count-first-tool", "X-count-format-refused", "X-count-no-answers", "X-count-system-message",
    "X-defer-refused", "X-description-empty-refused", "X-document-with-tools", "X-documents-reversed",
    "X-effort-thinks", "X-image-once", "X-image-with-system", "X-image-with-thinking",
    "X-images-reversed", "X-input-astral", "X-input-nulls", "X-input-values-once",
    "X-keys-of-another-client", "X-long-context-500", "X-marked-result-block-lost",
    "X-marked-tool-lost", "X-messages-first-refused", "X-name-of-another-client",
    "X-name-of-objects-500", "X-none-after-call-refused", "X-none-results-lost",
    "X-property-dots-refused", "X-redacted-500", "X-schema-any-500", "X-schema-recursive-500",
    "X-search-results-reversed", "X-server-blocks-500", "X-standard-only-refused", "X-stop-any-case",
    "X-stop-at-once-500", "X-stop-held-back", "X-stop-in-prompt", "X-stop-pattern",
    "X-stop-signs-ignored", "X-stop-words-untold", "X-stream-default", "X-system-eight",
    "X-system-reversed", "X-system-text-500", "X-system-unmarked-lost", "X-system-with-image",
    "X-texts-before-image-lost", "X-texts-beside-results-lost", "X-texts-reversed", "X-thinking-later",
    "X-thinking-with-image", "X-thought-before-call-lost", "X-thought-cut", "X-tool-name-500",
    "X-tools-after-text", "X-tools-with-temperature", "X-type-first", "X-types-500", "X-users-reversed",
    "X-white-space-refused",
}  # fmt: skip
"""Faults that none of the probes shows: their own cases do."""
IN_STEPS = {
    "RQ06-display", "X-batch-system-lost", "X-batches-oldest-first", "X-cancel-ended-again", "X-custom-id-cut",
    "X-late-errors-lost", "X-late-results-lost", "X-results-in-ascii", "X-thought-after-call", "X-turns-six",
    "X-words-left",
}  # fmt: skip
"""The same, where a case has steps that stand on each other's answers: a run shows them."""
BY_ITS_CASE = NO_PROBE | {fault.id for fault in faults().values() if fault.group in ("history", "sizes")}

ELSEWHERE = (
    BY_ITS_CASE
    | IN_STEPS
    | STATEFUL
    | LONG
    | KEYED
    | OPEN.keys()
    | BATCHED
    | AFTERWARDS
    | UNMASKED
    | SILENT
    | NAMED
    | UPSTREAM
)


APART: dict[str | int, str] = {
    "a default": "X-default-refused",
    "a ttl after a shorter one": "X-ttl-short",
    "boolean as number": "X-max-tokens-boolean",
    "cached": "CA01",
    "cached at the top level": "X-cache-top-level",
    "cached document": "US04",
    "cached result": "X-max-tokens-64 X-markers-stay X-answer-repeats",
    "call without id": "X-call-id-filled-in",
    "cited": "CI01",
    "cut thought": "X-cut-thought",
    "every value that a schema allows": "X-input-small-keys X-input-line-blanks",
    "forty numbers": "X-delta-lost",
    "fraction": "X-top-k-fraction",
    "image in a document": "X-document-images ID07 X-system-stays",
    "long conversation": "X-old-turns-emptied",
    "many tools": "X-tool-first-lost",
    "negative max_tokens": "GW05",
    "no max_tokens": "RQ19",
    "nul": "X-text-nul-500",
    "number beyond numbers": "X-max-tokens-overflow",
    "prefill": "RQ12",
    "replayed thinking": "TH12",
    "result without array": "X-result-object",
    "schema and system": "RQ09",
    "schema in a later turn": "SO01",
    "search result": "RQ17-search X-search-title",
    "stopped": "SR06",
    "stopped after a thought": "X-thinking-with-stop",
    "stopped at a space": "X-same-but-stop",
    "stopped with tools": "X-stop-with-tools",
    "system and thinking": "X-thinking-with-system",
    "the smallest top_k": "X-limit-short",
    "three tools": "X-third-call-lost",
    "tool": "TO12 X-input-ascii",
    "tools": "X-same-but-choice",
    "user id": "X-session-kept",
    "values": "X-input-null-lost X-input-backslashes X-input-html",
    0: "ER06",
    1: "X-json-comma",
    6: "X-escapes-literal",
    8: "X-stream-number",
    11: "RQ06",
    12: "GW09",
    20: "X-stop-with-system",
    22: "X-methods-unsaid ER21",
    23: "ID09 MO01",
    24: "X-beta-elsewhere",
    33: "RQ29",
}
"""Where the search begins for faults that show far from their neighbours: a message by name, another probe by place."""
BEGIN = {fault: probe for probe, named in APART.items() for fault in named.split()}


def place_of(probe: str | int) -> int:
    """Where a probe stands among all: each message is sent both ways, and the others follow."""
    return 2 * len(MESSAGES) + probe if isinstance(probe, int) else 2 * [*MESSAGES].index(probe)


@pytest.fixture(scope="module")
def shown_first() -> list[int]:
    """The position of the probe that showed the last fault: faults that stand together often show in the same place."""
    return [0]


@pytest.mark.parametrize("name", [name for name in faults() if name not in ELSEWHERE])
def test_a_fault_shows(
    name: str,
    address: str,
    hasty: httpx2.Client,
    correct: list[tuple[Any, tuple[Any, ...]]],
    shown_first: list[int],
) -> None:
    begin = place_of(BEGIN[name]) if name in BEGIN else shown_first[-1]
    outward = sorted(range(len(correct)), key=lambda position: abs(position - begin))
    for position in outward:
        probe, expected = correct[position]
        got = seen(hasty, f"{address}/fault/{name}", probe)
        if got != expected and not (_is_late(got) and _is_late(seen(hasty, address, probe))):
            return shown_first.append(position)
    pytest.fail(f"none of {len(correct)} probes shows {name}")


def _is_late(got: tuple[Any, ...]) -> bool:
    """Whether there was a silence: of the correct endpoint too, it is the machine's and shows nothing."""
    return bool(got[-1] == "ReadTimeout")


def _called(address: str, fault: str, tool: dict[str, Any]) -> list[Any]:
    body = asking(f"Call the tool {tool['name']} with this input: {{}}", tools=[tool])
    answer = httpx2.post(f"{address}{fault}/v1/messages", json=body, timeout=60, verify=False).json()
    return [block["name"] for block in answer.get("content", []) if block["type"] == "tool_use"]


def test_a_name_loses_its_capitals(address: str) -> None:
    tool = {"name": "LookUp", "input_schema": {"type": "object"}}
    assert _called(address, "", tool) == ["LookUp"]
    assert _called(address, "/fault/X-name-small", tool) == ["lookup"]


def test_a_search_of_the_servers_is_handed_to_the_client(address: str) -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    assert _called(address, "", tool) == []
    assert _called(address, "/fault/X-search-as-function", tool) == ["web_search"]


@pytest.mark.parametrize("name", sorted(SILENT))
def test_a_silence_outlasts_a_timeout(name: str, address: str, hasty: httpx2.Client) -> None:
    body = asking("word " * 2000 + "\nReply with exactly: hello", stream=True)
    with pytest.raises(httpx2.ReadTimeout):
        hasty.post(f"{address}/fault/{name}/v1/messages", json=body)


@pytest.mark.parametrize(("name", "status"), [("ER11", 400), ("ER11-openai", 401)])
def test_a_wrong_key_is_answered_wrongly(name: str, status: int) -> None:
    answer = talk(lambda client: client.post("/v1/messages", json=asking()), api_key="right", fault=name)
    assert answer.status_code == status
    assert answer.json().get("type") != "error" or status == 400


@pytest.mark.parametrize("name", OPEN)
def test_a_wrong_key_is_let_in(name: str) -> None:
    method, path, headers = OPEN[name]
    sent: Any = asking() if method == "POST" else None

    def status(fault: str | None) -> int:
        return talk(
            lambda client: client.request(method, path, headers=headers, json=sent), api_key="right", fault=fault
        ).status_code

    assert (status(name), status(None)) == (200, 401)


def test_a_high_limit_is_capped() -> None:
    body = asking("Count from 1 to 1001.", max_tokens=2000)
    answer = talk(lambda client: client.post("/fault/X-max-tokens-capped/v1/messages", json=body)).json()
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 1000)


@pytest.mark.parametrize("name", sorted(BATCHED))
def test_the_results_of_a_batch_are_given_wrongly(name: str) -> None:
    async def script(client: httpx2.AsyncClient) -> tuple[str, str]:
        path = f"/fault/{name}/v1/messages/batches"
        batch = (await client.post(path, json={"requests": [{"custom_id": "a", "params": asking()}]})).json()
        batch = await ended_batch(client, f"{path}/{batch['id']}")
        return batch["results_url"], (await client.get(f"{path}/{batch['id']}/results")).text

    url, results = talk(script)
    assert url.startswith("http") is (name != "BA03")
    assert ("custom_id" in results) is (name != "BA02")


async def _whole_life_of_a_batch(client: httpx2.AsyncClient, base: str) -> list[Any]:
    """What is told of a batch of three, of one that is cancelled and one that was deleted, without ids and times."""
    path, told = f"{base}/v1/messages/batches", []
    items = [{"custom_id": name, "params": asking(f"Reply with exactly: {name}")} for name in ("a", "b")]
    bad = {"custom_id": "bad", "params": asking(max_tokens=-1)}
    batch = (await client.post(path, json={"requests": [*items, bad]})).json()
    told.append(batch["expires_at"] > batch["created_at"])
    batch = await ended_batch(client, f"{path}/{batch['id']}")
    told += [batch["ended_at"] >= batch["created_at"], batch["request_counts"]]
    told.append(masked((await client.get(f"{path}/{batch['id']}/results")).text))
    told.append((await client.delete(f"{path}/{batch['id']}")).status_code)
    told.append((await client.get(f"{path}/{batch['id']}")).status_code)
    other = (await client.post(path, json={"requests": items})).json()
    canceled = (await client.post(f"{path}/{other['id']}/cancel")).json()
    return [*told, canceled["cancel_initiated_at"] is not None]


async def _whole_life_of_a_file(client: httpx2.AsyncClient, base: str) -> list[Any]:
    path = f"{base}/v1/files"
    file = (await client.post(path, files={"file": ("a.txt", b"a", "text/plain")})).json()
    deleted = await client.delete(f"{path}/{file['id']}")
    again = await client.get(f"{path}/{file['id']}")
    return [isinstance(file["created_at"], str), deleted.json()["type"], again.status_code]


@pytest.mark.parametrize("name", sorted(AFTERWARDS))
def test_a_fault_shows_step_after_step(name: str) -> None:
    life = _whole_life_of_a_file if name in BAD_FILES else _whole_life_of_a_batch
    assert talk(lambda client: life(client, f"/fault/{name}")) != talk(lambda client: life(client, ""))


def test_a_refusal_repeats_the_key() -> None:
    headers = {"x-api-key": "wrong-key"}
    answer = talk(lambda client: client.get("/v1/models", headers=headers), api_key="right", fault="X-key-echoed")
    assert "wrong-key" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "header"),
    [("X-request-id-same", "request-id"), ("X-reset-passed", "anthropic-ratelimit-requests-reset")],
)
def test_a_header_never_changes(name: str, header: str) -> None:
    def told(fault: str | None) -> Any:
        return talk(lambda client: client.post("/v1/messages", json=asking()), fault=fault).headers[header]

    assert told(name) == told(name) != told(None)


def test_a_cancelled_answer_blocks_the_next(address: str) -> None:
    base = f"{address}/fault/LC02/v1/messages"
    with httpx2.Client() as client:
        with client.stream("POST", base, json=asking("Count from 1 to 500.", max_tokens=900, stream=True)) as answer:
            next(answer.iter_raw())
        statuses = [client.post(base, json=asking()).status_code for _ in range(20)]
    assert 500 in statuses


def test_concurrent_answers_cross() -> None:
    async def script(client: httpx2.AsyncClient) -> list[str]:
        import asyncio

        same = "Reply with exactly: what both of them begin with, and then "
        bodies = [asking(same + "on and " * 150, max_tokens=500), asking(same + "mine")]
        answers = await asyncio.gather(*(client.post("/fault/LC03/v1/messages", json=body) for body in bodies))
        return [answer.json()["content"][0]["text"] for answer in answers]

    first, second = talk(script)
    assert first == second
    assert "mine" not in second


def test_a_connection_is_poisoned_by_an_error(address: str) -> None:
    with httpx2.Client() as client:
        statuses = [
            client.post(f"{address}/fault/LC04/v1/messages", json=body).status_code
            for body in (asking(model=5), asking(), asking())
        ]
    assert statuses == [400, 400, 200]


def test_an_answer_is_given_again() -> None:
    async def script(client: httpx2.AsyncClient) -> list[str]:
        texts = ["Reply with exactly: a", "Reply with exactly: b", "Reply with exactly: a"]
        answers = [await client.post("/fault/X-same-request/v1/messages", json=asking(text)) for text in texts]
        return [answer.json()["id"] for answer in answers]

    first, other, again = talk(script)
    assert first == again != other


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("drop:system", 200, "unknown"),
        ("drop:messages.0", 400, ""),
        ("drop:nothing.here", 200, "fig"),
        ("refuse:system", 400, ""),
        ("refuse:messages.0.content", 400, ""),
        ("refuse:messages.5", 200, "fig"),
    ],
)
def test_a_field_is_lost_or_refused(name: str, status: int, text: str) -> None:
    body = asking("Reply with only the secret word.", system="The secret word is fig.")
    answer = talk(lambda client: client.post(f"/fault/{quote(name, safe='')}/v1/messages", json=body))
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["content"][0]["text"] == text
    elif name.startswith("refuse:"):
        assert answer.json()["error"]["message"].startswith(name.removeprefix("refuse:"))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body", [asking(max_tokens=...), asking(messages=[]), {}], ids=["max_tokens", "messages", "all"]
)
def test_a_refusal_does_not_come(stream: bool, body: dict[str, Any]) -> None:
    answer = talk(lambda client: client.post("/fault/accept:any.case/v1/messages", json={**body, "stream": stream}))
    assert answer.status_code == 200
    assert '"type":"message"' in answer.text


def test_malformed_json_is_accepted_too() -> None:
    answer = talk(lambda client: client.post("/fault/accept:any.case/v1/messages", content=b"{"))
    assert (answer.status_code, answer.json()["type"]) == (200, "message")


def test_without_a_prefix_nothing_is_bent(
    address: str, client: httpx2.Client, correct: list[tuple[Any, tuple[Any, ...]]]
) -> None:
    assert [(probe, seen(client, address, probe)) for probe, _ in correct] == correct


def test_the_listing_is_complete() -> None:
    command = [sys.executable, "-m", "conformance.scripted", "faults", "--json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert [entry["id"] for entry in listed] == [entry.id for entry in list_faults()]
    assert all(entry["says"] and entry["group"] and entry["strength"] in ("fault", "note") for entry in listed)
    assert len({entry["id"] for entry in listed}) == len(listed) > 440


def test_a_whole_server_can_commit_one_fault() -> None:
    assert talk(lambda client: client.post("/v1/messages", json=MANY), fault="SR04").json()["stop_reason"] is None


def test_an_unknown_fault_is_a_users_mistake() -> None:
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--fault", "XX99"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "XX99" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(None)


@pytest.mark.parametrize("name", sorted(BY_ITS_CASE))
def test_a_fault_shows_in_the_case_that_names_it(
    name: str, address: str, client: httpx2.Client, catalog: Catalog
) -> None:
    case = min((one for one in catalog.cases.values() if name in one.faults), key=lambda one: one.size == "large")
    assert any(_differs(client, case, mode, address, f"{address}/fault/{name}") for mode in modes_of(case))


def _differs(client: httpx2.Client, case: Case, mode: Mode, right: str, bent: str) -> bool:
    """Whether the last answer is another, and the correct endpoint's the same each time once it knows the request."""
    nonce = new_nonce()
    _, *known, other = (_last_answer(client, case, mode, base, nonce) for base in (right, right, right, bent))
    return known[0] == known[1] != other


def test_a_fault_shows_in_a_run(catalog: Catalog) -> None:
    outcomes = {fault.id: fault.outcome for fault in measure(catalog, only=sorted(IN_STEPS)).each_fault}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in ("killed", "note")} == {}
    assert outcomes.keys() >= IN_STEPS


def _last_answer(client: httpx2.Client, case: Case, mode: Mode, base: str, nonce: str) -> str:
    """What comes of the last request of a case, without what differs from attempt to attempt."""
    text = ""
    target = Target(name="reference", base_url=base, model="scripted")
    for ask in asks_of(case):
        outgoing = render(ask, Setting(target=target, mode=mode, nonce=nonce))
        headers = dict(outgoing.headers)
        request = client.build_request(outgoing.method, outgoing.url, headers=headers, content=outgoing.sent)
        if "user-agent" not in map(str.lower, headers):
            del request.headers["user-agent"]
        answer = client.send(request)
        text = f"{answer.status_code} {masked(answer.text)}"
    return text


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [("RQ04-dropped", {"messages": 5}), ("RQ22", {"messages": [5]}), ("X-limit-short", {"tools": 5})],
)
def test_a_request_over_which_a_fault_stumbles_is_refused_as_ever(fault: str, wrong: dict[str, Any]) -> None:
    body = {**asking(), **wrong}
    answer = talk(lambda client: client.post("/v1/messages", json=body), fault=fault)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
