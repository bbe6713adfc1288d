"""`vermilion account`, `key` and `plan`: customers, what they sign in with, and what they may do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer, ShowsFirst, command, new_group
from vermilion.cli.completion import complete_models
from vermilion.cli.options import (
    Account,
    AccountId,
    Cursor,
    Expiry,
    Limit,
    Pairs,
    pairs_of,
    time_of,
    units_of,
)
from vermilion.cli.show import money, more, say, show_facts, show_table, when
from vermilion.cli.tasks import as_id

account = new_group("Your own account, and for operators everybody's.", cls=ShowsFirst, no_args_is_help=False)
key = new_group("Make, list, rotate and revoke API keys.")
plan = new_group("List and save plans (operators).")
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, as listed.", show_default=False)]


@command(account, "show")
async def show_account(
    client: Client,
    *,
    other: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Its id; else your own.")] = None,
) -> Answer:
    """Show your account, or another one (operators)."""
    found = await client.get(f"/admin/v1/accounts/{as_id(other)}" if other else "/v1/account")
    return Answer(found, lambda: _show_account(found))


@command(account, "list")
async def list_accounts(client: Client, *, limit: Limit = 50, cursor: Cursor = None) -> Answer:
    """List accounts, newest first (operators)."""
    page = await client.get("/admin/v1/accounts", query={"limit": limit, "cursor": cursor})
    columns = ("id", "name", "e-mail", "role", "status", "plan", "created")

    def show() -> None:
        rows = [
            (a["id"], a["name"], a["email"], a["role"], a["status"], a["plan"], when(a["created_at"]))
            for a in page["data"]
        ]
        show_table(columns, rows, empty="No accounts.")
        say(*more(page))

    return Answer(page, show)


@command(account, "create")
async def create_account(
    client: Client,
    *,
    name: Annotated[str, typer.Argument(help="What the customer is called.", show_default=False)],
    email: Annotated[str, typer.Argument(help="Unique among accounts.", show_default=False)],
    plan_id: Annotated[str | None, typer.Option("--plan", help="Its plan; else the default one.")] = None,
) -> Answer:
    """Open an account (operators)."""
    made = await client.post("/admin/v1/accounts", {"name": name, "email": email, "plan": plan_id})
    return Answer(made, lambda: _show_account(made))


@command(account, "invite")
async def invite(
    client: Client,
    *,
    other: AccountId,
    email: Annotated[str, typer.Argument(help="What they sign in with.", show_default=False)],
    name: Annotated[str, typer.Option(help="What they are called; else the e-mail.")] = "",
    viewer: Annotated[bool, typer.Option("--viewer", help="They may look, but change nothing.")] = False,
) -> Answer:
    """Invite somebody to an account's dashboard: prints their one-time link (operators)."""
    asked = {"email": email, "name": name or email, "role": "viewer" if viewer else "owner"}
    made = await client.post(f"/admin/v1/accounts/{as_id(other)}/members", asked)
    return Answer(made, lambda: say(f"Give {email} this link; it works once, for 7 days:", made["link"]))


@command(account, "disable")
async def disable(client: Client, *, other: AccountId) -> Answer:
    """Refuse everything this account asks for, until it is enabled again (operators)."""
    return await _change(client, other, {"status": "disabled"})


@command(account, "enable")
async def enable(client: Client, *, other: AccountId) -> Answer:
    """Let a disabled account work again (operators)."""
    return await _change(client, other, {"status": "active"})


@command(account, "move")
async def move(
    client: Client,
    *,
    other: AccountId,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", show_default=False)],
) -> Answer:
    """Move an account to another plan (operators)."""
    return await _change(client, other, {"plan": plan_id})


@command(key, "list")
async def list_keys(client: Client, *, of: Account = None) -> Answer:
    """List API keys; their secrets are not kept."""
    page = await client.get(_keys_path(of))
    columns = ("id", "name", "starts with", "scopes", "models", "expires", "revoked", ">cap", ">used")

    def show() -> None:
        rows = [
            (
                *(k["id"], k["name"], k["prefix"], k["scopes"]),
                "all" if k.get("models") is None else k["models"],
                when(k.get("expires_at")),
                when(k.get("revoked_at")),
                money(k.get("cap_units")),
                money(k.get("cap_used")),
            )
            for k in page["data"]
        ]
        show_table(columns, rows, empty="No keys.")

    return Answer(page, show)


@command(key, "create")
async def create_key(
    client: Client,
    *,
    name: Annotated[str, typer.Argument(help="By which you will recognise it.", show_default=False)],
    of: Account = None,
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="May be repeated; else all but operator.")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", help="May be repeated; else every model.", autocompletion=complete_models),
    ] = None,
    expires_at: Expiry = None,
    cap_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="The most it may spend in a window.")
    ] = None,
    cap_window: Annotated[str | None, typer.Option(help="day, week, month or never.")] = None,
) -> Answer:
    """Make an API key; this is the only time it is shown."""
    body = {
        "name": name,
        "scopes": scopes or None,
        "models": models or None,
        "expires_at": time_of(expires_at),
        "cap_units": None if cap_usd is None else units_of(cap_usd),
        "cap_window": cap_window,
    }
    made = await client.post(_keys_path(of), body)
    return Answer(made, lambda: _show_new_key(made))


