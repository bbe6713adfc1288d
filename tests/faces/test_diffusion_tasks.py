"""Tasks of the operator's diffusion model through a real gateway, with a tiny model that the test makes."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image
from tests.support.packs import INSTALL_TIMEOUT_S
from tests.support.server import Api

PACKS = ("diffusion",)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]


def draw(task_type: str = "text-to-image", **wish: Any) -> dict[str, Any]:
    body = {"prompt": "a red fox", "size": 128, "steps": 4, **wish}
    return {"model": "diffusion", "task_type": task_type, "input": body}


async def picture(customer: Api, asset: dict[str, Any]) -> Image.Image:
    async with customer.session.get(asset["url"]) as answer:
        return Image.open(io.BytesIO(await answer.read()))


async def uploaded(customer: Api, picture: Image.Image) -> str:
    held = io.BytesIO()
    picture.save(held, "PNG")
    status, media = await customer.call("POST", "/v1/media", held.getvalue(), content_type="image/png")
    assert 201 == status, media
    return str(media["id"])


async def test_a_prompt_becomes_a_picture_that_is_charged(customer: Api) -> None:
    """Each picture is paid for, says which model made it, and the same seed makes the same bytes."""
    wallet = await customer.get("/v1/wallet")
    posted = [await customer.post("/v1/tasks", draw(count=2, seed=3)) for _ in range(2)]
    first, again = [await customer.ended(task["id"], timeout_s=120) for task in posted]
    assert ("completed", 200_000) == (first["status"], first["usage"]["charged"]), first
    assert "tiny-diffusion" in first["output"]["model"]
    made = [
        await picture(customer, asset) for asset in (*first["output"]["assets"], *again["output"]["assets"])
    ]
    assert [(128, 128)] * 4 == [each.size for each in made]
    assert [each.tobytes() for each in made[:2]] == [each.tobytes() for each in made[2:]]
    assert made[0].tobytes() != made[1].tobytes()
    assert first["output"]["method"] == made[0].info["method"]
    after = await customer.get("/v1/wallet")
    assert (400_000, 0) == (wallet["available"] - after["available"], after["held"])


async def test_a_picture_is_drawn_again_and_in_part(customer: Api) -> None:
    """Follow-ups work on the parent's picture; what the mask leaves out stays its own."""
    parent = await customer.ended((await customer.post("/v1/tasks", draw()))["id"], timeout_s=120)
    guided = {**draw("image-to-image", strength=0.5), "parent_id": parent["id"]}
    again = await customer.ended((await customer.post("/v1/tasks", guided))["id"], timeout_s=120)
    assert "completed" == again["status"], again
    half = Image.new("L", (128, 128))
    half.paste(255, (64, 0, 128, 128))
    region = {**draw("inpaint", mask=await uploaded(customer, half)), "parent_id": parent["id"]}
    part = await customer.ended((await customer.post("/v1/tasks", region))["id"], timeout_s=120)
    assert "completed" == part["status"], part
    before, after = [await picture(customer, task["output"]["assets"][0]) for task in (parent, part)]
    assert before.crop((0, 0, 64, 128)).tobytes() == after.crop((0, 0, 64, 128)).tobytes()


@pytest.mark.parametrize("task_type", ["txt2img", "img2img", "fill-outpaint"])
async def test_it_stands_in_for_models_that_are_not_connected(customer: Api, task_type: str) -> None:
    """Flux's task types are drawn with it rather than composed, in the size and with the steps that they ask for."""
    given = {"prompt": "a red fox", "steps": 3, "seed": 7, "negative_prompt": "snow"}
    if task_type == "txt2img":
        given |= {"width": 192, "height": 128, "batch_size": 2}
    else:
        given["image"] = await uploaded(customer, Image.new("RGB", (192, 128), "teal"))
    if task_type == "fill-outpaint":
        given["custom_settings"] = [{"setting_type": "outpaint", "outpaint_left": 64}]
    body = {"model": "Qubico/flux1-dev-advanced", "task_type": task_type, "input": given}
    task = await customer.ended((await customer.post("/v1/tasks", body))["id"], timeout_s=120)
    assert "completed" == task["status"], task
    assert "tiny-diffusion" in task["output"]["method"]
    assert "parameters_unused" not in task["output"]
    assert 3 == task["output"]["steps"]
    sizes = [(asset["width"], asset["height"]) for asset in task["output"]["assets"]]
    expected = {"txt2img": [(192, 128)] * 2, "img2img": [(128, 80)], "fill-outpaint": [(256, 128)]}
    assert expected[task_type] == sizes


async def test_a_picture_in_the_making_is_cancelled(customer: Api) -> None:
    """Each step is told; cancelled between two of them, it ends at once and costs nothing."""
    wish = draw(size=2048, steps=100, count=4)
    task = await customer.post("/v1/tasks", wish)
    async with asyncio.timeout(120):
        while True:
            seen = await customer.get(f"/v1/tasks/{task['id']}")
            assert seen["status"] not in ("completed", "failed"), seen
            if "step" in (seen.get("progress_text") or ""):
                break
            await asyncio.sleep(0.05)
    await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
    ended = await customer.ended(task["id"], timeout_s=60)
    assert ("cancelled", 0) == (ended["status"], ended["usage"]["charged"])
    assert 0 == (await customer.get("/v1/wallet"))["held"]
    fresh = await customer.ended((await customer.post("/v1/tasks", draw()))["id"], timeout_s=120)
    assert "completed" == fresh["status"]


async def test_what_cannot_be_drawn_costs_nothing(customer: Api) -> None:
    """A schema's limits are a refusal before anything is held; a mask of nothing fails the task and frees its hold."""
    status, problem = await customer.call("POST", "/v1/tasks", draw(steps=1000))
    assert (422, "/input/steps") == (status, problem["problems"][0]["pointer"])
    upload = await uploaded(customer, Image.new("L", (16, 16)))
    body = draw("inpaint", mask=upload, image=upload)
    ended = await customer.ended((await customer.post("/v1/tasks", body))["id"], timeout_s=120)
    assert ("failed", "empty_mask", 0) == (ended["status"], ended["error"]["code"], ended["usage"]["charged"])
