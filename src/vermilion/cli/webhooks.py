"""`vermilion webhooks`: endpoints, what was delivered to them, and a receiver to develop with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer, command, new_group
from vermilion.cli.failures import WrongUsage
from vermilion.cli.listen import listen
from vermilion.cli.options import Cursor, Limit, time_of
from vermilion.cli.show import more, say, show_facts, show_table, when
from vermilion.cli.tasks import as_id

webhooks = new_group("Webhook endpoints, what was delivered to them, and a receiver to develop with.")
EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.", show_default=False)]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.", show_default=False)]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="EVENT",
        help="Only this event; may be given again. Else all but the steps on the way.",
        show_default=False,
    ),
]


@command(webhooks, "list")
async def list_endpoints(client: Client) -> Answer:
    """List the account's webhook endpoints."""
    page = await client.get("/v1/webhook-endpoints")
    rows = [
        (
            e["id"],
            e["url"],
            e["events"] or "all but steps",
            _state(e),
            when(e["failing_since"]),
            e["description"],
        )
        for e in page["data"]
    ]
    columns = ("id", "url", "events", "state", "failing since", "description")
    return Answer(page, lambda: show_table(columns, rows, empty="No webhook endpoints."))


@command(webhooks, "add")
async def add(
    client: Client,
    *,
    receiver: Annotated[str, typer.Argument(metavar="URL", help="What is told.", show_default=False)],
    events: Events = None,
    description: Annotated[str | None, typer.Option(help="Shown in the list.", show_default=False)] = None,
) -> Answer:
    """Add a webhook endpoint; prints the secret that signs its deliveries."""
    body = {"url": receiver, "events": events or None, "description": description}
    return _with_secret(await client.post("/v1/webhook-endpoints", body))


@command(webhooks, "remove")
async def remove(client: Client, *, endpoint: EndpointId) -> Answer:
    """Remove an endpoint; what is still due to it is given up."""
    gone = await client.delete(f"/v1/webhook-endpoints/{as_id(endpoint)}")
    return Answer(gone, lambda: say(f"Removed {gone['url']}."))


@command(webhooks, "enable")
async def enable(client: Client, *, endpoint: EndpointId) -> Answer:
    """Switch an endpoint on again."""
    return await _switch(client, endpoint, on=True)


@command(webhooks, "disable")
async def disable(client: Client, *, endpoint: EndpointId) -> Answer:
    """Tell an endpoint nothing more, until it is switched on again."""
    return await _switch(client, endpoint, on=False)


@command(webhooks, "rotate")
async def rotate(
    client: Client,
    *,
    endpoint: EndpointId,
    overlap_s: Annotated[
        int, typer.Option("--overlap", metavar="SECONDS", help="How long the old secret signs, too.", min=0)
    ] = 86_400,
) -> Answer:
    """Replace an endpoint's secret; prints the new one."""
    path = f"/v1/webhook-endpoints/{as_id(endpoint)}/rotate"
    return _with_secret(await client.post(path, {"overlap_s": overlap_s}))


@command(webhooks, "secret")
async def secret(client: Client, *, endpoint: EndpointId) -> Answer:
    """Print an endpoint's secret."""
    return _with_secret(await client.get(f"/v1/webhook-endpoints/{as_id(endpoint)}/secret"))


@command(webhooks, "test")
async def test(client: Client, *, endpoint: EndpointId) -> Answer:
    """Send a test event to an endpoint."""
    sent = await client.post(f"/v1/webhook-endpoints/{as_id(endpoint)}/test")
    return Answer(sent, lambda: say(f"Delivery {sent['id']} is on its way to {sent['url']}."))


@command(webhooks, "deliveries")
async def list_deliveries(
    client: Client,
    *,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="Only of this task.", show_default=False)] = None,
    state: Annotated[
        str | None, typer.Option(help="Only due, delivered, given_up or skipped ones.", show_default=False)
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Answer:
    """List deliveries, newest first."""
    query = {"endpoint_id": endpoint, "task_id": task, "state": state, "limit": limit, "cursor": cursor}
    page = await client.get("/v1/webhook-deliveries", query=query)
    rows = [
        (d["id"], d["event"], d["url"], d["state"], d["attempts"], d["last_error"], when(d["created_at"]))
        for d in page["data"]
    ]

    def show() -> None:
        columns = ("id", "event", "to", "state", ">tries", "last error", "created")
        show_table(columns, rows, empty="No deliveries.")
        say(*more(page))

    return Answer(page, show)


@command(webhooks, "show")
async def show_delivery(client: Client, *, delivery: DeliveryId) -> Answer:
    """Show a delivery with every attempt."""
    found = await client.get(f"/v1/webhook-deliveries/{as_id(delivery)}")
    return Answer(found, lambda: _show_delivery(found))


@command(webhooks, "replay")
async def replay(
    client: Client,
    *,
    delivery: Annotated[
        str | None, typer.Argument(metavar="DELIVERY", help="One delivery.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="All of a time: as in 2027-01-31, or 90m, 12h, 3d ago.", show_default=False
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to then.", show_default=False)] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was delivered.")] = False,
    missed: Annotated[
        bool, typer.Option("--missed", help="Ends that the endpoint was never told, as while it was off.")
    ] = False,
) -> Answer:
    """Send a delivery again, or everything that failed since a time."""
    if (delivery is None) == (since is None):
        raise WrongUsage("Say what to send again: a delivery's id, or --since TIME.")
    if delivery is not None:
        again = await client.post(f"/v1/webhook-deliveries/{as_id(delivery)}/replay")
        return Answer(again, lambda: say(f"Delivery {again['id']} is on its way again."))
    body = {
        "since": _time(since),
        "until": _time(until),
        "endpoint_id": endpoint,
        "which": "missed" if missed else "all" if everything else "failed",
    }
    done = await client.post("/v1/webhook-deliveries/replay", body)
    return Answer(done, lambda: say(f"{done['replayed']:,} deliveries are on their way again."))


command(webhooks, "listen")(listen)


async def _switch(client: Client, endpoint: str, *, on: bool) -> Answer:
    changed = await client.patch(f"/v1/webhook-endpoints/{as_id(endpoint)}", {"enabled": on})
    return Answer(changed, lambda: say(f"{changed['url']} is {_state(changed)}."))


def _with_secret(endpoint: dict[str, Any]) -> Answer:
    facts = [("Endpoint", endpoint["id"]), ("URL", endpoint["url"]), ("Secret", endpoint["secret"])]
    return Answer(endpoint, lambda: show_facts(facts))


def _state(endpoint: dict[str, Any]) -> str:
    return "on" if endpoint["enabled"] else f"off: {endpoint['disabled_reason']}"


def _show_delivery(found: dict[str, Any]) -> None:
    show_facts(
        [
            ("Delivery", found["id"]),
            ("Event", found["event"]),
            ("Task", found["task_id"]),
            ("To", found["url"]),
            ("State", found["state"]),
            ("Next try", when(found["next_attempt_at"])),
        ]
    )
    rows = [
        (a["number"], when(a["at"]), a["status"], a["latency_ms"], a["error"], (a["answer"] or "")[:80])
        for a in found["attempt_log"]
    ]
    say("")
    show_table(("try", "at", ">status", ">ms", "error", "answer"), rows, empty="Not tried yet.")


def _time(typed: str | None) -> str | None:
    """A time as typed, or so long ago. Raises WrongUsage."""
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if typed and typed[:-1].isdigit() and typed[-1] in units:
        return (datetime.now(UTC) - timedelta(**{units[typed[-1]]: int(typed[:-1])})).isoformat()
    return time_of(typed)
