"""Pictures that are not safe for work: looked at by the real guard where somebody says so, and what becomes of them.

The network is the real one; the bar is so low that skin alone is too much, and the sea is not.
"""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image
from tests.dashboard.people import Person, join
from tests.engines import footage
from tests.support.packs import INSTALL_TIMEOUT_S
from tests.support.server import Api, Server, new_customer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]
PACKS = ("guard",)
SETTINGS = {"VERMILION_MEDIA_CHECK": "flag", "VERMILION_MEDIA_CHECK_SCORE": "0.1"}
PRICE = 5_000
SKIN, SEA = (220, 180, 150), (0, 0, 255)
sizes = itertools.count(300)


def picture(colour: tuple[int, int, int] = SKIN) -> bytes:
    """A picture that nobody has sent before."""
    held = io.BytesIO()
    Image.new("RGB", (next(sizes), 300), colour).save(held, "PNG")
    return held.getvalue()


async def customer_with(operator: Api, check: str | None, **plan: Any) -> Api:
    """A customer whose plan has pictures checked so."""
    return await new_customer(operator, plan={"rules": {"media_check": check} if check else {}, **plan})


async def change_check(operator: Api, customer: Api, check: str) -> None:
    """The customer's plan has another rule from now on."""
    account = await operator.get(f"/admin/v1/accounts/{customer.account_id}")
    await operator.post("/admin/v1/plans", {"id": account["plan"], "rules": {"media_check": check}})


async def converted(customer: Api, upload: Any) -> Any:
    """The end of a task that makes the same picture again in another format."""
    given = {"image": upload["id"], "format": "webp"}
    body = {"model": "convert", "task_type": "convert", "input": given}
    return await customer.ended((await customer.post("/v1/tasks", body))["id"], timeout_s=60)


async def reviews_of(operator: Api, customer: Api, state: str = "open") -> list[Any]:
    """The findings about a customer, newest first."""
    page = await operator.get(f"/admin/v1/reviews?account_id={customer.account_id}&state={state}")
    found: list[Any] = page["data"]
    return found


async def link_status(api: Api, url: str) -> int:
    """What a link answers."""
    async with api.session.get(url) as answer:
        return answer.status


@pytest.fixture
async def operator_person(operator: Api, module_server: Server) -> AsyncIterator[Person]:
    """An operator at the dashboard."""
    person, _ = await join(operator, (await operator.get("/v1/account"))["id"], module_server.url)
    yield person
    await person.session.close()


async def test_a_flagged_picture_is_kept_for_a_person_to_see(operator: Api, customer: Api) -> None:
    """Uploads and results alike, with their score and a link; what is safe is not listed."""
    await customer.post("/v1/media", picture(SEA))
    upload = await customer.post("/v1/media", picture())
    task = await converted(customer, upload)

    of_result, of_upload = await reviews_of(operator, customer)

    assert "completed" == task["status"]
    assert (upload["id"], None) == (of_upload["asset_id"], of_upload["task_id"])
    assert (task["id"], "convert") == (of_result["task_id"], of_result["model"])
    assert task["output"]["assets"][0]["id"] == of_result["asset_id"]
    for review in (of_result, of_upload):
        assert ("media", "flag", "nsfw_score of 0.1 or more") == (
            review["kind"],
            review["act"],
            review["rule"],
        )
        assert 0.1 <= review["score"] <= 1
        assert 200 == await link_status(operator, review["picture_url"])


async def test_videos_are_looked_at_by_their_poster_and_sound_is_not(
    operator: Api, customer: Api, tmp_path: Path
) -> None:
    """One frame stands for the whole film; a picture of a sound's waveform is nobody's skin."""
    frames = [Image.new("RGB", (320, 240), SKIN)] * 12
    film = await customer.post("/v1/media", footage.video(tmp_path, pictures=frames).read_bytes())
    await customer.post("/v1/media", footage.sound(tmp_path, "wav").read_bytes())
    assert [film["id"]] == [review["asset_id"] for review in await reviews_of(operator, customer)]


