"""Words, texts and values that the training conversations are made of, from a random generator that the caller seeds.

English comes from Python's own help texts; its last quarter is kept back, so that what is evaluated was never read.
"""

import json
import re
import string
from pydoc_data.topics import topics
from random import Random

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
EMOJI = [
    *map(chr, (*range(0x1F600, 0x1F645), *range(0x1F300, 0x1F330), *range(0x1F400, 0x1F440), 0x2728, 0x2705, 0x1F680)),
    *("❤️", "👩‍💻", "🇩🇪", "👍🏽", "🏳️‍🌈"),
]
JAPANESE = [
    *map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F4))),
    *"日本語学校東京水火木金土人口大小中山川田一二三四五六七八九十私猫犬話食飲見行来今時分年月世界。、ー「」",
]
BLOCKS = (0xA0, 0xC0, 0x390, 0x410, 0x5D0, 0x200B, 0x2190, 0x4E00, 0xAC00, 0x1F300)
"""Where forty characters of some script begin."""
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
    kind = random.random()
    if kind < 0.22:
        return nonce(random)
    if kind < 0.36:
        pieces = (nonce, lambda r: r.choice(WORDS), lambda r: r.choice(SHORT), lambda r: letters(r, 1, 8))
        return " ".join(random.choice(pieces)(random) for _ in range(random.randint(1, 7)))
    if kind < 0.42:
        return letters(random, 1, 40)
    if kind < 0.54:
        return few_characters(random)
    if kind < 0.64:
        return sentence(random)
    if kind < 0.72:
        return letters(random, 1, 30, string.punctuation + string.digits + " " + random.choice([LETTERS, ""]))
    if kind < 0.84:
        return foreign(random, most)
    if kind < 0.92:
        return as_json(random, mapping(random, random.randint(0, 3)))
    if kind < 0.97:
        lines = (nonce, lambda r: sentence(r, 4), lambda r: letters(r, 1, 9))
        return random.choice(["\n", "\n\n", "\n\t"]).join(
            random.choice(lines)(random) for _ in range(random.randint(2, 4))
        )
    return letters(random, 40, 100, ALPHANUMERIC + " -_.,:/")


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
    return {key(random): value(random, depth) for _ in range(wanted)}


def as_json(random: Random, document: object) -> str:
    style = random.random()
    separators = None if style < 0.55 else (",", ":")
    return json.dumps(document, ensure_ascii=style > 0.9, separators=separators)


def filler(random: Random, length: int) -> str:
    """Text that says nothing to the model."""
    kind = random.random()
    if kind < 0.8:
        return prose(random, length)
    if kind < 0.9:
        return " ".join(random.choices(WORDS, k=length // 6 + 1))[:length].strip()
    return " ".join(foreign(random, 60) for _ in range(length // 45 + 1))
