"""The service's command line from PyPI (piapi-skills), unchanged, against a running gateway."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow
CLIENT = Path(sys.executable).with_name("piapi-cli")


async def piapi(customer: Api, *arguments: str) -> tuple[int, str, str]:
    """Run the command line with this customer's key; answers its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        str(CLIENT),
        *arguments,
        env={
            **os.environ,
            "PIAPI_API_BASE": str(customer.session._base_url).rstrip("/"),
            "PIAPI_LLM_BASE": f"{str(customer.session._base_url).rstrip('/')}/v1",
            "PIAPI_API_KEY": str(customer.key),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode or 0, said.decode(), complained.decode()


async def done(customer: Api, *arguments: str) -> Any:
    """The task that the command waited for; it must have completed."""
    code, said, complained = await piapi(customer, *arguments)
    assert (0, "") == (code, complained)
    task = json.loads(said)["data"]
    assert "completed" == task["status"], task["error"]
    return task


async def content_type(customer: Api, url: str) -> str:
    """What lies behind a link that a task gave."""
    async with aiohttp.ClientSession() as anybody, anybody.get(url) as answer:
        assert 200 == answer.status
        return answer.content_type


async def test_submit_result_wait_and_cancel(operator: Api) -> None:
    """A task is submitted, looked at, waited for; one that waits is cancelled, one that is over is not."""
    customer = await new_customer(operator, plan={"concurrency_total": 1})
    slow = '{"prompt": "slow", "latency_s": 4}'
    code, task_id, _ = await piapi(customer, "submit", "echo", "echo", slow, "--id-only")
    assert 0 == code
    code, second_id, _ = await piapi(customer, "submit", "echo", "echo", slow, "--id-only")
    assert 0 == code
    code, said, _ = await piapi(customer, "cancel", second_id.strip())
    assert (0, f"task {second_id.strip()} canceled") == (code, json.loads(said)["message"])
    code, said, _ = await piapi(customer, "result", second_id.strip())
    assert (1, "failed") == (code, json.loads(said)["data"]["status"])
    assert (
        task_id.strip()
        == (await done(customer, "wait", task_id.strip(), "--poll-interval", "0.2"))["task_id"]
    )
    code, _, complained = await piapi(customer, "cancel", task_id.strip())
    assert 1 == code
    assert "cancel failed [400]" in complained


async def test_run(customer: Api) -> None:
    """Submit and wait in one call, with a webhook's configuration along."""
    task = await done(
        customer, "run", "echo", "echo", '{"prompt": "hello"}', "--public", "--poll-interval", "0.2"
    )
    assert "public" == task["config"]["service_mode"]


async def test_imagine(customer: Api) -> None:
    """A grid with its four pictures and what can be done with them."""
    task = await done(
        customer, "imagine", "a red fox in the snow", "--aspect", "16:9", "--process-mode", "fast"
    )
    output = task["output"]
    assert 4 == len(output["temporary_image_urls"])
    assert {"reroll", "upscale1", "variation4"} <= set(output["actions"])
    assert 100 == output["task_progress"]
    assert "not a diffusion model" in output["method"]
    assert (await content_type(customer, output["image_url"])).startswith("image/")


async def test_flux(customer: Api) -> None:
    """A picture in the nearest shape; the output says what made it and what it did not use."""
    options = ("--width", "1024", "--height", "576", "--steps", "4", "--guidance", "3.5")
    task = await done(customer, "flux", "a lighthouse at dusk", *options)
    assert "Qubico/flux1-schnell" == task["model"]
    assert "not a diffusion model" in task["output"]["method"]
    assert ["guidance_scale", "steps"] == task["output"]["parameters_unused"]
    assert (await content_type(customer, task["output"]["image_url"])).startswith("image/")


async def test_kling(customer: Api) -> None:
    """A film of a prompt, and one of a picture that the account made before; both say what they are."""
    film = await done(customer, "kling", "a lighthouse at dusk, waves", "--duration", "3", "--aspect", "16:9")
    assert ("kling", "text2video") == (film["model"], film["task_type"])
    assert "not a diffusion model" in film["output"]["method"]
    assert 3000 == pytest.approx(film["output"]["works"][0]["video"]["duration"], abs=200)
    assert "video/webm" == await content_type(customer, film["output"]["video_url"])
    picture = (await done(customer, "flux", "a red house on a hill"))["output"]["image_url"]
    moved = await done(customer, "kling", "the camera comes nearer", "--image", picture, "--duration", "3")
    assert "image2video" == moved["task_type"]
    assert "video/webm" == await content_type(customer, moved["output"]["video_url"])


async def test_suno(customer: Api) -> None:
    """A piece of music that says how it was composed."""
    task = await done(customer, "suno", "a slow jazz waltz, rainy night", "--instrumental", "--title", "Rain")
    assert "no neural network" in task["output"]["method"]
    assert (await content_type(customer, task["output"]["songs"][0]["song_path"])).startswith("audio/")


async def test_face_swap_is_refused_plainly(customer: Api) -> None:
    """Nothing here swaps faces: the refusal names what is missing, and nothing is held."""
    code, _, complained = await piapi(
        customer, "faceswap", "--src", "http://127.0.0.1/a.png", "--dst", "http://127.0.0.1/b.png"
    )
    assert 1 == code
    assert "submit failed [400]" in complained
    assert "needs a connection to a provider that does it (facefusion or piapi)" in complained
    assert 0 == (await customer.get("/v1/wallet"))["held"]
