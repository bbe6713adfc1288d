"""`vermilion batch`: thousands of tasks from a JSONL file, and their results as one."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from vermilion.cli.client import Client, read_file
from vermilion.cli.command import Answer, command, new_group
from vermilion.cli.options import Cursor, Limit
from vermilion.cli.show import money, more, say, show_facts, show_table, when
from vermilion.cli.tasks import as_id

WATCH_S = 1.0
batch = new_group("Submit, follow, read and cancel batches of tasks.")
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.", show_default=False)]
COLUMNS = ("id", "name", "state", ">done", ">failed", ">total", ">charged", "created")


@command(batch, "submit")
async def submit(
    client: Client,
    *,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSONL: a task with a custom_id a line.", show_default=False),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    priority: Annotated[int | None, typer.Option(help="0 to 9; 9, the least urgent, unless given.")] = None,
    window_s: Annotated[int | None, typer.Option(help="Seconds until what is left is cancelled.")] = None,
    quote: Annotated[bool, typer.Option("--quote", help="Only check and price it.")] = False,
) -> Answer:
    """Submit a batch; every line is checked first."""
    content = await read_file(file)
    if quote:
        priced = await client.send("/v1/batches/quote", content)
        return Answer(priced, lambda: say(f"{priced['lines']} lines, {money(priced['units'])} in all."))
    query = {"name": name or file.stem, "priority": priority, "window_s": window_s}
    made = await client.send("/v1/batches", content, query=query, once=uuid.uuid4().hex)
    return Answer(made, lambda: _show(made))


@command(batch, "status")
async def status(
    client: Client,
    *,
    batch_id: BatchId,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for its end.")] = False,
) -> Answer:
    """Show how far a batch is; the exit code is 1 if it ended otherwise than completed."""
    found = await client.get(f"/v1/batches/{as_id(batch_id)}")
    while watch and found["ended_at"] is None:
        await asyncio.sleep(WATCH_S)
        found = await client.get(f"/v1/batches/{found['id']}")
    failed = found["ended_at"] is not None and found["state"] != "completed"
    return Answer(found, lambda: _show(found), exit_code=int(failed))


@command(batch, "list")
async def list_batches(client: Client, *, limit: Limit = 20, cursor: Cursor = None) -> Answer:
    """List batches, newest first."""
    page = await client.get("/v1/batches", query={"limit": limit, "cursor": cursor})
    return Answer(page, lambda: _show_page(page))


@command(batch, "results")
async def results(
    client: Client,
    *,
    batch_id: BatchId,
    out: Annotated[Path | None, typer.Option(help="A file to write to; else stdout.")] = None,
) -> Answer:
    """Write what has ended so far as JSONL."""
    lines = [line async for line in client.lines(f"/v1/batches/{as_id(batch_id)}/results")]
    text = b"".join(lines)
    if out is None:
        return Answer({"lines": len(lines)}, lambda: _write(text))
    await asyncio.to_thread(out.write_bytes, text)
    return Answer({"lines": len(lines), "file": str(out)}, lambda: say(f"{len(lines)} lines in {out}"))


@command(batch, "cancel")
async def cancel(client: Client, *, batch_id: BatchId) -> Answer:
    """Cancel a batch: nothing more is submitted, and what is under way is stopped where it can be."""
    asked = await client.post(f"/v1/batches/{as_id(batch_id)}/cancel")
    return Answer(asked, lambda: say(f"Batch {asked['id']} is {asked['state']}."))


def _write(text: bytes) -> None:
    sys.stdout.write(text.decode())


def _show(found: dict[str, Any]) -> None:
    show_facts(
        [
            ("Batch", found["id"]),
            ("Name", found["name"]),
            ("State", found["state"]),
            ("Waits for", found["problem"]),
            ("Lines", found["total"]),
            ("Completed", found["completed"]),
            ("Failed", found["failed"]),
            ("Cancelled", found["cancelled"]),
            ("Quoted", money(found["quoted"])),
            ("Charged", money(found["charged"])),
            ("Ends by", when(found["expires_at"])),
            ("Ended", when(found["ended_at"])),
        ]
    )


def _show_page(page: dict[str, Any]) -> None:
    rows = [
        (
            one["id"],
            one["name"],
            one["state"],
            one["completed"],
            one["failed"],
            one["total"],
            money(one["charged"]),
            when(one["created_at"]),
        )
        for one in page["data"]
    ]
    show_table(COLUMNS, rows, empty="No batches.")
    say(*more(page))
