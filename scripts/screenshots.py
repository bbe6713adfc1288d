"""Takes pictures of every page of the dashboard: light, dark and on a phone, of a gateway of its own with work in it.

Run from the root: make screenshots. The pictures go to .cache/screenshots; a person looks at them.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from tests.dashboard.browser import chromium, signed_in
from tests.dashboard.people import PASSWORD, registered
from tests.dashboard.test_pages import CUSTOMER_PAGES, OPERATOR_PAGES
from tests.support.server import Api, Server, new_customer, operator_of

FOLDER = Path(".cache/screenshots")
LOOKS = {"light": (1440, 900, "light"), "dark": (1440, 900, "dark"), "phone": (390, 844, "light")}
PROMPTS = (
    "a red fox and three rabbits in a snowy forest at sunrise",
    "a lighthouse at dusk",
    "two dragons above a castle in the mountains at golden hour",
    "a robot in a neon city at night",
    "a sailing boat on the sea at sunset",
    "an astronaut on the moon",
)


async def main() -> None:
    """Furnish a gateway, look at every page."""
    taken = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), VERMILION_EGRESS_ALLOW="127.0.0.0/8")
        await server.start()
        try:
            taken = await _look(server)
        finally:
            await server.stop()
    print(f"{taken} pictures in {FOLDER}")


async def _look(server: Server) -> int:
    taken = 0
    async with operator_of(server) as operator, chromium() as browser:
        customer = await new_customer(operator, units=200_000_000)
        names = await _work(customer) | {"account": str(customer.account_id)}
        emails = {
            "customer": await registered(operator, customer.account_id, server.url),
            "operator": await registered(operator, (await operator.get("/v1/account"))["id"], server.url),
        }
        for look, (width, height, theme) in LOOKS.items():
            for who, paths in (("customer", CUSTOMER_PAGES), ("operator", OPERATOR_PAGES)):
                context = await browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if theme == "dark" else "light",
                    reduced_motion="reduce",
                )
                page = await signed_in(context, server.url, emails[who], PASSWORD)
                for path in paths:
                    await page.goto(server.url + path.format(**names))
                    name = re.sub(r"[^a-z-]+", "-", path).strip("-") or "start"
                    await page.screenshot(path=FOLDER / f"{who}-{name}-{look}.png", full_page=True)
                    taken += 1
                await context.close()
    return taken


async def _work(customer: Api) -> dict[str, str]:
    tasks = []
    for number, prompt in enumerate(PROMPTS):
        asked = {"prompt": prompt, "size": 1024 if number == 0 else 512}
        body = {"model": "composer", "task_type": "text-to-image", "input": asked}
        tasks.append(await customer.post("/v1/tasks", body, prefer="wait=60"))
    failed = await customer.echo("portrait of a knight", prefer="wait=20", end="fail")
    await customer.post(
        "/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hooks", "description": "build server"}
    )
    told = await customer.echo("a storm over the sea", prefer="wait=20")
    await customer.echo("a slow pan over dunes", latency_s=300)
    delivery = (await customer.get(f"/v1/webhook-deliveries?task_id={told['id']}"))["data"][0]
    return {"task": tasks[0]["id"], "failed": failed["id"], "delivery": delivery["id"]}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(main()))
