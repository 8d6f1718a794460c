"""What loads, and what a person is told of a file that does not."""

import base64
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Write
from msgspec import UNSET, UnsetType

from conformance.catalog.case import Ask, Case, Refusal, Step, asks_of, bad_requests
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import CatalogError
from conformance.errors import UserError


def problems(folder: Path) -> list[str]:
    """What is said of a folder that does not load, the paths shortened to those within it."""
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def asked(catalog: Catalog, case: str) -> Ask:
    """The request of a case that has one, and no steps."""
    ask = catalog.cases[case].ask
    assert isinstance(ask, Ask)
    return ask


def body_of(ask: Ask) -> dict[str, Any]:
    assert isinstance(ask.body, dict)
    return ask.body


def with_case(body: str) -> dict[str, str]:
    """A file with one case, its lines indented as in a list; the case begins on line 4."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return {"messages/other.yaml": f"family: other\nabout: Another.\ncases:\n  -{lines[3:]}"}


CASE = """
id: other.case
title: Another
surface: request.messages
ask: {body: {max_tokens: 1, messages: []}}
effect: [{at: status, equals: 200}]
"""


def test_the_small_catalog_loads(write: Write) -> None:
    catalog = load_catalog(write())
    assert list(catalog.cases) == ["messages.text", "tools.choice.tool", "tools.choice.unknown"]
    assert catalog.families["tools.choice.tool"] == "tools.choice"
    assert catalog.origins["tools.choice.unknown"].line == 18
    assert body_of(asked(catalog, "tools.choice.tool"))["tools"][0]["name"] == "echo"
    assert catalog.rows["request.messages"].area == "messages"
    assert list(catalog.areas) == ["messages", "tools"]
    assert catalog.profiles["quick"].select == ["messages.text"]
    assert set(catalog.capabilities) == {"tools", "vision"}


def test_an_unquoted_version_stays_text(write: Write) -> None:
    ask = "ask: {version: 2026-10-21, body: {answer: no, count: 3, share: 0.5, nothing: null}}"
    catalog = load_catalog(write(with_case(CASE.replace("ask: {body: {max_tokens: 1, messages: []}}", ask))))
    assert asked(catalog, "other.case").version == "2026-10-21"
    assert asked(catalog, "other.case").body == {"answer": "no", "count": 3, "share": 0.5, "nothing": None}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("effect:", "efect:"), ["messages/other.yaml:8: cases[0].efect: unknown key `efect`; did you mean `effect`?"]),
        (
            ("ask: {body:", "ask: {metod: GET, boddy: {}, body:"),
            [
                "messages/other.yaml:7: cases[0].ask.boddy: unknown key `boddy`; did you mean `body`?",
                "messages/other.yaml:7: cases[0].ask.metod: unknown key `metod`; did you mean `method`?",
            ],
        ),
        (
            ("title: Another", "title: Another\nkind: obligaton"),
            ["messages/other.yaml:6: cases[0].kind: 'obligaton' is not legal here; did you mean `obligation`?"],
        ),
        (("title: Another", "title: 3"), ["messages/other.yaml:5: cases[0].title: expected `str`, got `int`"]),
        (("surface: request.messages\n", ""), ["messages/other.yaml:4: cases[0]: missing key `surface`"]),
        (
            ("equals: 200", "equals: 200, contains: 2"),
            ["messages/other.yaml:8: cases[0].effect[0]: a check has exactly one matcher; these are several: equals"],
        ),
        (
            ("at: status", "at: 'content[?'"),
            ["messages/other.yaml:8: cases[0].effect[0].at: not a JMESPath: `content[?`"],
        ),
        (
            ("equals: 200", "matches: '('"),
            ["messages/other.yaml:8: cases[0].effect[0].matches: not a regular expression"],
        ),
        (
            ("title: Another", "title: Another\nbasis: documneted"),
            ["messages/other.yaml:6: cases[0].basis: 'documneted' is not legal here; did you mean `documented`?"],
        ),
        (
            ("title: Another", "title: Another\nsize: larg"),
            ["messages/other.yaml:6: cases[0].size: 'larg' is not legal here; did you mean `large`?"],
        ),
        (
            ("title: Another", "title: Another\naccepted: true"),
            ["messages/other.yaml:6: cases[0].accepted: an acceptance case asks for a readable 200 and nothing else"],
        ),
        (
            ("ask: {body:", "ask: {foreign: fixture, body:"),
            ["messages/other.yaml:7: cases[0].ask.foreign: `/v1/messages` is a path of the target"],
        ),
        (
            ("title: Another", "title: Another\ncontrol: messages.txt"),
            ["messages/other.yaml:6: cases[0].control: there is no case `messages.txt`; did you mean `messages.text`?"],
        ),
        (
            ("title: Another", "title: Another\ncontrol: other.case"),
            ["messages/other.yaml:6: cases[0].control: it leans on itself: other.case -> other.case"],
        ),
        (("id: other.case", "id: Other Case"), ["messages/other.yaml:4: cases[0].id: `Other Case` is no id"]),
        (
            ("id: other.case", "id: messages.text"),
            ["messages/other.yaml:4: cases[0].id: the case messages.text stands already"],
        ),
        (
            ("title: Another", "title: Another\nsteps: []"),
            ["messages/other.yaml:4: cases[0]: a case has one of `ask`, `steps`, `journey` and `within`"],
        ),
        (
            ("ask: {body:", "ask: {raw: x, body:"),
            ["messages/other.yaml:7: cases[0].ask.raw: a request has one body; these are several: body, raw"],
        ),
        (("messages: []", "messages: [{$use: tools/eco}]"), ["messages/other.yaml:7: there is no fixture tools/eco"]),
        (("messages: []", "messages: {$useful: x}"), ["messages/other.yaml:7: unknown directive `$useful`"]),
        (
            ("messages: []", "messages: [{$use: 'tools/echo#nam'}]"),
            ["messages/other.yaml:7: the fixture tools/echo has nothing at nam; did you mean `name`?"],
        ),
        (
            ("messages: []", "messages: [{$use: 'tools/echo#a b'}]"),
            ["messages/other.yaml:7: `a b` is not a JMESPath, which is what stands after # in tools/echo#a b"],
        ),
        (
            ("messages: []", "messages: [{$use: 'tools/echo#name', key: x}]"),
            ["messages/other.yaml:7: the fixture tools/echo#name is no mapping, so no keys can be put over it"],
        ),
        (("messages: []", "messages: {$repeat: x}"), ["messages/other.yaml:7: $repeat is not written like that"]),
        (
            ("messages: []", "messages: [{$use: ../capabilities.yaml}]"),
            ["messages/other.yaml:7: there is no fixture ../capabilities"],
        ),
        (("messages: []", "messages: ["), ["messages/other.yaml:7: not YAML: "]),
        (
            ("title: Another", "title: Another\ntitle: Again"),
            ["messages/other.yaml:6: the key `title` stands here twice"],
        ),
        (("max_tokens: 1", "max_tokens: !!python/name:os.system x"), ["messages/other.yaml:7: the tag "]),
    ],
)
def test_a_mistake_names_file_line_key_and_mend(write: Write, change: tuple[str, str], told: list[str]) -> None:
    found = problems(write(with_case(CASE.replace(*change))))
    assert len(found) >= len(told)
    for said, expected in zip(found, told, strict=False):
        assert said.startswith(expected)


JOURNEY = """
id: other.case
title: Another
surface: request.messages
modes: [stream]
needs: [tools]
journey:
  ask: {body: {max_tokens: 1}}
  turns:
    - {name: first, content: one}
    - {name: second, content: [{type: text, text: two}]}
    - {name: third, content: three, afresh: true}
