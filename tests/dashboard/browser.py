"""A real Chromium that notices everything a page does wrong."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from tests.support.patience import PATIENCE_S

PATIENCE_MS = PATIENCE_S * 1000
AXE = Path(__file__).parents[2] / "assets" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = [
    "--no-sandbox",
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: The rules among them that look at colours: all that a theme can change.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AXE = """async (runOnly) => (await axe.run(document, {runOnly, resultTypes: ['violations']})).violations.map(
    (found) => `${found.id}: ${found.nodes.map((node) => node.target.join(' ')).join(', ')}`)"""
#: Right edges against the width that was asked for: emulated phones widen innerWidth to what overflows.
OVERFLOWING = """(width) => [...document.querySelectorAll('main *, header *')].filter(
    (e) => e.getBoundingClientRect().right > width + 1 && !e.closest('.seg, pre, .hidden')
           && getComputedStyle(e).position !== 'fixed').map((e) => e.outerHTML.slice(0, 120))"""


def chromium_path() -> str:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None, "these tests need Chromium: apt-get install chromium"
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for as long as the block lasts."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        await browser.close()


class Watched:
    """A page whose complaints are kept: console errors, exceptions, violations of the policy."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    async def bring_axe(self) -> None:
        """Put axe into the page that is open."""
        await self.page.evaluate(AXE.read_text())

    async def axe(self, *, colours_only: bool = False) -> list[str]:
        """What axe finds wrong, without any exception list."""
        rules = {"type": "rule", "values": OF_COLOURS} if colours_only else {"type": "tag", "values": TAGS}
        found: list[str] = await self.page.evaluate(RUN_AXE, rules)
        return found

    async def overflowing(self, width: int) -> list[str]:
        """Elements that stick out at the right."""
        found: list[str] = await self.page.evaluate(OVERFLOWING, width)
        return found


async def signed_in(context: BrowserContext, url: str, email: str, password: str) -> Page:
    """A page of somebody who has just signed in."""
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(f"{url}/sign-in")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url(lambda at: "/sign-in" not in at)
    return page
