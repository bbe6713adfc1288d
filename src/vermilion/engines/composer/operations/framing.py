"""More of the world around a picture: zoom out, pan, make square, outpaint."""

from __future__ import annotations

import msgspec
from PIL import Image

from vermilion.engines.composer.fill import extended
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.scene.edits import seen_by, with_things_in
from vermilion.engines.composer.scene.graph import HORIZON, Camera, Scene
from vermilion.engines.composer.sources import Source, source_of
from vermilion.engines.composer.wishes import PIXELS_MAX, Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult


class Sides(msgspec.Struct, frozen=True):
    """Pixels that are added on each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


def zoom_out(job: EngineJob) -> EngineResult:
    """As many pixels as before, of a world that is `factor` times as wide."""
    wish = read(job)
    source = source_of(job, wish)
    width, height = source.flat.size
    across, down = round(width * (wish.factor - 1) / 2), round(height * (wish.factor - 1) / 2)
    return _widened(job, wish, source, Sides(across, down, across, down), back_to=(width, height))


def pan(job: EngineJob) -> EngineResult:
    """Longer in one direction."""
    wish = read(job)
    source = source_of(job, wish)
    across, down = round(source.flat.width * wish.amount), round(source.flat.height * wish.amount)
    sides = {
        "left": Sides(left=across), "right": Sides(right=across), "up": Sides(top=down), "down": Sides(bottom=down),
    }  # fmt: skip
    return _widened(job, wish, source, sides[wish.direction])


def make_square(job: EngineJob) -> EngineResult:
    """The shorter sides grow, half on each end; a square stays what it is."""
    wish = read(job)
    source = source_of(job, wish)
    side = max(source.flat.size)
    across, down = side - source.flat.width, side - source.flat.height
    return _widened(job, wish, source, Sides(across // 2, down // 2, across - across // 2, down - down // 2))


def outpaint(job: EngineJob) -> EngineResult:
    """So many pixels on each side."""
    wish = read(job)
    sides = Sides(wish.left, wish.top, wish.right, wish.bottom)
    if not any(msgspec.structs.astuple(sides)):
        raise EngineRefused("at least one of left, right, top and bottom has to be more than 0")
    return _widened(job, wish, source_of(job, wish), sides)


def _widened(
    job: EngineJob, wish: Wish, source: Source, sides: Sides, *, back_to: tuple[int, int] | None = None
) -> EngineResult:
    full = source.flat.width + sides.left + sides.right, source.flat.height + sides.top + sides.bottom
    size = back_to or full
    if size[0] * size[1] > PIXELS_MAX or max(full) > 12 * min(full):
        raise EngineRefused("the picture would become too large or too narrow", "picture_too_large")
    on_step = stage_report(job, 0, 1)
    if source.scene is None:
        made = _around_picture(source, wish, sides, size)
    else:
        scene = _wider(source.scene, source.flat.size, sides)
        scene = _with_words(scene, source.scene.camera, wish)
        picture = render(scene, size, on_step)
        made = Made(picture, wish.prompt or source.prompt, wish.seed, scene)
    job.report(97, "saving")
    return saved(job, [made])


def _wider(scene: Scene, size: tuple[int, int], sides: Sides) -> Scene:
    """The camera goes back; the world stays."""
    world = scene.camera.width / size[0]
    camera = Camera(
        scene.camera.x - sides.left * world,
        scene.camera.y - sides.top * world,
        scene.camera.width + (sides.left + sides.right) * world,
        scene.camera.height + (sides.top + sides.bottom) * world,
    )
    return seen_by(scene, camera)


def _with_words(scene: Scene, before: Camera, wish: Wish) -> Scene:
    """What the words name stands in the widest part that is new."""
    reading = read_prompt(wish.prompt)
    if not reading.mentions:
        return scene
    now = scene.camera
    left, right = before.x - now.x, now.x + now.width - before.x - before.width
    if max(left, right) < 0.08:
        box = (now.x + now.width * 0.3, now.y, now.x + now.width * 0.7, min(before.y, now.y + now.height))
    elif left > right:
        box = (now.x, now.y, before.x, max(HORIZON + 0.1, min(0.96, now.y + now.height)))
    else:
        box = (
            before.x + before.width,
            now.y,
            now.x + now.width,
            max(HORIZON + 0.1, min(0.96, now.y + now.height)),
        )
    return with_things_in(scene, reading.mentions, box, wish.seed)


def _around_picture(source: Source, wish: Wish, sides: Sides, size: tuple[int, int]) -> Made:
    """Any picture: its edges go on, softer and softer."""
    shrink = min(1.0, (PIXELS_MAX / 4 / (size[0] * size[1])) ** 0.5)
    wide = extended(source.flat, *msgspec.structs.astuple(sides), shrink=shrink)
    picture = wide if wide.size == size else wide.resize(size, Image.Resampling.LANCZOS)
    return Made(picture, wish.prompt or source.prompt, wish.seed)
