"""Whether a client runs: the laws of a pure verdict, and what a need says of each way of failing."""

import random
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalog.profile import ClientVersion, Known, Meets, Need, Profile, Tolerance
from conformance.judge.readiness import Broken, Readiness, Seen, readiness, readiness_by_version
from conformance.words import Mode, NeedLevel, Verdict

RULES = frozenset({"stream.index", "stream.delta-open"})
WAYS = Meets(refused="It is refused.", ignored="It is ignored.", broken="It is broken.")
VERDICTS = st.sampled_from(get_args(Verdict))
ORDER = ["ready", "ready with limits", "not verified", "not ready"]


def need(
    name: str, level: NeedLevel = "blocks", questions: Sequence[str] = (), meets: Meets = WAYS, **more: Any
) -> Need:
    return Need(id=name, says=f"{name}.", level=level, questions=list(questions or [name]), meets=meets, **more)


def profile(*needs: Need, **more: Any) -> Profile:
    return Profile(title="T", question="Q?", needs=list(needs), model=["plain[json]"], **more)


def seen(case: str, verdict: Verdict = "supported", mode: Mode = "json", **more: Any) -> Seen:
    return Seen(case=case, mode=mode, verdict=verdict, exchange=f"{case}-1", **more)


PLAIN = seen("plain")
TWO = profile(need("a"), need("b", "degrades"))


def answer(client: Profile, *rows: Seen) -> Readiness:
    found = readiness(client, RULES, [PLAIN, *rows])
    assert found is not None
    return found


def test_what_blocks_makes_it_not_ready_and_what_degrades_limits_it() -> None:
    assert answer(TWO, seen("a"), seen("b")).verdict == "ready"
    assert answer(TWO, seen("a", "partial"), seen("b", "ignored")).verdict == "ready with limits"
    assert answer(TWO, seen("a", "refused"), seen("b", "ignored")).verdict == "not ready"
    assert answer(TWO, seen("a", "not-run"), seen("b", "ignored")).verdict == "not verified"


@pytest.mark.parametrize("way", ["refused", "ignored", "broken"])
def test_the_sentence_is_that_of_the_way_after_what_was_seen(way: Verdict) -> None:
    (first, *_) = answer(TWO, seen("a", way, quote="Seen so."), seen("b")).missing("blocks")
    assert first.meets == f"Seen so. It is {way}."
    assert (first.outcome.question, first.outcome.exchange) == ("a[json]", "a-1")


def test_a_way_of_which_a_need_says_nothing_is_another_needs_affair() -> None:
    """A server that fails every request with 500 does not refuse a token."""
    client = profile(need("token", meets=Meets(refused="Not logged in.")), need("turn"))
    found = answer(client, seen("token", "broken"), seen("turn", "broken"))
    assert [one.need.id for one in found.missing("blocks")] == ["turn"]
    assert answer(client, seen("token", "broken"), seen("turn")).verdict == "not verified"


def test_only_named_questions_count_in_their_modes() -> None:
    client = profile(need("a", questions=["a[stream]"]))
    rows = [seen("a", "broken", "json"), seen("a", "supported", "stream"), seen("else", "broken")]
    assert answer(client, *rows).verdict == "ready"


def test_a_rule_is_asked_of_the_answers_to_the_profiles_own_cases() -> None:
    client = profile(need("a"), need("index", questions=["stream.index:replaced[json]"]))
    broken = Broken("stream.index", "replaced", "Twice.", "x-1")
    assert answer(client, seen("a"), seen("else", rules=(broken,))).verdict == "ready"
    found = answer(client, seen("a", rules=(broken,)))
    assert found.verdict == "not ready"
    assert found.needs[0].outcome.exchange == "x-1"
    assert answer(client, seen("a", rules=(Broken("stream.index", "gap", "", ""),))).verdict == "ready"
    assert answer(profile(need("a", questions=["a[stream]"]), need("i", questions=["stream.index[json]"])),
                  seen("a", "supported", "stream", rules=(broken,))).verdict == "ready"  # fmt: skip


