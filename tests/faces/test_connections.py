"""What an operator sees and does of connections."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


async def echo_connection(operator: Api) -> Any:
    """The connection of the echo provider."""
    page = await operator.get("/admin/v1/connections")
    return next(row for row in page["data"] if row["provider"] == "echo")


async def test_a_limit_holds_from_the_next_claim_on(operator: Api) -> None:
    """With room for one, the second task waits as pending until the first has ended."""
    connection = await echo_connection(operator)
    customer = await new_customer(operator)
    path = f"/admin/v1/connections/{connection['id']}/limits"
    status, limited = await operator.call("PUT", path, {"concurrency_max": 1})
    try:
        assert (200, 1, None) == (status, limited["concurrency_max"], limited["window_max"])
        first, second = [await customer.echo(str(number), latency_s=1) for number in range(2)]
        ended = [await customer.ended(task["id"]) for task in (first, second)]
    finally:
        await operator.call("PUT", path, {"concurrency_max": connection["concurrency_max"]})

    assert ended[0]["ended_at"] <= ended[1]["started_at"]


async def test_half_a_window_is_refused(operator: Api) -> None:
    """A window needs how many and how long."""
    connection = await echo_connection(operator)
    status, problem = await operator.call(
        "PUT", f"/admin/v1/connections/{connection['id']}/limits", {"window_max": 5}
    )

    assert (422, "invalid_request") == (status, problem["code"])
    assert connection == await echo_connection(operator)


async def test_a_paused_connection_takes_nothing_and_drops_nothing(operator: Api) -> None:
    """A task waits while the connection is paused and completes once it is resumed."""
    connection = await echo_connection(operator)
    customer = await new_customer(operator)
    path = f"/admin/v1/connections/{connection['id']}/acts"
    paused = await operator.post(path, {"act": "pause", "reason": "maintenance"})
    task = await customer.echo("later")
    waiting = await customer.get(f"/v1/tasks/{task['id']}", prefer="wait=1")
    await operator.post(path, {"act": "resume"})

    assert ("paused", "maintenance") == (paused["state"], paused["state_reason"])
    assert "pending" == waiting["status"]
    assert "completed" == (await customer.ended(task["id"]))["status"]
