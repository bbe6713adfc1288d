"""Several models are asked the same: ordinary tasks, all begun or none, and no form makes them twice."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import aiohttp
import pytest
from PIL import Image
from tests.dashboard.people import Person, join
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow

COMPOSER, FLUX, OTHER_FLUX = (
    "composer/text-to-image",
    "Qubico/flux1-schnell/txt2img",
    "Qubico/flux1-dev/txt2img",
)
NOT_HERE = "Qubico/z-image/txt2img"
THREE = f"/playground?offer={COMPOSER}&with={FLUX}&with={OTHER_FLUX}"


async def test_a_form_that_is_sent_twice_makes_each_task_once(owner: Person, customer: Api) -> None:
    """Two clicks, three tasks; both lead to the same ones, each asked with what it takes."""
    once = _once((await owner.see(THREE)).text)
    form: dict[str, Any] = {
        "offer": COMPOSER,
        "with": [FLUX, OTHER_FLUX],
        "once": once,
        "prompt": "a fox",
        "size": "256",
        "1:width": "256",
        "1:height": "256",
        "2:width": "512",
        "2:height": "512",
    }

    first, second = await asyncio.gather(*(owner.send("/playground", **form) for _ in range(2)))
    tasks = (await customer.get("/v1/tasks"))["data"]

    assert first.path == second.path
    assert {task["id"] for task in tasks} == set(re.findall(r"task=([0-9a-f-]{36})", first.path))
    asked = {task["model"]: task["input"] for task in tasks}
    assert {
        "composer": {"prompt": "a fox", "size": 256},
        "Qubico/flux1-schnell": {"prompt": "a fox", "width": 256, "height": 256},
        "Qubico/flux1-dev": {"prompt": "a fox", "width": 512, "height": 512},
    } == asked


async def test_a_form_that_was_changed_is_another_one(owner: Person, customer: Api) -> None:
    """Asking for something else makes something else; a form without a number is made as often as it is sent."""
    once = _once((await owner.see("/playground?offer=echo/echo")).text)
    forms: list[dict[str, Any]] = [{"prompt": "one", "once": once}, {"prompt": "two", "once": once}]
    for form in (*forms, {"prompt": "two"}):
        await owner.send("/playground", offer="echo/echo", **form)

    assert 3 == len((await customer.get("/v1/tasks"))["data"])


async def test_a_form_with_a_file_makes_its_task_once(owner: Person, customer: Api) -> None:
    """The file is stored again by a second click, and the task is still the same."""
    once = _once((await owner.see("/playground?offer=convert/convert")).text)

    async def send() -> str:
        form = aiohttp.FormData(
            {"csrf": owner.csrf, "once": once, "offer": "convert/convert", "format": "webp"}
        )
        form.add_field("image:file", _picture(), filename="a.png", content_type="image/png")
        async with owner.session.post("/playground", data=form, headers={"origin": owner.origin}) as answer:
            assert 200 == answer.status, await answer.text()
            return answer.url.path_qs

    paths = await asyncio.gather(send(), send())

    assert paths[0] == paths[1]
    assert 1 == len((await customer.get("/v1/tasks"))["data"])


async def test_nothing_is_made_while_one_part_is_wrong(owner: Person, customer: Api) -> None:
    """The words stand in the summary with the model's name, and at its own field."""
    await owner.see(THREE)
    form: dict[str, Any] = {"offer": COMPOSER, "with": [FLUX], "prompt": "a fox", "1:width": "7"}

    refused = await owner.send("/playground", **form)

    assert 422 == refused.status
    assert re.search(r'<a href="#f-1:width">[^<]+: 7 is', refused.text)
    assert 'id="e-1:width"' in refused.text
    assert [] == (await customer.get("/v1/tasks"))["data"]


async def test_nothing_is_made_that_cannot_be_paid_together(operator: Api, module_server: Server) -> None:
    """Each alone could be paid; the button says so before, and the answer after."""
    poor = await new_customer(operator, units=70_000)
    person, _ = await join(operator, str(poor.account_id), module_server.url)
    page = await person.see(f"/playground?offer={COMPOSER}&with={FLUX}&prompt=a+fox")
    form: dict[str, Any] = {"offer": COMPOSER, "with": FLUX, "prompt": "a fox"}
    refused = await person.send("/playground", **form)
    await person.session.close()

    assert "Together they cost $0.010" in page.text
    assert "You need $0.003 more" in page.text
    assert 402 == refused.status
    assert "Nothing was made." in refused.text
    assert [] == (await poor.get("/v1/tasks"))["data"]


async def test_what_is_refused_stands_beside_what_was_made(owner: Person, customer: Api) -> None:
    """A model that nobody here can run says so in its place; sending the form again makes nothing twice."""
    once = _once((await owner.see(f"/playground?offer={COMPOSER}&with={NOT_HERE}")).text)
    form: dict[str, Any] = {
        "offer": COMPOSER,
        "with": NOT_HERE,
        "once": once,
        "prompt": "a fox",
        "size": "256",
    }

    first = await owner.send("/playground", **form)
    again = await owner.send("/playground", **form)
    [task] = (await customer.get("/v1/tasks"))["data"]

    assert (501, 501) == (first.status, again.status)
    assert once == _once(first.text)
    assert f'id="task-{task["id"]}"' in first.text
    assert f'id="task-{task["id"]}"' in again.text
    assert "needs a connection to a provider that does it" in first.text


async def test_quotes_sum_up(owner: Person) -> None:
    """Each model's price and the sum on the button, from what the form says now."""
    await owner.see(THREE)
    form: dict[str, Any] = {
        "offer": COMPOSER,
        "with": [FLUX, OTHER_FLUX],
        "prompt": "a fox",
        "count": "3",
        "1:batch_size": "2",
    }

    quoted = await owner.send("/playground/quote", **form)

    prices = re.findall(r'<li><span>([^<]+)</span><span class="num">\$([0-9.]+)', quoted.text)
    assert ["composer", "Qubico/flux1-schnell", "Qubico/flux1-dev"] == [model for model, _ in prices]
    thousandths = [int(price.replace(".", "")) for _, price in prices]
    assert 15 == thousandths[0]
    assert f"Make all 3 · $0.{sum(thousandths):03d}" in quoted.text


def _once(page: str) -> str:
    found = re.search(r'name="once" value="([\w-]+)"', page)
    assert found is not None
    return found[1]


def _picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(held, "PNG")
    return held.getvalue()
