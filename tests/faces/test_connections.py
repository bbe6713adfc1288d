"""What an operator sees and does of connections."""

from __future__ import annotations

from datetime import UTC, datetime
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


async def test_a_turn_is_kept_and_other_limits_with_it(operator: Api) -> None:
    """The order in which connections are offered work is set beside the limits, and left alone when left out."""
    connection = await echo_connection(operator)
    path = f"/admin/v1/connections/{connection['id']}/limits"
    _, first = await operator.call("PUT", path, {"preference": -7})
    _, kept = await operator.call("PUT", path, {"concurrency_max": connection["concurrency_max"]})
    listed = (await operator.get("/admin/v1/connections"))["data"]
    await operator.call("PUT", path, {"preference": 0})

    assert (-7, connection["concurrency_max"]) == (first["preference"], first["concurrency_max"])
    assert -7 == kept["preference"]
    assert connection["id"] == listed[0]["id"]
    assert 422 == (await operator.call("PUT", path, {"preference": 5_000}))[0]


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


async def lent(operator: Api, customer: Api, **more: Any) -> Any:
    """An engine of the gateway, lent to a customer as if it were an account of theirs elsewhere."""
    body = {"provider": "echo", "name": "mine", "account_id": customer.account_id, **more}
    return await operator.post("/admin/v1/connections", body)


async def private_echo(customer: Api, **more: Any) -> Any:
    """An echo task for the customer's own connections."""
    body = {
        "model": "echo",
        "task_type": "echo",
        "input": {"prompt": "hi", **more},
        "service_mode": "private",
    }
    return await customer.post("/v1/tasks", body)


async def test_private_work_runs_on_the_customers_own_connection_alone(operator: Api) -> None:
    """Private tasks run there and cost nothing, public ones run on the operator's; each has its trace."""
    customer = await new_customer(operator)
    connection = await lent(operator, customer)
    private, public = await private_echo(customer), await customer.echo("hi")
    ended = [await customer.ended(task["id"]) for task in (private, public)]
    traces = [await customer.get(f"/v1/tasks/{task['id']}/trace") for task in (private, public)]

    assert ["completed", "completed"] == [task["status"] for task in ended]
    assert [0, 10_000] == [task["usage"]["charged"] for task in ended]
    assert [connection["id"], None] == [trace["connection_id"] for trace in traces]
    assert ["private", "public"] == [trace["service_mode"] for trace in traces]
    whole = await operator.get(f"/admin/v1/tasks/{public['id']}/trace")
    assert ("echo", "default") == (whole["provider"], whole["connection_name"])


async def test_private_work_needs_a_connection_of_ones_own(operator: Api, customer: Api) -> None:
    """Without one, the submission is refused; another customer's connection is none."""
    await lent(operator, await new_customer(operator))
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hi"}, "service_mode": "private"}
    status, problem = await customer.call("POST", "/v1/tasks", body)

    assert (422, "/service_mode") == (status, problem["problems"][0]["pointer"])


