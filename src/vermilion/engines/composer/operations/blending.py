"""One picture of several: scenes are joined, other pictures give their main things and their colours."""

from __future__ import annotations

import msgspec
import numpy as np
from PIL import Image, ImageFilter, ImageOps

from vermilion.engines.composer.fill import filled
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.noise import Field, grid, smooth
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.scene.edits import blended, remixed
from vermilion.engines.composer.scene.graph import Camera, Scene, pixels_of
from vermilion.engines.composer.scene.staging import stage
from vermilion.engines.composer.sources import Source, from_file
from vermilion.engines.composer.subjects import cropped, in_colours_of, subject_of
from vermilion.engines.composer.wishes import RATIOS, Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.restyle import repainted

_LEVELS = 6


def blend(job: EngineJob) -> EngineResult:
    """Scene by scene where all are ours; else the first gives the place, the others their things and colours."""
    wish = read(job)
    names = sorted(name for name in job.files if name.startswith("images/"))
    if not 2 <= len(names) <= 5:
        raise EngineRefused("two to five pictures can be blended")
    job.report(2, "reading the pictures")
    sources = [from_file(job, name) for name in names]
    across, down = RATIOS[wish.aspect_ratio]
    camera = Camera(0.0, 0.0, across / down, 1.0)
    scenes = [source.scene for source in sources if source.scene is not None]
    if len(scenes) == len(sources):
        made = _of_scenes(job, wish, scenes, camera)
    else:
        made = _of_pictures(job, wish, sources, camera)
    job.report(97, "saving")
    return saved(job, [made])


def _of_scenes(job: EngineJob, wish: Wish, scenes: list[Scene], camera: Camera) -> Made:
    scene = blended(scenes, camera, wish.seed)
    if wish.prompt.strip():
        reading = read_prompt(f"{wish.prompt} {scene.prompt}")
        scene = remixed(scene, reading, wish.seed)
    scene = msgspec.structs.replace(scene, style=wish.style or scene.style)
    picture = render(scene, pixels_of(camera, wish.size), stage_report(job, 0, 1))
    return Made(picture, wish.prompt or scene.prompt, wish.seed, scene)


def _of_pictures(job: EngineJob, wish: Wish, sources: list[Source], camera: Camera) -> Made:
    size = pixels_of(camera, wish.size)
    if wish.prompt.strip():
        scene = stage(read_prompt(wish.prompt), wish.seed, camera.width)
        places = [render(scene, size, stage_report(job, 0, 2))]
    else:
        places = [_place_of(source, size, alone=not number) for number, source in enumerate(sources)]
    whole = _merged(places, wish.seed)
    for number, source in enumerate(sources):
        job.report(50 + 40 * number // len(sources), "finding the main things")
        if number or wish.prompt.strip():
            _set_beside(whole, source, number, len(sources))
        whole = in_colours_of(whole, source.flat, 0.12)
    style = wish.style or read_prompt(wish.prompt).style
    if style:
        whole = repainted(whole, style, strength=0.85, on_share=lambda share: job.report(90, "style"))
    return Made(whole, wish.prompt, wish.seed)


def _place_of(source: Source, size: tuple[int, int], *, alone: bool) -> Image.Image:
    """The picture in the new shape; the main thing of a later one steps out of it, to come back in front."""
    flat = ImageOps.fit(source.flat, size, Image.Resampling.LANCZOS)
    subject = None if alone else subject_of(flat)
    return (
        flat if subject is None else filled(flat, subject.getchannel("A").filter(ImageFilter.MaxFilter(15)))
    )


def _set_beside(whole: Image.Image, source: Source, number: int, count: int) -> None:
    """The picture's main thing at its share of the width, on the lower edge."""
    subject = subject_of(source.flat)
    if subject is None:
        return
    thing = cropped(subject)
    high = whole.height * (0.52 if count < 4 else 0.42)
    scale = min(high / thing.height, whole.width * 0.5 / thing.width)
    size = max(1, round(thing.width * scale)), max(1, round(thing.height * scale))
    thing = thing.resize(size, Image.Resampling.LANCZOS)
    x = round(whole.width * (number + 0.5) / count - size[0] / 2)
    whole.paste(thing, (min(max(0, x), whole.width - size[0]), whole.height - size[1]), thing)


def _merged(pictures: list[Image.Image], seed: int) -> Image.Image:
    """Coarse forms melt over wide borders, fine ones over narrow borders (a blend of pyramids)."""
    if len(pictures) == 1:
        return pictures[0]
    width, height = pictures[0].size
    x, y = (
        np.linspace(0, 1, width, dtype=np.float32),
        np.linspace(0, height / width, height, dtype=np.float32),
    )
    place = x[None, :] * len(pictures) - 0.5 + (grid(x * 4, y * 4, seed & 0xFFFF, 4) - 0.5) * 0.8
    total: Field = np.zeros((height, width, 3), dtype=np.float32)
    for number, picture in enumerate(pictures):
        low = smooth(number - 0.75, number - 0.25, place) if number else np.ones_like(place)
        high = (
            smooth(number + 0.75, number + 0.25, place) if number < len(pictures) - 1 else np.ones_like(place)
        )
        total += _weighted(np.asarray(picture, dtype=np.float32), low * high)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def _weighted(pixels: Field, weight: Field, level: int = 0) -> Field:
    if level == _LEVELS or min(weight.shape) < 8:
        return pixels * weight[..., None]
    height, width = weight.shape
    small = _scaled(pixels, (width + 1) // 2, (height + 1) // 2)
    fine = pixels - _scaled(small, width, height)
    softer = np.asarray(
        Image.fromarray(weight).resize(((width + 1) // 2, (height + 1) // 2), Image.Resampling.BOX)
    )
    return fine * weight[..., None] + _scaled(_weighted(small, softer, level + 1), width, height)


def _scaled(pixels: Field, width: int, height: int) -> Field:
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(pixels[..., at])).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for at in range(3)
    ]
    return np.stack(planes, axis=-1)
