"""Masks are as long as what they stand for, tell two texts apart, and leave what nobody's is as it is."""

import base64
import itertools
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.runs.evidence import Evidence, exchange_of, recorded
from conformance.runs.masking import Masks, applied, candidates, masked_text, words_of_this_machine
from conformance.runs.sharing import shared_evidence, spans_over_deltas

KNOWN = {
    "host": ["gpu-17.corp.acme.io"],
    "model": ["acme/secret-7b", "C:\\models\\secret.gguf"],
    "user name": ["gabriel"],
    "word": ["Project Heron"],
}
PRIVATE = {
    "a host in an address": "http://inference.acme.internal:8000/v1",
    "the host that was asked, bare": "no route to gpu-17.corp.acme.io",
    "a user in an address": "https://gabriel:hunter2@nas.acme.io/x",
    "a path": 'File "/home/gabriel/serve.py", line 3',
    "a path behind an escape": "Traceback:\\n/srv/acme/models/x.py",
    "a path of macOS": "in /Users/Ana Maria/x.py".replace(" Maria", "Maria"),
    "a path of Windows": "at C:\\Users\\ana\\serve.py",
    "a path of Windows in JSON": '"at C:\\\\Users\\\\ana\\\\serve.py"',
    "the folder of a home": "~/acme/config.yaml",
    "an address": "upstream 10.1.2.3 timed out",
    "an address of six": "upstream fe80:1:2:3:4:5:6:7 timed out",
    "a mail address": "ask ana@acme.io for access",
    "a mail address behind an escape": "limit\\nana@acme.io",
    "a request id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "a request id behind an escape": "see\\nreq_011CSHoEeqs5C35K2UUqR7Fy",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a trace": "4bf92f3577b34da6a3ce929d0e0e4736",
    "an account": '"organization_id": "acme-17"',
    "an organisation": "org-a1b2c3d4e5",
    "a model": '{"model":"acme/secret-7b"}',
    "a model in JSON": '{"model":"acme\\/secret-7b"}',
    "a model in a URL": "/v1/models/" + quote("acme/secret-7b", safe=""),
    "a model that is a file": '"C:\\\\models\\\\secret.gguf"',
    "a name": "hello gabriel, your quota",
    "a name behind an escape": '"\\ngabriel: over quota"',
    "a name behind a long escape": '"\\u000agabriel: over quota"',
    "a word of the caller's own": "for Project Heron only",
    "a word in capitals": "for PROJECT HERON only",
    "a word inside of others": "MyProject Heron_v2",
    "a word in percent escapes": "for %50roject%20%48eron",
    "a word in escapes of JSON": '"for \\u0050roject \\u0048ero\\u006e"',
    "a word in HTML": "for Project &#72;eron and Project &#x48;&#x65;ron",
    "a word in base64": f"for {base64.b64encode(b'so Project Heron is').decode()}",
    "a word in hexadecimal": f"for {b'Project Heron'.hex()}",
    "a name in another": "gabriel_v2",
    "a file of a server": "file://nas.acme.io/home/gabriel/x",
    "a file of a bare server": "file://acme9/share/secret",
    "a file of this machine": "file:///data7/acme/x",
    "a share of Windows": '"at \\\\\\\\acme9\\\\share\\\\ana"',
    "a host and its port": "upstream gpu7.acme.internal:8000 is down",
    "a short host and its port": "no route to acme-17:8000",
    "a bare host": "gpu7.acme.internal is down",
    "a host by its name": "host=acme-17",
    "a host in JSON": '{"hostname":"acme-17"}',
    "a host whose domain goes on": "no route to gpu7.corp-acme.io",
    "a token in an address": "GET /x?v=1&token=secret7secret&api_key=hunter2 failed",
    "a network card": "00:1b:44:acme".replace("acme", "11:3a:b7"),
    "a resource of a cloud": "arn:aws:iam::123456789012:user/gabriel",
    "a key of Anthropic": "sk-ant-api03-UPSTREAMsecret0123456789abcdef",
    "a key of GitHub": "ghp_secret0123456789abcdefghijABCDEFGHIJ",
    "a key of AWS": "AKIASECRETSECRET1234",
    "a token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.secret123def456",
    "a path in escapes": "at /\\u0068ome/gabriel/x and %2Fhome%2Fana%2Fx",
    "a folder of a cluster": "/scratch/ana/llm/server.py",
    "a user at a machine": "gabriel@acme",
    "a key without digits": "hf_secretsecretSecretSecretsecret",
    "what a header bears": "authorization: Bearer secret0123456789",
    "a private key": '"-----BEGIN PRIVATE KEY-----\\nMIIEsecret12\\nsecret34==\\n-----END PRIVATE KEY-----"',
}
SECRETS = (
    *("gabriel", "acme", "secret", "ana", "hunter", "nas", "10.1.2.3", "fe80", "011CSH", "4bf92", "e89b", "a1b2c3"),
    *("Heron", "AnaMaria", "inference", "gpu7", "3a:b7", "123456789012", "eyJzdWIi", "UHJvamVjdCBIZXJv", "data7"),
    *("\\u0048", "%48", "&#72;", "&#x48;", b"Project Heron".hex()),
)


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_private_is_masked_in_its_own_length(name: str) -> None:
    text = PRIVATE[name]
    told = Masks(KNOWN).text(text)  # type: ignore[arg-type]
    assert len(told.encode()) == len(text.encode())
    assert not [secret for secret in SECRETS if secret.lower() in told.lower()], told
    if text.startswith(("{", '"')) and text.endswith(("}", '"')) and ": " not in text[:20]:
        json.loads(told)


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_private_is_masked_beside_what_is_escaped_more_often(name: str) -> None:
    """What an escape hid was looked for at one depth and masked as if it stood at the deepest of the whole answer."""
    text = PRIVATE[name]
    told = Masks(KNOWN).text(f"{'&#37;41 ' * 9}{text}")  # type: ignore[arg-type]
    assert not [secret for secret in SECRETS if secret.lower() in told.lower()], told