@command(key, "rotate")
async def rotate_key(
    client: Client,
    *,
    key_id: KeyId,
    of: Account = None,
    grace_s: Annotated[
        float, typer.Option(help="Seconds for which the old secret goes on working.", min=0)
    ] = 0,
) -> Answer:
    """Replace a key's secret; the new one is shown once."""
    made = await client.post(f"{_key_path(key_id, of)}/rotate", {"grace_s": grace_s})
    return Answer(made, lambda: _show_new_key(made))


@command(key, "revoke")
async def revoke_key(client: Client, *, key_id: KeyId, of: Account = None) -> Answer:
    """End a key at once."""
    ended = await client.delete(_key_path(key_id, of))
    return Answer(ended, lambda: say(f"Key {ended['prefix']}… ({ended['name']}) is revoked."))


@command(plan, "list")
async def list_plans(client: Client) -> Answer:
    """List plans."""
    page = await client.get("/admin/v1/plans")
    columns = ("id", "name", ">tasks at once", ">requests/min", ">weight", ">keeps files", ">quota", "each")

    def show() -> None:
        rows = [
            (
                *(p["id"], p["name"], p["concurrency_total"], p["requests_per_minute"], p["weight"]),
                f"{p['retention_days']} days",
                money(p["quota_units"]),
                p["quota_period"],
            )
            for p in page["data"]
        ]
        show_table(columns, rows, empty="No plans.")

    return Answer(page, show)


@command(plan, "save")
async def save_plan(
    client: Client,
    *,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="Its id.", show_default=False)],
    name: Annotated[str | None, typer.Option()] = None,
    concurrency: Annotated[int | None, typer.Option(help="Tasks at once.")] = None,
    family: Annotated[Pairs, typer.Option(metavar="FAMILY=N", help="Tasks at once of one family.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option()] = None,
    weight: Annotated[int | None, typer.Option(help="Share of the queue.")] = None,
    retention_days: Annotated[int | None, typer.Option(help="How long files are kept.")] = None,
    upload_bytes_max: Annotated[int | None, typer.Option()] = None,
    priority_best: Annotated[int | None, typer.Option(help="0 (first) to 9.")] = None,
    quota_usd: Annotated[str | None, typer.Option(metavar="USD", help="Granted anew each period.")] = None,
    quota_period: Annotated[str | None, typer.Option(help="day, week, month or year.")] = None,
) -> Answer:
    """Make or change a plan; what is not given keeps its value."""
    given = {
        "name": name,
        "concurrency_total": concurrency,
        "concurrency_family": _limits(family),
        "requests_per_minute": requests_per_minute,
        "weight": weight,
        "retention_days": retention_days,
        "upload_bytes_max": upload_bytes_max,
        "priority_best": priority_best,
        "quota_units": None if quota_usd is None else units_of(quota_usd),
        "quota_period": quota_period,
    }
    # The API takes a plan as a whole.
    plans = (await client.get("/admin/v1/plans"))["data"]
    before: dict[str, Any] = next((p for p in plans if p["id"] == plan_id), {})
    changed = {field: value for field, value in given.items() if value is not None}
    saved = await client.post("/admin/v1/plans", {**before, "id": plan_id, **changed})
    return Answer(saved, lambda: show_facts(saved.items()))


async def _change(client: Client, account_id: str, change: dict[str, str]) -> Answer:
    changed = await client.patch(f"/admin/v1/accounts/{as_id(account_id)}", change)
    return Answer(changed, lambda: _show_account(changed))


def _limits(family: Pairs) -> dict[str, Any] | None:
    limits = {name: int(limit) if limit.isdigit() else limit for name, limit in pairs_of(family).items()}
    return limits or None


def _keys_path(account_id: str | None) -> str:
    return f"/admin/v1/accounts/{as_id(account_id)}/keys" if account_id else "/v1/keys"


def _key_path(key_id: str, account_id: str | None) -> str:
    return f"/admin/v1/keys/{as_id(key_id)}" if account_id else f"/v1/keys/{as_id(key_id)}"


def _show_account(found: dict[str, Any]) -> None:
    plan_id = found["plan"] if isinstance(found["plan"], str) else found["plan"]["id"]
    show_facts(
        [
            ("Account", found["id"]),
            ("Name", found["name"]),
            ("E-mail", found["email"]),
            ("Role", found["role"]),
            ("Status", found["status"]),
            ("Plan", plan_id),
            ("Created", when(found["created_at"])),
        ]
    )


def _show_new_key(made: dict[str, Any]) -> None:
    show_facts([("Key", made["key"]), ("Id", made["id"]), ("Name", made["name"]), ("Scopes", made["scopes"])])
    say("Keep the key now: it is not shown again.")
