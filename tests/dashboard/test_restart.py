"""A page that stays open while the gateway restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.dashboard.browser import chromium, signed_in
from tests.dashboard.people import PASSWORD, registered
from tests.support.server import Server, new_customer, operator_of

pytestmark = pytest.mark.slow


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A gateway of the test's own."""
    started = await Server(tmp_path, DATABASE_URL=database_url).start()
    yield started
    await started.stop()


async def test_an_open_page_goes_on_after_restarts(server: Server) -> None:
    """Stopped in order or killed, once it is back the page is told all that happened since, also before its stream
    was; it is never loaded again.
    """
    async with operator_of(server) as operator, chromium() as browser:
        customer = await new_customer(operator)
        email = await registered(operator, customer.account_id, server.url)
        tasks = [await customer.echo(name, latency_s=600) for name in ("first", "second")]
        page = await signed_in(await browser.new_context(), server.url, email, PASSWORD)
        await page.goto(f"{server.url}/tasks")
        await page.evaluate("window.never_reloaded = true")

        for task, end in zip(tasks, (server.stop, server.kill), strict=True):
            await expect(page.locator(f"#task-{task['id']}")).to_contain_text("Processing")
            await end()
            await server.start()
            await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
            await expect(page.locator(f"#task-{task['id']}")).to_contain_text("Cancelled")

        await customer.echo("a newcomer")
        await expect(page.get_by_role("link", name="Show new tasks")).to_be_visible()
        assert await page.evaluate("window.never_reloaded")
        assert 0 == await page.get_by_text("You are signed out").count()
