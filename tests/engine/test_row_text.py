"""What pytest and its reports show of a row holds no key, also where only reading an answer puts it together."""

from conformance.judge.finding import Finding
from conformance.keys import KNOWN
from conformance.pytest_plugin.items import SHOWN, account_of, brief
from conformance.runs.log import RuleRow

KEY = "sk-canary-row-text-4Qx9Zt71LmPw"


def test_no_key_and_no_part_of_one_is_shown() -> None:
    KNOWN.remember(KEY)
    for before in (0, SHOWN - 20, SHOWN - 10, SHOWN + 5):
        assert KEY[:12] not in brief("x" * before + KEY)
    finding = Finding(id="a", key="k", level="must", at=f"/{KEY}", expected=KEY, observed={KEY: [KEY]})
    row = RuleRow(
        rule="a", surface="s", level="must", verdict="broken", status="new", seen=1, violations=1, findings=[finding]
    )
    assert KEY not in account_of(row)
    assert "[key removed]" in account_of(row)
