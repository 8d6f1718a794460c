"""Finds what names a person, a machine or an account in a recorded run, and masks it when the run is shared.

A mask is as long as what it stands for, letter for letter and digit for digit, so that lengths, offsets and forms are
judged as before. The same text has the same mask wherever it stands, and two texts have two.
"""

import ipaddress
import re
import secrets
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import re2
from msgspec import Struct

from conformance.escapes import dialects
from conformance.files import replace_file
from conformance.runs.evidence_store import PLAIN, EvidenceStore, pack_evidence, remove_evidence
from conformance.runs.log import FILE
from conformance.spellings import coded

Kind = Literal["host", "user name", "path", "address", "id", "key", "model", "word"]

_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_OPTIONS.max_mem = 64 * 2**20
_OPTIONS.log_errors = False


def _engine(pattern: str) -> "re2._Regexp":
    return re2.compile(pattern.encode("latin-1"), _OPTIONS)


_SLASH = r"\\?/"
_BEGINS = r"(?:\b|\\[nrtbf]|\\u[0-9A-Fa-f]{4})"
"""Where a word begins: also behind an escape of JSON, whose last letter is none of the word."""
_AFTER = r"(?:^|[^A-Za-z0-9_.~/\\-]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})"
_NO_DRIVE = r"(?:^|[^\\:]|(?:^|[^A-Za-z]):|[A-Za-z]{2}:)"
"""What stands before a server's name: behind a drive's letter stands a folder, whose escapes in JSON are no share."""
_FOLDERS = "home|Users|root|var|opt|tmp|usr|srv|mnt|media|data|etc|app|private|proc|run|lib|lib64|dev|work|workspace"
_FOLDERS += "|workspaces|builds|github|Volumes|Applications|Library|nix|snap|storage|models"
_FOLDERS += "|scratch|gpfs|lustre|nfs|net|export|shared|projects|homes|teams|vol|volumes|disk|ssd|nvme"
_DRIVES = "Users|Windows|Program Files|ProgramData|Documents and Settings|Temp|home|dev|git|src|work|projects|models"
_WORD = r"[^\s\"'<>|:;,()\[\]{}\\/]+"
_PREFIXES = "req|request|org|acct|account|usr|user|proj|project|team|wrkspc|workspace|sess|session|conv|msg|msgbatch"
_PREFIXES += "|batch|file|container|toolu|srvtoolu|mcptoolu|call|chatcmpl|cmpl|resp|gen|key|apikey|cus|trace|span"
_KEYS = "sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|hf|xox[abeoprs]|npm|pypi|gsk|r8|nvapi|tvly|pplx|xai|whsec|ya29"
_KEYS += "|shpat|dop_v1|lsv2_pt|AIza|AKIA|ASIA"
_PARAMETERS = (
    "token|access_token|api_?key|key|sig|signature|secret|client_secret|password|passwd|pwd|auth|x-amz-signature"
)
_INNER = r"internal|lan|corp|intranet|localdomain|home\.arpa|cluster\.local"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_NAMED = "request_?[iI]d|organi[sz]ation(?:_id)?|org_id|account(?:_id)?|user_id|workspace_id|trace_id|tenant"

