"""Money is a whole number of units; there are no floats anywhere near it."""

from __future__ import annotations

UNITS_PER_USD = 10_000_000  #: the precision of every price and balance
UNITS_MAX = 2**53 - 1  #: the largest whole number every JSON reader keeps exact


def dollars(units: int) -> str:
    """Units as dollars with the cents that matter: `$0.05`, `$1.2345`, `−$3.00`."""
    sign = "−" if units < 0 else ""
    whole, rest = divmod(abs(units), UNITS_PER_USD)
    decimals = f"{rest:07d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{decimals}"
