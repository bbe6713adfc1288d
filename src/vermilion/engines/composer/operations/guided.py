"""A picture from a picture: its main thing in a new scene, things set into it, or its colours and style alone."""

from __future__ import annotations

import msgspec
import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.operations.repainting import with_actors
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.scene.graph import Scene
from vermilion.engines.composer.scene.staging import stage
from vermilion.engines.composer.sources import from_file
from vermilion.engines.composer.subjects import in_colours_of, subject_of
from vermilion.engines.composer.wishes import Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.restyle import repainted


def image_to_image(job: EngineJob) -> EngineResult:
    """`keep` says what of the picture stays."""
    wish = read(job)
    job.report(1, "reading the picture")
    given = from_file(job, "image").flat
    given = _sized(given, wish.size)
    subject = _with_room(subject_of(given)) if wish.keep == "subject" and wish.prompt.strip() else None
    pictures = []
    for number in range(wish.pictures):
        seed = wish.seed + number
        picture, scene = _composed(job, wish, given, subject, seed=seed, number=number)
        picture = _styled(job, wish, picture)
        pictures.append(Made(picture, wish.prompt, seed, scene))
    job.report(97, "saving")
    return saved(job, pictures)


def _composed(
    job: EngineJob, wish: Wish, given: Image.Image, subject: Image.Image | None, *, seed: int, number: int
) -> tuple[Image.Image, Scene | None]:
    """The scene counts as known only where it shows everything that is in the picture."""
    reading = read_prompt(wish.prompt, wish.negative_prompt)
    if not wish.prompt.strip():
        return given, None
    if wish.keep == "structure" or (wish.keep == "subject" and subject is None):
        where = (
            int(given.width * 0.55),
            int(given.height * 0.35),
            int(given.width * 0.98),
            int(given.height * 0.97),
        )
        return with_actors(given, msgspec.structs.replace(wish, seed=seed), where), None
    scene = msgspec.structs.replace(stage(reading, seed, given.width / given.height), style=None)
    if subject is not None:
        scene = _making_room(scene, subject)
    world = render(scene, given.size, stage_report(job, number, wish.pictures))
    world = in_colours_of(world, given, 0.2 if subject is not None else 0.65)
    if subject is None:
        return world, scene if wish.keep == "colours" else None
    return _set_into(world, subject, scene), None


def _with_room(subject: Image.Image | None) -> Image.Image | None:
    """A subject that fills the picture steps back and to the side, so that a scene can be seen around it."""
    if subject is None:
        return None
    box = subject.getchannel("A").point(lambda value: 255 if value > 40 else 0).getbbox()
    if box is None or box[2] - box[0] < subject.width * 0.6:
        return subject
    size = round(subject.width * 0.74), round(subject.height * 0.74)
    smaller = subject.resize(size, Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", subject.size)
    leftmost = 0 if box[0] < subject.width * 0.1 else round(subject.width * 0.03)
    ground.paste(smaller, (leftmost, subject.height - size[1]))
    return ground


def _making_room(scene: Scene, subject: Image.Image) -> Scene:
    """Others keep out of the subject's place."""
    left, top, right, bottom = subject.getchannel("A").point(
        lambda value: 255 if value > 40 else 0
    ).getbbox() or (0, 0, 1, 1)
    world = scene.camera.width / subject.width
    kept = tuple(
        actor for actor in scene.actors
        if actor.place == "air" or not left * world - 0.02 < actor.x < right * world + 0.02
    )  # fmt: skip
    free_left, free_right = left * world, scene.camera.width - right * world
    moved = []
    for number, actor in enumerate(one for one in scene.actors if one not in kept):
        room = max(free_left, free_right)
        x = (
            free_left * (0.5 + 0.2 * number)
            if free_left > free_right
            else scene.camera.width - free_right * (0.5 + 0.2 * number)
        )
        moved.append(msgspec.structs.replace(actor, x=x, height=min(actor.height, max(0.12, room * 0.9))))
    box = (left * world, top * world, right * world, bottom * world)
    return msgspec.structs.replace(scene, actors=(*kept, *moved), cleared=(box,))


def _set_into(world: Image.Image, subject: Image.Image, scene: Scene) -> Image.Image:
    """The cut-out in the light of the scene, on its own shadow when it stands."""
    lit = in_colours_of(subject, world, 0.22).convert("RGBA")
    lit.putalpha(subject.getchannel("A"))
    box = subject.getchannel("A").point(lambda value: 255 if value > 40 else 0).getbbox()
    if box and box[3] < subject.height * 0.97:
        wide, high = box[2] - box[0], max(4, (box[2] - box[0]) // 6)
        rows, columns = np.mgrid[-1 : 1 : high * 1j, -1.2 : 1.2 : wide * 1j]
        pool = Image.fromarray((np.exp(-(columns**2 * 2 + rows**2 * 4)) * 140).astype(np.uint8))
        world.paste((10, 12, 24), (box[0], box[3] - high // 2), pool)
    world.paste(lit, (0, 0), lit.getchannel("A").filter(ImageFilter.GaussianBlur(0.6)))
    return world


def _styled(job: EngineJob, wish: Wish, picture: Image.Image) -> Image.Image:
    style: str | Image.Image | None = wish.style or read_prompt(wish.prompt).style
    if "style_image" in job.files:
        style = from_file(job, "style_image").flat
    if style is None and not wish.prompt.strip():
        style = "impressionist"
    strength = wish.strength if isinstance(wish.strength, float | int) else 0.7
    if style is None or not strength:
        return picture
    return repainted(
        picture,
        style,
        strength=min(1.0, max(0.0, float(strength))),
        on_share=lambda share: job.report(60 + int(35 * share), "style"),
    )


def _sized(flat: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(flat.size)
    size = max(16, round(flat.width * scale)), max(16, round(flat.height * scale))
    return flat.resize(size, Image.Resampling.LANCZOS)