@pytest.mark.parametrize("more", [{"tolerates": [Tolerance(rule="stream.index", why="It reads on.")]}, {}])
def test_an_unreadable_answer_is_explained_by_a_rule_that_the_profile_speaks_of(more: dict[str, Any]) -> None:
    needs = [need("a")] if more else [need("a"), need("index", "degrades", ["stream.index"])]
    broken = (Broken("stream.index", "gap", "", ""),)
    found = answer(profile(*needs, **more), seen("a", "broken", unreadable=True, rules=broken))
    assert found.verdict == ("ready" if more else "ready with limits")
    other = (Broken("stream.delta-open", "closed", "", ""),)
    assert answer(profile(*needs, **more), seen("a", "broken", unreadable=True, rules=other)).verdict == "not ready"


@pytest.mark.parametrize(
    ("unseen", "verdict"), [("met", "ready"), ("missing", "not ready"), ("unverified", "not verified")]
)
def test_what_never_arose_means_what_the_need_says_once_the_model_is_known_to_obey(unseen: str, verdict: str) -> None:
    client = profile(need("a", unseen=unseen))
    assert answer(client, seen("a", "inconclusive")).verdict == verdict
    disobeyed = readiness(client, RULES, [seen("plain", "inconclusive"), seen("a", "inconclusive")])
    assert disobeyed is not None
    assert disobeyed.verdict == "not verified"


def test_what_never_arose_is_told_in_a_sentence_of_its_own() -> None:
    """Where the model may be the reason, the sentence does not speak of the server."""
    for meets, sentence in (
        (WAYS, "It is ignored."),
        (Meets(ignored="It is ignored.", unseen="It may be the model."), "It may be the model."),
    ):
        client = profile(need("a", unseen="missing", meets=meets))
        (first,) = answer(client, seen("a", "inconclusive", quote="Its control failed.")).missing("blocks")
        assert (first.meets, first.outcome.verdict) == (f"Its control failed. {sentence}", "inconclusive")


def test_a_need_may_be_missing_whoever_is_to_blame() -> None:
    """An endpoint that says nothing to anything is of no use to a client, though its model may be the reason."""
    client = profile(need("words", unseen="missing", whoever=True), need("b", "degrades"))
    silent = readiness(client, RULES, [seen(name, "inconclusive") for name in ("plain", "words", "b")])
    assert silent is not None
    assert silent.verdict == "not ready"


def test_any_question_will_do_where_the_need_says_so() -> None:
    client = profile(need("a", questions=["a", "b"], met_by="any"))
    assert answer(client, seen("a", "refused"), seen("b")).verdict == "ready"
    assert answer(client, seen("a", "refused"), seen("b", "ignored")).verdict == "not ready"


def test_no_answer_where_what_blocks_was_not_asked() -> None:
    assert readiness(TWO, RULES, [PLAIN, seen("b")]) is None
    assert answer(TWO, seen("a")).verdict == "ready"
    assert [one.need.id for one in answer(TWO, seen("a")).unverified] == ["b"]


NEEDS = st.lists(
    st.builds(
        need,
        st.sampled_from("abcd"),
        st.sampled_from(["blocks", "degrades"]),
        st.lists(st.sampled_from(["a", "b", "c", "a[stream]", "stream.index"]), min_size=1, max_size=3),
        unseen=st.sampled_from(["met", "missing", "unverified"]),
        met_by=st.sampled_from(["all", "any"]),
    ),
    min_size=1,
    max_size=4,
)
BROKEN = st.lists(
    st.builds(Broken, st.sampled_from(sorted(RULES)), st.just("gap"), st.just(""), st.just("")), max_size=2
).map(tuple)
ROWS = st.lists(
    st.builds(
        seen,
        st.sampled_from("abc"),
        VERDICTS,
        st.sampled_from(["json", "stream"]),
        unreadable=st.booleans(),
        rules=BROKEN,
    ),
    unique_by=lambda one: (one.case, one.mode),
)


