"""Words, texts and values that the training conversations are made of, from a random generator that the caller seeds.

English comes from Python's own help texts; its last quarter is kept back, so that what is evaluated was never read.
"""

import json
import re
import string
from collections.abc import Callable
from pydoc_data.topics import topics
from random import Random
from unicodedata import normalize

LETTERS, ALPHANUMERIC = string.ascii_lowercase, string.ascii_letters + string.digits
_NONCE = LETTERS + "23456789"
_HELP: str = " ".join(topics[key] for key in sorted(topics))
_HELP = re.sub(r" +", " ", re.sub(r"[^\x20-\x7e\n]", "", re.sub(r"[ \n]*\n[ \n]*", "\n", _HELP)))
_CUT = len(_HELP) * 3 // 4
READ, KEPT_BACK = _HELP[:_CUT], _HELP[_CUT:]
WORDS: list[str] = sorted(set(re.findall(r"\b[a-z]{2,9}\b", READ)))[::2]
SHORT = (
    "HALT STOP END after before red green blue alpha bravo one two three hello world test data cloud OK Yes No "
    "unknown error ok The A I noted pine oak elm ash"
).split()
EUROPEAN = (
    "über schön Größe Straße Äpfel öffnen Übung grün heiß Käse müde fünf zwölf der die das und ist nicht ein für Bär "
    "Tür Mädchen süß Öl Fuß été où ça garçon naïve crème façade Noël señor niño mañana Å smörgås żółw łódź"
).split()
MARKS = (
    *("<{0}>{1}</{0}>", "a <|{0}|> {1}", "[{0}] {1} [/{0}]", "{1} </{0}>", '<{0} a="{1}">'),
    "{{{0}}} {1} `{0}` %20 $1",
)
EMOJI = [
    *map(chr, (*range(0x1F600, 0x1F645), *range(0x1F300, 0x1F330), *range(0x1F400, 0x1F440), 0x2728, 0x2705, 0x1F680)),
    *("❤️", "👩‍💻", "🇩🇪", "👍🏽", "🏳️‍🌈"),
]
EUROPEAN += [normalize("NFD", word) for word in EUROPEAN[::3]]
JAPANESE = [
    *map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F4))),
    *"日本語学校東京水火木金土人口大小中山川田一二三四五六七八九十私猫犬話食飲見行来今時分年月世界。、ー「」",
]
BLOCKS = (0xA0, 0xC0, 0x390, 0x410, 0x5D0, 0x200B, 0x2190, 0x4E00, 0xAC00, 0x1F300)
"""Where forty characters of some script begin."""
SCRIPTS = (
    *((0xC0, 63), (0x100, 120), (0x391, 56), (0x410, 64), (0x410, 64), (0x430, 32), (0x531, 38)),
    *((0x5D0, 27), (0x5D0, 27), (0x621, 26), (0x621, 42), (0x905, 53), (0xE01, 46), (0x10D0, 33)),
    *((0x3041, 83), (0x4E00, 900), (0xAC00, 900)),
)
"""First character and number of characters of the letters of many scripts, those of which models know little twice."""
SIGNS = (
    *((0xA1, 30), (0x2010, 24), (0x2028, 2), (0x2070, 40), (0x20A0, 30), (0x2150, 60), (0x2190, 90), (0x2200, 200)),
    *((0x2460, 150), (0x2500, 200), (0x2700, 150), (0xE000, 30), (0xFB00, 7), (0xFF21, 50), (0x1D400, 300)),
)
"""Signs that are no letters, or letters that are rare, in the same form."""
TOOLS = (
    "get_weather lookup search calculator read_file add echo fetch_url send_mail query_db get_time run Bash Read Edit "
    "Write Grep Glob Task WebFetch TodoWrite"
).split()
KEYS = "city location query path a b x y text url name id value key expression n unit count flag options items".split()


def letters(random: Random, least: int = 1, most: int = 16, alphabet: str = ALPHANUMERIC) -> str:
    return "".join(random.choices(alphabet, k=random.randint(least, most)))