PATTERNS: tuple[tuple[Kind, "re2._Regexp"], ...] = (
    ("key", _engine(rf"{_BEGINS}(?:{_KEYS})[_.-]?([A-Za-z0-9][A-Za-z0-9_-]{{11,}})")),
    ("key", _engine(rf"{_BEGINS}(eyJ[A-Za-z0-9_-]{{5,}}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)")),
    ("key", _engine(rf"(?i:{_BEGINS}(?:bearer|basic|token)\s+)([A-Za-z0-9._~+/-]{{8,}}=*)")),
    ("key", _engine(rf"(?i:[?&](?:{_PARAMETERS})=)([^\s&#\"'<>\\]{{4,}})")),
    ("key", _engine(r"PRIVATE KEY-----([A-Za-z0-9+/=\s]*(?:\\+[rn][A-Za-z0-9+/=\s]*)*)")),
    ("id", _engine(rf"{_BEGINS}arn:aws[a-z-]*:[a-z0-9-]*:([a-z0-9-]*:[0-9]{{12}}:[^\s\"'\\<>]+)")),
    ("path", _engine(rf"file:(?:{_SLASH}){{2}}[A-Za-z0-9._-]*({_SLASH}{_WORD}(?:{_SLASH}{_WORD})*)")),
    ("path", _engine(rf"{_NO_DRIVE}\\{{4}}([A-Za-z0-9]{_WORD}(?:\\{{2}}{_WORD})+)")),
    ("path", _engine(rf"{_NO_DRIVE}\\{{8}}([A-Za-z0-9]{_WORD}(?:\\{{4}}{_WORD})+)")),
    ("host", _engine(rf"{_BEGINS}((?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*):[0-9]{{2,5}}\b")),
    ("host", _engine(rf"{_BEGINS}([A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+|[0-9]+)[A-Za-z0-9-]*):[0-9]{{4,5}}\b")),
    (
        "host",
        _engine(rf"{_BEGINS}((?:{_LABEL}\.)+(?:{_INNER})(?:[.-]{_LABEL})*)\b"),
    ),
    (
        "host",
        _engine(
            rf"(?i:{_BEGINS}(?:host|hostname|node))[\\\"']*\s*[=:]\s*[\\\"']*([A-Za-z][A-Za-z0-9.-]*[0-9][A-Za-z0-9.-]*)"
        ),
    ),
    ("address", _engine(rf"{_BEGINS}([0-9A-Fa-f]{{2}}(?:[:-][0-9A-Fa-f]{{2}}){{5}})\b")),
    ("user name", _engine(rf":(?:{_SLASH}){{2}}([^\s/@\"'\\<>]{{1,200}})@")),
    ("host", _engine(rf"[A-Za-z]:(?:{_SLASH}){{2}}(?:[^\s/@\"'\\<>]{{1,200}}@)?([A-Za-z0-9_-][A-Za-z0-9._-]*)")),
    ("address", _engine(rf"{_BEGINS}([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")),
    ("address", _engine(rf"{_BEGINS}([A-Za-z0-9._+-]{{2,}}@[A-Za-z][A-Za-z0-9-]{{2,}})")),
    ("path", _engine(rf"{_AFTER}{_SLASH}(?:{_FOLDERS})({_SLASH}{_WORD}(?:{_SLASH}{_WORD})*)")),
    ("path", _engine(rf"{_BEGINS}[A-Za-z]:(?:\\{{1,4}}|/)(?:{_DRIVES})((?:(?:\\{{1,4}}|/){_WORD})+)")),
    ("path", _engine(rf"~({_SLASH}{_WORD}(?:{_SLASH}{_WORD})*)")),
    ("id", _engine(rf"{_BEGINS}([0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}})\b")),
    ("id", _engine(rf"{_BEGINS}(?:{_PREFIXES})[_-]([A-Za-z0-9_-]{{6,}})")),
    ("id", _engine(rf"{_BEGINS}([0-9a-f]{{32,}})\b")),
    ("id", _engine(rf"\"(?:{_NAMED})\"\s*:\s*\"(?:(?:{_PREFIXES})[_-])?([^\"\\]{{3,}})\"")),
    ("address", _engine(rf"{_BEGINS}([0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})\b")),
    ("address", _engine(rf"{_BEGINS}([0-9A-Fa-f]{{1,4}}(?::{{1,2}}[0-9A-Fa-f]{{1,4}}){{2,7}})\b")),
)
"""Where each kind stands, the strongest claim first; the group is what is masked."""