@given(NEEDS, ROWS, st.randoms())
def test_the_order_of_the_rows_changes_nothing(needs: list[Need], rows: list[Seen], chance: random.Random) -> None:
    client = profile(*needs)
    shuffled = chance.sample(rows, len(rows))
    assert readiness(client, RULES, [PLAIN, *rows]) == readiness(client, RULES, [*shuffled, PLAIN])


@given(NEEDS, ROWS, VERDICTS)
def test_a_question_that_no_need_names_changes_nothing(needs: list[Need], rows: list[Seen], verdict: Verdict) -> None:
    client = profile(*needs)
    stranger = seen("stranger", verdict, rules=(Broken("stream.index", "gap", "", ""),))
    assert readiness(client, RULES, [PLAIN, *rows]) == readiness(client, RULES, [PLAIN, *rows, stranger])


@given(NEEDS, ROWS, st.data())
def test_a_question_that_fails_never_betters_the_answer(
    needs: list[Need], rows: list[Seen], data: st.DataObject
) -> None:
    client = profile(*needs)
    before = readiness(client, RULES, [PLAIN, *rows])
    if before is None or not rows:
        return
    worse = data.draw(st.sampled_from(rows))
    failed = [seen(one.case, "broken", one.mode) if one is worse else one for one in rows]
    stripped = [one if one is not worse else seen(one.case, one.verdict, one.mode) for one in rows]
    without_rules = readiness(client, RULES, [PLAIN, *stripped])
    after = readiness(client, RULES, [PLAIN, *failed])
    assert after is not None
    assert without_rules is not None
    assert ORDER.index(after.verdict) >= ORDER.index(without_rules.verdict)


@given(NEEDS, ROWS)
def test_each_need_is_judged_once_and_the_answer_follows_from_them(needs: list[Need], rows: list[Seen]) -> None:
    found = readiness(profile(*needs), RULES, [PLAIN, *rows])
    if found is None:
        return
    assert sorted(one.need.id for one in found.needs) == sorted(one.id for one in needs)
    assert (found.verdict == "not ready") == bool(found.missing("blocks"))
    assert all(one.meets for one in found.needs if one.state == "missing")
    assert all(not one.meets for one in found.needs if one.state == "met")


NO = "400 no system messages."
EARLIER = profile(
    need("system"),
    need("calls"),
    need("pictures", "degrades"),
    versions=[ClientVersion(version="1", needs=[need("own")], without=["system", "asked-since"])],
)


def earlier(*rows: Seen) -> Readiness:
    return readiness_by_version(EARLIER, RULES, [PLAIN, *rows])["T 1"]


def test_what_is_refused_in_the_words_of_an_earlier_need_stands_behind_it() -> None:
    refused = [seen(name, "refused", quote=NO) for name in ("system", "calls", "pictures", "own")]
    found = answer(EARLIER, *refused)
    assert found.verdict == "not ready"
    assert [one.need.id for one in found.missing("blocks")] == ["system"]
    assert {one.need.id: one.outcome.behind for one in found.unverified} == {"calls": "system", "pictures": "system"}


KNOWN = Known(words=[r"\b400\b.*Input should be"], meets="It is asked again without.")
IN_KNOWN_WORDS = "400 invalid_request_error \"messages.1.role: Input should be 'user'\""


def test_a_refusal_in_words_that_the_client_knows_is_a_limit_and_what_it_hides_was_not_judged() -> None:
    client = profile(need("role", known=KNOWN), need("calls"), need("text"))
    words = IN_KNOWN_WORDS.replace(".1.", ".3.")
    refused = [seen("role", "refused", quote=IN_KNOWN_WORDS), seen("calls", "refused", quote=words), seen("text")]
    found = answer(client, *refused)
    assert found.verdict == "ready with limits"
    assert [one.meets for one in found.missing("degrades")] == [f"{IN_KNOWN_WORDS} It is asked again without."]
    assert {one.need.id: one.outcome.behind for one in found.unverified} == {"calls": "role"}