def nonce(random: Random) -> str:
    """Ten of a-z and 2-9 as the suite makes them: a letter first, no character twice in a row."""
    text = random.choice(LETTERS)
    while len(text) < 10:
        following = random.choice(_NONCE)
        text += following if following != text[-1] else ""
    return text


def prose(random: Random, length: int, text: str = READ) -> str:
    """About `length` characters of English that begin at a word."""
    start = text.find(" ", random.randrange(max(1, len(text) - length - 40))) + 1
    return text[start : start + length].strip()


def sentence(random: Random, words: int | None = None, text: str = READ) -> str:
    """Two to fifteen words, mostly with a capital letter and an end."""
    found = re.findall(r"[A-Za-z',;]+", prose(random, 140, text))[: words or random.randint(2, 15)]
    said = " ".join(found).strip(" ,;'") or "word"
    if random.random() < 0.6:
        said = said[0].upper() + said[1:] + random.choice(".!?.")
    return said[:100].strip()


def foreign(random: Random, most: int = 100) -> str:
    """Text in other scripts, at most so many bytes."""
    kind = random.random()
    if kind < 0.3:
        text = " ".join(random.choices(EUROPEAN, k=random.randint(1, 9)))
    elif kind < 0.5:
        text = "".join(random.choices(JAPANESE, k=random.randint(1, 24)))
    elif kind < 0.65:
        text = random.choice(["", " "]).join(random.choices(EMOJI, k=random.randint(1, 8)))
    elif kind < 0.85:
        first = random.choice(BLOCKS)
        text = "".join(chr(first + random.randrange(40)) for _ in range(random.randint(1, 14)))
    else:
        kinds = (lambda: sentence(random, 3), lambda: random.choice(EUROPEAN), lambda: random.choice(EMOJI))
        more = (lambda: "".join(random.choices(JAPANESE, k=4)), lambda: nonce(random))
        text = " ".join(random.choice((*kinds, *more))() for _ in range(random.randint(2, 4)))
    while len(text.encode()) > most:
        text = text[:-1]
    return text.strip() or "ä"


def _of(random: Random, blocks: tuple[tuple[int, int], ...], most: int) -> str:
    first, size = random.choice(blocks)
    return "".join(chr(first + random.randrange(size)) for _ in range(random.randint(1, most)))


def _joined_emoji(random: Random) -> str:
    """What is one picture of several characters."""
    people = [chr(0x1F468), chr(0x1F469), chr(0x1F9D1), random.choice(EMOJI[:120])]
    made = "\u200d".join(random.choice(people) for _ in range(random.randint(1, 3)))
    skin = chr(0x1F3FB + random.randrange(5))
    return made + random.choice(["", "\ufe0f", skin, "\u200d" + random.choice(EMOJI[:120])])


def many_scripts(random: Random, most: int = 100) -> str:
    """Words of several scripts, signs and pictures, with a space between, at most so many bytes."""
    makers = (
        *(lambda: _of(random, SCRIPTS, 7), lambda: _of(random, SCRIPTS, 7), lambda: random.choice(EUROPEAN)),
        *(lambda: _of(random, SIGNS, 2), lambda: _joined_emoji(random), lambda: "".join(random.choices(EMOJI, k=2))),
        *(lambda: random.choice(WORDS), lambda: nonce(random), lambda: letters(random, 1, 3) + _of(random, SIGNS, 1)),
    )
    text = " ".join(random.choice(makers)() for _ in range(random.randint(1, 8)))
    while len(text.encode()) > most:
        text = text[:-1]
    return text.strip() or "ы"


def several_lines(random: Random) -> str:
    """Lines of words and of code, empty ones between them, with tabs, double spaces and either end of a line."""
    end = random.choice(["\n", "\n", "\r\n"])
    makers = (
        *(lambda: nonce(random), lambda: sentence(random, 4), lambda: sentence(random, 4).lower(), lambda: ""),
        *(lambda: random.choice(EUROPEAN), lambda: " ".join(random.choices(EUROPEAN, k=3))),
        *(lambda: "  ".join(random.choices(WORDS, k=2)), lambda: "```" + random.choice(["", "sh", "python", "js"])),
        *(lambda: random.choice(["\t", "\t\t", "  ", "    "]) + sentence(random, 3), lambda: _code(random)),
    )
    return end.join(random.choice(makers)() for _ in range(random.randint(2, 7)))


