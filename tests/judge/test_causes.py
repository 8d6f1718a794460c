"""The laws of causes: everything that went wrong stands in one place, and what is hidden is hidden by something red."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.judge.cause import WRONG, Explained, Judged, Law, Obstacle
from conformance.judge.causes import explain
from conformance.words import VERDICTS, Level, Mode, Verdict

ENDPOINT = "POST /v1/messages"
PARTS = ("tools[]", "tool_choice.type=any", "thinking{}", "system", "messages[].content[].type=image")
KEYS = ("400 unknown field", "500 boom", "absent text", "cut")
LAWS = ("message.model", "stream.stop", "tools.input-json")

obstacles = st.one_of(
    st.builds(Obstacle, kind=st.sampled_from(["answer", "trouble", "effect"]), key=st.sampled_from(KEYS)),
    st.builds(lambda law, lost: Obstacle(kind="rule", key=f"{law} x", lost=lost), st.sampled_from(LAWS), st.booleans()),
)
LEVELS: st.SearchStrategy[Level] = st.sampled_from(["must", "should", "may"])
MODES: st.SearchStrategy[Mode] = st.sampled_from(["json", "stream"])
SURFACES = st.sampled_from(["request.tools", "request.system", "request.thinking"])
QUESTIONS = st.lists(st.integers(0, 11), unique=True, max_size=9)
ATTEMPTS = st.lists(st.lists(obstacles, max_size=3).map(tuple), max_size=2).map(tuple)
MARKS = st.frozensets(st.sampled_from([f"{law} x" for law in LAWS]), max_size=1)
SEEN = st.frozensets(st.sampled_from(["text", "input"]), max_size=1)
ABOUT, MORE = (st.frozensets(st.sampled_from(PARTS), max_size=most) for most in (2, None))
OF_LAW: st.SearchStrategy[Verdict] = st.sampled_from(["broken", "partial", "supported", "inconclusive"])
LEVEL_OF_LAW: st.SearchStrategy[Level] = st.sampled_from(["must", "should"])
YES, VERDICT = st.booleans(), st.sampled_from(VERDICTS)
"""Made once: to make one takes longer than to draw from it."""


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Judged], list[Law]]:
    """Questions and laws as a run leaves them: ids are unique, a verdict that is wrong has met something."""
    ids = draw(QUESTIONS)
    names = [f"area.case-{number}" for number in ids]
    questions = [draw(judged(name, names)) for name in names]
    laws = [
        Law(
            id=name,
            surface=f"response.{name}",
            level=draw(LEVEL_OF_LAW),
            verdict=draw(OF_LAW),
            known=draw(YES),
            seen=5,
            violations=2,
        )
        for name in LAWS
    ]
    return questions, laws


@st.composite
def judged(draw: st.DrawFn, name: str, names: list[str]) -> Judged:
    about = draw(ABOUT)
    return Judged(
        id=name,
        mode=draw(MODES),
        surface=draw(SURFACES),
        level=draw(LEVELS),
        verdict=draw(VERDICT),
        known=draw(YES),
        excused=draw(YES),
        endpoint=ENDPOINT,
        attempts=draw(ATTEMPTS),
        marks=draw(MARKS),
        looks=draw(SEEN),
        shows=draw(SEEN),
        parts=about | draw(MORE),
        about=about,
        leans_on=draw(st.frozensets(st.sampled_from(names), max_size=1)) - {name},
        plain=draw(YES),
        unreadable=draw(YES),
        refuses=draw(YES),
    )


def wrong_places(questions: list[Judged]) -> list[str]:
    return [one.place for one in questions if one.verdict in WRONG]


@settings(max_examples=40)
@given(runs())
def test_every_wrong_row_is_in_one_cause_or_blocked_by_one(run: tuple[list[Judged], list[Law]]) -> None:
    questions, laws = run
    explained = explain(questions, laws)
    told = Counter(row for cause in explained.causes for row in (*cause.rows, *cause.blocked))
    broken = [law.id for law in laws if law.verdict in WRONG]
    assert told == Counter(wrong_places(questions) + broken)


@settings(max_examples=40)
@given(runs())
def test_what_blocks_is_red_or_known_itself(run: tuple[list[Judged], list[Law]]) -> None:
    explained = explain(*run)
    causes = {cause.id: cause for cause in explained.causes}
    assert len(causes) == len(explained.causes)
    for place, cause in explained.blocked.items():
        assert causes[cause].rows
        assert place not in causes[cause].rows
        assert not any(place in other.rows for other in explained.causes)


@settings(max_examples=40)
@given(runs(), st.randoms())
def test_the_order_of_rows_changes_nothing(run: tuple[list[Judged], list[Law]], random: object) -> None:
    questions, laws = list(run[0]), list(run[1])
    random.shuffle(questions)  # type: ignore[attr-defined]
    random.shuffle(laws)  # type: ignore[attr-defined]
    assert explain(questions, laws) == explain(*run)


@settings(max_examples=40)
@given(runs())
def test_a_cause_is_known_if_all_its_rows_are_and_known_ones_come_last(run: tuple[list[Judged], list[Law]]) -> None:
    questions, laws = run
    known = {one.place: one.known for one in questions} | {law.id: law.known for law in laws}
    causes = explain(questions, laws).causes
    assert all(cause.known == all(known[row] for row in cause.rows) for cause in causes)
    assert [cause.known for cause in causes] == sorted(cause.known for cause in causes)


@settings(max_examples=40)
@given(runs())
def test_nothing_unexpected_is_hidden_by_what_is_merely_left_open(run: tuple[list[Judged], list[Law]]) -> None:
    questions, laws = run
    open_ones = {one.place for one in questions if one.known and not one.excused}
    red = {one.place for one in questions if not one.known}
    for cause in explain(questions, laws).causes:
        if set(cause.rows) <= open_ones:
            assert not red & set(cause.blocked)


@settings(max_examples=40)
@given(runs())
def test_a_row_of_its_own_is_never_hidden_by_itself(run: tuple[list[Judged], list[Law]]) -> None:
    questions, laws = run
    surfaces = {one.place: one.surface for one in questions} | {law.id: law.surface for law in laws}
    for cause in explain(questions, laws).causes:
        assert not {surfaces[place] for place in cause.blocked} & {surfaces[cause.rows[0]]} or cause.kind != "rule"


@settings(max_examples=40)
@given(runs())
def test_only_what_met_the_same_in_every_attempt_is_blocked(run: tuple[list[Judged], list[Law]]) -> None:
    questions, laws = run
    by_place = {one.place: one for one in questions}
    for cause in explain(questions, laws).causes:
        for place in cause.blocked:
            attempts = by_place[place].attempts
            assert attempts
            assert all(attempt for attempt in attempts)


def question(id_: str, verdict: Verdict = "supported", **more: object) -> Judged:
    told: dict[str, object] = {
        "mode": "json",
        "surface": f"row.{id_}",
        "level": "must",
        "known": verdict == "supported",
        "endpoint": ENDPOINT,
        "parts": frozenset({"messages[]", *more.get("about", ())}),  # type: ignore[misc]
    }
    return Judged(id=id_, verdict=verdict, **(told | more))  # type: ignore[arg-type]


def met(kind: str, key: str, *, lost: bool = False) -> tuple[tuple[Obstacle, ...], ...]:
    return ((Obstacle(kind=kind, key=key, lost=lost),),)  # type: ignore[arg-type]


def law(id_: str, **more: object) -> Law:
    told: dict[str, object] = {"surface": f"row.{id_}", "level": "must", "known": False, "seen": 9, "violations": 9}
    return Law(id=id_, verdict="broken", **(told | more))  # type: ignore[arg-type]


def only(explained: Explained) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    assert len(explained.causes) == 1
    cause = explained.causes[0]
    return cause.id, cause.rows, cause.blocked


def test_a_law_broken_in_every_answer_gives_one_red_row() -> None:
    cut = (Obstacle(kind="trouble", key="cut"), Obstacle(kind="rule", key="stream.stop x", lost=True))
    questions = [question(f"a.{n}", "broken", attempts=(cut,), unreadable=True, plain=n == 0) for n in range(5)]
    id_, rows, blocked = only(explain(questions, [law("stream.stop")]))
    assert (id_, rows, len(blocked)) == ("stream.stop", ("stream.stop",), 5)


def test_what_meets_the_plain_request_hides_the_rest() -> None:
    refused = met("answer", "401 no key")
    questions = [
        question("messages.text", "refused", attempts=refused, plain=True),
        question("tools.choice", "refused", attempts=refused, about=frozenset({"tools[]"})),
        question("tools.choice", "refused", attempts=refused, mode="stream", about=frozenset({"tools[]"})),
    ]
    id_, rows, blocked = only(explain(questions, []))
    assert id_ == "messages.text[json]"
    assert rows == ("messages.text[json]", "tools.choice[stream]")  # nobody knows about the plain stream
    assert blocked == ("tools.choice[json]",)


def test_what_meets_the_plain_request_in_words_hides_the_other_mode_too() -> None:
    said = ((Obstacle(kind="answer", key="500 boom", quote='500 "boom"'),),)
    questions = [
        question("messages.text", "broken", attempts=said, plain=True, mode="stream"),
        question("messages.text", plain=True),
        question("tools.choice", "broken", attempts=said, about=frozenset({"tools[]"})),
    ]
    assert only(explain(questions, []))[1:] == (("messages.text[stream]",), ("tools.choice[json]",))


def test_a_refused_feature_is_red_in_its_own_row_and_hides_what_merely_uses_it() -> None:
    refused = met("answer", "400 tool_choice is not supported")
    choice, schema = frozenset({"tool_choice.type=any"}), frozenset({"tool_choice.type=any", "tools[]~enum"})
    questions = [
        question("messages.text", plain=True),
        question("tools.enum", about=frozenset({"tools[]~enum"})),
        question("tools.choice-any", "refused", attempts=refused, about=choice),
        question("tools.enum-forced", "refused", attempts=refused, about=schema),
    ]
    assert only(explain(questions, []))[1:] == (("tools.choice-any[json]",), ("tools.enum-forced[json]",))


def test_a_part_that_went_well_elsewhere_hides_nothing() -> None:
    refused = met("answer", "400 no")
    image = frozenset({"messages[].content[].type=image"})
    questions = [
        question("images.one", "refused", attempts=refused, about=image),
        question("images.with-tools", "refused", attempts=refused, about=image | {"tools[]"}),
        question("images.other", about=image),
    ]
    assert only(explain(questions, []))[1] == ("images.one[json]", "images.with-tools[json]")


def test_a_question_is_hidden_by_its_control_and_not_by_a_stranger() -> None:
    missing = met("effect", "absent text")
    questions = [
        question("control.row", "ignored", attempts=missing),
        question("leaning.row", "ignored", attempts=missing, leans_on=frozenset({"control.row"})),
        question("stranger.row", "ignored", attempts=missing),
    ]
    explained = explain(questions, [])
    assert explained.blocked == {"leaning.row[json]": "control.row[json]"}
    assert [cause.id for cause in explained.causes] == ["control.row[json]", "stranger.row[json]"]


def test_a_law_explains_only_what_it_was_never_seen_to_leave_alone() -> None:
    missing = ((Obstacle(kind="effect", key="absent text"), Obstacle(kind="rule", key="message.model x")),)
    absent = question("a.row", "ignored", attempts=missing, looks=frozenset({"text"}))
    text = frozenset({"text"})
    fine = question("b.row", marks=frozenset({"message.model x"}), looks=text, shows=text)
    bounded = replace(fine, shows=frozenset())
    assert explain([absent], [law("message.model")]).blocked == {"a.row[json]": "message.model"}
    assert explain([absent, fine], [law("message.model")]).blocked == {}
    assert explain([absent, bounded], [law("message.model")]).blocked == {"a.row[json]": "message.model"}


def test_a_feature_that_no_answer_ever_showed_is_one_cause() -> None:
    missing, look = met("effect", "absent text"), frozenset({"text"})
    lost = {"attempts": missing, "looks": look}
    image, document = "messages[].content[].type=image", "messages[].content[].type=document"
    questions = [
        question("images.png", "ignored", about=frozenset({image, "media_type=image/png"}), **lost),
        question("images.two", "ignored", about=frozenset({image, "media_type=image/gif"}), **lost),
        question("documents.text", "ignored", about=frozenset({document}), **lost),
        question("images.accepted", about=frozenset({image, document})),  # taken, and nobody knows what came of it
    ]
    causes = explain(questions, []).causes
    assert [cause.rows for cause in causes] == [("documents.text[json]",), ("images.png[json]", "images.two[json]")]
    shown = question("images.shown", about=frozenset({image}), looks=look)
    assert len(explain([*questions, shown], []).causes) == 3


def test_answers_that_give_the_same_block_back_are_one_cause_named_by_its_narrowest_question() -> None:
    again = ((Obstacle(kind="effect", key="absent text given back tool_result", gives_back="tool_result"),),)
    place, session = frozenset({"messages[]#2"}), frozenset({"tools[]", "system", "messages[]#3"})
    questions = [
        question("a.session", "ignored", about=session, title="A session goes on", attempts=again),
        question("z.text", "ignored", about=place, title="Text after a result arrives", attempts=again, mode="stream"),
    ]
    (cause,) = explain(questions, []).causes
    assert cause.rows == ("z.text[stream]", "a.session[json]")
    assert cause.says == "Text after a result arrives: the answer is the text of a tool_result of the request"


def test_bad_requests_that_are_accepted_are_one_cause() -> None:
    taken = met("effect", "absent status")
    bad = [question(f"validation.{n}", "ignored", title=n, attempts=taken, refuses=True) for n in "abc"]
    silent = question("messages.other", "ignored", title="d", attempts=taken)
    causes = explain([*bad, silent], []).causes
    assert [len(cause.rows) for cause in causes] == [1, 3]
    assert causes[1].says == "a: accepted all the same; 2 more bad requests are accepted"


def test_bad_requests_that_fail_in_words_of_their_own_are_one_cause() -> None:
    def failing(name: str, words: str, **more: object) -> Judged:
        failed = ((Obstacle(kind="answer", key=f"fails {words}", quote=f'500 "{words}"'),),)
        return question(name, "broken", title=name, attempts=failed, unreadable=True, **more)

    bad = [failing(f"validation.{n}", f"parse error {n}", refuses=True) for n in "abc"]
    good = failing("upstream.shape", "'id'")
    known = failing("validation.known", "boom", refuses=True, known=True)
    causes = explain([*bad, good, known], []).causes
    assert [cause.rows for cause in causes] == [
        ("upstream.shape[json]",),
        ("validation.a[json]", "validation.b[json]", "validation.c[json]"),
        ("validation.known[json]",),
    ]
    assert causes[1].says == "validation.a: the request fails; 2 more bad requests are answered with other failures"


@pytest.mark.parametrize(("level", "known"), [("should", True), ("must", True)])
def test_a_law_that_is_no_news_explains_a_red_row_and_hides_nothing(level: str, known: bool) -> None:
    missing = ((Obstacle(kind="effect", key="absent name"), Obstacle(kind="rule", key="tools.not-as-text x")),)
    absent = question("tools.choice", "ignored", attempts=missing, looks=frozenset({"name"}))
    explained = explain([absent], [law("tools.not-as-text", level=level, known=known)])
    assert only(explained) == ("tools.not-as-text", ("tools.not-as-text", "tools.choice[json]"), ())
    assert not explained.causes[0].known
    assert explained.causes[0].level == "must"


def test_of_two_causes_alike_the_narrower_question_comes_first() -> None:
    missing = met("effect", "absent text")
    whole = question(
        "a.whole-session", "ignored", attempts=missing, parts=frozenset({"tools[]", "system", "messages[]"})
    )
    narrow = question("z.lines", "ignored", attempts=missing)
    assert [cause.id for cause in explain([whole, narrow], []).causes] == ["z.lines[json]", "a.whole-session[json]"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"known": True}, {"known": False}),
        ({"plain": False}, {"plain": True}),
        ({"unreadable": False}, {"unreadable": True}),
        ({"level": "should"}, {"level": "must"}),
        ({"verdict": "refused"}, {"verdict": "broken"}),
    ],
)
def test_the_worse_cause_comes_first(better: dict[str, object], worse: dict[str, object]) -> None:
    one = question("a.first-by-name", "broken", known=False, attempts=met("effect", "absent text"))
    other = replace(one, id="z.last-by-name", surface="row.z", attempts=met("effect", "absent input"))
    explained = explain([replace(one, **better), replace(other, **worse)], [])
    assert [cause.id for cause in explained.causes] == ["z.last-by-name[json]", "a.first-by-name[json]"]


def test_a_server_error_in_place_of_an_answer_or_a_refusal_is_not_said_to_be_accepted() -> None:
    taken = Obstacle(kind="effect", key="absent status")
    failed = replace(taken, quote="500 api_error: null")
    said = [
        explain([question("a", "ignored", title="null is refused", attempts=((one,),))], []).causes[0].says
        for one in (taken, failed)
    ]
    assert said == ["null is refused: accepted all the same", "null is refused: another status comes"]