effect: [{at: status, equals: 200}]
"""
MARKED = {"cache_control": {"type": "ephemeral"}}


def test_a_journey_sends_what_was_said_and_begins_anew_where_it_says_so(write: Write) -> None:
    law = "  - {id: other.law, title: A law, surface: request.messages, within: other.case, rules: [message.type]}\n"
    file = with_case(JOURNEY)
    catalog = load_catalog(write({name: text + law for name, text in file.items()}))
    first, second, third = [body_of(ask)["messages"] for ask in asks_of(catalog.cases["other.case"])]
    assert first == [{"role": "user", "content": [{"type": "text", "text": "one"} | MARKED]}]
    assert second == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "{steps.first.message.content}"},
        {"role": "user", "content": [{"type": "text", "text": "two"} | MARKED]},
    ]
    assert third == [{"role": "user", "content": [{"type": "text", "text": "three"} | MARKED]}]
    within = catalog.cases["other.law"]
    assert asks_of(within) == asks_of(catalog.cases["other.case"])
    assert (within.modes, within.needs) == (["stream"], ["tools"])
    assert [case.id for case in catalog.within("other.case")] == ["other.law"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("max_tokens: 1", "max_tokens: 1, messages: []"), "journey.ask: the `body` of a journey holds all but"),
        (("name: second", "name: first"), "journey.turns[1].name: the step first stands twice"),
        (("content: one", 'content: ""'), "journey.turns[0].content: a turn says something"),
        (("effect:", "concurrent: 2\neffect:"), "concurrent: the turns of a journey follow each other"),
    ],
)
def test_a_mistake_in_a_journey_names_its_turn(write: Write, change: tuple[str, str], told: str) -> None:
    assert [told in said for said in problems(write(with_case(JOURNEY.replace(*change))))] == [True]


def test_a_law_is_judged_within_a_journey_and_within_nothing_else(write: Write) -> None:
    body = "ask: {body: {max_tokens: 1, messages: []}}"
    found = problems(write(with_case(CASE.replace(body, "within: messages.text"))))
    assert found == ["messages/other.yaml:7: cases[0].within: messages.text has no `journey` of its own"]


def test_all_problems_are_told_at_once(write: Write) -> None:
    first = CASE.replace("effect:", "efect:")
    found = problems(write(with_case(first) | {"messages/third.yaml": "family: x\nabout: y\ncases: []\ncolour: red\n"}))
    assert [line.split(":")[0] for line in found] == ["messages/other.yaml", "messages/third.yaml"]


def test_a_file_that_is_no_mapping_is_a_mistake_and_no_traceback(write: Write) -> None:
    assert problems(write({"messages/other.yaml": "- 1\n"})) == [
        "messages/other.yaml:1: expected `object`, got `array`"
    ]
    assert problems(write({"messages/other.yaml": ""})) == ["messages/other.yaml:1: expected `object`, got `null`"]


def test_a_circle_of_controls_and_twins_is_told_whole(write: Write) -> None:
    other = with_case(CASE.replace("title: Another", "title: Another\ncontrol: messages.text"))
    own = write()
    text = (own / "messages/messages.yaml").read_text().replace("kind: witnessed", "twin: other.case")
    assert problems(write(other | {"messages/messages.yaml": text})) == [
        "messages/messages.yaml:7: cases[0].twin: it leans on itself: messages.text -> other.case -> messages.text"
    ]


def test_a_chain_of_controls_may_be_long(write: Write) -> None:
    ids = [*(f"chain.n{n}" for n in range(3000)), "messages.text"]
    cases = "".join(
        f"  - {{id: {one}, title: T, surface: a.b, control: {other}, ask: {{body: {{}}}}, accepted: true}}\n"
        for one, other in pairwise(ids)
    )
    assert len(load_catalog(write({"messages/chain.yaml": f"family: chain\nabout: A.\ncases:\n{cases}"})).cases) == 3003


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("tier: core", "tier: core\n    level: basci"),
            "surface/messages.yaml:5: rows[0].level: 'basci' is not legal here; did",
        ),
        (
            ("tier: core", "tier: core\n    level: must"),
            "surface/messages.yaml:5: rows[0].level: 'must' is not legal here; it m",
        ),
        (
            ("tier: core", "tier: core\n    observable: false"),
            "surface/messages.yaml:5: rows[0].observable: a row has a `reason`",
        ),
        (
            ("tier: core", "tier: core\n    reason: Why not"),
            "surface/messages.yaml:2: rows[0].observable: a row has a `reason`",
        ),
    ],
)
def test_a_row_s_level_and_what_cannot_be_seen_are_checked(
    write: Write, files: dict[str, str], change: tuple[str, str], told: str
) -> None:
    found = problems(write({"surface/messages.yaml": files["surface/messages.yaml"].replace(*change, 1)}))
    assert [said[: len(told)] for said in found] == [told]


def test_a_core_row_belongs_to_the_full_level_unless_it_says_otherwise(write: Write, files: dict[str, str]) -> None:
    rows = load_catalog(write()).rows
    assert {id_: row.level for id_, row in rows.items()} == {
        "request.messages": "full",
        "request.tool_choice.tool": None,
    }
    basic = files["surface/messages.yaml"].replace("tier: core", "tier: core\n    level: basic")
    assert load_catalog(write({"surface/messages.yaml": basic})).rows["request.messages"].level == "basic"


def test_an_acceptance_case_loads_and_hashes_by_what_it_asks(write: Write) -> None:
    accepted = CASE.replace("effect: [{at: status, equals: 200}]", "accepted: true")
    catalog = load_catalog(write(with_case(accepted)))
    case = catalog.cases["other.case"]
    assert case.accepted
    assert not case.effect
    prose = msgspec.structs.replace(case, basis="client", size="large", note="Seen somewhere.")
    assert catalog.sha256(msgspec.structs.replace(prose, id="x")) == catalog.sha256(case)
    assert catalog.sha256(msgspec.structs.replace(case, id="x", accepted=False)) != catalog.sha256(case)


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({}, False),
        ({"refuse": Refusal(status=400, type="x")}, True),
        ({"ask": Ask(bad=True, body={})}, True),
        ({"ask": Ask(raw="{")}, True),
        ({"ask": Ask(raw="[]")}, True),
        ({"ask": Ask(raw='{"a": "{nonce}"}', encoding="latin-1")}, True),
        ({"ask": Ask(raw='{"temperature": 1.0}')}, False),
        ({"steps": [Step("one", Ask(body={})), Step("two", Ask(body={}, bad=True))], "ask": UNSET}, (False, True)),
    ],
)
def test_which_requests_are_bad_ones(change: dict[str, Any], bad: bool) -> None:
    case = Case(id="a.b", title="T", surface="r", ask=Ask(body={}))
    changed = msgspec.structs.replace(case, **change)
    assert bad_requests(changed) == (bad if isinstance(bad, tuple) else (bad,))


def test_rows_and_profiles_are_checked_alike(write: Write) -> None:
    broken = "rows:\n  - {id: x, titel: X}\n"
    found = problems(write({"surface/messages.yaml": broken, "profiles/quick.yaml": "title: Quick\nquestoin: what?\n"}))
    assert "surface/messages.yaml:2: rows[0].titel: unknown key `titel`; did you mean `title`?" in found
    assert "profiles/quick.yaml:2: questoin: unknown key `questoin`; did you mean `question`?" in found


def test_directives_say_long_things_shortly(write: Write) -> None:
    ask = """ask:
  body:
    image: {$use: images/dot.png}
    page: {$use: texts/page.txt}
    prompt: {$join: [{$repeat: "word ", times: 3}, "Reply with exactly: {nonce}"]}
    tools: [{name: first}, {$splice: tools/two}, {name: last}]
    turns:
      - {$repeat: [{role: user, content: "note {number}"}, {role: assistant, content: Noted.}], times: 2}
      - {role: user}
    schema: {$schema: "https://json-schema.org/draft/2020-12/schema", $defs: {x: {$ref: "#"}}}"""
    folder = write(
        with_case(CASE.replace("ask: {body: {max_tokens: 1, messages: []}}", ask))
        | {
            "fixtures/tools/two.yaml": "- {$use: tools/echo}\n- {name: second}\n",
            "fixtures/texts/page.txt": "A page.\n",
        }
    )
    (folder / "fixtures/images").mkdir()
    (folder / "fixtures/images/dot.png").write_bytes(b"\x89PNG")
    body = body_of(asked(load_catalog(folder), "other.case"))
    assert base64.b64decode(body["image"]) == b"\x89PNG"
    assert body["page"] == "A page.\n"
    assert body["prompt"] == "word word word Reply with exactly: {nonce}"
    assert [tool["name"] for tool in body["tools"]] == ["first", "echo", "second", "last"]
    assert body["turns"] == [
        {"role": "user", "content": "note 1"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "note 2"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user"},
    ]
    assert body["schema"]["$defs"] == {"x": {"$ref": "#"}}


def test_a_part_of_a_fixture_is_used_and_keys_are_put_over_it(write: Write) -> None:
    """A client's shapes stand in one file, and a case says what is its own."""
    whole = "{$use: 'clients/one#turn', messages: [{role: user, content: {$use: 'clients/one#words[1]'}}]}"
    folder = write(
        with_case(CASE.replace("{max_tokens: 1, messages: []}", whole))
        | {"fixtures/clients/one.yaml": "turn: {max_tokens: 5, messages: []}\nwords: [a, b]\n"}
    )
    assert asked(load_catalog(folder), "other.case").body == {
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "b"}],
    }