@pytest.mark.parametrize("words", ["400 role: unexpected", IN_KNOWN_WORDS.replace("400", "422")])
def test_a_refusal_in_other_words_ends_the_session(words: str) -> None:
    client = profile(need("role", known=KNOWN), need("calls"))
    refused = [seen(name, "refused", quote=words) for name in ("role", "calls")]
    assert answer(client, *refused).verdict == "not ready"
    assert answer(client, seen("role", "ignored", quote=IN_KNOWN_WORDS), seen("calls")).verdict == "not ready"


def test_words_of_a_limit_hide_nothing_that_blocks() -> None:
    client = profile(need("picture", "degrades"), need("turn"))
    found = answer(client, seen("picture", "refused", quote=NO), seen("turn", "refused", quote=NO))
    assert [one.need.id for one in found.missing("blocks")] == ["turn"]


def test_a_version_that_does_not_send_what_is_refused_is_judged_by_its_own_questions() -> None:
    refused = [seen(name, "refused", quote=NO) for name in ("system", "calls", "pictures")]
    assert earlier(*refused, seen("own")).verdict == "ready"
    assert earlier(*refused, seen("own", "refused", quote="400 bad tools.")).verdict == "not ready"
    others = [seen("calls", "ignored"), seen("pictures", "refused", quote="400 no pictures.")]
    found = earlier(refused[0], *others, seen("own"))
    assert [one.need.id for one in found.needs if one.state == "missing"] == ["calls", "pictures"]


def test_a_version_whose_own_questions_were_not_asked_has_no_answer() -> None:
    rows = [PLAIN, *(seen(name) for name in ("system", "calls", "pictures"))]
    assert readiness_by_version(EARLIER, RULES, rows) == {}
    assert readiness(EARLIER, RULES, rows) is not None


FAILED: dict[str, Any] = {"quote": "Expected an answer, observed 500.", "unreadable": True}
AT_LAST = Known(instead=["at-last"], meets="It is asked again without.")


def test_a_refusal_after_which_the_client_is_answered_at_last_is_a_limit_whatever_its_words() -> None:
    client = profile(need("flags", known=AT_LAST), need("tools", known=AT_LAST), need("calls"), need("results"))
    refused = [seen("flags", "refused", quote="400 no."), seen("tools", "refused", quote="400 tools.3: no.")]
    hidden = [seen("calls", "refused", quote="400 tools.11: no."), seen("results")]
    found = answer(client, *refused, *hidden, seen("at-last"))
    assert found.verdict == "ready with limits"
    assert [one.need.id for one in found.missing("degrades")] == ["flags", "tools"]
    assert {one.need.id: one.outcome.behind for one in found.unverified} == {"calls": "tools"}
    assert answer(client, *refused, *hidden, seen("at-last", "refused", quote="400 no.")).verdict == "not ready"
    assert answer(client, *refused, *hidden).verdict == "not ready", "it was not asked"


def test_what_fails_in_the_same_unreadable_words_is_told_once() -> None:
    client = profile(need("text"), need("tools"), need("own", meets=Meets(broken="Lost.", unreadable="No answer.")))
    rows = [
        seen(name, "broken", quote="Expected an answer, observed 500.", unreadable=True) for name in ("text", "tools")
    ]
    found = answer(client, *rows, seen("own", "broken", quote="Observed 1 of 2.", unreadable=True))
    assert [one.meets for one in found.missing("blocks")] == [
        "Expected an answer, observed 500. It is broken.",
        "Observed 1 of 2. No answer.",
    ]
    assert {one.need.id: one.outcome.behind for one in found.unverified} == {"tools": "text"}


STEADY = Need(id="steady", says="It is steady.", level="degrades", questions=[], steady="failures", meets=WAYS)


