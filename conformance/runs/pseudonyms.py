"""Takes out of a finished run what names an account: ids get others of the same length, headers their value removed."""

import re
import secrets
import string
from pathlib import Path

from conformance.runs.evidence_store import PLAIN, EvidenceStore, pack_evidence, remove_evidence
from conformance.runs.log import FILE

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
    log.write_bytes(b"".join(names.of(line) for line in log.read_bytes().splitlines(keepends=True)))
    store = EvidenceStore(folder)
    lines = [names.of(store.line(name)) + b"\n" for name in sorted(store)]
    remove_evidence(folder)
    if lines:
        (folder / PLAIN).write_bytes(b"".join(lines))
        pack_evidence(folder)