def test_a_fixture_that_uses_itself_is_told(write: Write) -> None:
    folder = write(
        with_case(CASE.replace("messages: []", "messages: [{$use: a}]")) | {"fixtures/a.yaml": "[{$use: a}]\n"}
    )
    assert problems(folder) == ["fixtures/a.yaml:1: the fixture a uses itself: a -> a"]


@pytest.mark.parametrize(
    "bomb",
    [
        "{$repeat: 'ha ', times: 100000000}",
        "[{$repeat: [a, b], times: 9000}]",
        "[{$repeat: [[{$repeat: [abc], times: 10000}]], times: 10000}]",
        "{$join: [{$repeat: x, times: 9000000}, {$repeat: x, times: 9000000}]}",
        "[&a [1, 1, 1, 1, 1, 1, 1, 1, 1], " + ", ".join(
            f"&{after} [{', '.join([f'*{before}'] * 9)}]" for before, after in zip("abcdefg", "bcdefgh", strict=True)
        ) + "]",
        "&a [*a]",
    ],
)  # fmt: skip
def test_a_small_file_cannot_become_a_large_one(write: Write, bomb: str) -> None:
    (told,) = problems(write(with_case(CASE.replace("messages: []", f"messages: {bomb}"))))
    assert "the limit is" in told or "holds more than" in told


