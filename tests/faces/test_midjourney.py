"""Midjourney's task types through the native face, done by the engines of this machine."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image, ImageDraw
from tests.support.server import Api

pytestmark = pytest.mark.slow


def mask(size: int = 512) -> str:
    """A black picture with a white middle, as a data URI."""
    picture = Image.new("L", (size, size), 0)
    ImageDraw.Draw(picture).rectangle((size // 4, size // 4, size // 2, size // 2), fill=255)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


async def done(customer: Api, task_type: str, parent: Any = None, **task_input: Any) -> Any:
    """A Midjourney task that has to complete."""
    body = {"model": "midjourney", "task_type": task_type, "input": task_input}
    if parent is not None:
        body["parent_id"] = parent["id"]
    task = await customer.post("/v1/tasks", body)
    ended = await customer.ended(task["id"])
    assert "completed" == ended["status"], ended["error"]
    return ended


async def test_the_life_of_a_grid(customer: Api) -> None:
    """A grid of four, one of it larger, and everything that can be done with that one."""
    grid = await done(
        customer, "imagine", prompt="a red fox in the snow --ar 16:9 --seed 7 --chaos 10 --fast"
    )
    sizes = [(asset["width"], asset["height"]) for asset in grid["output"]["assets"]]
    assert 5 == len(sizes)
    assert [(512, 288)] * 4 == sizes[1:]
    assert True is grid["output"]["grid"]
    assert "not a diffusion model" in grid["output"]["method"]
    assert ["--chaos"] == grid["output"]["parameters_unused"]
    assert {"aspect_ratio": "16:9", "process_mode": "fast"}.items() <= grid["input"].items()
    assert 450_000 == grid["usage"]["charged"]

    one = await done(customer, "upscale", grid, index="2")
    assert [(1024, 576)] == [(asset["width"], asset["height"]) for asset in one["output"]["assets"]]
    square = await done(customer, "make_square", one)
    assert [(1024, 1024)] == [(asset["width"], asset["height"]) for asset in square["output"]["assets"]]
    assert 7 == (await done(customer, "seed", grid, index=1))["output"]["seed"]
    for task_type, task_input in (
        ("reroll", {}),
        ("variation", {"index": "high_variation"}),
        ("inpaint", {"mask": mask(), "prompt": "a lake"}),
        ("outpaint", {"zoom_ratio": "1.5"}),
        ("pan", {"direction": "left"}),
    ):
        assert (await done(customer, task_type, one, **task_input))["output"]["assets"]


async def test_a_wrong_parameter_is_refused_before_anything_is_held(customer: Api) -> None:
    """The problem names the parameter; the wallet is as before."""
    body = {"model": "midjourney", "task_type": "imagine", "input": {"prompt": "a fox --wings 2"}}
    status, problem = await customer.call("POST", "/v1/tasks", body)

    assert (422, "Unrecognized Param: --wings") == (status, problem["detail"])
    assert 0 == (await customer.get("/v1/wallet"))["held"]


async def test_the_quote_reads_the_prompt(customer: Api) -> None:
    """--turbo costs what process_mode turbo costs."""
    quotes = [
        (
            await customer.post(
                "/v1/quotes", {"model": "midjourney", "task_type": "imagine", "input": task_input}
            )
        )["units"]
        for task_input in ({"prompt": "a --turbo"}, {"prompt": "a", "process_mode": "turbo"}, {"prompt": "a"})
    ]

    assert [1_000_000, 1_000_000, 150_000] == quotes