def _code(random: Random) -> str:
    condition = f"{random.choice(LETTERS)} {random.choice(['<', '>', '==', '&', '<=', '&&'])} {random.choice(LETTERS)}"
    said = random.choice(["if {}:", "while {}:", "x = {}", "# {}", "({})", "return {};"]).format(condition)
    return random.choice(["", "\t", "    "]) + said + random.choice(["", "  # " + random.choice(WORDS)])


def marked(random: Random) -> str:
    """A text with marks such as tags and control tokens have."""
    word, inner = random.choice(WORDS), random.choice([nonce(random), "yes", sentence(random, 3)])
    return random.choice(MARKS).format(word, inner)


def repeated(random: Random, most: int) -> str:
    """A piece that comes again and again, and at times something else at the end."""
    pieces: tuple[Callable[[], str], ...] = (
        *(lambda: random.choice(SHORT), lambda: letters(random, 1, 4, LETTERS)),
        *(lambda: many_scripts(random, 40), lambda: " ".join(random.choices(SHORT, k=random.randint(2, 3)))),
        *(lambda: random.choice(WORDS), lambda: " ".join(random.choices(WORDS, k=2))),
        *(
            lambda: f"{_of(random, SCRIPTS, 7)} {_of(random, SCRIPTS, 7)}",
            lambda: "".join(random.choices(JAPANESE, k=4)),
        ),
    )
    piece = random.choice(pieces)()
    piece += random.choice([" ", " ", " ", ""])
    times = random.randint(2, max(2, min(220, (most - 22) // len(piece.encode()))))
    start = ""
    if random.random() < 0.5:
        start = nonce(random) + " "
        start += (
            " ".join(random.choices([random.choice(WORDS), letters(random, 1, 6), str(random.randrange(10))], k=2))
            + " "
        )
    return (start + piece * times + (nonce(random) if random.random() < 0.6 else "")).strip()


def few_characters(random: Random) -> str:
    """A text of one to three different characters, or a short piece again and again: where a copy loses its place."""
    if random.random() < 0.5:
        return letters(random, 2, 24, letters(random, 1, 3))
    piece = random.choice([letters(random, 1, 4), random.choice(SHORT), foreign(random, 9)])
    return random.choice(["", " ", "-"]).join([piece] * random.randint(2, 7))


def with_constant(random: Random, constants: tuple[str, ...]) -> str:
    """A text that holds a constant string of the probe language, but not at the start of a line."""
    constant = random.choice(constants).strip()
    before, after = (nonce(random) if random.random() < 0.5 else sentence(random, 3) for _ in range(2))
    return random.choice([f"{before} {constant} {after}", f"{before} {constant}", f'"{constant}" {after}'])


def payload(random: Random, most: int = 100) -> str:
    """What an answer may have to hold, at most so many bytes."""
    while True:
        text = _any_text(random, most).strip()
        if text and len(text.encode()) <= most:
            return text


def _any_text(random: Random, most: int) -> str:
    punctuation = string.punctuation + string.digits + " "
    shares: tuple[tuple[float, Callable[[], str]], ...] = (
        (0.12, lambda: nonce(random)),
        (0.24, lambda: many_scripts(random, most)),
        (0.31, lambda: several_lines(random)),
        (0.34, lambda: marked(random)),
        (0.36, lambda: repeated(random, most)),
        (0.42, lambda: _some_words(random)),
        (0.46, lambda: letters(random, 1, 40)),
        (0.54, lambda: few_characters(random)),
        (0.64, lambda: sentence(random)),
        (0.72, lambda: letters(random, 1, 30, punctuation + random.choice([LETTERS, ""]))),
        (0.84, lambda: foreign(random, most)),
        (0.92, lambda: as_json(random, mapping(random, random.randint(0, 3)))),
        (0.97, lambda: _short_lines(random)),
        (1.0, lambda: letters(random, 40, 100, ALPHANUMERIC + " -_.,:/")),
    )
    kind = random.random()
    return next(make for most_of, make in shares if kind < most_of)()


def _some_words(random: Random) -> str:
    pieces = (nonce, lambda r: r.choice(WORDS), lambda r: r.choice(SHORT), lambda r: letters(r, 1, 8))
    return " ".join(random.choice(pieces)(random) for _ in range(random.randint(1, 7)))


def _short_lines(random: Random) -> str:
    lines = (nonce, lambda r: sentence(r, 4), lambda r: letters(r, 1, 9))
    end = random.choice(["\n", "\n\n", "\n\t", "\r\n"])
    return end.join(random.choice(lines)(random) for _ in range(random.randint(2, 4)))


def name(random: Random) -> str:
    """The name of a tool."""
    if random.random() < 0.3:
        return random.choice(TOOLS)
    if random.random() < 0.3:
        return f"{random.choice(WORDS)}_{random.choice(WORDS)}"
    return random.choice(LETTERS) + letters(random, 1, 11, LETTERS + "_" + string.digits + "-").rstrip("-_")


def key(random: Random) -> str:
    """The name of a property."""
    kind = random.random()
    if kind < 0.7:
        return random.choice(KEYS if kind < 0.4 else WORDS)
    return letters(random, 1, 8, LETTERS + "_").strip("_") or "k"


def scalar(random: Random) -> object:
    kind = random.random()
    if kind < 0.25:
        return nonce(random)
    if kind < 0.5:
        return payload(random, 40) if random.random() < 0.6 else random.choice(WORDS)
    if kind < 0.75:
        return random.choice([random.randint(0, 100), random.randint(-99, 9999), random.randint(0, 10**9)])
    if kind < 0.87:
        return random.random() < 0.5
    if kind < 0.94:
        return round(random.uniform(-99, 99), random.randint(1, 2))
    return letters(random, 0, 12)


def value(random: Random, depth: int = 1) -> object:
    kind = random.random()
    if depth and kind < 0.1:
        return {key(random): value(random, depth - 1) for _ in range(random.randint(0, 2))}
    if depth and kind < 0.17:
        return [value(random, 0) for _ in range(random.randint(0, 3))]
    return scalar(random)


def mapping(random: Random, size: int | None = None, depth: int = 1) -> dict[str, object]:
    """The input of a tool."""
    wanted = size if size is not None else random.choice([0, 1, 1, 1, 2, 2, 3])
    made = {key(random): value(random, depth) for _ in range(wanted)}
    if len(made) > 1 and random.random() < 0.15:  # one value is a part of another
        word, (first, second) = nonce(random), random.sample(list(made), 2)
        made[first], made[second] = word, random.choice(["/home/{}.txt", "{}.html", "{} {}", "a {}"]).format(word, word)
    elif made and random.random() < 0.04:
        made[random.choice(list(made))] = prose(random, random.randint(60, 300))
    return made


def as_json(random: Random, document: object) -> str:
    style = random.random()
    separators = None if style < 0.55 else (",", ":")
    return json.dumps(document, ensure_ascii=style > 0.9, separators=separators)


def numbers(first: int, last: int) -> str:
    """A count as it is said."""
    step = 1 if last >= first else -1
    return " ".join(map(str, range(first, last + step, step)))


def ends_of_count(random: Random) -> tuple[int, int]:
    """The first and the last number of a count."""
    kind = random.random()
    if kind < 0.5:
        return 1, random.randint(1, 100) if kind < 0.38 else random.randint(100, 420)
    if kind < 0.62:
        first = random.randint(0, 990)
        return first, first + random.randint(0, 40)
    if kind < 0.78:
        hundreds = 100 * random.randint(1, 12)
        return hundreds - random.randint(1, 15), hundreds + random.randint(0, 15)
    if kind < 0.9:
        first = random.randint(1, 10 ** random.randint(4, 10))
        return first, first + random.randint(0, 12)
    first = random.randint(-20, 60)
    return first, first - random.randint(1, 15)


def filler(random: Random, length: int) -> str:
    """Text that says nothing to the model."""
    kind = random.random()
    if kind < 0.8:
        return prose(random, length)
    if kind < 0.9:
        return " ".join(random.choices(WORDS, k=length // 6 + 1))[:length].strip()
    return " ".join(foreign(random, 60) for _ in range(length // 45 + 1))
