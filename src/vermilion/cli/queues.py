"""`vermilion queue` and `connection`: what waits, what runs it, and its brakes (operators)."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer, command, new_group
from vermilion.cli.show import say, show_table, when
from vermilion.cli.tasks import as_id

queue = new_group("What waits and what runs (operators).")
connection = new_group("List, lend, describe, pause, resume, reboot and suspend connections (operators).")
ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id.", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Shown in the list.")]


@command(queue, "list")
async def list_queues(client: Client) -> Answer:
    """Count the active tasks of every queue."""
    page = await client.get("/admin/v1/queues")
    columns = ("queue", ">staged", ">pending", ">processing")
    rows = [(q["queue"], q["staged"], q["pending"], q["processing"]) for q in page["data"]]
    return Answer(page, lambda: show_table(columns, rows, empty="Nothing waits and nothing runs."))


@command(connection, "list")
async def list_connections(client: Client) -> Answer:
    """List connections with what they are doing."""
    page = await client.get("/admin/v1/connections")
    columns = ("id", "provider", "name", "queues", "state", ">running", "reason", "rests until")
    rows = [
        (
            *(c["id"], c["provider"], c["name"], c["queues"], c["state"]),
            f"{c['running']} of {c['concurrency_max']:,}",
            c["state_reason"],
            when(c["rests_until"]),
        )
        for c in page["data"]
    ]
    return Answer(page, lambda: show_table(columns, rows, empty="No connections."))


@command(connection, "pause")
async def pause(client: Client, *, connection_id: ConnectionId, reason: Reason = None) -> Answer:
    """Let a connection finish what it runs and take no more."""
    return await _act(client, connection_id, {"act": "pause", "reason": reason})


@command(connection, "resume")
async def resume(client: Client, *, connection_id: ConnectionId) -> Answer:
    """Let a connection take tasks again."""
    return await _act(client, connection_id, {"act": "resume"})


@command(connection, "reboot")
async def reboot(client: Client, *, connection_id: ConnectionId) -> Answer:
    """Give what a connection runs to a fresh lease; nothing is dropped."""
    return await _act(client, connection_id, {"act": "reboot"})


@command(connection, "suspend")
async def suspend(client: Client, *, connection_id: ConnectionId, reason: Reason = None) -> Answer:
    """Turn a connection off: it takes no more, and what is bound to it is refused."""
    return await _act(client, connection_id, {"act": "suspend", "reason": reason})


@command(connection, "lend")
async def lend(
    client: Client,
    *,
    account_id: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Whose it is to be.", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="What to call it.")] = "linked",
    provider: Annotated[str, typer.Option(help="Which of the gateway's engines.")] = "local",
) -> Answer:
    """Lend an account engines of this gateway, as a connection of its own."""
    body = {"provider": provider, "name": name, "account_id": as_id(account_id)}
    made = await client.post("/admin/v1/connections", body)
    return Answer(
        made, lambda: say(f"Connection {made['number']} ({made['id']}) works for this account alone.")
    )


@command(connection, "describe")
async def describe(client: Client, *, connection_id: ConnectionId) -> Answer:
    """Tell what the account behind a connection is and does."""
    told = await client.get(f"/admin/v1/connections/{as_id(connection_id)}/description")
    return Answer(told, lambda: show_table(("what", "is"), list(told["account"].items()), empty="Nothing."))


async def _act(client: Client, connection_id: str, body: dict[str, Any]) -> Answer:
    changed = await client.post(f"/admin/v1/connections/{as_id(connection_id)}/acts", body)
    return Answer(
        changed, lambda: say(f"Connection {changed['provider']}/{changed['name']} is {changed['state']}.")
    )
