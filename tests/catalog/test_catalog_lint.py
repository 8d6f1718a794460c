"""What `conformance lint` refuses, each by one change to a catalog that it likes; in how many places a twin differs."""

from collections.abc import Callable
from typing import Any

import pytest
from command_line import Write

from conformance.catalog.case import Ask
from conformance.catalog.difference import differences
from conformance.catalog.lint import lint
from conformance.catalog.load import load_catalog

LONELY_ROW = """\
  - {id: a.b, title: A, tier: core, weight: must, why: W, consequence: C, source: []}
"""
SPEC = '    spec: {url: "https://platform.claude.com/docs/en/api/messages#message", says: "It does."}\n'
LEANING = """\
  - {id: a.b, title: A, surface: request.messages, ask: {body: {}}, accepted: true, without: tools.choice.unknown}
"""
RULES = {"message.text-block": "request.messages"}
FAULTS = {"TO14", "SR01"}
Linted = Callable[[str, str, str], list[str]]


@pytest.fixture
def linted(write: Write, files: dict[str, str]) -> Linted:
    """What lint says of the small catalog after one replacement in one of its files."""

    def lint_after(file: str, old: str, new: str) -> list[str]:
        assert old in files[file]
        catalog = load_catalog(write({file: files[file].replace(old, new)}))
        return [f"{problem.at}: {problem.says}" for problem in lint(catalog, RULES, FAULTS)]

    return lint_after


MESSAGES, CHOICE, SURFACE = "messages/messages.yaml", "tools/choice.yaml", "surface/messages.yaml"
ABILITIES = "capabilities.yaml"


def test_the_small_catalog_is_clean(linted: Linted) -> None:
    assert linted(CHOICE, "TO14", "SR01") == []


NEED = "needs: [{id: text, says: x, level: blocks, questions: [%s], meets: {%s}}]"
WRONG_NEEDS = (
    (NEED % ("messages.txt", "refused: x"), "there is no case or rule `messages.txt`; did you mean `messages.text`?"),
    (NEED % ("messages.text", ""), "`meets` is empty: say what the user meets"),
    (NEED % ("", "refused: x"), "it names no question"),
    (NEED % ("'tools.choice.unknown[stream]'", "refused: x"), "is never asked: the case has no such mode"),
    (NEED.replace("}]", ", unseen: missing}]") % ("messages.text", "refused: x"), "`unseen: missing` needs a sentence"),
    (NEED % ("messages.text", "refused: x, unseen: x"), "a sentence for `unseen`, which is never shown"),
    (
        NEED.replace("}]", ", known: {words: ['(a'], meets: x}}]") % ("messages.text", "refused: x"),
        "`known`: not a regular",
    ),
    (
        NEED.replace("}]", ", known: {instead: [messages.txt], meets: x}}]") % ("messages.text", "refused: x"),
        "there is no case or rule `messages.txt`",
    ),
    (
        NEED.replace("}]", ", known: {meets: x}}]") % ("messages.text", "refused: x"),
        "`known` says neither the `words` that the client understands nor what it asks `instead`",
    ),
    (NEED.replace("}]", ", part_of: texts}]") % ("messages.text", "broken: x"), "there is no need `texts`"),
    (NEED.replace("}]", ", after: texts}]") % ("messages.text", "broken: x"), "there is no need `texts`"),
    (NEED.replace("}]", ", steady: failures}]") % ("messages.text", "broken: x"), "`steady` is seen in all questions"),
    ("select: ['surface:request.message']", "request.message"),
    ("model: [messages.texts]", "there is no case or rule `messages.texts`"),
    ("calls: [messages.texts]", "there is no case or rule `messages.texts`"),
    ("first_body: messages.texts", "there is no case or rule `messages.texts`"),
    ("versions: [{version: '1', needs: []}]", "it names no need of its own"),
    ("versions: [{version: '1', needs: [], without: [text]}]", "there is no need `text`"),
    ("tolerates: [{rule: message.texts, why: x}]", "there is no rule `message.texts`"),
)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (CHOICE, "    twin: tools.choice.tool\n", "", "a refusal needs a twin"),
        (
            CHOICE,
            "twin: tools.choice.tool",
            "twin: messages.text",
            "must differ in one place; it differs in body.tools, body",
        ),
        (MESSAGES, 'faults: ["refuse:messages"]', f"faults: []\n{LEANING}", "which is itself refused"),
        (MESSAGES, "    kind: witnessed\n", "", "its effect is the model's choice"),
        (
            MESSAGES,
            "kind: witnessed",
            "kind: journey",
            "a case of kind journey has a `journey`, or is",
        ),
        (CHOICE, "equals: tool_use", "differs: end_turn", "its effect is an absence"),
        (
            CHOICE,
            "{at: message.stop_reason, equals: tool_use}",
            "{at: message.stop_sequence, equals: null}",
            "an absence",
        ),
        (
            CHOICE,
            "equals: tool_use",
            "equals: tool_use}, {at: text, contains: hello",
            "its effect is the model's choice",
        ),
        (MESSAGES, "surface: request.messages", "surface: request.message", "there is no row `request.message`"),
        (SURFACE, "rows:\n", f"rows:\n{LONELY_ROW}", "neither a case nor a rule asks this row"),
        (
            SURFACE,
            "    title: Messages\n",
            "    title: Messages\n    unasked: It cannot.\n",
            "it says `unasked`, but something",
        ),
        (MESSAGES, 'contains: "{nonce}"}]', 'contains: "{nonce}"}, {at: text, excludes: ter}]', "a nonce may hold"),
        (MESSAGES, "    basis: documented\n", "", "a must says on what it rests: give `basis`, one of recorded, sdk"),
        (MESSAGES, SPEC, "", "it has no `spec`: say where its claim comes from"),
        (MESSAGES, SPEC, SPEC.replace("#message", ""), "a must cites its section: https://platform.claude.com/"),
        (MESSAGES, 'faults: ["refuse:messages"]', "faults: []", "no fault turns this case red"),
        (CHOICE, "TO14", "TO15", "there is no fault `TO15`; did you mean `TO14`?"),
        (CHOICE, "drop:tool_choice", "drop:tool_chioce", "is about a field that this case does not send"),
        (CHOICE, "drop:tool_choice", "lose:tool_choice", "there is no fault `lose:tool_choice`"),
        (CHOICE, "accept:tools.choice.unknown", "accept:tools.choice.tool", "makes sense in the refusal"),
        (MESSAGES, "Reply with exactly: {nonce}", "Please say {nonce}", "its prompt is outside the probe language"),
        (MESSAGES, "Reply with exactly: {nonce}", "Fail with status 500.", "its prompt is outside the probe language"),
        (MESSAGES, "    faults", "    provenance: vendor-example\n    faults", "a vendor's own example needs a twin"),
        (
            MESSAGES,
            "    faults",
            "    rules: [message.text-blok]\n    faults",
            "there is no rule `message.text-blok`; did you",
        ),
        (
            MESSAGES,
            "    faults",
            "    needs: [tolls]\n    faults",
            "there is no capability `tolls`; did you mean `tools`?",
        ),
        (
            MESSAGES,
            "    faults",
            "    renamed_from: [tools.choice.tool]\n    faults",
            "which is the id of another case",
        ),
        ("profiles/quick.yaml", "messages.text", "messages.txt", "did you mean `messages.text`?"),
        (ABILITIES, "title: Tools", "title: Tools, proof: [messages.txt]", "its proof names no case: messages.txt"),
        (
            ABILITIES,
            "title: Tools",
            "title: Tools, betrayed_by: message.text-blok",
            "names no rule: message.text-blok; did you mean `message.text-block`?",
        ),
        *(("profiles/quick.yaml", "select: [messages.text]", wrong, told) for wrong, told in WRONG_NEEDS),
    ],
)
def test_lint_refuses(linted: Linted, file: str, old: str, new: str, told: str) -> None:
    found = linted(file, old, new)
    assert any(told in problem for problem in found)


