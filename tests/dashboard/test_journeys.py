"""The main journeys in a real browser: with a mouse, with keys alone, without scripts, and while things change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.dashboard.browser import chromium, signed_in
from tests.dashboard.people import PASSWORD, registered
from tests.support.server import Api, Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser."""
    async with chromium() as started:
        yield started


@pytest.fixture
async def email(operator: Api, customer: Api, module_server: Server) -> str:
    """Somebody of the fresh customer account."""
    return await registered(operator, customer.account_id, module_server.url)


async def test_a_picture_from_the_playground(browser: Browser, email: str, module_server: Server) -> None:
    """Write a prompt, see its price on the button, run it, watch it come, open its task, see what was paid."""
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=composer/text-to-image")
    await page.get_by_label("Prompt", exact=True).fill("a lighthouse at dusk")
    await page.get_by_label("Longest side in pixels").fill("256")
    await page.get_by_label("Pictures").fill("2")
    await page.get_by_label("Pictures").press("Tab")
    button = page.get_by_role("button", name="Make it")
    await expect(button).to_contain_text("$0.010")  # two pictures, priced while one fills the form in

    await button.click()

    await expect(page.locator(".stage img")).to_be_visible()
    await page.get_by_role("link", name="Open the task").click()
    await expect(page.get_by_text("You paid")).to_be_visible()
    await expect(page.locator(".facts.money .total")).to_contain_text("$0.010")


async def test_the_same_with_keys_alone(browser: Browser, email: str, module_server: Server) -> None:
    """No mouse: g and p go to the playground, Tab reaches the prompt, Ctrl+Enter runs."""
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/tasks")
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.wait_for_url("**/playground")
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "prompt":
            break
    await page.keyboard.type("a fox in snow")
    await page.keyboard.press("Control+Enter")

    await page.wait_for_url("**task=*")
    await expect(page.locator(".stage img")).to_be_visible()


