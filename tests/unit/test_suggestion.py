"""Suggestions for misspelled names."""

import pytest

from providers.suggestion import closest, find_similar

NAMES = [f"{kind}-{team}-{number}" for kind in ("vpc", "vpn") for team in ("shop", "billing") for number in range(250)]


@pytest.mark.parametrize("written", ["vpc-biling-123", "vpc-billingg-123", "vcp-billing-123", "vpc_billing_123"])
def test_misspelled_name_is_found_among_a_thousand(written: str) -> None:
    assert "vpc-billing-123" in find_similar(written, NAMES)


def test_three_names_are_suggested_the_most_similar_first() -> None:
    similar = find_similar("vpn-shop-7x", NAMES)
    assert similar[0] == "vpn-shop-7"
    assert len(similar) == 3


@pytest.mark.parametrize(("written", "known"), [("zzz", NAMES), ("vpc-shop-1", []), ("", NAMES)])
def test_nothing_is_suggested_if_nothing_is_similar(written: str, known: list[str]) -> None:
    assert closest(written, known) is None
