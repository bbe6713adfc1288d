"""Every page, full and empty, light and dark, on desks and phones: no complaint, nothing sticks out, little to load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.dashboard.browser import Watched, chromium, signed_in
from tests.dashboard.people import PASSWORD, registered
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STATEMENTS_MAX = 8
HTML_BYTES_MAX = 60_000
CUSTOMER_PAGES = (
    "/playground",
    "/playground?offer=composer/text-to-image&with=Qubico/flux1-schnell/txt2img&with=midjourney/imagine",
    "/gallery",
    "/tasks",
    "/tasks?status=failed",
    "/tasks/{task}",
    "/tasks/{failed}",
    "/usage",
    "/wallet",
    "/keys",
    "/webhooks",
    "/webhooks/deliveries/{delivery}",
    "/linked-accounts",
    "/models",
    "/settings",
    "/no-such-page",
)
OPERATOR_PAGES = (
    "/operator",
    "/operator/needs-a-person",
    "/operator/tasks",
    "/operator/tasks/{task}",
    "/operator/queues",
    "/operator/deliveries",
    "/operator/deliveries/{delivery}",
    "/operator/connections",
    "/operator/models",
    "/operator/models/offer?offer=veo3/veo3-video&from=0",
    "/operator/models/offer?offer=echo/echo",
    "/operator/banned-words",
    "/operator/accounts",
    "/operator/accounts/{account}",
    "/operator/accounts/{account}/notifications",
    "/operator/plans",
    "/operator/ledger",
    "/operator/margin",
    "/operator/audit",
    "/operator/nodes",
    "/operator/settings",
)
SIZES = {"desk": (1440, 900), "tablet": (768, 1024), "phone": (390, 844), "narrow": (320, 640)}
HOSTILE = "<script>alert(1)</script> \"'> {{7*7}} \u202egnp.exe " + "w" * 300 + " 🦊" * 20


@dataclass
class Place:
    """A gateway with a full account and an empty one, and who signs in to which."""

    server: Server
    emails: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A furnished gateway that counts its statements."""
    server = Server(tmp_path_factory.mktemp("place"), VERMILION_TESTING="1")
    with asyncio.Runner() as runner:
        runner.run(server.start())
        furnished = Place(server)
        runner.run(_furnish(furnished))
        yield furnished
        runner.run(server.stop())


async def _furnish(place: Place) -> None:
    async with operator_of(place.server) as operator:
        await _publish(operator)
        full = await new_customer(operator)
        empty = await new_customer(operator, units=0)
        place.names = {"account": str(full.account_id), **await _work(full)}
        place.emails = {
            "full": await registered(operator, full.account_id, place.server.url),
            "empty": await registered(operator, empty.account_id, place.server.url),
            "operator": await _operator_email(operator, place.server),
        }


async def _publish(operator: Api) -> None:
    """Terms of the operator's, with words that pages have to show as they are."""
    offer = {"model": "veo3", "task_type": "veo3-video"}
    for number, units in enumerate((2_000_000, 3_000_000)):
        price = {"units": units, "multipliers": [{"field": "generate_audio", "percent": {"true": 150}}]}
        body = {**offer, "terms": {"price": price, "offered": "hidden"}, "reason": HOSTILE, "base": number}
        await operator.post("/admin/v1/offer-terms", body)


async def _work(customer: Api) -> dict[str, str]:
    """Tasks of every kind, with hostile words where a customer may write."""
    picture = await customer.post(
        "/v1/tasks",
        {"model": "composer", "task_type": "text-to-image", "input": {"prompt": HOSTILE, "size": 256}},
        prefer="wait=60",
    )
    failed = await customer.echo(HOSTILE, prefer="wait=20", end="fail-customer")
    await customer.echo("slow", latency_s=300)
    for number in range(30):
        await customer.echo(f"number {number}")
    await customer.post(
        "/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hooks", "description": HOSTILE[:200]}
    )
    told = await customer.echo("told", prefer="wait=20")
    delivery = (await customer.get(f"/v1/webhook-deliveries?task_id={told['id']}"))["data"][0]
    await customer.post("/v1/keys", {"name": HOSTILE[:200], "cap_units": 10_000_000, "cap_window": "month"})
    return {"task": picture["id"], "failed": failed["id"], "delivery": delivery["id"]}


async def _operator_email(operator: Api, server: Server) -> str:
    me = await operator.get("/v1/account")
    return await registered(operator, me["id"], server.url)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("who", ["full", "empty", "operator"])
async def test_every_page_is_clean_on_every_size(who: str, theme: str, place: Place) -> None:
    """No console line, no violation of the policy, no axe finding, no overflow. In the dark only colours differ."""
    paths = OPERATOR_PAGES if who == "operator" else CUSTOMER_PAGES
    sizes = SIZES if theme == "light" else {"desk": SIZES["desk"]}
    wrong: list[str] = []
    async with chromium() as browser:
        context = await browser.new_context(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        watched = Watched(await signed_in(context, place.server.url, place.emails[who], PASSWORD))
        for path in _reachable(paths, who):
            watched.complaints.clear()
            await watched.page.goto(place.server.url + path.format(**place.names))
            await watched.bring_axe()
            for size, (width, height) in sizes.items():
                await watched.page.set_viewport_size({"width": width, "height": height})
                found = [f"axe {finding}" for finding in await watched.axe(colours_only=theme == "dark")]
                found += [f"overflows: {element}" for element in (await watched.overflowing(width))[:3]]
                wrong += [f"{path} {size}: {complaint}" for complaint in found]
            said = (c for c in watched.complaints if "status of 404" not in c or "no-such" not in path)
            wrong += [f"{path}: {complaint}" for complaint in said]
        await context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", ["full", "operator"])
async def test_pages_are_small_and_ask_little_of_the_database(who: str, place: Place) -> None:
    """At most eight statements and 60 KB of HTML a page."""
    paths = OPERATOR_PAGES if who == "operator" else CUSTOMER_PAGES
    too_much = []
    async with chromium() as browser:
        page = await signed_in(await browser.new_context(), place.server.url, place.emails[who], PASSWORD)
        for path in paths:
            answer = await page.request.get(place.server.url + path.format(**place.names))
            statements = int(answer.headers.get("x-statements", 0))
            size = len(await answer.body())
            if statements > STATEMENTS_MAX or size > HTML_BYTES_MAX:
                too_much.append(f"{path}: {statements} statements, {size} bytes")
    assert not too_much, "\n".join(too_much)


async def test_hostile_words_are_only_words(place: Place) -> None:
    """What customers write is shown as they wrote it, and nothing of it runs."""
    async with chromium() as browser:
        page = await signed_in(await browser.new_context(), place.server.url, place.emails["full"], PASSWORD)
        page.on("dialog", lambda _: pytest.fail("a script of a customer ran"))
        await page.goto(place.server.url + "/tasks?status=failed")
        text = await page.inner_text("main")
        await page.goto(place.server.url + f"/tasks/{place.names['failed']}")
        error = await page.inner_text("main")
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "Nothing was charged" in error


def _reachable(paths: tuple[str, ...], who: str) -> list[str]:
    """Pages of one task belong to the account that has one."""
    return [path for path in paths if who != "empty" or "{" not in path]
