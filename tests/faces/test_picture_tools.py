"""The picture tools as a customer meets them: asked for, priced, refused and fetched over the API."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.engines import footage
from tests.support.server import Api

pytestmark = pytest.mark.slow


def data_uri(picture: Image.Image, kind: str = "PNG", **options: Any) -> str:
    """The picture inside the request."""
    held = io.BytesIO()
    picture.save(held, kind, **options)
    return "data:;base64," + base64.b64encode(held.getvalue()).decode()


def wish(model: str, task_type: str, **given: Any) -> dict[str, Any]:
    return {"model": model, "task_type": task_type, "input": given}


async def ended(customer: Api, asked: dict[str, Any]) -> dict[str, Any]:
    task = await customer.post("/v1/tasks", asked)
    answer: dict[str, Any] = await customer.ended(task["id"])
    return answer


async def test_each_tool_gives_a_picture_of_its_type_and_size(customer: Api) -> None:
    """Upscaled, repainted by name and by example, converted; each is charged what the catalogue says."""
    picture = data_uri(Image.new("RGB", (60, 40), "teal"))
    like = data_uri(Image.effect_noise((40, 40), 90))
    asked = [
        (wish("upscaler", "upscale", image=picture, scale=4), "image/png", (240, 160), 60_000),
        (wish("upscaler", "upscale", image=picture), "image/png", (120, 80), 30_000),
        (wish("restyle", "style-transfer", image=picture, style="cut-paper"), "image/png", (60, 40), 30_000),
        (wish("restyle", "style-transfer", image=picture, style_image=like), "image/png", (60, 40), 30_000),
        (wish("convert", "convert", image=picture, format="avif", width=30), "image/avif", (30, 20), 5_000),
    ]
    for body, content_type, size, units in asked:
        task = await ended(customer, body)
        assert "completed" == task["status"], task
        [asset] = task["output"]["assets"]
        assert (content_type, size) == (asset["content_type"], (asset["width"], asset["height"]))
        assert units == task["usage"]["charged"]


async def test_pictures_over_a_tools_bound_cost_nothing(customer: Api) -> None:
    """The task fails by the customer's mistake, with a code, and what was held is given back."""
    wide = data_uri(Image.new("1", (20_000, 120)))
    task = await ended(customer, wish("upscaler", "upscale", image=wide, scale=4))
    assert ("failed", "picture_too_large") == (task["status"], task["error"]["code"])
    assert (0, 60_000) == (task["usage"]["charged"], task["usage"]["released"])


async def test_wrong_parameters_are_named_at_once(customer: Api) -> None:
    """Nothing is accepted, and every wrong field is told."""
    picture = data_uri(Image.new("RGB", (8, 8)))
    for body, field in [
        (wish("upscaler", "upscale", image=picture, scale=3), "/input/scale"),
        (wish("restyle", "style-transfer", image=picture, style="cubist"), "/input/style"),
        (wish("convert", "convert", image=picture, format="bmp"), "/input/format"),
    ]:
        status, problem = await customer.call("POST", "/v1/tasks", body)
        assert (422, [field]) == (status, [wrong["pointer"] for wrong in problem["problems"]])


@pytest.mark.parametrize("model", ["describe", "composer", "midjourney"])
async def test_a_picture_is_described_under_each_of_its_names(customer: Api, model: str) -> None:
    """Four prompts and no file."""
    field = "image_url" if model == "midjourney" else "image"
    asked = wish(model, "describe", **{field: data_uri(Image.new("RGB", (60, 40), "teal"))})
    task = await ended(customer, asked)
    assert "completed" == task["status"], task
    assert ([], 4) == (task["output"]["assets"], len(task["output"]["prompts"]))
    assert "teal" in task["output"]["description"]


async def test_music_has_its_length_and_a_picture_and_is_charged_by_the_second(customer: Api) -> None:
    """What was wished is made; the thumbnail is its waveform."""
    asked = wish("arranger", "text-to-music", prompt="a calm waltz for harp", duration_s=6, format="ogg")
    task = await ended(customer, asked)
    assert "completed" == task["status"], task
    [asset] = task["output"]["assets"]
    assert "audio/ogg" == asset["content_type"]
    assert 6 == pytest.approx(asset["duration_s"], abs=0.1)
    assert asset["thumbnail_url"]
    assert "waltz" == task["output"]["genre"]
    assert 6_000 == task["usage"]["charged"]


async def test_a_video_is_cut_out_and_charged_by_the_second(customer: Api, tmp_path: Path) -> None:
    """A minute is held; a second and a bit is charged as two; the result is a video with length and poster."""
    path = footage.video(tmp_path, pictures=footage.walk(14), sound=True)
    video = "data:;base64," + base64.b64encode(path.read_bytes()).decode()
    task = await ended(customer, wish("cutout", "remove-video-background", video=video, background="#102030"))
    assert "completed" == task["status"], task
    [asset] = task["output"]["assets"]
    assert ("video/webm", 96, 64) == (asset["content_type"], asset["width"], asset["height"])
    assert 14 / 12 == pytest.approx(asset["duration_s"], abs=0.15)
    assert asset["thumbnail_url"]
    assert (600_000, 20_000) == (task["usage"]["held"], task["usage"]["charged"])
