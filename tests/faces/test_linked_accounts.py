"""Linked accounts as the Midjourney faces meet them: their rates, their numbers, and their silence."""

from __future__ import annotations

import pytest
from tests.faces.midjourney_cast import cast
from tests.support.server import Api
from tests.workers.conftest import Rows, rows

__all__ = ["rows"]
pytestmark = pytest.mark.slow


async def test_the_services_own_rates_hold(operator: Api) -> None:
    """After a burst, ImaginePro takes one request in three seconds; reading messages has a rate of its own."""
    known = await cast(operator)
    api = Api(operator.session, known["key"])
    general = [(await api.call("GET", "/api/v1/nova/ban-words"))[0] for _ in range(22)]
    reading, _ = await api.call("GET", f"/api/v1/message/fetch/{known['nobody']}")
    status, headers, refusal = await api.call_raw("GET", "/api/v1/nova/ban-words")

    assert ([200] * 20, 429) == (general[:20], general[-1])
    assert 404 == reading
    assert (429, "Too Many Requests", 429) == (status, refusal["error"], refusal["statusCode"])
    assert 1 <= int(headers["retry-after"]) <= 3


async def test_a_task_can_name_the_linked_account_that_is_to_do_it(operator: Api) -> None:
    """`bot_id` is the account's number: the task waits for that one alone; a stranger's number is refused."""
    known = await cast(operator)
    api = Api(operator.session, known["key"])
    path = f"/v1/connections/{known['connection']}"
    await api.post(f"{path}/acts", {"act": "pause"})
    body = {
        "model": "midjourney",
        "task_type": "imagine",
        "input": {"prompt": "a fox", "bot_id": known["token"]},
    }
    task = await api.post("/v1/tasks", body)
    queue = await api.get(f"{path}/queue")
    stranger, problem = await Api(operator.session, known["stranger"]).call("POST", "/v1/tasks", body)
    cancelled = await api.post(f"/v1/tasks/{task['id']}/cancel", {})

    assert (1, 0) == (queue["waiting"], task["usage"]["held"])
    assert (422, "/input/bot_id") == (stranger, problem["problems"][0]["pointer"])
    assert "cancelled" == cancelled["status"]


async def test_an_account_that_nobody_serves_is_a_bad_gateway(operator: Api, rows: Rows) -> None:
    """LinkrAPI answers 502 when the account behind the key cannot be asked."""
    known = await cast(operator)
    await rows("UPDATE connections SET provider = 'away' WHERE id = $1::text::uuid", known["connection"])
    hold = Api(operator.session, known["hold"])
    status, refusal = await hold.call("GET", "/api/v1/info")

    assert (502, {"detail": "No node of this gateway serves this connection now."}) == (status, refusal)