def test_a_row_whose_effect_can_be_seen_is_not_shown_by_acceptance_alone(write: Write, files: dict[str, str]) -> None:
    accepted = files[MESSAGES].replace('effect: [{at: text, contains: "{nonce}"}]', "accepted: true")
    unseen = files[SURFACE].replace("tier: core", "tier: core\n    observable: false\n    reason: Nobody sees it.")
    for surface, expected in ((files[SURFACE], ["request.messages"]), (unseen, [])):
        found = lint(load_catalog(write({MESSAGES: accepted, SURFACE: surface})), {}, FAULTS)
        assert [problem.at for problem in found if "only acceptance cases" in problem.says] == expected


def body(**fields: Any) -> Ask:
    return Ask(body={"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]} | fields)


@pytest.mark.parametrize(
    ("other", "places"),
    [
        (body(), []),
        (body(max_tokens="1"), ["body.max_tokens"]),
        (body(max_tokens=True), ["body.max_tokens"]),
        (body(top_k=3), ["body.top_k"]),
        (body(messages=[]), ["body.messages.0"]),
        (body(messages=[{"role": "use", "content": "a"}]), ["body.messages.0.role"]),
        (body(messages=[{"role": "use", "content": "b"}]), ["body.messages.0.role", "body.messages.0.content"]),
        (body(messages=[{"role": "system", "content": "x"}, {"role": "user", "content": "a"}]), ["body.messages.0"]),
        (body(messages="a"), ["body.messages"]),
        (
            body(messages=[{"role": "user", "content": "b"}, {"role": "user", "content": "b"}]),
            ["body.messages.0", "body.messages.1"],
        ),
        (Ask(body=body().body, version=None), ["version"]),
        (Ask(raw='{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}'), ["body.model"]),
        (Ask(raw="{"), ["body"]),
        (Ask(raw='{"model": "{model}", "max_tokens": 1}', encoding="gzip"), ["body"]),
    ],
)
def test_places_at_which_two_requests_differ(other: Ask, places: list[str]) -> None:
    assert differences(body(), other) == places


def test_one_text_that_stands_at_several_places_is_one_place() -> None:
    one = Ask(body={"call": {"id": "a"}, "result": {"id": "a"}})
    other = Ask(body={"call": {"id": "b"}, "result": {"id": "b"}})
    mixed = Ask(body={"call": {"id": "b"}, "result": {"id": "c"}})
    assert differences(one, other) == ["body.call.id"]
    assert differences(one, mixed) == ["body.call.id", "body.result.id"]
