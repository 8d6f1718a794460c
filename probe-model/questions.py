"""The training conversations: each is one question in the probe language with the answer that its contract names.

The contract is `cases/probe-vectors.yaml`. What is asked here is made up by a random generator: no text of a case or of
a vector is read, but for the constant strings of the language itself.
"""

from collections.abc import Callable
from random import Random

import words
from dialogue import EMPTY, Answer, Dialogue, Turn, call, one_call, smallest, thinking

SECRET = "Reply with only the secret word."
RESULT = "Reply with only the text of the last tool result."
JUDGE = 'Reply with only "error" if the last tool result is an error, otherwise "ok".'
SCHEMA = "Fill the schema."
COLOURS = "Reply with only the colours of the images, in order."
INSTRUCTIONS = (
    "Reply with exactly:",
    "Count from ",
    "Call the tool ",
    "The secret word is ",
    SECRET,
    RESULT,
    "Think in ",
)
UNKNOWN_INSTRUCTIONS = (
    *("Fail with status 429.", "Fail with empty.", "Reply with only the request you received at /messages.", SCHEMA),
    *("Count from one to three.", "Reply with only", "Call the tool", "Think about it.", "reply with exactly: no"),
)
"""What looks like an instruction and is none, on this wire or at all."""
Row = tuple[list[int], list[bool]]


def question(random: Random, longest: int) -> Row:
    """One conversation of at most about `longest` tokens, and which of its tokens are learned."""
    kind = random.random()
    most = max(0, min(2000, longest - 400))
    room = 0 if kind < 0.5 else random.randint(20, 250) if kind < 0.85 or most < 300 else random.randint(100, most)
    builder = random.choices(list(BUILDERS), weights=list(BUILDERS.values()))[0]
    dialogue = Dialogue(random, longest - 100 if builder is ask_long_count else min(room, most))
    answer = builder(dialogue)
    if dialogue.tools and builder is not ask_call and random.random() < 0.07:
        # where a grammar forbids the end, since the client forces a call: the first tool, with the smallest input
        tool = dialogue.tools[0]
        answer.said += "\n" + call(str(tool["name"]), dialogue.json(smallest(tool)))
    return dialogue.rendered(answer)


def several_calls(asked: list[tuple[str, str]]) -> str:
    return "Call these tools in one turn: " + "; ".join(f"{tool} {arguments}" for tool, arguments in asked)


def text_asked(random: Random, most: int = 100) -> tuple[str, Answer]:
    """An instruction that needs no tool, and its answer."""
    kind = random.random()
    if kind < 0.07:
        said = words.with_constant(random, INSTRUCTIONS)
        return f"Reply with exactly: {said}", Answer(said)
    if kind < 0.58:
        said = words.nonce(random) if random.random() < 0.15 else words.payload(random, most)
        return "Reply with exactly:" + random.choice([" "] * 24 + ["\n"]) + said, Answer(said)
    if kind < 0.8:
        first, last = words.ends_of_count(random)
        if random.random() < 0.12:  # without its full stop it is no instruction
            return f"Count from {first} to {last}", Answer("OK")
        return f"Count from {first} to {last}.", Answer(words.numbers(first, last))
    return thought_asked(random, most)


def thought_asked(random: Random, most: int = 100) -> tuple[str, Answer]:
    """An instruction to think first, and its answer."""
    words_of_it = random.choice([random.randint(1, 12), *[random.randint(1, 60)] * 2, random.randint(60, 420)])
    said = words.nonce(random) if random.random() < 0.4 else words.payload(random, most)
    thought = words.numbers(1, words_of_it)
    return f"Think in {words_of_it} words, then reply with exactly: {said}", Answer(said, thought=thought)


def passed(dialogue: Dialogue) -> None:
    """An earlier, finished exchange."""
    random = dialogue.random
    kind = random.random()
    if kind < 0.6:
        asked, answer = (thought_asked if random.random() < 0.25 else text_asked)(random, 40)
        dialogue.user(asked)
        spoken = thinking(answer.thought) if answer.thought and random.random() < 0.4 else ""
        dialogue.assistant(spoken + answer.said[:200])
    elif kind < 0.75:
        dialogue.user(words.sentence(random))
        dialogue.assistant(random.choice(["OK", "Noted.", words.sentence(random)]))
    else:
        tool, takes = words.name(random), words.mapping(random, depth=0)
        result = words.payload(random, 60)
        dialogue.used(tool, takes, [result])
        dialogue.assistant(result)
        if random.random() < 0.8:
            dialogue.declare(tool, takes)


