"""`vermilion tasks`: list, show, cancel and watch tasks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer, command, new_group
from vermilion.cli.failures import WrongUsage
from vermilion.cli.options import Account, Cursor, Limit, Pairs, pairs_of
from vermilion.cli.progress import board, follow
from vermilion.cli.show import money, more, say, show_facts, show_table, size, status_text, when
from vermilion.domain.tasks import Status

tasks = new_group("List, show, cancel and watch tasks.")
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.", show_default=False)]
COLUMNS = ("id", "model", "task type", "status", ">progress", ">charged", "created")


@command(tasks, "list")
async def list_tasks(
    client: Client,
    *,
    status: Annotated[Status | None, typer.Option(help="Only tasks in this state.")] = None,
    model: Annotated[str | None, typer.Option(help="Only tasks of this model.")] = None,
    metadata: Annotated[
        Pairs, typer.Option(metavar="KEY=VALUE", help="Only tasks with this metadata.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Tasks of every account (operators).")] = False,
    account: Account = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Answer:
    """List tasks, newest first."""
    query: dict[str, Any] = {
        "status": status and status.value,
        "model": model,
        "limit": limit,
        "cursor": cursor,
    }
    query |= {f"metadata[{name}]": value for name, value in pairs_of(metadata).items()}
    as_operator = everyone or account is not None
    path = "/admin/v1/tasks" if as_operator else "/v1/tasks"
    page = await client.get(path, query=query | ({"account_id": account} if account else {}))
    return Answer(page, lambda: _show_page(page))


@command(tasks, "show")
async def show(client: Client, *, task: TaskId) -> Answer:
    """Show one task with its input, output and price."""
    found = await client.get(f"/v1/tasks/{as_id(task)}")
    return Answer(found, lambda: show_task(found))


@command(tasks, "cancel")
async def cancel(client: Client, *, task: TaskId) -> Answer:
    """Cancel a task; what was held for it is released."""
    ended = await client.post(f"/v1/tasks/{as_id(task)}/cancel")
    return Answer(ended, lambda: say(f"Task {ended['id']} is {ended['status']}."))


@command(tasks, "watch")
async def watch(client: Client, *, task: TaskId) -> Answer:
    """Follow a task to its end; the exit code is 0 if it completed, else 1."""
    started = await client.get(f"/v1/tasks/{as_id(task)}")
    with board(stderr=True) as add:
        ended = await follow(client, started, add(f"{started['model']}/{started['task_type']}"))
    return Answer(ended, lambda: show_task(ended), exit_code=exit_code_of(ended))


def as_id(text: str) -> str:
    """An id as typed, which must be able to stand in a path. Raises WrongUsage."""
    if not text.replace("-", "").isalnum():
        raise WrongUsage(f"{text!r} is not an id.")
    return text


def exit_code_of(task: dict[str, Any]) -> int:
    """0 for a completed task, else 1."""
    return 0 if task["status"] == "completed" else 1


def show_task(task: dict[str, Any]) -> None:
    """Print a task in full."""
    usage, error = task["usage"], task["error"]
    show_facts(
        [
            ("Task", task["id"]),
            ("Offer", f"{task['model']}/{task['task_type']}"),
            ("Status", status_text(task["status"])),
            ("Progress", f"{task['progress']}%  {task['progress_text'] or ''}".rstrip()),
            ("Error", error and f"{error['message']} ({error['code']}, fault: {error['fault']})"),
            *((name, value) for name, value in (task["input"] or {}).items()),
            ("Held", money(usage["held"])),
            ("Charged", money(usage["charged"])),
            ("Released", money(usage["released"])),
            ("Created", when(task["created_at"])),
            ("Ended", when(task["ended_at"])),
            *(
                (name, value)
                for name, value in (task["output"] or {}).items()
                if not isinstance(value, list | dict)
            ),
        ]
    )
    for asset in (task["output"] or {}).get("assets", []):
        say(f"{asset['content_type']}, {size(asset['size_bytes'])}: {asset['url']}")


def _show_page(page: dict[str, Any]) -> None:
    rows = [
        (
            task["id"],
            task["model"],
            task["task_type"],
            status_text(task["status"]),
            f"{task['progress']}%",
            money(task["usage"]["charged"]),
            when(task["created_at"]),
        )
        for task in page["data"]
    ]
    show_table(COLUMNS, rows, empty="No tasks.")
    say(*more(page))
