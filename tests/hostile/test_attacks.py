"""Each hostile behaviour has a kind and a test; each kind has siblings, made up beside what was seen."""

from collections import Counter
from pathlib import Path

from hostile_catalogue import CATALOGUE
from hostile_outcomes import OUTCOMES

ROOT = Path(__file__).parent.parent.parent
TABLE = Path(__file__).with_name("attacks.psv")
ROWS = [line.split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
LEAST = 3


def test_each_behaviour_has_a_test() -> None:
    for _, behaviour, test, _ in ROWS:
        if test == "outcomes.psv":
            assert behaviour in OUTCOMES
            continue
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_each_endpoint_of_the_catalogue_has_a_kind() -> None:
    listed = [behaviour for _, behaviour, test, _ in ROWS if test == "outcomes.psv"]
    assert sorted(listed) == sorted(set(CATALOGUE) - {"good"})


def test_each_kind_has_siblings_of_its_own() -> None:
    siblings = Counter(kind for kind, _, _, origin in ROWS if origin == "sibling")
    assert {kind for kind, *_ in ROWS} == set(siblings)
    assert min(siblings.values()) >= LEAST, siblings