async def test_a_plan_may_want_no_look(operator: Api) -> None:
    """Its word goes before the operator's."""
    customer = await customer_with(operator, "off")
    await customer.post("/v1/media", picture())
    assert [] == await reviews_of(operator, customer)


async def test_a_blocked_upload_is_refused_and_not_kept(operator: Api) -> None:
    """As a file, and in a task, whose field is named; nothing is held, stored or readable."""
    customer = await customer_with(operator, "block")
    await customer.post("/v1/media", picture(SEA))
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    body = {"model": "convert", "task_type": "convert", "input": {"image": uri, "format": "webp"}}

    uploaded = await customer.call("POST", "/v1/media", picture())
    submitted = await customer.call("POST", "/v1/tasks", body)

    for status, problem in (uploaded, submitted):
        assert (422, "content_policy") == (status, problem["code"])
    assert ["/input/image"] == [one["pointer"] for one in submitted[1]["problems"]]
    assert 1 == len((await customer.get("/v1/media"))["data"])
    assert 0 == (await customer.get("/v1/wallet"))["held"]
    assert [("block", None, None)] * 2 == [
        (one["act"], one["asset_id"], one["picture_url"]) for one in await reviews_of(operator, customer)
    ]


async def test_a_blocked_input_by_url_fails_the_task(operator: Api) -> None:
    """By the customer's fault, with the field's name, and nothing is charged."""
    customer, content = await customer_with(operator, "block"), picture()
    app = web.Application()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type="image/png")

    app.router.add_get("/skin.png", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/skin.png"

    task = await converted(customer, {"id": url})
    await runner.cleanup()

    error = task["error"]
    assert ("failed", "content_policy", "customer") == (task["status"], error["code"], error["fault"])
    assert error["message"].startswith("image: ")
    assert 0 == task["usage"]["charged"]
    [review] = await reviews_of(operator, customer)
    assert (task["id"], "/input/image") == (review["task_id"], review["pointer"])


async def test_a_blocked_result_fails_the_task_and_is_never_readable(operator: Api) -> None:
    """What was held comes back, the ledger balances, and no file of the task exists."""
    customer = await customer_with(operator, "off")
    upload = await customer.post("/v1/media", picture())
    await change_check(operator, customer, "block")

    task = await converted(customer, upload)

    assert ("failed", "content_policy") == (task["status"], task["error"]["code"])
    assert ([], 0) == (task["output"]["assets"], task["usage"]["charged"])
    assert [] == (await customer.get("/v1/media?kind=output"))["data"]
    wallet = await customer.get("/v1/wallet")
    assert (0, 0) == (wallet["held"], wallet["spent"])
    [review] = await reviews_of(operator, customer)
    assert (task["id"], "block", None) == (review["task_id"], review["act"], review["picture_url"])


async def test_a_plan_may_charge_for_what_is_blocked(operator: Api) -> None:
    """Its penalty for faults of the customer's is that for moderation, too; refused uploads count."""
    penalty = {"error_tasks_max": 1, "error_penalty": "charge"}
    customer = await customer_with(operator, "off", **penalty)
    upload = await customer.post("/v1/media", picture())
    account = await operator.get(f"/admin/v1/accounts/{customer.account_id}")
    plan = {"id": account["plan"], "rules": {"media_check": "block"}, **penalty}
    await operator.post("/admin/v1/plans", plan)
    refused, _ = await customer.call("POST", "/v1/media", picture())

    task = await converted(customer, upload)

    assert (422, "failed", PRICE) == (refused, task["status"], task["usage"]["charged"])
    assert (await operator.get("/admin/v1/ledger/verification"))["balanced"]


async def test_what_is_approved_passes_from_then_on(operator: Api) -> None:
    """The same bytes of the same account; every other picture is still looked at."""
    customer, content = await customer_with(operator, "block"), picture()
    await customer.call("POST", "/v1/media", content)
    [review] = await reviews_of(operator, customer)

    await operator.post(f"/admin/v1/reviews/{review['id']}/decision", {"act": "approve"})

    assert 201 == (await customer.call("POST", "/v1/media", content))[0]
    assert 422 == (await customer.call("POST", "/v1/media", picture()))[0]


async def test_what_is_denied_is_gone_and_refused_from_then_on(operator: Api, customer: Api) -> None:
    """Every copy: the links are dead, the task forgets its file, and the same bytes are not taken again."""
    content = picture()
    upload, copy = [await customer.post("/v1/media", content) for _ in range(2)]
    task = await converted(customer, upload)
    of_result, of_upload = await reviews_of(operator, customer)
    assert 2 == of_upload["seen"]

    for review in (of_result, of_upload):
        decided = await operator.post(f"/admin/v1/reviews/{review['id']}/decision", {"act": "deny"})
        assert ("denied", None) == (decided["state"], decided["picture_url"])

    for url in (upload["url"], copy["url"], task["output"]["assets"][0]["url"]):
        assert 404 == await link_status(customer, url)
    assert [] == (await customer.get(f"/v1/tasks/{task['id']}"))["output"]["assets"]
    status, problem = await customer.call("POST", "/v1/media", content)
    assert (422, "content_policy") == (status, problem["code"])


async def test_nothing_passes_unseen_while_the_guard_is_away(
    operator: Api, customer: Api, module_server: Server
) -> None:
    """Uploads are refused for now, a result waits until it can be looked at, or for its task's deadline."""
    upload = await customer.post("/v1/media", picture(SEA))
    body = {"model": "convert", "task_type": "convert", "input": {"image": upload["id"], "format": "webp"}}
    packs = module_server.data_dir / "packs"
    away = packs.rename(packs.with_name("packs-away"))
    try:
        refused, problem = await customer.call("POST", "/v1/media", picture(SEA))
        late = await customer.ended((await customer.post("/v1/tasks", {**body, "deadline_s": 3}))["id"])
        waiting = await customer.post("/v1/tasks", body)
        async with asyncio.timeout(60):
            while (await customer.get(f"/v1/tasks/{waiting['id']}"))["status"] != "processing":
                await asyncio.sleep(0.1)
    finally:
        away.rename(packs)
    ended = await customer.ended(waiting["id"], timeout_s=60)

    assert (503, "unavailable") == (refused, problem["code"])
    assert "vermilion engines add guard" in problem["detail"]
    assert ("failed", "deadline_exceeded") == (late["status"], late["error"]["code"])
    assert "completed" == ended["status"]
    assert [] == await reviews_of(operator, customer)


async def test_operators_see_and_decide_at_the_dashboard(
    operator: Api, customer: Api, operator_person: Person
) -> None:
    """The page shows the picture, its score and where it came from, and a press deletes it."""
    upload = await customer.post("/v1/media", picture())
    [review] = await reviews_of(operator, customer)
    person = operator_person

    page = await person.see("/operator/needs-a-person")
    signed = page.text.split(f'src="/v1/media/{upload["id"]}/thumbnail?')[1].split('"')[0]
    thumbnail = f"/v1/media/{upload['id']}/thumbnail?{unescape(signed)}"
    seen = await link_status(operator, thumbnail)
    done = await person.send(f"/operator/reviews/{review['id']}", act="deny")

    assert "Delete it and refuse it from now on" in page.text
    assert 200 == seen
    assert f"/operator/reviews/{review['id']}" not in done.text
    assert 404 == await link_status(customer, upload["url"])


async def test_a_gateway_that_cannot_look_does_not_start(database_url: str, data_dir: Path) -> None:
    """One line says what asks for the guard, what to type, and how to do without."""
    server = Server(data_dir, DATABASE_URL=database_url, VERMILION_MEDIA_CHECK="block")
    await server.start(wait=False)

    assert 1 == await server.exited()
    [line] = [line for line in server.log().splitlines() if "cannot start" in line]
    assert "vermilion engines add guard" in line
    assert "VERMILION_MEDIA_CHECK=block" in line
