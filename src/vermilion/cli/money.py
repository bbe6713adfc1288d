"""`vermilion grant`, `wallet` and `ledger`: money in, where it went, and the proof that it adds up."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import uuid4

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer, ShowsFirst, command, new_group
from vermilion.cli.options import Account, AccountId, Cursor, Expiry, Limit, amount_of, time_of
from vermilion.cli.show import mark, money, more, say, show_facts, show_grid, show_table, when
from vermilion.cli.tasks import as_id

wallet = new_group("What is there, what is held, and where it went.", cls=ShowsFirst, no_args_is_help=False)
ledger = new_group("Prove the books (operators).")

Kind = Literal["topup", "pack", "quota", "goodwill"]
Units = Annotated[
    int | None, typer.Argument(metavar="UNITS", help="10,000,000 units are 1 USD.", show_default=False)
]
Usd = Annotated[str | None, typer.Option("--usd", metavar="USD", help="The amount in dollars instead.")]


async def grant(
    client: Client,
    *,
    account: AccountId,
    units: Units = None,
    usd: Usd = None,
    kind: Annotated[Kind, typer.Option(help="What the money is.")] = "topup",
    scope: Annotated[str | None, typer.Option(help="Only for this model family.")] = None,
    expires_at: Expiry = None,
    reason: Annotated[str | None, typer.Option(help="For the statement.")] = None,
) -> Answer:
    """Put money into an account's wallet (operators)."""
    body = {
        "units": amount_of(units, usd),
        "kind": kind,
        "scope": scope,
        "expires_at": time_of(expires_at),
        "reason": reason,
    }
    made = await client.post(f"/admin/v1/accounts/{as_id(account)}/grants", body, once=str(uuid4()))
    return Answer(made, lambda: say(f"Granted {money(made['units'])} ({made['kind']}) to {account}."))


@command(wallet, "show")
async def show_wallet(client: Client, *, account: Account = None) -> Answer:
    """Show a wallet with its grants, in the order in which they are spent."""
    found = await client.get(_path(account, ""))
    return Answer(found, lambda: _show_wallet(found))


@command(wallet, "entries")
async def entries(
    client: Client, *, account: Account = None, limit: Limit = 20, cursor: Cursor = None
) -> Answer:
    """List a wallet's entries, newest first."""
    page = await client.get(_path(account, "entries"), query={"limit": limit, "cursor": cursor})

    def show() -> None:
        show_entries(page["data"])
        say(*more(page))

    return Answer(page, show)


@command(wallet, "adjust", context_settings={"ignore_unknown_options": True})
async def adjust(
    client: Client,
    *,
    account: AccountId,
    units: Units = None,
    usd: Usd = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.", show_default=False)],
) -> Answer:
    """Correct a wallet: a positive amount adds, a negative one takes back (operators)."""
    body = {"units": amount_of(units, usd), "reason": reason}
    found = await client.post(f"/admin/v1/accounts/{as_id(account)}/adjustments", body)
    return Answer(found, lambda: _show_wallet(found))


@command(ledger, "verify")
async def verify(client: Client) -> Answer:
    """Recompute every balance from its entries; the exit code is 1 if anything differs (operators)."""
    verdict = await client.get("/admin/v1/ledger/verification")
    return Answer(verdict, lambda: _show_verdict(verdict), exit_code=0 if verdict["balanced"] else 1)


def wallet_line(found: dict[str, Any]) -> str:
    """A wallet in one line."""
    return (
        f"{money(found['available'])} available, {money(found['held'])} held, {money(found['spent'])} spent"
    )


def verdict_line(verdict: dict[str, Any]) -> str:
    """The ledger's verdict in one line."""
    count = f"{verdict['entries']:,} entries" if verdict["entries"] != 1 else "1 entry"
    if verdict["balanced"]:
        return f"balanced: every balance follows from its entries ({count})"
    return f"NOT balanced: {len(verdict['differences'])} differences in {count}"


def show_entries(rows: list[dict[str, Any]]) -> None:
    """Print entries as a table."""
    shown = [
        (
            when(e["at"]),
            e["kind"],
            f"{e['source']} → {e['target']}",
            money(e["units"]),
            e["ref_id"],
            e["reason"] or "",
        )
        for e in rows
    ]
    show_table(("at", "what", "moved", ">amount", "id", "reason"), shown, empty="No entries.")


def _show_wallet(found: dict[str, Any]) -> None:
    show_facts([(name.capitalize(), money(found[name])) for name in ("available", "held", "spent")])
    rows = [
        (
            g["id"],
            g["kind"],
            g["scope"] or "all",
            money(g["remaining"]),
            money(g["units"]),
            when(g["expires_at"]) or "never",
        )
        for g in found["grants"]
    ]
    if rows:
        say("")
        show_table(("id", "grant", "for", ">left", ">of", "expires"), rows, empty="")


def _show_verdict(verdict: dict[str, Any]) -> None:
    show_grid([(mark(verdict["balanced"]), verdict_line(verdict))])
    rows = [(d["what"], d["subject"], d["stored"], d["computed"]) for d in verdict["differences"]]
    if rows:
        show_table(("what", "of", ">stored", ">computed"), rows, empty="")


def _path(account_id: str | None, tail: str) -> str:
    root = f"/admin/v1/accounts/{as_id(account_id)}/wallet" if account_id else "/v1/wallet"
    if account_id and tail:
        return f"/admin/v1/accounts/{as_id(account_id)}/{tail}"
    return f"{root}/{tail}" if tail else root