def test_what_fails_once_and_is_answered_when_it_is_asked_again_is_a_limit() -> None:
    client = profile(need("text"), need("tools"), need("calls"), STEADY)
    once = seen("text", "broken", recovered=True, attempts=2, rules=(Broken("stream.index", "", "", ""),), **FAILED)
    found = answer(client, once, seen("tools"), seen("calls"))
    assert found.verdict == "ready with limits"
    (limit,) = found.missing("degrades")
    again = "1 of 4 questions were answered when they were asked again."
    assert limit.meets == f"Expected an answer, observed 500. {again} It is broken."
    stuck = answer(client, once, seen("tools", "broken", **FAILED), seen("calls"))
    assert stuck.verdict == "ready with limits"
    assert {one.need.id: one.outcome.behind for one in stuck.unverified} == {"tools": "steady"}


def test_what_fails_each_time_or_nearly_always_is_no_matter_of_chance() -> None:
    client = profile(need("text"), need("tools"), need("calls"), STEADY)
    failed = [seen(name, "broken", attempts=3, **FAILED) for name in ("tools", "calls")]
    assert answer(client, seen("text"), *failed).verdict == "not ready"
    assert answer(client, seen("text", "broken", recovered=True, attempts=2, **FAILED), *failed).verdict == "not ready"
    other = seen("calls", "broken", quote="Observed 1 of 2.", unreadable=True)
    once = seen("text", "broken", recovered=True, attempts=2, **FAILED)
    assert answer(client, once, seen("tools"), other).verdict == "not ready", "it failed otherwise"


def test_another_client_is_not_absolved_by_what_it_does_not_send_where_everything_is_refused_so() -> None:
    client = profile(
        need("flags"),
        need("titles", "degrades"),
        versions=[ClientVersion(name="S", version="1", needs=[need("titles", "degrades")], without=["titles"])],
    )
    rows = [PLAIN, *(seen(name, "refused", quote=NO) for name in ("flags", "titles"))]
    assert readiness_by_version(client, RULES, rows)["S 1"].verdict == "not ready"


REFUSALS = Need(
    id="taken-each-time",
    says="It is taken each time.",
    level="blocks",
    questions=[],
    steady="refusals",
    meets=WAYS,
    known=Known(words=[r"\b404\b"], meets="It costs requests."),
)


def test_what_is_refused_once_and_taken_when_it_is_asked_again_is_a_matter_of_chance() -> None:
    client = profile(REFUSALS, *(need(name) for name in ("text", "tools", "calls", "more", "most")))
    others = [seen(name) for name in ("calls", "more", "most")]
    words = "Declined with a client error: 400 bad luck."
    once = seen("text", "refused", quote=words, recovered=True, attempts=2)
    found = answer(client, once, seen("tools", "refused", quote=words), *others)
    assert found.verdict == "not ready"
    (first,) = found.missing("blocks")
    assert (first.need.id, first.outcome.verdict) == ("taken-each-time", "refused")
    assert {one.need.id: one.outcome.behind for one in found.unverified} == {"tools": "taken-each-time"}
    lost = "Declined with a client error: 404 not_found_error."
    limit = answer(client, seen("text", "refused", quote=lost, recovered=True, attempts=2), seen("tools"), *others)
    assert limit.verdict == "ready with limits"


FINAL = Need(id="final", says="It may be tried.", level="blocks", questions=[], steady="final", meets=WAYS)


def test_what_fails_once_and_forbids_to_be_asked_again_ends_a_turn() -> None:
    client = profile(STEADY, FINAL, *(need(name) for name in ("text", "tools", "calls")))
    once = seen("text", "broken", recovered=True, final=True, attempts=2, **FAILED)
    found = answer(client, once, seen("tools"), seen("calls"))
    assert found.verdict == "not ready"
    assert [one.need.id for one in found.missing("blocks")] == ["final"]
    assert not found.missing("degrades")


def test_what_is_refused_alone_and_taken_with_all_else_is_no_need_of_a_client_that_sends_it_so() -> None:
    client = profile(need("token", part_of="turn"), need("turn"))
    assert answer(client, seen("token", "refused"), seen("turn")).verdict == "ready"
    assert answer(client, seen("token", "refused"), seen("turn", "refused")).verdict == "not ready"


