"""Versions that servers tell, ranges of gaps, and what people type for an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.address import AddressError, base_url, is_loopback, origin
from conformance.targets.versions import read_version, within


@pytest.mark.parametrize(
    ("told", "versions", "holds"),
    [
        ("0.33.0", ">=0.14.0,<0.33", False),
        ("0.32.15", ">=0.14.0,<0.33", True),
        ("v0.23.4", ">=0.23.4", True),
        ("0.33.0-rc2", "<0.33.0", False),
        ("0.33.0-rc2", ">=0.33.0", True),
        ("0.0.0", ">=0.40", True),
        ("0.0.0", "<0.18.0", False),
        ("0.33.0-12-gabc1234", "==0.33.0", True),
        ("b6543-0a1b2c3", ">=6000", True),
        (None, ">=0.23.4", True),
        (None, "<0.23.4", False),
        ("nightly", ">=0.23.4", True),
        ("0.14.0", "", True),
    ],
)
def test_whether_a_gap_holds_for_a_version(told: str | None, versions: str, holds: bool) -> None:
    assert within(versions, read_version(told)) is holds


@pytest.mark.parametrize(
    ("told", "part"),
    [("0.33.0-rc2", "counts as 0.33.0"), ("0.0.0", "from source"), (None, "does not tell"), ("nightly", "cannot be")],
)
def test_an_odd_version_says_what_it_counts_as(told: str | None, part: str) -> None:
    assert part in read_version(told).note


def test_a_plain_version_needs_no_note() -> None:
    assert read_version("0.33.2").note == ""


@given(st.text(max_size=300))
def test_whatever_a_server_tells_has_a_place_in_the_order(told: str) -> None:
    version = read_version(told)
    assert within(">=0.14.0", version) or within("<0.14.0", version)


@pytest.mark.parametrize(
    ("typed", "default_port", "url"),
    [
        ("http://localhost:11434", None, "http://localhost:11434"),
        ("http://localhost:11434/", None, "http://localhost:11434"),
        ("http://localhost:11434/v1/", None, "http://localhost:11434"),
        ("https://openrouter.ai/api/v1", None, "https://openrouter.ai/api"),
        ("localhost:8080", None, "http://localhost:8080"),
        ("0.0.0.0", 11434, "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", 11434, "http://127.0.0.1:8080"),
        (":8080", 11434, "http://127.0.0.1:8080"),
        ("192.168.1.7", 11434, "http://192.168.1.7:11434"),
        ("::", 11434, "http://[::1]:11434"),
        ("[::1]:8080", 11434, "http://[::1]:8080"),
        ("https://box.example", 11434, "https://box.example"),
        (' "10.0.0.2:1" ', 11434, "http://10.0.0.2:1"),
    ],
)
def test_an_address_is_what_a_person_means(typed: str, default_port: int | None, url: str) -> None:
    assert base_url(typed, default_port=default_port) == url


@pytest.mark.parametrize(
    "typed", ["", "ftp://a", "http://:99999", "http://a:b", "http://a?x=1", "http://[::1", "http://"]
)
def test_an_address_that_cannot_be_used_says_so(typed: str) -> None:
    with pytest.raises(AddressError):
        base_url(typed)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(AddressError) as refused:
        base_url("http://me:hush@localhost:1")
    assert "hush" not in str(refused.value)


@given(st.text(max_size=60))
def test_what_an_address_becomes_stays_what_it_is(typed: str) -> None:
    try:
        url = base_url(typed, default_port=11434)
    except AddressError:
        return
    assert base_url(url) == url


def test_origins_are_told_apart_by_scheme_host_and_port() -> None:
    assert origin("https://a.example/x") == origin("https://A.example:443")
    assert origin("https://a.example") != origin("http://a.example")
    assert origin("http://a.example:1") != origin("http://a.example:2")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://localhost:1", True), ("http://127.0.0.9", True), ("http://[::1]:2", True), ("http://10.0.0.1", False)],
)
def test_which_addresses_are_on_this_machine(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
