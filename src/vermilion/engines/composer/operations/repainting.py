"""A region of a picture drawn anew: what stood there goes, what the words name comes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.fill import filled
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.actors import paint_actor
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.render.view import View, as_image
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.scene.cast import width_of
from vermilion.engines.composer.scene.edits import Box, cleared, with_things_in
from vermilion.engines.composer.scene.graph import Actor, Camera, Scene, Time
from vermilion.engines.composer.sources import Source, from_file, source_of
from vermilion.engines.composer.wishes import PIXELS_MAX, Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult


def inpaint(job: EngineJob) -> EngineResult:
    """Only the white part of the mask changes, and what of a thing that goes reaches beyond it; the edge is soft."""
    wish = read(job)
    source = source_of(job, wish)
    if source.flat.width * source.flat.height > PIXELS_MAX:
        raise EngineRefused(
            f"the picture may have {PIXELS_MAX // 1_000_000} megapixels at most", "picture_too_large"
        )
    mask = from_file(job, "mask").flat.convert("L").resize(source.flat.size, Image.Resampling.BILINEAR)
    where = mask.point(lambda value: 255 if value >= 128 else 0).getbbox()
    if where is None:
        raise EngineRefused("the mask has no white part, so there is nothing to draw anew", "empty_mask")
    job.report(5, "reading the picture")
    if source.scene is not None:
        made = _in_scene(job, wish, source, source.scene, mask, where)
    else:
        made = _in_picture(job, wish, source, mask, where)
    job.report(97, "saving")
    return saved(job, [made])


def _in_scene(
    job: EngineJob,
    wish: Wish,
    source: Source,
    scene: Scene,
    mask: Image.Image,
    where: tuple[int, int, int, int],
) -> Made:
    """The scene without those in the region, with the newcomers, seen through the mask."""
    world = scene.camera.width / source.flat.width
    box = _in_world(where, scene.camera, world)
    gone = [actor for actor in scene.actors if _covers(mask, actor, scene.camera, world)]
    mask = _with_whole(mask, gone, scene.camera, world)
    changed = cleared(scene, [box], gone)
    changed = with_things_in(changed, read_prompt(wish.prompt).mentions, box, wish.seed)
    fresh = render(changed, source.flat.size, stage_report(job, 0, 1))
    soft = mask.filter(ImageFilter.GaussianBlur(max(1.0, max(mask.size) * 0.006)))
    return Made(Image.composite(fresh, source.flat, soft), wish.prompt or source.prompt, wish.seed, changed)


def _in_picture(
    job: EngineJob, wish: Wish, source: Source, mask: Image.Image, where: tuple[int, int, int, int]
) -> Made:
    """Any picture: filled from around, then the newcomers in its own light."""
    wide = mask.filter(ImageFilter.MaxFilter(5))
    whole = filled(source.flat, wide)
    job.report(50, "filling the region")
    soft = wide.filter(ImageFilter.GaussianBlur(max(1.0, max(mask.size) * 0.006)))
    whole = Image.composite(whole, source.flat, soft)
    mentions = read_prompt(wish.prompt).mentions
    if mentions:
        whole = with_actors(whole, wish, where)
    return Made(whole, wish.prompt or source.prompt, wish.seed)


def with_actors(flat: Image.Image, wish: Wish, where: tuple[int, int, int, int]) -> Image.Image:
    """What the words name, set into a region of any picture."""
    camera = Camera(0.0, 0.0, flat.width / flat.height, 1.0)
    scene = Scene(
        prompt=wish.prompt, seed=wish.seed, time=_time_of(flat), lands=("meadow",), camera=camera, width=camera.width,
        sun=(camera.width * 0.25, 0.2),
    )  # fmt: skip
    world = 1 / flat.height
    scene = with_things_in(
        scene, read_prompt(wish.prompt).mentions, _in_world(where, camera, world), wish.seed
    )
    view = View(scene, camera, *flat.size)
    view.canvas[:] = np.asarray(flat, dtype=np.float32)
    for actor in scene.actors:
        paint_actor(view, actor)
    return as_image(view.canvas, wish.seed & 0xFFFF)


def _time_of(flat: Image.Image) -> Time:
    """By the picture's brightness and warmth."""
    red, _, blue = np.asarray(flat.resize((32, 32)), dtype=np.float32).reshape(-1, 3).mean(axis=0)
    if red + blue < 130:
        return "night"
    return "golden" if red > blue + 40 else "day"


def _in_world(where: tuple[int, int, int, int], camera: Camera, world: float) -> Box:
    left, top, right, bottom = where
    return (
        camera.x + left * world,
        camera.y + top * world,
        camera.x + right * world,
        camera.y + bottom * world,
    )


def _extent(actor: Actor, camera: Camera, world: float) -> tuple[int, int, int, int]:
    """The pixels that a thing and its shadow take up."""
    half = width_of(actor) / 2 * 1.1
    middle = actor.y if actor.place in ("air", "water") else actor.y - actor.height / 2
    sides = (actor.x - half, middle - actor.height * 0.53, actor.x + half, middle + actor.height * 0.58)
    starts = (camera.x, camera.y, camera.x, camera.y)
    left, top, right, bottom = (
        round((side - start) / world) for side, start in zip(sides, starts, strict=True)
    )
    return left, top, right, bottom


def _covers(mask: Image.Image, actor: Actor, camera: Camera, world: float) -> bool:
    """Whether most of a thing lies in the white part."""
    part = mask.crop(_extent(actor, camera, world))
    return bool(part.width and part.height) and float(np.asarray(part, dtype=np.float32).mean()) > 0.5 * 255


def _with_whole(mask: Image.Image, gone: list[Actor], camera: Camera, world: float) -> Image.Image:
    """The mask grown over the whole of those who go, so that no half of them stays."""
    grown = mask.copy()
    for actor in gone:
        grown.paste(255, _extent(actor, camera, world))
    return grown