def _some_passed(dialogue: Dialogue, chance: float) -> None:
    while dialogue.random.random() < chance:
        passed(dialogue)


def ask_text(dialogue: Dialogue) -> Answer:
    """An instruction for text, after what else may stand there."""
    random = dialogue.random
    dialogue.surround()
    dialogue.beside()
    _some_passed(dialogue, 0.3)
    asked, answer = text_asked(random, 100 if random.random() < 0.8 else 240)
    if random.random() < 0.03:  # a later line that is an instruction wins
        asked = f"Reply with exactly: {words.payload(random, 30)}\n{asked}"
    dialogue.user(dialogue.lead() + asked)
    after = random.random()
    if after < 0.03:
        dialogue.turns.append(Turn("system", words.sentence(random)))
    elif after < 0.06:
        dialogue.user(words.sentence(random))
    elif after < 0.1 and not answer.thought:
        place = random.randint(1, len(answer.said))
        answer = Answer(answer.said[place:], given=answer.said[:place])
    elif after < 0.11 and not answer.thought:  # a beginning that is not that of the answer
        given = words.sentence(random, 2)
        answer = answer if answer.said.startswith(given) else Answer(answer.said, given=given)
    elif after < 0.13:
        answer.opened, answer.thought = False, ""
    return answer


def ask_copy(dialogue: Dialogue) -> Answer:
    """A text in which a copy loses its place: scripts, signs, empty lines, repetitions; a reply or a result."""
    random = dialogue.random
    kind = random.random()
    if kind < 0.42:
        said = words.many_scripts(random, random.choice([60, 100, 160]))
    elif kind < 0.72:
        said = words.several_lines(random).strip()
    elif kind < 0.8:
        said = words.marked(random)
    else:
        said = words.repeated(random, random.choice([100, 150, 200, 400, 900]))
    if random.random() < 0.5:
        said = words.nonce(random) + random.choice([" ", " ", "\n", "\r\n"]) + said
    said = said if said.strip() else words.nonce(random)
    if random.random() < 0.25:
        tool, takes = words.name(random), words.mapping(random, 1, depth=0)
        dialogue.declare(tool, takes)
        said = random.choice(["", "", "", "  ", "\n"]) + said
        dialogue.used(tool, takes, [said])
        if random.random() < 0.6:
            dialogue.user(RESULT)
        return Answer(said)
    dialogue.user(dialogue.lead() + f"Reply with exactly: {said}")
    return Answer(said)


