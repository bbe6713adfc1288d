"""Pictures from words: a new one, and a scene made again with differences."""

from __future__ import annotations

import msgspec

from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import METHOD, Made, saved, summary
from vermilion.engines.composer.scene.edits import remixed, varied
from vermilion.engines.composer.scene.graph import Scene, pixels_of
from vermilion.engines.composer.scene.staging import stage
from vermilion.engines.composer.sources import parents
from vermilion.engines.composer.wishes import RATIOS, Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineResult


def text_to_image(job: EngineJob) -> EngineResult:
    """Pictures of a prompt; the second has the next seed."""
    wish = read(job, needs_prompt=True)
    job.report(1, "reading the prompt")
    reading = read_prompt(wish.prompt, wish.negative_prompt)
    across, down = reading.ratio or RATIOS[wish.aspect_ratio]
    seed = wish.seed if reading.seed is None else reading.seed
    scenes = [_styled(stage(reading, seed + number, across / down), wish) for number in range(wish.pictures)]
    return painted(job, scenes, wish.size, prompt=wish.prompt, grid=wish.grid)


def variation(job: EngineJob) -> EngineResult:
    """Subtle keeps everything in its place, strong arranges the same words anew."""
    wish = read(job)
    kept = parents(wish)
    scenes = [_variant(kept.scene, kept.prompt, wish, wish.seed + number) for number in range(wish.pictures)]
    return painted(job, scenes, _longest(wish), prompt=kept.prompt, grid=wish.grid)


def reroll(job: EngineJob) -> EngineResult:
    """The parent's words with other seeds."""
    wish = read(job)
    kept = parents(wish)
    scenes = [_again(kept.scene, kept.prompt, wish.seed + number) for number in range(wish.pictures)]
    return painted(job, scenes, _longest(wish), prompt=kept.prompt, grid=wish.grid)


def remix(job: EngineJob) -> EngineResult:
    """New words on the same composition."""
    wish = read(job, needs_prompt=True)
    kept = parents(wish)
    reading = read_prompt(wish.prompt, wish.negative_prompt)
    scenes = []
    for number in range(wish.pictures):
        seed = wish.seed + number
        if kept.scene is None or wish.strength == "strong":
            scene = stage(reading, seed, _aspect(kept.scene))
        else:
            scene = remixed(kept.scene, reading, seed)
            scene = varied(scene, seed) if number else scene
        scenes.append(_styled(scene, wish))
    return painted(job, scenes, _longest(wish), prompt=wish.prompt, grid=wish.grid)


def tell_seed(job: EngineJob) -> EngineResult:
    """The seed and the words of one of the parent's pictures."""
    kept = parents(read(job))
    return EngineResult(
        (), {"method": METHOD, "seed": kept.seed, "prompt": kept.prompt, "shows": summary(kept.scene)}
    )


def painted(job: EngineJob, scenes: list[Scene], longest: int, *, prompt: str, grid: bool) -> EngineResult:
    """Each scene as a picture."""
    pictures = []
    for number, scene in enumerate(scenes):
        on_step = stage_report(job, number, len(scenes))
        picture = render(scene, pixels_of(scene.camera, longest), on_step)
        pictures.append(Made(picture, prompt, scene.seed, scene))
    job.report(97, "saving")
    return saved(job, pictures, grid=grid)


def _styled(scene: Scene, wish: Wish) -> Scene:
    return msgspec.structs.replace(scene, style=wish.style or scene.style)


def _variant(scene: Scene | None, prompt: str, wish: Wish, seed: int) -> Scene:
    if scene is None or wish.strength != "subtle":
        return _again(scene, prompt, seed)
    return varied(scene, seed)


def _again(scene: Scene | None, prompt: str, seed: int) -> Scene:
    """The same words, arranged by another seed, in the shape and style of the parent."""
    words = read_prompt(prompt, scene.negative if scene else "")
    fresh = stage(words, seed, _aspect(scene))
    return msgspec.structs.replace(fresh, style=scene.style if scene else fresh.style)


def _aspect(scene: Scene | None) -> float:
    return scene.camera.width / scene.camera.height if scene else 1.0


def _longest(wish: Wish) -> int:
    """As large as the parent was, within what is made at once."""
    known = (wish.parent.get("wish") or {}).get("size")
    return min(2048, max(256, int(known))) if isinstance(known, int) else 1024