def test_an_alias_stands_for_its_anchor(write: Write) -> None:
    text = CASE.replace("ask: {body:", "ask: &asked {body:")
    again = text.replace("other.case", "other.again").replace(
        "ask: &asked {body: {max_tokens: 1, messages: []}}", "ask: *asked"
    )
    one, two = with_case(text)["messages/other.yaml"], with_case(again)["messages/other.yaml"]
    catalog = load_catalog(write({"messages/other.yaml": one + two.split("cases:\n")[1]}))
    assert catalog.cases["other.case"].ask == catalog.cases["other.again"].ask


def test_the_hash_follows_the_question_and_not_its_prose(write: Write) -> None:
    before = load_catalog(write(with_case(CASE)))
    retold = load_catalog(write(with_case(CASE.replace("title: Another", "title: Told better\nnote: A remark."))))
    changed = load_catalog(write(with_case(CASE.replace("equals: 200", "equals: 201"))))
    case = before.cases["other.case"]
    assert before.sha256(case) == retold.sha256(retold.cases["other.case"])
    assert before.cases_sha256 == retold.cases_sha256
    assert before.sha256(case) != changed.sha256(changed.cases["other.case"])
    assert before.cases_sha256 != changed.cases_sha256


def test_the_hash_follows_the_bytes_of_a_fixture(write: Write) -> None:
    change = with_case(CASE.replace("messages: []", "messages: [{$use: texts/page.txt}]"))
    first = load_catalog(write(change | {"fixtures/texts/page.txt": "one"}))
    second = load_catalog(write(change | {"fixtures/texts/page.txt": "two"}))
    assert first.sha256(first.cases["other.case"]) != second.sha256(second.cases["other.case"])


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        load_catalog(tmp_path / "nowhere")


