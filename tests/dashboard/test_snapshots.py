"""What pages say to a screen reader, as text to compare: `make snapshots` accepts what it says now."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dashboard.browser import chromium, signed_in
from tests.dashboard.people import PASSWORD, join
from tests.support.patience import PATIENCE_S
from tests.support.receivers import Receiver, answers
from tests.support.server import Api, Server

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "snapshots"
ACCEPT = os.environ.get("VERMILION_ACCEPT_SNAPSHOTS") == "1"
EMAIL = "ada@example.com"
PAGES = {
    "playground": "/playground?offer=composer/text-to-image",
    "playground-compared": "/playground?offer=composer/text-to-image&with=Qubico/flux1-schnell/txt2img",
    "playground-result": "/playground?task={picture}",
    "gallery": "/gallery",
    "tasks": "/tasks",
    "tasks-none": "/tasks?status=cancelled",
    "task": "/tasks/{picture}",
    "task-failed": "/tasks/{failed}",
    "usage": "/usage",
    "wallet": "/wallet",
    "keys": "/keys",
    "webhooks": "/webhooks",
    "delivery": "/webhooks/deliveries/{delivery}",
    "linked-accounts": "/linked-accounts",
    "models": "/models?q=arranger",
    "settings": "/settings",
    "unknown": "/no-such-page",
}
OPERATOR_EMAIL = "grace@example.com"
OPERATOR_PAGES = {
    "operator-task-failed": "/operator/tasks/{failed}",
    "operator-delivery": "/operator/deliveries/{delivery}",
    "operator-models": "/operator/models?q=arranger",
    "operator-offer": "/operator/models/offer?offer=echo/echo",
    "operator-offer-changed": "/operator/models/offer?offer=upscaler/upscale&from=0",
    "operator-plans": "/operator/plans?plan=standard",
    "operator-notifications": "/operator/accounts/{account}/notifications",
    "operator-ledger": "/operator/ledger",
    "operator-margin": "/operator/margin",
    "operator-queues": "/operator/queues",
}
MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
#: Words that differ from run to run, and what stands for them.
CHANGING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<origin>"),
    (re.compile(re.escape(socket.gethostname()) + r":\d+"), "<node>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{12}"), "<file>"),
    (re.compile(r"[0-9a-f]{8}…[0-9a-f]{4}"), "<id>"),
    (re.compile(r"vmk_[\w-]+(…[\w-]*)?"), "<key>"),
    (re.compile(r"\?expires=\d+&signature=[\w-]+"), "<signed>"),
    (re.compile(r"\b\d{1,2} " + MONTH + r"( \d{4})?(, \d\d:\d\d(:\d\d)?)?( [A-Z]{3,4})?\b"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d"), "<time>"),
    (re.compile(r"\d+ (s|min|h) ago|just now"), "<ago>"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms|kB)\b"), "<number> \\2"),
    (re.compile(r"Python/[\d.]+ aiohttp/[\d.]+"), "<client>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<request>"),
)
#: Choices of the catalogue come and go with it.
CHOICES = re.compile(r"(?:^ +- option \"[^\n]*\n){9,}", re.MULTILINE)


@pytest.fixture
async def names(operator: Api, module_server: Server) -> AsyncIterator[dict[str, str]]:
    """An account whose pages say the same in every run: what its things are called."""
    account = await operator.post("/admin/v1/accounts", {"name": "Studio", "email": EMAIL})
    path = f"/admin/v1/accounts/{account['id']}"
    await operator.post(f"{path}/grants", {"units": 100_000_000, "kind": "topup"})
    issued = await operator.post(f"{path}/keys", {"name": "server"})
    customer = Api(operator.session, issued["key"], account["id"])
    person, _ = await join(operator, account["id"], module_server.url, email=EMAIL)
    await person.session.close()
    await _operate(operator, module_server)
    async with Receiver(answers()).listening() as receiver:
        endpoint = {"url": f"http://127.0.0.1:{receiver.port}/hooks", "description": "shop"}
        await customer.post("/v1/webhook-endpoints", endpoint)
        picture, failed = [await customer.ended(id_) for id_ in await _asked(customer)]
        for task in (picture, failed):
            delivery_id = await _delivered(customer, task["id"])
        yield {
            "account": account["id"],
            "picture": picture["id"],
            "failed": failed["id"],
            "delivery": delivery_id,
        }


async def test_pages_say_what_they_said(names: dict[str, str], module_server: Server) -> None:
    """The accessibility tree of every page is that of its snapshot."""
    different = []
    async with chromium() as browser:
        for email, pages in ((EMAIL, PAGES), (OPERATOR_EMAIL, OPERATOR_PAGES)):
            context = await browser.new_context(user_agent="A browser", timezone_id="UTC", locale="en-GB")
            page = await signed_in(context, module_server.url, email, PASSWORD)
            for name, path in pages.items():
                await page.goto(module_server.url + path.format(**names))
                said = steady(await page.locator("main").aria_snapshot())
                different += difference(name, said)
    assert not different, "\n".join(different) + "\nIf this is meant: make snapshots"


def steady(said: str) -> str:
    """What a page says, without what differs from run to run."""
    for words, instead in CHANGING:
        said = words.sub(instead, said)
    return CHOICES.sub("  - option <many>\n", said + "\n")


def difference(name: str, said: str) -> list[str]:
    """Lines that differ from the snapshot; none once they have been accepted."""
    path = FOLDER / f"{name}.yaml"
    if ACCEPT:
        FOLDER.mkdir(exist_ok=True)
        path.write_text(said)
    before = path.read_text() if path.exists() else ""
    return list(difflib.unified_diff(before.splitlines(), said.splitlines(), name, "now", lineterm="", n=1))


async def _operate(operator: Api, server: Server) -> None:
    """Somebody who operates, and terms that they published."""
    me = await operator.get("/v1/account")
    person, _ = await join(operator, me["id"], server.url, email=OPERATOR_EMAIL)
    await person.session.close()
    body = {"model": "upscaler", "task_type": "upscale", "base": 0, "reason": "the price of power"}
    await operator.post("/admin/v1/offer-terms", {**body, "terms": {"price": {"units": 20_000}}})


async def _delivered(customer: Api, task_id: str) -> str:
    """The delivery of a task's end, once it has arrived."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await customer.get(f"/v1/webhook-deliveries?task_id={task_id}&state=delivered"))["data"]
            if found:
                return str(found[0]["id"])
            await asyncio.sleep(0.05)


async def _asked(customer: Api) -> list[str]:
    """The ids of two tasks, one of which fails."""
    asked = {"prompt": "a lighthouse at dusk", "size": 256, "seed": 7}
    body = {"model": "composer", "task_type": "text-to-image", "input": asked}
    picture = await customer.post("/v1/tasks", body, prefer="wait=60")
    return [picture["id"], (await customer.echo("a knight", end="fail-customer"))["id"]]