async def test_private_work_waits_while_its_connection_is_paused(operator: Api, customer: Api) -> None:
    """It does not run on the operator's meanwhile; queue counts tell that it waits."""
    connection = await lent(operator, customer)
    path = f"/v1/connections/{connection['id']}"
    await customer.post(f"{path}/acts", {"act": "pause"})
    task = await private_echo(customer)
    waiting = await customer.get(f"/v1/tasks/{task['id']}", prefer="wait=1")
    queue = await customer.get(f"{path}/queue")
    await customer.post(f"{path}/acts", {"act": "resume"})

    assert ("pending", 1, 0, "paused") == (
        waiting["status"],
        queue["waiting"],
        queue["active"],
        queue["state"],
    )
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_reboot_drops_nothing(operator: Api, customer: Api) -> None:
    """Work that runs is taken up again and completes, charged once."""
    connection = await lent(operator, customer)
    task = await private_echo(customer, latency_s=2)
    await customer.get(f"/v1/tasks/{task['id']}", prefer="wait=1")
    status, _ = await customer.call("POST", f"/v1/connections/{connection['id']}/acts", {"act": "reboot"})

    assert 200 == status
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_a_connection_begins_nothing_in_its_resting_hours(operator: Api, customer: Api) -> None:
    """All day but one minute at noon or at midnight, whichever is not now; without hours it goes on."""
    connection = await lent(operator, customer)
    path = f"/v1/connections/{connection['id']}"
    far = "00:00" if 6 <= datetime.now(UTC).hour < 18 else "12:00"
    hours = {"start": far[:3] + "01", "end": far}
    status, changed = await customer.call("PATCH", path, {"rest_hours": hours})
    task = await private_echo(customer)
    waiting = await customer.get(f"/v1/tasks/{task['id']}", prefer="wait=1")
    await customer.call("PATCH", path, {"rest_hours": None})

    assert (200, hours, "pending") == (status, changed["rest_hours"], waiting["status"])
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_a_key_of_a_connection_works_there_alone(operator: Api, customer: Api) -> None:
    """Its tasks run on that connection; once it is suspended, they are refused."""
    first, second = [await lent(operator, customer, name=name) for name in ("first", "second")]
    issued = await customer.post("/v1/keys", {"name": "linked", "connection_id": second["id"]})
    bound = Api(customer.session, issued["key"], customer.account_id)
    task = await bound.echo("hi")
    await bound.ended(task["id"])
    trace = await bound.get(f"/v1/tasks/{task['id']}/trace")
    await customer.post(f"/v1/connections/{second['id']}/acts", {"act": "suspend"})
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hi"}}
    status, problem = await bound.call("POST", "/v1/tasks", body)

    assert (second["id"], second["number"]) == (trace["connection_id"], trace["connection_number"])
    assert first["number"] < second["number"]
    assert (403, "connection_suspended") == (status, problem["code"])


async def test_trouble_of_a_connection_says_what_a_person_has_to_do(operator: Api, customer: Api) -> None:
    """A lost credential stops the connection with its reason; the task waits for it."""
    connection = await lent(operator, customer)
    task = await private_echo(customer, submit="refuse-connection", submit_failures=1)
    await customer.get(f"/v1/tasks/{task['id']}", prefer="wait=1")
    troubled = await customer.get(f"/v1/connections/{connection['id']}")
    await customer.post(f"/v1/connections/{connection['id']}/acts", {"act": "resume"})

    assert ("attention", "invalid_token") == (troubled["state"], troubled["reason_code"])
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_a_description_is_remembered_and_refreshed_with_measure(operator: Api, customer: Api) -> None:
    """The second look tells the same moment; asking the provider again within a minute is refused."""
    connection = await lent(operator, customer)
    path = f"/v1/connections/{connection['id']}/description"
    first, again = await customer.get(path), await customer.get(path)
    status, problem = await customer.call("GET", path + "?refresh=true")

    assert first["described_at"] == again["described_at"]
    assert {"user_id", "subscription", "running_jobs"} <= first["account"].keys()
    assert all(isinstance(value, str) for value in first["account"].values())
    assert (429, "rate_limited") == (status, problem["code"])


async def test_connections_of_others_do_not_exist(operator: Api, customer: Api) -> None:
    """Every way to a connection, and a key for it, answers as if it were not there."""
    connection = await lent(operator, await new_customer(operator))
    path = f"/v1/connections/{connection['id']}"
    asked = [
        ("GET", path, None),
        ("PATCH", path, {"name": "mine now"}),
        ("POST", f"{path}/acts", {"act": "pause"}),
        ("PUT", f"{path}/limits", {"concurrency_max": 1}),
        ("GET", f"{path}/description", None),
        ("GET", f"{path}/queue", None),
    ]
    statuses = [(await customer.call(*request))[0] for request in asked]
    key, _ = await customer.call("POST", "/v1/keys", {"name": "x", "connection_id": connection["id"]})
    task, _ = await customer.call(
        "POST",
        "/v1/tasks",
        {"model": "echo", "task_type": "echo", "input": {"prompt": "a"}, "connection_id": connection["id"]},
    )

    assert [404] * len(asked) == statuses
    assert [422, 422] == [key, task]
    assert [] == (await customer.get("/v1/connections"))["data"]


async def test_customers_cannot_lend_themselves_engines(customer: Api) -> None:
    """Engines of the gateway are the operator's to lend; unknown providers are named."""
    refused, _ = await customer.call("POST", "/v1/connections", {"provider": "local", "name": "mine"})
    unknown, problem = await customer.call("POST", "/v1/connections", {"provider": "nobody", "name": "mine"})

    assert (403, 422, "/provider") == (refused, unknown, problem["problems"][0]["pointer"])