_SIGN = re.compile(r"[A-Za-z0-9]")
_SPELLED = re.compile(
    r"%(?:25)*[0-9A-Fa-f]{2}|\\+(?:u00|x)[0-9A-Fa-f]{2}|&(?:amp;)*#x?[0-9A-Fa-f]{2,3};?"
    r"|(?<!\\)(?:\\\\)*\\[nrtbf\"]|\\+/|\\+|.",
    re.DOTALL,
)
"""One character, as it is or escaped."""
_ESCAPES = re.compile(r"[%\\&]")
_CODE = re.compile(r"(?P<before>.*?)(?P<code>[0-9A-Fa-f]{2,3})(?P<after>;?)")
_FILE = re.compile(r".+\.(py|js|ts|go|rs|c|cc|cpp|cu|h|java|rb|php|md|txt|json|ya?ml|toml)")
"""A file of a program, which stands before the number of a line as a host does before its port."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_POINTER = re.compile(r"/(\d+|\*)(/|$)")
"""What follows the first word of a JSON pointer, `/data/0/id`."""
_ENDING = re.compile(r"\.[a-z]{1,5}[0-9]?$")
"""The ending of a file's name, which says of what kind it is."""
_EVERYBODYS_NAMES = frozenset(("root", "user", "users", "admin", "ubuntu", "debian", "runner", "app", "test", "nobody"))
LONG = 6
"""Letters of a value from which on its codings are looked for, too."""
LONG_KEY = 20
"""Signs of what looks like a key from which on it is one, though it has no digit."""
SHORTEST_NAME = 3
"""Letters of a user's or machine's name below which it is looked for in paths and URLs only."""
_NOBODYS_HOSTS = re.compile(
    r"localhost|(.+\.)?(example\.(com|org|net)|example|invalid|test|localhost)|(docs|api|console|platform|www|support)\."
    r"(anthropic|claude)\.com|anthropic\.com|claude\.ai|claude\.com|github\.com|(docs\.)?ollama\.com|errors\.pydantic\.dev|json-schema\.org"
)
"""Hosts that say nothing about who was asked: this machine to itself, names of examples, public documents."""


class Masked(Struct, frozen=True):
    """One text that was masked: what it was, what it is called now, and of which kind."""

    kind: Kind
    original: str
    mask: str


Candidate = tuple[Kind, str]
"""What looks private, and of which kind it would be."""


def candidates(*texts: bytes) -> set[Candidate]:
    """What looks like a host, a path, an address or an id in some texts."""
    return {(kind, text) for data in texts for kind, text, _, _ in _places(data)}


class Masks:
    """Finds what is private in bytes and texts, and remembers what it made of each."""

    def __init__(self, known: Mapping[Kind, Iterable[str]], public: Iterable[Candidate] = ()) -> None:
        """`known`: values that are private wherever they stand, however URLs and JSON spell them. `public`: what looks
        private and is not, since the suite itself says it.
        """
        values = [(kind, value) for kind, some in known.items() for value in some if value]
        values.sort(key=lambda one: -len(one[1]))
        self._known = [(kind, _literal(value, whole=kind != "word")) for kind, value in values]
        self._coded = [(kind, _engine("|".join(coded(value.encode())))) for kind, value in values if len(value) >= LONG]
        self._public = set(public)
        self._numbers: dict[str, int] = {}
        self.made: dict[Candidate, Masked] = {}

    def data(self, data: bytes) -> bytes:
        """Bytes with masks."""
        return applied(self.spans(data), data, 0)

    def text(self, text: str) -> str:
        """A text with masks."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def spans(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Where private texts stand, and what stands there instead, in order and apart."""
        found = [(first, last, kind) for kind, first, last in self._private(data)]
        spans: list[tuple[int, int, bytes]] = []
        ends = 0
        for first, last, kind in sorted(found, key=lambda span: (span[0], -span[1])):
            if first >= ends:
                spans.append((first, last, self._mask(kind, data[first:last])))
                ends = last
        return spans

    def _private(self, data: bytes) -> Iterator[tuple[Kind, int, int]]:
        """Where private texts stand, through escapes, and those that are known in hexadecimal and base64, too."""
        for kind, pattern in self._coded:
            for found in pattern.finditer(data):
                yield kind, *found.span()
        for text, readings in ((data, []), *(dialects()[0].layers(data) if dialects()[0].is_in(data) else ())):
            places = [(kind, *found.span(1)) for kind, pattern in self._known for found in pattern.finditer(text)]
            places += [(kind, *span) for kind, said, *span in _places(text) if not self._may_stay(kind, said)]
            for kind, first, last in places:
                for reading in reversed(readings):
                    first, last = reading.source(first, last)
                yield kind, first, last

    def _may_stay(self, kind: Kind, text: str) -> bool:
        if (kind, text) in self._public:
            return True
        if kind == "host":
            nobodys = _NOBODYS_HOSTS.fullmatch(text.lower()) or _FILE.fullmatch(text)
            return nobodys is not None or _is_nobodys_address(text) is True
        if kind == "address" and _MAC.fullmatch(text):
            return False
        if kind == "address" and "@" not in text:
            return _is_nobodys_address(text) is not False
        if kind == "path":
            return _POINTER.match(text) is not None
        has_digit = any(sign.isdigit() for sign in text)
        return not has_digit and (kind == "id" or (kind == "key" and len(text) < LONG_KEY))

    def _mask(self, kind: Kind, data: bytes) -> bytes:
        """The mask of what stands in some bytes, its escapes left as they are."""
        text = data.decode("utf-8", "surrogateescape")
        spelled = _SPELLED.findall(text) if _ESCAPES.search(text) else None
        name = text if spelled is None else "".join(map(_read, spelled))
        number = self._numbers.setdefault(name.lower(), len(self._numbers) + 1)
        ending = _ENDING.search(name) if kind == "path" else None
        mask = masked_text(name[: ending.start()], number) + ending[0] if ending else masked_text(name, number)
        self.made.setdefault((kind, name), Masked(kind, name, mask))
        if spelled is None:
            return mask.encode("utf-8", "surrogateescape")
        if len(mask) != len(spelled):  # an escape that stands for a part of a character
            mask = masked_text("".join(one[-1] for one in spelled), number)
        signs = (new if len(old) == 1 else _respelled(old, new) for old, new in zip(spelled, mask, strict=True))
        return "".join(signs).encode("utf-8", "surrogateescape")


