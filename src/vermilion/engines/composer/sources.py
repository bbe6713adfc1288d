"""The pictures that an operation works on: the customer's own, or the parent's."""

from __future__ import annotations

import msgspec
from PIL import Image

from vermilion.engines.composer.saving import scene_in
from vermilion.engines.composer.scene.graph import Scene
from vermilion.engines.composer.wishes import Kept, Wish, kept_of
from vermilion.engines.contract import EngineJob, EngineRefused
from vermilion.engines.pictures import on_white, opened, upright


class Source(msgspec.Struct, frozen=True):
    """A picture, and the scene that it shows when that is known."""

    flat: Image.Image
    prompt: str
    seed: int
    scene: Scene | None


def source_of(job: EngineJob, wish: Wish) -> Source:
    """The customer's picture, else the parent's. Raises `EngineRefused` when there is neither."""
    if "image" in job.files:
        return from_file(job, "image")
    kept = parents(wish)
    name = f"parent/{kept.asset}"
    if name not in job.files:
        raise EngineRefused("the parent's picture is not stored any more", "parent_gone")
    return Source(from_file(job, name).flat, kept.prompt, kept.seed, kept.scene)


def parents(wish: Wish) -> Kept:
    """What the parent left. Raises `EngineRefused` when there is no parent."""
    if not wish.parent:
        raise EngineRefused("there is no picture to work on: name a parent or send an image")
    return kept_of(wish)


def from_file(job: EngineJob, name: str) -> Source:
    """A picture by the name of its file; one of ours brings its scene."""
    if name not in job.files:
        raise EngineRefused(f"there is no {name}")
    with opened(job.files[name]) as picture:
        flat = on_white(
            upright(picture)
        )  # Decoding comes first: text that follows the pixels is known after it.
        scene, text, seed = scene_in(picture), picture.info.get("prompt"), picture.info.get("seed")
    prompt = text if isinstance(text, str) and scene else ""
    known = (
        scene.seed
        if scene
        else int(seed)
        if isinstance(seed, str) and seed.isdecimal() and len(seed) < 19
        else 0
    )
    return Source(flat, prompt, known, scene)
