"""Options that several commands share, and how what is typed becomes a value."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from vermilion.cli.failures import WrongUsage
from vermilion.domain.money import UNITS_PER_USD

Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Another account's (operators).", show_default=False),
]
AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.", show_default=False)]
Limit = Annotated[int, typer.Option(help="How many to list.", min=1, max=200)]
Cursor = Annotated[str | None, typer.Option(help="Read on where the last page ended.", show_default=False)]
Expiry = Annotated[
    str | None,
    typer.Option(
        "--expires-at", metavar="TIME", help="As in 2027-01-31 or 2027-01-31T12:00:00Z.", show_default=False
    ),
]
Pairs = list[str] | None


def pairs_of(typed: Pairs) -> dict[str, str]:
    """`key=value` words as a mapping. Raises WrongUsage."""
    pairs = {}
    for word in typed or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WrongUsage(f"{word!r} is not of the form KEY=VALUE.")
        pairs[name] = value
    return pairs


def units_of(usd: str) -> int:
    """Dollars as typed in whole units. Raises WrongUsage for what is no amount or too fine to pay."""
    try:
        units = Decimal(usd.removeprefix("$")) * UNITS_PER_USD
        whole = int(units)
    except (InvalidOperation, ValueError, OverflowError):
        raise WrongUsage(f"{usd!r} is not an amount in dollars.") from None
    if whole != units:
        raise WrongUsage(f"${usd} is finer than a unit (1 USD = {UNITS_PER_USD:,} units).")
    return whole


def amount_of(units: int | None, usd: str | None) -> int:
    """Units given as units or as dollars, but not as both. Raises WrongUsage."""
    if (units is None) == (usd is None):
        raise WrongUsage("Say how much, in units or with --usd.")
    return units if units is not None else units_of(str(usd))


def time_of(typed: str | None) -> str | None:
    """A time as typed, with a zone; a bare date means its first moment in UTC. Raises WrongUsage."""
    if typed is None:
        return None
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise WrongUsage(f"{typed!r} is not a time; write 2027-01-31 or 2027-01-31T12:00:00Z.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