LONG = {
    "a path": b'"/home/' + b"a" * 300_000 + b'"',
    "an id": b"msg_" + b"a1" * 150_000,
    "a path in escapes": b'"/home/' + b"\\u0061" * 50_000 + b'"',
    "many paths": b" ".join(b"/home/ana%d/x.py" % number for number in range(20_000)),
    "many deltas": b"".join(b'{"text":"msg_a1b2%06d "}\n' % number for number in range(14_000)),
    "deltas between quotes": b'{"text":"' + b'\\"' * 150_000 + b'"}{"text":"/home/ana"}',
}
"""Some 300 kB of each."""


@pytest.mark.parametrize("what", LONG)
def test_masking_takes_time_that_grows_with_the_bytes(what: str) -> None:
    masks = Masks(KNOWN)  # type: ignore[arg-type]
    began = time.process_time()
    assert masks.spans(LONG[what]) + spans_over_deltas(LONG[what], masks)
    assert time.process_time() - began < 3, "ten times as long as it takes"


def test_masks_of_many_chunks_take_time_that_grows_with_the_bytes() -> None:
    body = LONG["many paths"]
    chunks = tuple(Chunk(0.0, body[at : at + 20]) for at in range(0, len(body), 20))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", status=200, chunks=chunks)
    request, answer = recorded(asked)
    evidence = Evidence(case="a", mode="json", attempt=1, request=request, answer=answer)
    began = time.process_time()
    told = exchange_of(shared_evidence(evidence, Masks(KNOWN)))  # type: ignore[arg-type]
    assert time.process_time() - began < 5
    assert [len(chunk.data) for chunk in told.chunks] == [len(chunk.data) for chunk in chunks]
    assert told.body == Masks(KNOWN).data(body)  # type: ignore[arg-type]


PUBLIC = [
    "POST /v1/messages/batches answers 404",
    "http://127.0.0.1:11434/api and http://localhost:80 and https://docs.anthropic.com/en/api",
    '{"type": "message_start", "delta": {"type": "text_delta"}}',
    "claude-sonnet-4-20250514, bash_20250124, web_search_20250305, context-1m-2025-08-07",
    "2026-11-20T09:00:00Z 12:34:56 Wed, 21 Oct 2026 07:28:00 GMT",
    "Basic authentication and a Bearer token are told by a header",
    "sk-learn, ghp_actions, a token of text, step 12:3000, 3.10:2024, serve.py:42",
    "print(f'{a}\\n\\nfoo\\n') and \\\\d+\\\\w and self.local",
    "if a < b & c:\\n\\tgo()",
    "/data/0/type and /content/12/text",
    "0.14.0-rc2, 1.2.3",
    "retry-after: 30; charset=utf-8",
    r'"partial_json":":\" C:\\\\new\\n"',
    r'"partial_json":"C:\\\\\\\\new\\\\t"',
]


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_nobodys_is_left_alone(text: str) -> None:
    assert Masks({}).text(text) == text