def test_a_way_of_failing_that_another_need_tells_leaves_this_one_met() -> None:
    taken = need("taken", questions=["text"], meets=Meets(refused="It ends."))
    kept = need("kept", questions=["text"], level="degrades", meets=Meets(ignored="It is lost."))
    found = answer(profile(taken, kept), seen("text", "ignored"))
    assert found.verdict == "ready with limits"
    assert [one.need.id for one in found.missing("degrades")] == ["kept"]
    assert answer(profile(taken), seen("text", "ignored")).verdict == "not verified"


def test_no_part_of_a_turn_is_to_blame_for_words_that_a_plain_request_meets_too() -> None:
    """A gateway that asks its upstream on a wrong route does not refuse the token."""
    client = profile(need("token", part_of="turn"), need("flags", part_of="turn"), need("turn"))
    rows = [seen(name, "refused", quote="404: there is no page 3.") for name in ("token", "flags", "turn")]
    found = readiness(client, RULES, [seen("plain", "refused", quote="404: there is no page 4."), *rows])
    assert found is not None
    assert [one.need.id for one in found.missing("blocks")] == ["turn"]
    assert [one.outcome.behind for one in found.unverified] == ["turn", "turn"]
    assert [one.need.id for one in answer(client, *rows).missing("blocks")] == ["token"]


CUT = (Broken("stream.index", "cut", "It is cut.", "x-1"),)


@pytest.mark.parametrize("verdict", ["ignored", "broken", "inconclusive"])
def test_what_an_answer_lacks_that_a_broken_rule_spoilt_is_not_told_again(verdict: Verdict) -> None:
    client = profile(need("letters", unseen="missing"), need("index", questions=["stream.index:cut[stream]"]))
    spoilt = answer(client, seen("letters", verdict, "stream", rules=CUT))
    assert [one.need.id for one in spoilt.missing("blocks")] == ["index"]
    assert [one.need.id for one in answer(client, seen("letters", verdict, "json", rules=CUT)).missing("blocks")] == [
        "letters"
    ], "the rule's need does not speak of this mode"


def test_what_only_costs_something_hides_nothing() -> None:
    client = profile(need("letters"), need("index", "degrades", ["stream.index:cut"]))
    found = answer(client, seen("letters", "ignored", rules=CUT))
    assert [one.need.id for one in found.missing("blocks")] == ["letters"]


def test_what_is_said_of_a_kind_of_finding_goes_before_what_is_said_of_its_rule() -> None:
    whole = need("index", "degrades", ["stream.index"])
    both = profile(need("a"), need("cut", questions=["stream.index:cut"]), whole)
    assert [one.need.id for one in answer(both, seen("a", rules=CUT)).needs if one.state == "missing"] == ["cut"]
    gap = (Broken("stream.index", "gap", "", ""),)
    assert [one.need.id for one in answer(both, seen("a", rules=gap)).needs if one.state == "missing"] == ["index"]
    stands = profile(need("a"), whole, tolerates=[Tolerance(rule="stream.index:cut", why="It reads on.")])
    assert answer(stands, seen("a", rules=CUT)).verdict == "ready"


def test_what_says_nothing_without_another_need_is_told_only_where_that_one_is_met() -> None:
    client = profile(need("calls", unseen="missing"), need("keys", unseen="missing", whoever=True, after="calls"))
    silent = answer(client, seen("calls", "inconclusive"), seen("keys", "inconclusive"))
    assert [one.need.id for one in silent.missing("blocks")] == ["calls"]
    wrong = answer(client, seen("calls"), seen("keys", "inconclusive"))
    assert [one.need.id for one in wrong.missing("blocks")] == ["keys"]
    unknown = answer(client, seen("calls", "not-run"), seen("keys", "inconclusive"))
    assert unknown.verdict == "not verified"
