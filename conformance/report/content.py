"""The content of a page independent of compression: another zlib makes other bytes of the same content."""

import json
import re
from typing import Any

from conformance.report.packing import unpacked

_DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)


def content_of(page: str) -> tuple[str, dict[str, Any]]:
    """The page without its data, and its data with every pack unpacked: equal for two pages that say the same."""
    found = _DATA.search(page)
    if found is None:
        raise ValueError("this is no page of a report: it has no data")
    data: dict[str, Any] = json.loads(found[2])
    for packs in ("details", "evidence"):
        data[packs] = [unpacked(pack) for pack in data[packs]]
    return _DATA.sub(r"\1\3", page), data
