"""The composer as an engine: one entry for everything it does, named by the parameter `operation`."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from vermilion.engines.composer.finish import developed, draw_weather
from vermilion.engines.composer.followups import ON_PICTURES
from vermilion.engines.composer.ground import draw_ground
from vermilion.engines.composer.paint import Canvas
from vermilion.engines.composer.plan import Plan, make_plan
from vermilion.engines.composer.request import Request, read_request, with_parent
from vermilion.engines.composer.saving import METHOD, grid_of, save
from vermilion.engines.composer.sky import draw_sky
from vermilion.engines.composer.stage import draw_actors
from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult

LAYERS: tuple[tuple[str, Callable[[Canvas, Plan], None], int], ...] = (
    ("sky", draw_sky, 40),
    ("land and water", draw_ground, 72),
    ("actors", draw_actors, 78),
    ("weather", draw_weather, 84),
)
"""Each layer's name, its painter, and the percentage of the work that is done after it."""


def compose(job: EngineJob) -> EngineResult:
    """Do what `job.params` ask for; raises `EngineRefused` for a request that it cannot read."""
    operation = str(job.params.get("operation", "text-to-image"))
    if operation in ON_PICTURES:
        return ON_PICTURES[operation](job)
    if operation in ("text-to-image", "variation", "reroll", "remix"):
        return _from_words(job, read_request(with_parent(job.params, operation)))
    raise EngineRefused(f"the composer cannot do {operation!r}")


def _from_words(job: EngineJob, request: Request) -> EngineResult:
    job.report(1, "planning")
    files, scenes = [], []
    for number in range(request.pictures):
        plan = make_plan(request, number)
        picture = _picture(job, request, plan, number)
        path = job.out_dir / f"picture-{number + 1}.png"
        save(picture, path, prompt=request.prompt, seed=request.seed + number)
        files.append(EngineFile(path.name, path, "image/png", *picture.size))
        scenes.append({"seed": request.seed + number, "prompt": request.prompt, **_scene(plan)})
    if request.grid:
        files.insert(0, grid_of(files, job.out_dir))
    facts = {"method": METHOD, "grid": request.grid, "pictures": scenes}
    wish = {"aspect_ratio": request.aspect_ratio, "size": request.size}
    return EngineResult(tuple(files), facts, {"wish": wish})


def _picture(job: EngineJob, request: Request, plan: Plan, number: int) -> Image.Image:
    canvas = Canvas(*request.pixels, plan.key)
    for name, painter, percent in LAYERS:
        painter(canvas, plan)
        job.report(round((number * 100 + percent) / request.pictures), name)
    return developed(canvas, plan)


def _scene(plan: Plan) -> dict[str, object]:
    return {
        "mood": plan.mood.name,
        "terrains": list(plan.terrains),
        "weather": sorted(plan.weather),
        "actors": [actor.kind for actor in plan.actors],
    }
