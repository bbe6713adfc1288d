"""What a person prefers: a time zone other than the browser's, closer rows, no single keys."""

from __future__ import annotations

import asyncio

import pytest
from tests.dashboard.forms import form_of
from tests.dashboard.people import Person
from tests.support.receivers import Receiver, answers
from tests.support.server import Api

pytestmark = pytest.mark.slow


async def test_zone_and_density_are_kept(owner: Person) -> None:
    """They hold on every page, and the form shows them again."""
    await owner.see("/settings")
    saved = await owner.send("/settings", zone="Asia/Kolkata", density="compact")
    usage = await owner.see("/usage")
    form = form_of(saved.text, "/settings")

    assert ("Asia/Kolkata", "compact", False) == (form["zone"], form["density"], "keys" in form)
    assert "Times in Asia/Kolkata" in usage.text
    assert 'data-density="compact"' in usage.text


async def test_a_zone_that_there_is_not_is_refused(owner: Person) -> None:
    """The field is named, and times stay as they were."""
    await owner.see("/settings")
    refused = await owner.send("/settings", zone="Mars/Olympus")

    assert (422, True) == (refused.status, 'href="#f-zone"' in refused.text)
    assert "Times in UTC" in (await owner.see("/usage")).text


async def test_hosts_that_do_not_listen_come_first(operator_person: Person, customer: Api) -> None:
    """The operator's page of deliveries names the host, how much was given up, and why."""
    async with Receiver(answers(410, body=b"moved away")).listening() as gone:
        hook = {"url": f"http://127.0.0.1:{gone.port}/"}
        body = {"model": "echo", "task_type": "echo", "input": {"prompt": "x"}, "webhook": hook}
        task = await customer.ended((await customer.post("/v1/tasks", body))["id"])
        path = f"/v1/webhook-deliveries?task_id={task['id']}"
        async with asyncio.timeout(60):
            while (await customer.get(path))["data"][0]["state"] != "given_up":
                await asyncio.sleep(0.05)
    text = (await operator_person.see("/operator/deliveries")).text
    hosts = text[text.index("Hosts in trouble") : text.index("<table")]

    assert f"127.0.0.1:{gone.port}" in hosts
    assert "1 given up, 0 to be tried again, of 1" in hosts
