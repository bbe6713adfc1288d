"""Follow-ups as a customer meets them: they name a parent, are checked against it, and work on what it made."""

from __future__ import annotations

import base64
import io
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


def wish(task_type: str, parent: str | None = None, model: str = "composer", **given: Any) -> dict[str, Any]:
    return {"model": model, "task_type": task_type, "input": given, "parent_id": parent}


def data_uri(colour: str, size: tuple[int, int] = (64, 64)) -> str:
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, "PNG")
    return "data:;base64," + base64.b64encode(held.getvalue()).decode()


async def ended(customer: Api, asked: dict[str, Any]) -> dict[str, Any]:
    task = await customer.post("/v1/tasks", asked)
    answer: dict[str, Any] = await customer.ended(task["id"])
    assert "completed" == answer["status"], answer
    return answer


async def wrong_fields(customer: Api, asked: dict[str, Any]) -> list[str]:
    status, problem = await customer.call("POST", "/v1/tasks", asked)
    assert 422 == status, problem
    return [wrong["pointer"] for wrong in problem["problems"]]


def sizes(task: dict[str, Any]) -> list[tuple[int, int]]:
    return [(asset["width"], asset["height"]) for asset in task["output"]["assets"]]


async def test_a_grid_is_followed_up_tile_by_tile(customer: Api) -> None:
    """The grid comes first and costs four pictures; follow-ups name a tile and work on it, one after the other."""
    grid = await ended(customer, wish("text-to-image", prompt="a cat on a hill", size=256, grid=True, seed=7))
    assert 5 == len(sizes(grid))
    assert 200_000 == grid["usage"]["charged"]
    large = await ended(customer, wish("upscale", grid["id"], index=3, scale=2))
    assert [(512, 512)] == sizes(large)
    panned = await ended(customer, wish("pan", large["id"], direction="left"))
    assert [(768, 512)] == sizes(panned)
    told = await ended(customer, wish("seed", grid["id"], index=2))
    assert (8, 0) == (told["output"]["seed"], told["usage"]["charged"])


async def test_a_parent_that_does_not_fit_is_refused(operator: Api, customer: Api) -> None:
    """Missing, unknown, another customer's, of another family: each is named, and nothing is accepted."""
    picture = await ended(customer, wish("text-to-image", prompt="hills", size=256))
    other = await ended(customer, wish("convert", model="convert", image=data_uri("teal"), format="webp"))
    stranger = await new_customer(operator)
    assert ["/parent_id"] == await wrong_fields(customer, wish("variation"))
    assert ["/parent_id"] == await wrong_fields(customer, wish("variation", str(uuid4())))
    assert ["/parent_id"] == await wrong_fields(stranger, wish("variation", picture["id"]))
    assert ["/parent_id"] == await wrong_fields(customer, wish("variation", other["id"]))


async def test_a_picture_of_ones_own_stands_for_the_parent(customer: Api) -> None:
    """Where the parent is optional, either it or a picture has to be named."""
    mask = data_uri("white")
    assert ["/input/image"] == await wrong_fields(customer, wish("inpaint", mask=mask))
    mended = await ended(customer, wish("inpaint", mask=mask, image=data_uri("teal", (300, 200))))
    assert [(300, 200)] == sizes(mended)


async def test_lists_of_pictures_are_taken_in_one_by_one(customer: Api) -> None:
    """Every file of a list is stored or checked, and a wrong one is named by its place."""
    pictures = [data_uri("teal"), data_uri("orange")]
    assert ["/input/images/1"] == await wrong_fields(
        customer, wish("blend", images=[pictures[0], "no such thing"])
    )
    blended = await ended(customer, wish("blend", images=pictures, size=256))
    assert [(256, 256)] == sizes(blended)
    assert 2 == len(blended["input"]["images"])
    assert not any(value.startswith("data:") for value in blended["input"]["images"])


async def test_the_catalogue_tells_what_follows_what(customer: Api) -> None:
    """Pages and clients can offer the follow-ups of a task."""
    offers = {(one["model"], one["task_type"]): one for one in (await customer.get("/v1/catalog"))["data"]}
    assert "text-to-image" in offers["composer", "variation"]["follows"]
    assert "required" == offers["composer", "variation"]["parent"]
    assert "optional" == offers["composer", "inpaint"]["parent"]
    assert ([], None) == tuple(offers["composer", "text-to-image"][name] for name in ("follows", "parent"))
