"""What holds of every answer of the scripted model, whatever was asked."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.scripted.brain import answer
from conformance.scripted.conversation import Conversation, Image, Invocation, Result, Speech, Text, Thought, Tool, Turn
from conformance.scripted.limits import first_stop
from conformance.scripted.odd_models import disobedient
from conformance.scripted.tokens import cost, counts_input, split

TEXTS = st.text(st.sampled_from("ab \n\tü世👋.;{}"), max_size=40) | st.text(max_size=20)
TOOLS = (Tool("echo", "Says it again."), Tool("add", schema={"type": "object"}), Tool("search", callable=False))


def saying(text: str, **more: Any) -> Conversation:
    return Conversation(turns=(Turn("user", (Text(text),)),), **more)


@given(TEXTS)
def test_tokens_joined_are_the_text_and_each_has_one_word(text: str) -> None:
    tokens = split(text)
    assert "".join(tokens) == text
    assert len(tokens) == max(len(text.split()), 1 if text else 0)


@given(TEXTS, st.integers(0, 12), st.lists(TEXTS.filter(str.strip), max_size=3))
def test_an_answer_keeps_its_limits(text: str, limit: int, stops: list[str]) -> None:
    reply = answer(saying(f"Reply with exactly: {text}", max_tokens=limit, stop_sequences=tuple(stops)))
    said = "".join(block.text for block in reply.blocks if isinstance(block, Speech))
    whole = answer(saying(f"Reply with exactly: {text}")).blocks
    assert not whole or whole[0].text.startswith(said)  # type: ignore[union-attr]
    assert reply.output_tokens <= limit
    assert len(split(said)) <= limit
    assert not any(stop in said for stop in stops)
    assert (reply.stop == "sequence") == (reply.stop_sequence is not None)
    if reply.stop == "end":
        assert said == (whole[0].text if whole else "")  # type: ignore[union-attr]


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_the_stop_sequence_that_is_complete_first(text: str, stops: list[str]) -> None:
    """The same as reading the text character by character."""
    expected = None
    for end in range(len(text) + 1):
        complete = [stop for stop in stops if stop and text[:end].endswith(stop)]
        if complete:
            expected = max(complete, key=len)
            break
    assert first_stop(text, stops) == expected


@given(TEXTS, TEXTS, st.sampled_from(["system", "tool", "turn", "image", "result", "schema"]))
def test_nothing_that_is_added_costs_less(text: str, more: str, where: str) -> None:
    conversation = saying(text)
    match where:
        case "system":
            longer = replace(conversation, system=(more,))
        case "tool":
            longer = replace(conversation, tools=(Tool("t", more),))
        case "image":
            longer = replace(conversation, turns=(*conversation.turns, Turn("user", (Image(b""),))))
        case "result":
            longer = replace(conversation, turns=(*conversation.turns, Turn("user", (Result("1", (Text(more),)),))))
        case "schema":
            longer = replace(conversation, schema={"title": more})
        case _:
            longer = saying(f"{text}{more}")
    assert counts_input(longer) >= counts_input(conversation)
    if where in {"image", "tool", "result"}:
        assert counts_input(longer) > counts_input(conversation)
    assert answer(longer).input_tokens == counts_input(longer)


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3))
def test_a_call_costs_more_than_one_token(given_input: dict[str, Any]) -> None:
    assert cost(Invocation("echo", given_input)) > 1


@given(
    st.sampled_from(["Reply with exactly: pine", 'Call the tool echo with this input: {"a": 1}', "Good morning."]),
    st.sampled_from(["auto", "any", "tool", "none"]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)
def test_a_weak_model_still_has_a_server_that_keeps_its_word(
    prompt: str, choice: Any, parallel: bool, thinking: bool, every: int
) -> None:
    conversation = saying(
        prompt, tools=TOOLS, choice=choice, chosen="echo", parallel=parallel, thinking=thinking, max_tokens=40
    )
    brain = disobedient(every)
    for reply in [brain(conversation) for _ in range(3)]:
        called = [block.name for block in reply.blocks if isinstance(block, Invocation)]
        assert (choice in {"any", "tool"}) <= bool(called)
        assert not (choice == "none" and called)
        assert set(called) <= {"echo"}
        assert isinstance(reply.blocks[0], Thought) == thinking
        assert reply.output_tokens <= 40


def test_a_weak_model_ignores_every_nth_prompt() -> None:
    brain = disobedient(3)
    obeyed = [brain(saying("Reply with exactly: pine")).blocks == (Speech("pine"),) for _ in range(7)]
    assert obeyed == [True, True, False, True, True, False, True]


def test_a_weak_model_fills_the_schema_all_the_same() -> None:
    reply = disobedient(1)(saying("Fill the schema.", schema={"type": "object", "required": ["a"]}))
    assert reply.blocks == (Speech('{"a":0}'),)


def test_an_image_that_cannot_be_read_has_a_word_of_its_own() -> None:
    prompt = Text("Reply with only the colours of the images, in order.")
    turn = Turn("user", (Image(b"no image"), Image(b"\x89PNG\r\n\x1a\n"), prompt))
    assert answer(Conversation(turns=(turn,))).blocks == (Speech("unreadable, unreadable"),)


def test_counting_far_takes_no_longer_than_the_limit() -> None:
    reply = answer(saying("Count from 1 to 999999999999999.", max_tokens=3))
    assert (reply.blocks, reply.stop) == ((Speech("1 2 3"),), "length")
