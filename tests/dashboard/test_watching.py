"""What an owner sees and does beside making things: what an endpoint missed, a task's family, reports of the policy."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
from tests.dashboard.people import Person
from tests.support.receivers import Receiver, answers
from tests.support.server import Api, Server

pytestmark = pytest.mark.slow


async def test_an_endpoint_is_sent_what_it_missed(owner: Person, customer: Api) -> None:
    """What ended before it was added is sent once; then it has missed nothing, and it must say how far back."""
    task = await customer.ended((await customer.echo("before"))["id"])
    async with Receiver(answers()).listening() as receiver:
        endpoint = await customer.post("/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{receiver.port}/"})
        page = await owner.see("/webhooks")
        path = f"/webhooks/{endpoint['id']}/missed"
        told = await owner.send(path, hours="1")
        again = await owner.send(path, hours="1")
        refused = await owner.send(path, hours="0")
        sent = (await customer.get(f"/v1/webhook-deliveries?task_id={task['id']}"))["data"]

    assert "Send what it missed" in page.text
    assert "1 delivery that it missed, sent now." in told.text
    assert "It missed nothing." in again.text
    assert 422 == refused.status
    assert [endpoint["url"]] == [delivery["url"] for delivery in sent]


async def test_a_task_stands_among_its_family(owner: Person, customer: Api) -> None:
    """What it follows and what follows it, with their prices; the list of all follow-ups holds these alone."""
    first = await customer.echo("the first", prefer="wait=20")
    asked = {"model": "echo", "task_type": "echo", "input": {"prompt": "next"}}
    second = await customer.post("/v1/tasks", {**asked, "parent_id": first["id"]}, prefer="wait=20")
    third = await customer.post("/v1/tasks", {**asked, "parent_id": second["id"]}, prefer="wait=20")
    for _ in range(13):
        await customer.post("/v1/tasks", {**asked, "parent_id": third["id"]})

    of_second = _family((await owner.see(f"/tasks/{second['id']}")).text)
    of_third = (await owner.see(f"/tasks/{third['id']}")).text
    listed = await owner.see(f"/tasks?parent={second['id']}")
    by_api = await customer.get(f"/v1/tasks?parent_id={second['id']}")

    assert [first["id"], "this", third["id"]] == of_second
    assert 12 + 3 == len(_family(of_third))
    assert f"/tasks?parent={third['id']}" in of_third
    assert [third["id"]] == re.findall(r'<tr id="task-([^"]+)', listed.text)
    assert [third["id"]] == [task["id"] for task in by_api["data"]]


async def test_a_task_without_family_shows_none(owner: Person, customer: Api) -> None:
    """No empty panel."""
    task = await customer.echo("alone")

    assert "Family" not in (await owner.see(f"/tasks/{task['id']}")).text


@pytest.mark.parametrize(
    ("kind", "report"),
    [
        (
            "application/reports+json",
            [
                {
                    "type": "csp-violation",
                    "body": {
                        "documentURL": "http://h/claim/hush",
                        "effectiveDirective": "script-src-elem",
                        "blockedURL": "https://evil.example/x.js?y=1",
                    },
                },
                {"type": "deprecation", "body": {}},
            ],
        ),
        (
            "application/csp-report",
            {
                "csp-report": {
                    "document-uri": "http://h/claim/hush",
                    "effective-directive": "script-src-elem",
                    "blocked-uri": "https://evil.example/x.js?y=1",
                }
            },
        ),
    ],
)
async def test_violations_of_the_policy_are_logged(
    kind: str, report: object, stranger: Person, module_server: Server
) -> None:
    """Every page says where to report; what comes is in the log once, without what an address may keep secret."""
    page = await stranger.see("/sign-in")
    before = _violations(module_server)

    status = await _report(module_server, kind, json.dumps(report))

    assert 'csp="/csp-reports"' == page.headers["reporting-endpoints"]
    assert page.headers["content-security-policy"].endswith("report-uri /csp-reports; report-to csp")
    assert 204 == status
    [line] = _violations(module_server)[len(before) :]
    assert ("/claim", "script-src-elem", "https://evil.example") == (
        line["page"],
        line["directive"],
        line["blocked"],
    )


@pytest.mark.parametrize("body", ["nonsense", "3", '["x"]', '{"csp-report": 3}', "[{}, 1]"])
async def test_nonsense_is_no_report(body: str, module_server: Server) -> None:
    """It is refused, and breaks nothing."""
    assert 422 == await _report(module_server, "application/json", body)


async def _report(server: Server, kind: str, body: str) -> int:
    async with (
        aiohttp.ClientSession(server.url) as session,
        session.post("/csp-reports", data=body, headers={"content-type": kind}) as answer,
    ):
        return answer.status


def _violations(server: Server) -> list[dict[str, str]]:
    lines = [line for line in server.log().splitlines() if "the policy of a page" in line]
    return [json.loads(line) for line in lines]


def _family(page: str) -> list[str]:
    """The ids in a page's family, in order; `this` for the task itself."""
    found = re.search(r'<ol class="family">(.*?)</ol>', page, re.DOTALL)
    assert found is not None
    members = re.findall(r'aria-current="true">This|<a class="row-link" href="/tasks/([^"]+)', found[1])
    return [id_ or "this" for id_ in members]
