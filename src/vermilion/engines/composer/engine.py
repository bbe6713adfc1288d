"""The composer as an engine: plan, paint layer by layer, save with a note of how it was made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.composer.finish import developed, draw_weather
from vermilion.engines.composer.ground import draw_ground
from vermilion.engines.composer.paint import Canvas
from vermilion.engines.composer.plan import Plan, make_plan
from vermilion.engines.composer.request import Request, read_request
from vermilion.engines.composer.sky import draw_sky
from vermilion.engines.composer.stage import draw_actors
from vermilion.engines.contract import EngineFile, EngineJob, EngineResult

SOFTWARE = "Vermilion composer"
METHOD = "procedural scene composer, not a diffusion model"
LAYERS: tuple[tuple[str, Callable[[Canvas, Plan], None], int], ...] = (
    ("sky", draw_sky, 40),
    ("land and water", draw_ground, 72),
    ("actors", draw_actors, 78),
    ("weather", draw_weather, 84),
)
"""Each layer's name, its painter, and the percentage of the work that is done after it."""


def compose(job: EngineJob) -> EngineResult:
    """Make the pictures that `job.params` ask for; raises `EngineRefused` for a request that it cannot read."""
    request = read_request(job.params)
    job.report(1, "planning")
    files, scenes = [], []
    for number in range(request.count):
        plan = make_plan(request, number)
        picture = _picture(job, request, plan, number)
        path = job.out_dir / f"picture-{number + 1}.png"
        _save(picture, path, request, number)
        files.append(EngineFile(path.name, path, "image/png", *picture.size))
        scenes.append({"seed": request.seed + number, **_scene(plan)})
    return EngineResult(tuple(files), {"method": METHOD, "pictures": scenes})


def _picture(job: EngineJob, request: Request, plan: Plan, number: int) -> Image.Image:
    canvas = Canvas(*request.pixels, plan.key)
    for name, painter, percent in LAYERS:
        painter(canvas, plan)
        job.report(round((number * 100 + percent) / request.count), name)
    return developed(canvas, plan)


def _save(picture: Image.Image, path: Path, request: Request, number: int) -> None:
    note = PngInfo()
    note.add_text("Software", SOFTWARE)
    note.add_text("prompt", re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", request.prompt))
    note.add_text("seed", str(request.seed + number))
    note.add_text("method", METHOD)
    picture.save(path, pnginfo=note, compress_level=4)


def _scene(plan: Plan) -> dict[str, object]:
    return {
        "mood": plan.mood.name,
        "terrains": list(plan.terrains),
        "weather": sorted(plan.weather),
        "actors": [actor.kind for actor in plan.actors],
    }