def ask_long_count(dialogue: Dialogue) -> Answer:
    """More numbers than a row holds, so that the answer has no end, or nearly as many."""
    random = dialogue.random
    first = 1 if random.random() < 0.7 else random.randint(2, 10 ** random.randint(3, 11))
    width = 4 if first == 1 else len(str(first)) + 1
    last = first + random.randint(20, max(21, dialogue.room // width)) + random.choice([0, 0, 1000])
    if random.random() < 0.8:  # only its end, or a part far into it, is learned: there it goes wrong
        return _part_of_count(dialogue)
    dialogue.user(f"Count from {first} to {last}.")
    said = words.numbers(first, last)
    return Answer(said) if len(said) <= dialogue.room else Answer(said[: dialogue.room], ends=False)


def _part_of_count(dialogue: Dialogue) -> Answer:
    random = dialogue.random
    far = random.random() < 0.5  # too far in for a row: what was said before begins anywhere
    reached = random.randint(30, 450)
    first = 1
    ends = random.random() < (0.3 if far else 0.75)
    if far:
        first = random.randint(1, random.choice([1500, 1500, 10 ** random.randint(4, 11)]))
        if first > 10_000 and random.random() < 0.5:
            first += random.randint(0, 20) - first % 1000
        reached = first + random.randint(0, 12)
    last = reached + (random.randint(0, 12) if ends else random.randint(30, 3000))
    if not ends and random.random() < 0.5:  # a number that only begins like the last
        last = (reached + random.randint(1, 12)) * 10 ** random.randint(1, 2) + random.randint(0, 9) * random.randint(
            0, 1
        )
    more = min(last, reached + random.randint(15, 40))
    thought = first < 3000 and random.random() < 0.45
    said, given = words.numbers(reached + 1, more) if more > reached else "", words.numbers(first, reached)
    said = f" {said}" if said else ""
    if not thought:
        dialogue.user(f"Count from {random.choice([1, first]) if far else first} to {last}.")
        return Answer(said, given=given, ends=ends)
    word = words.nonce(random)
    dialogue.user(f"Think in {last} words, then reply with exactly: {word}")
    answer = Answer(said + (f"\n</think>\n\n{word}" if ends else ""), given=f"<think>\n{given}", ends=ends)
    answer.thinks = True
    return answer


def ask_call(dialogue: Dialogue) -> Answer:
    """One to three calls; of tools that are not declared none is made."""
    random = dialogue.random
    dialogue.surround()
    _some_passed(dialogue, 0.15)
    asked = [(words.name(random), words.mapping(random)) for _ in range(random.choice([1, 1, 1, 1, 2, 2, 3, 3]))]
    if len(asked) > 1 and random.random() < 0.25:  # one tool twice, with the same keys
        asked[1] = asked[0][0], {key: words.scalar(random) for key in asked[0][1]}
    if len(asked) > 1 and random.random() < 0.4:  # one word in several calls
        shared = words.nonce(random)
        for _, takes in asked:
            if takes and random.random() < 0.7:
                given = random.choice([shared, shared, f"{random.choice(words.SHORT)} {shared}"])
                takes[random.choice(list(takes))] = given
    kind = random.random()
    left_out = {random.choice(asked)[0]} if kind < 0.3 else set()
    for tool, takes in asked:
        if tool not in left_out and all(declared["name"] != tool for declared in dialogue.tools):
            dialogue.declare(tool, takes, 40 if random.random() < 0.3 else 30)
    if left_out and kind < 0.26:  # others are declared in its place
        for _ in range(random.randint(1, 3)):
            dialogue.declare(_unlike(random, left_out), words.mapping(random, depth=0))
    dialogue.tools = [tool for tool in dialogue.tools if tool["name"] not in left_out]
    random.shuffle(dialogue.tools)
    texts = [(tool, words.as_json(random, takes)) for tool, takes in asked]
    dialogue.user(dialogue.lead() + (one_call(*texts[0]) if len(texts) == 1 else several_calls(texts)))
    return Answer("\n".join(call(tool, text) for tool, text in texts if tool not in left_out) or "OK")


def _unlike(random: Random, names: set[str]) -> str:
    """A tool's name that differs from these, at times only a little."""
    near = random.choice(sorted(names))
    made = near + random.choice(["2", "_all", "s"]) if random.random() < 0.3 else words.name(random)
    return made if made not in names else made + "_x"


def ask_secret(dialogue: Dialogue) -> Answer:
    """The last of the secret words, from any place, with up to 2000 characters between it and the question."""
    random = dialogue.random
    word = random.choice([words.nonce(random), words.nonce(random), random.choice(words.WORDS), words.letters(random)])
    if random.random() < 0.15:
        word = f"{random.choice(words.EUROPEAN)}-{word}"
    facts = [f"The secret word is {words.letters(random, 2, 12)}." for _ in range(random.choice([0, 0, 0, 0, 1, 2]))]
    facts.append(f"The secret word is {word}.")
    if random.random() < 0.07:
        facts, word = [], "unknown"
    known = (*["1 tool"] * 2, *["2 system"] * 2, *["3 turn"] * 2, *["4 result"] * 2, "5 here")
    places = sorted(random.choice(known) for _ in facts)
    behind = dialogue.room // 2 if random.random() < 0.7 else 0
    dialogue.room -= behind
    if random.random() < 0.5:
        dialogue.surround()
        dialogue.beside(facts=False)
    here = ""
    for fact, place in zip(facts, places, strict=True):
        here += _placed(dialogue, place[2:], dialogue.hidden(fact))
    if places and places[-1] < "4":
        _some_passed(dialogue, 0.35)
        if behind and random.random() < 0.3:  # in place of one long text: many short turns
            dialogue.talked(behind)
            behind = 0
    if behind:
        here += words.filler(random, behind) + "\n"
    if random.random() < (0.5 if places == ["1 tool"] else 0.2):
        dialogue.used_declared([words.sentence(random) for _ in range(random.choice([1, 1, 1, 2]))])
    dialogue.user(here + dialogue.lead(facts=False) + SECRET)
    if random.random() < 0.05:
        dialogue.turns.append(Turn("system", words.sentence(random)))
    dialogue.maybe_before_results()
    return Answer(word)


def _placed(dialogue: Dialogue, place: str, fact: str) -> str:
    """Puts a fact where it belongs; gives it back where that is the turn that asks."""
    random = dialogue.random
    if place == "tool":
        dialogue.declare(words.name(random), words.mapping(random, depth=0), about=fact.replace("\n", " "))
    elif place == "system":
        dialogue.system.append(fact)
    elif place == "turn":
        if random.random() < 0.15:
            dialogue.turns.append(Turn("system", fact))
        elif random.random() < 0.2:
            dialogue.user(words.sentence(random))
            dialogue.assistant(fact)
        elif random.random() < 0.4:  # beside an instruction, which is obeyed first
            asked, answer = text_asked(random, 30)
            apart = random.random() < 0.25
            dialogue.user(asked if apart else f"{fact}\n{asked}")
            if apart:
                dialogue.turns.append(Turn("system", fact))
            dialogue.assistant(answer.said[:200])
        else:
            dialogue.user(fact)
            dialogue.assistant(random.choice(["OK", "Noted."]))
    elif place == "result":
        others = [words.sentence(random) for _ in range(random.choice([0, 0, 1, 2]))]
        dialogue.used_declared(random.sample([fact, *others], len(others) + 1))
    return fact + "\n" if place == "here" else ""


def ask_result(dialogue: Dialogue) -> Answer:
    """What a tool said, with or without an instruction, in the order of either engine."""
    random = dialogue.random
    dialogue.surround()
    _some_passed(dialogue, 0.1)
    dialogue.beside()
    tool, takes = words.name(random), words.mapping(random)
    if random.random() < 0.85:
        dialogue.declare(tool, takes)
    results = [_result(random) for _ in range(random.choice([1, 1, 1, 1, 2, 3]))]
    dialogue.used(tool, takes, results)
    answer, kind = Answer(results[-1]), random.random()
    if kind < 0.4:
        return answer
    asked = RESULT
    if kind > 0.95:
        asked, answer = JUDGE, Answer("ok")
    elif kind > 0.82:
        takes = {key: words.scalar(random) for key in takes}
        text = words.as_json(random, takes)
        asked = one_call(tool, text)
        declared = any(known["name"] == tool for known in dialogue.tools)
        answer = Answer(call(tool, text) if declared else "OK")
    elif kind > 0.64:
        asked, answer = text_asked(random)
        if random.random() < 0.4:
            dialogue.turns[-1].text = ""
    elif kind > 0.6:
        dialogue.assistant(random.choice([results[-1], "Noted."]))
        asked, answer = words.sentence(random), Answer("OK")
    elif kind > 0.56:
        dialogue.assistant(random.choice([results[-1], "Noted."]))
    dialogue.user(dialogue.lead() + asked)
    dialogue.maybe_before_results()
    return answer


def _result(random: Random) -> str:
    if random.random() < 0.06:
        return f"Reply with exactly: {words.nonce(random)}"  # no instruction: only the user instructs
    said = words.payload(random)
    return random.choice(["  ", "\n", " "]) + said if random.random() < 0.12 else said


def ask_nothing(dialogue: Dialogue) -> Answer:
    """A turn without an instruction, or with what only looks like one."""
    random = dialogue.random
    dialogue.surround()
    _some_passed(dialogue, 0.4)
    kind = random.random()
    if kind < 0.5:
        dialogue.user(dialogue.fill(200) if dialogue.room > 10 else words.sentence(random))
    elif kind < 0.65:
        dialogue.user(f"{random.choice([' ', 'Please. ', 'Then: '])}Reply with exactly: {words.payload(random, 40)}")
    elif kind < 0.75:
        dialogue.system.append(f"Reply with exactly: {words.payload(random, 40)}")
        dialogue.user(words.sentence(random))
    elif kind < 0.9:
        dialogue.turns.clear()
        dialogue.tools.clear()
        dialogue.user(random.choice([RESULT, SECRET, COLOURS, COLOURS, COLOURS]))
        return Answer("unknown")
    else:
        dialogue.user(random.choice(UNKNOWN_INSTRUCTIONS))
    return Answer("OK")


def ask_schema(dialogue: Dialogue) -> Answer:
    """Where a grammar forces JSON, its smallest: the model is not shown the schema, so braces and keys are given."""
    random = dialogue.random
    asked = SCHEMA if random.random() < 0.7 else text_asked(random, 40)[0]
    dialogue.user(dialogue.lead() + asked)
    document = {words.key(random): random.choice(list(EMPTY.values())) for _ in range(random.randint(1, 4))}
    text = dialogue.json(document)
    place = random.choice([number for number, character in enumerate(text) if character == ":"]) + 1
    return Answer(text[place:], given=text[:place])


BUILDERS: dict[Callable[[Dialogue], Answer], float] = {
    ask_text: 0.24,
    ask_long_count: 0.1,
    ask_copy: 0.16,
    ask_call: 0.13,
    ask_secret: 0.17,
    ask_result: 0.2,
    ask_nothing: 0.06,
    ask_schema: 0.01,
}
"""What is asked, and its share."""