def test_the_suites_own_words_stay_and_the_same_in_an_answer_too() -> None:
    own = candidates(b'{"file_path": "/home/user/x.py", "id": "toolu_01AAAAAAAA"}')
    assert (
        Masks({}, own)
        .text("/home/user/x.py toolu_01AAAAAAAA toolu_01BBBBBBBB")
        .startswith("/home/user/x.py toolu_01AAAAAAAA toolu_00")
    )


texts = some.text(some.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=60)


@given(parts=some.lists(some.one_of(texts, some.sampled_from(sorted(PRIVATE.values()))), max_size=6))
def test_no_text_changes_its_length_and_all_bytes_are_still_text(parts: list[str]) -> None:
    data = " ".join(parts).encode()
    told = Masks(KNOWN).data(data)  # type: ignore[arg-type]
    assert len(told) == len(data)
    told.decode()


@given(cuts=some.lists(some.integers(0, 400), max_size=8), name=some.sampled_from(sorted(PRIVATE)))
def test_no_border_of_chunks_keeps_what_is_private(cuts: list[int], name: str) -> None:
    data = (PRIVATE[name] + " " + PRIVATE[name]).encode()
    masks = Masks(KNOWN)  # type: ignore[arg-type]
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    spans = masks.spans(data)
    pieces = [applied(spans, data[a:b], a) for a, b in itertools.pairwise(edges)]
    assert b"".join(pieces) == masks.data(data)


TOLD = [name for name in sorted(PRIVATE) if not name.startswith(("an account", "a model in JSON", "a model that"))]
"""Those that a model would say; the others are JSON of their own."""


@given(cuts=some.lists(some.integers(1, 60), min_size=1, max_size=6), name=some.sampled_from(TOLD))
@pytest.mark.parametrize("key", ["text", "thinking", "partial_json"])
def test_no_border_of_deltas_keeps_what_is_private(key: str, cuts: list[int], name: str) -> None:
    text = PRIVATE[name]
    edges = [0, *sorted({cut for cut in cuts if cut < len(text)}), len(text)]
    body = b"".join(
        b"data: " + json.dumps({"type": "content_block_delta", "delta": {key: text[a:b]}}).encode() + b"\n\n"
        for a, b in itertools.pairwise(edges)
    )
    masks = Masks(KNOWN)  # type: ignore[arg-type]
    told = applied([*masks.spans(body), *spans_over_deltas(body, masks)], body, 0)
    assert len(told) == len(body)
    said = "".join(json.loads(line[6:])["delta"][key] for line in told.decode().split("\n\n") if line)
    assert not [secret for secret in SECRETS if secret.lower() in said.lower() and secret.lower() in text.lower()], said


@given(numbers=some.sets(some.integers(1, 5000), min_size=2, max_size=50), text=some.text("abcXYZ019-.", min_size=8))
def test_two_texts_have_two_masks_and_one_has_one(numbers: set[int], text: str) -> None:
    if sum(sign.isalnum() for sign in text) >= 4:
        assert len({masked_text(text, number) for number in numbers}) == len(numbers)
    masks = Masks({})
    first, second = masks.text("req_abc123def"), masks.text("req_abc123xyz")
    assert first != second
    assert masks.text("again: req_abc123def") == f"again: {first}"


def test_a_machines_own_names_are_masked_but_not_those_that_everybody_has() -> None:
    told = words_of_this_machine("gabriel", "gpu-17.corp", "/home/gabriel")
    assert told == {"user name": ["gabriel", "gabriel"], "host": ["gpu-17.corp", "gpu-17"], "path": ["/home/gabriel"]}
    assert words_of_this_machine("root", "localhost", "/root") == {"user name": [], "host": [], "path": []}