def test_a_file_of_rows_belongs_to_an_area_and_an_area_has_a_file(write: Write) -> None:
    assert problems(write({"surface/stray.yaml": "rows: []\n"})) == [
        "surface/stray.yaml:1: the area `stray` is not among `areas` in areas.yaml; it may be: messages, tools"
    ]
    areas = "areas: {messages: Messages, tools: Tools, stray: Stray, lost: Lost}\n"
    assert problems(write({"surface/areas.yaml": areas})) == ["surface/lost.yaml: No such file or directory"]


def test_a_row_stands_once_whatever_its_file(write: Write, files: dict[str, str]) -> None:
    again = files["surface/tools.yaml"].replace("request.tool_choice.tool", "request.messages")
    (found,) = problems(write({"surface/tools.yaml": again}))
    assert found.startswith("surface/tools.yaml:2: rows[0].id: the row request.messages stands already in ")
    assert found.endswith("surface/messages.yaml:2")


def test_the_defaults_of_a_family_ask_what_is_written_out_elsewhere(write: Write) -> None:
    asks = 'ask: {body: {max_tokens: 64, messages: [{role: user, content: "Reply with exactly: {nonce}"}]}}'
    written = load_catalog(write(with_case(CASE.replace("ask: {body: {max_tokens: 1, messages: []}}", asks))))
    short = with_case(CASE.replace("ask: {body: {max_tokens: 1, messages: []}}", "ask: {body: {}}"))
    defaults = 'defaults: {max_tokens: 64, prompt: "Reply with exactly: {nonce}"}\ncases:'
    file = short["messages/other.yaml"].replace("cases:", defaults)
    shortened = load_catalog(write({"messages/other.yaml": file}))
    case = shortened.cases["other.case"]
    assert case == written.cases["other.case"]
    assert shortened.sha256(case) == written.sha256(case)


@pytest.mark.parametrize(
    ("ask", "body"),
    [
        ("ask: {body: {max_tokens: 7, messages: []}}", {"max_tokens": 7, "messages": []}),
        ("ask: {path: /v1/messages/count_tokens, body: {}}", {}),
        ("ask: {method: GET, path: /v1/models}", UNSET),
        ("steps: [{name: one, ask: {body: {}}}]", {"max_tokens": 64}),
    ],
)
def test_defaults_fill_only_what_a_request_for_a_message_leaves_out(
    write: Write, ask: str, body: dict[str, Any] | UnsetType
) -> None:
    file = with_case(CASE.replace("ask: {body: {max_tokens: 1, messages: []}}", ask))["messages/other.yaml"]
    file = file.replace("cases:", "defaults: {max_tokens: 64}\ncases:")
    case = load_catalog(write({"messages/other.yaml": file})).cases["other.case"]
    assert [ask.body for ask in asks_of(case)] == [body]