def _read(spelled: str) -> str:
    """The character that is spelled so."""
    code = _CODE.fullmatch(spelled) if spelled[0] in "%\\&" and len(spelled) > 2 else None
    if code is None:
        return spelled[-1]
    number = int(code["code"], 10 if code["before"].endswith("#") else 16)
    return chr(number) if number < 128 else "?"


def _respelled(spelled: str, sign: str) -> str:
    """Another letter or digit in the form of one that is escaped; every other character stays as it is."""
    code = _CODE.fullmatch(spelled) if _SIGN.fullmatch(_read(spelled)) and spelled[0] in "%\\&" else None
    if code is None:
        return spelled
    if code["before"].endswith("#"):
        digits = str(ord(sign)) if len(str(ord(sign))) == len(code["code"]) else {2: "88", 3: "120"}[len(code["code"])]
    else:
        digits = f"{ord(sign):0{len(code['code'])}x}"
    return code["before"] + digits + code["after"]


def masked_text(text: str, number: int) -> str:
    """A text of the same form: letters become `x` and digits `0`, but for the last ones, which tell the number."""
    letters = {sign for sign in set(text) if sign.isalpha()}
    alphabet = "abcdef" if letters <= set("abcdefABCDEF") else "xyzabcdefghijklmnopqrstuvw"
    signs = list(text.translate({ord(sign): _first_of(sign, alphabet) for sign in set(text)}))
    for at in range(len(signs) - 1, -1, -1):
        if not number:
            break
        sign = text[at]
        if sign.isascii() and _SIGN.fullmatch(sign):
            allowed = "0123456789" if sign.isdigit() else alphabet
            number, digit = divmod(number, len(allowed))
            signs[at] = allowed[digit].upper() if sign.isupper() else allowed[digit]
    return "".join(signs)


def _first_of(sign: str, alphabet: str) -> str:
    """What stands for a sign where it tells nothing of the number."""
    if not sign.isascii():
        return sign if "\udc80" <= sign <= "\udcff" else {2: "\u00e9", 3: "\u20ac", 4: "\U0001f600"}[len(sign.encode())]
    if not _SIGN.fullmatch(sign):
        return sign
    if sign.isdigit():
        return "0"
    return alphabet[0].upper() if sign.isupper() else alphabet[0]


