"""A task's events: in order, resumable, ended with the task, and free of charge for a client that left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.server import OPERATOR_KEY, Api

from vermilion.app import build_app
from vermilion.bootstrap import running
from vermilion.services.watch_task import changes
from vermilion.settings import load_settings

pytestmark = pytest.mark.slow


class Event:
    """One server-sent event."""

    def __init__(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.splitlines())
        self.id, self.name, self.task = int(fields["id"]), fields["event"], json.loads(fields["data"])


async def events(api: Api, task_id: str, **headers: str) -> AsyncIterator[Event]:
    """Every event of a stream until the server ends it."""
    sent = {"authorization": f"Bearer {api.key}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with api.session.get(f"/v1/tasks/{task_id}/events", headers=sent) as answer:
        assert (200, "text/event-stream") == (answer.status, answer.content_type)
        text = ""
        async for piece in answer.content.iter_any():
            text += piece.decode()
            while "\n\n" in text:
                block, _, text = text.partition("\n\n")
                if not block.startswith(":"):
                    yield Event(block)


async def test_a_stream_tells_every_step_in_order(customer: Api) -> None:
    """Ids grow, progress grows, the last event is the end, and then the stream ends."""
    task = await customer.echo("steps", latency_s=2.5)

    seen = [event async for event in events(customer, task["id"])]

    ids = [event.id for event in seen]
    progress = [event.task["progress"] for event in seen]
    assert sorted(set(ids)) == ids
    assert sorted(progress) == progress
    assert "task.completed" == seen[-1].name
    assert (
        {"task.progress"}
        <= {event.name for event in seen[:-1]}
        <= {*("task.staged", "task.pending", "task.processing", "task.progress")}
    )
    assert seen[-1].task == await customer.get(f"/v1/tasks/{task['id']}")


async def test_a_stream_resumes_after_the_last_event_seen(customer: Api) -> None:
    """With Last-Event-ID come exactly the later versions, up to the end."""
    task = await customer.echo("resume", latency_s=2.5)
    first = await anext(events(customer, task["id"]))

    rest = [event async for event in events(customer, task["id"], last_event_id=str(first.id))]

    assert all(event.id > first.id for event in rest)
    assert "task.completed" == rest[-1].name


async def test_an_ended_task_is_one_event(customer: Api) -> None:
    """The stream of an ended task tells its end at once; who has seen that gets 204 and need not come back."""
    task = await customer.echo("over", prefer="wait=20")

    [event] = [event async for event in events(customer, task["id"])]
    status, _ = await customer.call("GET", f"/v1/tasks/{task['id']}/events", last_event_id=str(event.id))

    assert ("task.completed", 204) == (event.name, status)


@pytest.mark.parametrize("last_seen", ["x", "-1", "9" * 30, "\xb2", ""])
async def test_a_strange_last_event_id_starts_at_the_beginning(last_seen: str, customer: Api) -> None:
    """An id that no event had is no reason to miss any."""
    task = await customer.echo("strange", prefer="wait=20")

    [event] = [event async for event in events(customer, task["id"], last_event_id=last_seen)]

    assert "task.completed" == event.name


async def test_a_quiet_stream_is_kept_alive(database_url: str, tmp_path: Path) -> None:
    """While nothing happens the watcher hears so; a client that leaves is forgotten."""
    settings = load_settings(
        {},
        data_dir=tmp_path,
        database_url=database_url,
        echo=True,
        operator_key=OPERATOR_KEY,
        role="api",
    )
    async with running(settings) as built:
        app, gateway = build_app(built).edge, built.gateway
        body = b'{"model":"echo","task_type":"echo","input":{"prompt":"quiet"}}'
        await grant(app)
        task = json.loads((await request(app, "POST", "/v1/tasks", body))[1])
        account_id = UUID(json.loads((await request(app, "GET", "/v1/account"))[1])["id"])

        rows = changes(gateway, account_id, UUID(task["id"]), idle_s=0.1)
        assert "pending" == (await anext(rows)).status  # type: ignore[union-attr]
        assert await anext(rows) is None
        await rows.aclose()  # type: ignore[attr-defined]
        assert not gateway.watchers._events

        leave = asyncio.Event()
        streaming = asyncio.create_task(
            request(app, "GET", f"/v1/tasks/{task['id']}/events", b"", leave=leave)
        )
        while not gateway.watchers._events:
            await asyncio.sleep(0)
        leave.set()
        await streaming
        assert not gateway.watchers._events


async def grant(app: Any) -> None:
    """Give the operator's own account some money."""
    account = json.loads((await request(app, "GET", "/v1/account"))[1])
    path = f"/admin/v1/accounts/{account['id']}/grants"
    await request(app, "POST", path, b'{"units": 1000000, "kind": "topup"}')


async def request(
    app: Any, method: str, path: str, body: bytes = b"", *, leave: asyncio.Event | None = None
) -> tuple[int, bytes]:
    """One request to the application in this process; the client leaves when `leave` is set."""
    messages: list[Any] = []
    asked = False

    async def receive() -> Any:
        nonlocal asked
        if not asked and leave is None:
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"x-api-key", OPERATOR_KEY.encode()), (b"host", b"gateway")],
    }
    await app(scope, receive, send)
    return messages[0]["status"], b"".join(message.get("body", b"") for message in messages[1:])
