"""Units are told as dollars with every digit that matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.money import UNITS_PER_USD, dollars


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.0000001"),
        (500_000, "$0.05"),
        (12_345_000, "$1.2345"),
        (10_000_000, "$1.00"),
        (-30_000_000, "−$3.00"),
        (12_345_678_900_000_000, "$1,234,567,890.00"),
    ],
)
def test_dollars_keep_the_cents_that_matter(units: int, shown: str) -> None:
    """Two decimals at least, seven at most, thousands apart, and a real minus sign."""
    assert shown == dollars(units)


@given(st.integers(-(2**60), 2**60))
def test_dollars_lose_nothing(units: int) -> None:
    """The number can be read back from what is shown, to the last unit."""
    shown = dollars(units)
    whole, _, rest = shown.lstrip("−$").replace(",", "").partition(".")

    assert abs(units) == int(whole) * UNITS_PER_USD + int(rest.ljust(7, "0"))
    assert (units < 0) == shown.startswith("−")