def applied(spans: Iterable[tuple[int, int, bytes]], data: bytes, begins: int) -> bytes:
    """Bytes, the first of which is number `begins` of what the spans count, with the masks in their places."""
    masked = bytearray(data)
    for first, last, mask in spans:
        low, high = max(first, begins), min(last, begins + len(data))
        if low < high:
            masked[low - begins : high - begins] = mask[low - first : high - first]
    return bytes(masked)


def words_of_this_machine(user: str, host: str, home: str) -> dict[Kind, list[str]]:
    """What is private on the machine that shares a run, as far as it is a name that only few have."""
    names = [name for name in (user, home.replace("\\", "/").rpartition("/")[2]) if _is_a_name(name)]
    hosts = [name for name in (host, host.partition(".")[0]) if _is_a_name(name) and name != "localhost"]
    return {"user name": names, "host": hosts, "path": [home] if names else []}


def _is_a_name(name: str) -> bool:
    return len(name) >= SHORTEST_NAME and name.lower() not in _EVERYBODYS_NAMES


def _places(data: bytes) -> Iterator[tuple[Kind, str, int, int]]:
    """What looks private: its kind, what it is, and where it stands."""
    for kind, pattern in PATTERNS:
        for found in pattern.finditer(data):
            yield kind, found.group(1).decode("utf-8", "replace"), found.start(1), found.end(1)


def _literal(value: str, *, whole: bool) -> "re2._Regexp":
    """A pattern of a value, its slashes as JSON may write them; `whole`: not inside of other words."""
    escaped = "".join(map(_spellings, value.encode().decode("latin-1")))
    before = f"(?:{_BEGINS}|_)" if whole and _SIGN.match(value[0]) else ""
    after = r"(?:\b|_)" if whole and _SIGN.match(value[-1]) else ""
    return _engine(f"(?i:{before}({escaped}){after})")


def _spellings(sign: str) -> str:
    """A pattern of one character as it is, and as JSON and URLs write it."""
    if sign.isalnum() and sign.isascii():
        return sign
    bare = {"/": _SLASH, "\\": r"\\{1,4}"}.get(sign, re.escape(sign))
    return f"(?:{bare}|%{ord(sign):02X}|%{ord(sign):02x})"


def _is_nobodys_address(text: str) -> bool | None:
    """Whether an IP address is that of this machine to itself, or of no machine; None where it is no address."""
    with suppress(ValueError):
        address = ipaddress.ip_address(text)
        documentation = isinstance(address, ipaddress.IPv4Address) and any(
            address in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
        )
        return address.is_loopback or address.is_unspecified or documentation
    return None


_ID = re.compile(rb"\b(req|msg|toolu|srvtoolu|msgbatch|batch|file|container|skill|org|user)_([A-Za-z0-9]{12,64})\b")
_HEADER = re.compile(
    rb'\["(anthropic-organization-id|anthropic-workspace-id|set-cookie|cf-ray|x-envoy-upstream-service-time)","([^"\\]*)"\]'
)
REMOVED = b"removed"


class Pseudonyms:
    """The same id has the same other name wherever it stands, so that what must differ still differs."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}

    def of(self, line: bytes) -> bytes:
        line = _HEADER.sub(lambda found: b'["' + found[1] + b'","' + REMOVED + b'"]', line)
        return _ID.sub(lambda found: found[1] + b"_" + self._name(found[2]), line)

    def _name(self, given: bytes) -> bytes:
        if given not in self._names:
            letters = string.ascii_letters + string.digits
            self._names[given] = "".join(secrets.choice(letters) for _ in given).encode()
        return self._names[given]


def rename_ids(folder: Path) -> None:
    """Rewrites the log and the evidence of a run."""
    names = Pseudonyms()
    log = folder / FILE
    replace_file(log, b"".join(names.of(line) for line in log.read_bytes().splitlines(keepends=True)))
    store = EvidenceStore(folder)
    lines = [names.of(store.line(name)) + b"\n" for name in sorted(store)]
    remove_evidence(folder)
    if lines:
        replace_file(folder / PLAIN, b"".join(lines))
        pack_evidence(folder)