async def test_the_same_without_scripts(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """Run, filter, cancel and revoke work as plain links and forms."""
    context = await browser.new_context(java_script_enabled=False)
    page = await signed_in(context, module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=echo/echo")
    await page.get_by_label("Prompt").fill("without scripts")
    await page.get_by_role("button", name="Make it").click()
    await page.wait_for_url("**task=*")
    slow = await customer.echo("slow", latency_s=120)
    await page.goto(f"{module_server.url}/tasks/{slow['id']}")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("main")).to_contain_text("Cancelled")
    await page.goto(f"{module_server.url}/tasks?status=cancelled")
    await expect(page.locator("tbody")).to_contain_text("slow")


async def test_three_models_side_by_side(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """What is written stays while models are chosen, the button tells the sum, two clicks make three tasks, and they
    come by themselves. Ctrl+Enter in a field of one model asks them all again.
    """
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=composer/text-to-image")
    await page.get_by_label("Prompt", exact=True).fill("a lighthouse at dusk")
    await page.get_by_label("Longest side in pixels").fill("256")
    await page.get_by_text("Compare with another model").click()
    await page.get_by_label("Compare with").select_option("Qubico/flux1-schnell/txt2img")
    await page.wait_for_url("**with=*")
    await page.get_by_label("Compare with").select_option("Qubico/flux1-dev/txt2img")
    await expect(page.get_by_role("heading", name="Ask 3 models the same")).to_be_visible()
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value("a lighthouse at dusk")
    for number in (1, 2):
        await page.get_by_text("Only for Qubico/flux1").nth(number - 1).click()
        for side in ("width", "height"):
            await page.locator(f"[name='{number}:{side}']").fill("256")
    await page.locator("[name='1:batch_size']").fill("2")
    await page.locator("[name='1:batch_size']").press("Tab")
    button = page.get_by_role("button", name="Make all 3")
    await expect(page.locator(".prices li").nth(1)).to_contain_text("$0.010")

    await button.dblclick()

    await page.wait_for_url("**task=*")
    await expect(page.locator(".beside .stage img")).to_have_count(3)
    assert 3 == len((await customer.get("/v1/tasks"))["data"])

    before = page.url
    await page.get_by_text("Only for Qubico/flux1").first.click()
    await page.locator("[name='1:width']").press("Control+Enter")
    await page.wait_for_url(lambda url: "task=" in url and url != before)
    assert 6 == len((await customer.get("/v1/tasks"))["data"])


async def test_two_models_side_by_side_without_scripts(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """Plain links and forms, and a page that shows the results when it is opened again."""
    context = await browser.new_context(java_script_enabled=False)
    page = await signed_in(context, module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=composer/text-to-image")
    await page.get_by_text("Compare with another model").click()
    await page.get_by_label("Compare with").select_option("Qubico/flux1-schnell/txt2img")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_label("Prompt", exact=True).fill("a fox")
    await page.get_by_label("Longest side in pixels").fill("256")
    await page.get_by_role("button", name="Make all 2").click()
    await page.wait_for_url("**task=*")
    for task in (await customer.get("/v1/tasks"))["data"]:
        await customer.ended(task["id"], timeout_s=60)
    await page.reload()

    await expect(page.locator(".beside .stage img")).to_have_count(2)


async def test_the_gallery_with_keys_alone(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """With j one goes to a file, x selects it, f likes it; deleting asks first, and may be thought better of."""
    asked = {"prompt": "a fox", "size": 256}
    body = {"model": "composer", "task_type": "text-to-image", "input": asked}
    await customer.post("/v1/tasks", body, prefer="wait=60")
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    answers = iter((False, True))
    page.on("dialog", lambda asks: asks.accept() if next(answers) else asks.dismiss())
    await page.goto(f"{module_server.url}/gallery")
    await page.keyboard.press("j")
    await page.keyboard.press("f")
    await expect(page.locator(".star")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.get_by_text("1 selected")).to_be_visible()

    await page.get_by_role("button", name="Delete").press("Enter")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await page.get_by_role("button", name="Delete").press("Enter")

    await expect(page.get_by_text("1 file deleted.")).to_be_visible()
    await expect(page.get_by_text("What you make appears here.")).to_be_visible()


async def test_wrong_input_comes_back_with_words_at_its_field(
    browser: Browser, email: str, module_server: Server
) -> None:
    """What cannot be taken is said in a summary that links to the field, what was typed stays, nothing is held."""
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=composer/text-to-image")
    await page.get_by_label("Prompt", exact=True).fill("kept words")
    await page.get_by_label("Longest side in pixels").fill("5")
    await page.evaluate("document.getElementById('ask').noValidate = true")
    await page.get_by_role("button", name="Make it").click()

    await expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    await expect(page.get_by_label("Longest side in pixels")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value("kept words")
    await expect(page).to_have_title("Error: Playground · Vermilion")


async def test_rows_change_while_one_watches(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """A running task's row becomes completed by itself; new tasks are announced, not pushed in."""
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    task = await customer.echo("watched", latency_s=8)
    await page.goto(f"{module_server.url}/tasks")
    row = page.locator(f"#task-{task['id']}")
    await expect(row).to_contain_text("Processing")

    await expect(row).to_contain_text("Completed")
    await customer.echo("a newcomer")

    await expect(page.get_by_role("link", name="Show new tasks")).to_be_visible()
    await expect(page.locator("tbody")).not_to_contain_text("a newcomer")


async def test_nothing_is_missed_while_the_tab_is_hidden(
    browser: Browser, email: str, customer: Api, module_server: Server
) -> None:
    """A task that ends while nobody looks is right within moments of coming back."""
    task = await customer.echo("hidden", latency_s=600)
    page = await signed_in(await browser.new_context(), module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/tasks")
    await expect(page.locator(f"#task-{task['id']}")).to_contain_text("Processing")
    await _visibility(page, hidden=True)
    await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
    await customer.ended(task["id"])
    await _visibility(page, hidden=False)

    await expect(page.locator(f"#task-{task['id']}")).to_contain_text("Cancelled")


async def test_a_session_that_ended_shows_one_banner_and_keeps_the_page(
    browser: Browser, email: str, module_server: Server
) -> None:
    """Signed out elsewhere, a page says so once, keeps its address, and brings one back after signing in."""
    context = await browser.new_context()
    page = await signed_in(context, module_server.url, email, PASSWORD)
    await page.goto(f"{module_server.url}/playground?offer=echo/echo")
    await context.clear_cookies(name="vermilion_session")
    await page.get_by_label("Prompt").fill("still here")
    await page.get_by_label("Prompt").press("Tab")

    banner = page.get_by_text("You are signed out")
    await expect(banner).to_be_visible()
    await asyncio.sleep(1.5)  # a loop would show itself
    assert 1 == await banner.count()
    assert "/playground" in page.url
    await page.get_by_role("link", name="Sign in again").click()
    await expect(page.locator("input[name=next]")).to_have_value("/playground?offer=echo/echo")


async def _visibility(page: Page, *, hidden: bool) -> None:
    """What a browser tells a page whose tab is hidden or shown."""
    await page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )
