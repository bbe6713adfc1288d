"""Saves pictures with a note of how they were made, and lays four of them out as a grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.composer.art import things
from vermilion.engines.composer.scene.graph import Scene
from vermilion.engines.composer.scene.soundness import is_sound
from vermilion.engines.contract import EngineFile, EngineJob, EngineResult
from vermilion.engines.notes import printable, saved_picture

SOFTWARE = "Vermilion composer"
METHOD = "scene composer with neural styles, not a diffusion model"
_GAP_PIXELS = 4


class Made(msgspec.Struct, frozen=True):
    """A finished picture and what it was made from; without a scene it was made from another picture."""

    picture: Image.Image
    prompt: str
    seed: int
    scene: Scene | None = None


def saved(job: EngineJob, pictures: Sequence[Made], *, grid: bool = False) -> EngineResult:
    """The pictures as files, the grid first, with what customers are told and what follow-ups need."""
    files = [
        _save(job.out_dir / f"picture-{number}.png", made) for number, made in enumerate(pictures, start=1)
    ]
    if grid:
        files.insert(0, _grid_of([made.picture for made in pictures], job.out_dir / "grid.png"))
    told = [{"seed": made.seed, "prompt": made.prompt, "shows": summary(made.scene)} for made in pictures]
    kept = [
        {
            "asset": number + grid,
            "seed": made.seed,
            "prompt": made.prompt,
            "scene": msgspec.to_builtins(made.scene) if made.scene else None,
        }
        for number, made in enumerate(pictures)
    ]
    wish = {"aspect_ratio": _ratio(pictures[0].picture), "size": max(pictures[0].picture.size)}
    facts = {"method": METHOD, "grid": grid, "pictures": told}
    return EngineResult(tuple(files), facts, {"pictures": kept, "wish": wish})


def summary(scene: Scene | None) -> dict[str, Any]:
    """A scene in a few words, for people."""
    if scene is None:
        return {}
    names = [things()[actor.art].label for actor in scene.actors if actor.art in things()]
    counted = {name: names.count(name) for name in names}
    return {
        "time": scene.time, "land": list(scene.lands), "weather": list(scene.weather), "things": counted,
        "style": scene.style,
    }  # fmt: skip


def scene_in(picture: Image.Image) -> Scene | None:
    """The scene that a picture of ours carries in its metadata; None for any other picture, and for a forged one."""
    text = picture.info.get("scene")
    if not isinstance(text, str) or len(text) > 262_144:
        return None
    try:
        scene = msgspec.json.decode(str(text).encode(), type=Scene)
    except (msgspec.DecodeError, ValueError):
        return None
    return scene if is_sound(scene) else None


def _save(path: Path, made: Made) -> EngineFile:
    note = PngInfo()
    note.add_text("Software", SOFTWARE)
    note.add_text("prompt", printable(made.prompt))
    note.add_text("seed", str(made.seed))
    note.add_text("method", METHOD)
    if made.scene is not None:
        scene = msgspec.json.encode(made.scene).decode()
        note.add_itxt("scene", scene, zip=True)
    made.picture.save(path, pnginfo=note, compress_level=4)
    return EngineFile(path.name, path, "image/png", *made.picture.size)


def _grid_of(tiles: Sequence[Image.Image], path: Path) -> EngineFile:
    width, height = tiles[0].size
    whole = Image.new("RGB", (2 * width + _GAP_PIXELS, 2 * height + _GAP_PIXELS), (255, 255, 255))
    for number, tile in enumerate(tiles):
        whole.paste(tile, ((number % 2) * (width + _GAP_PIXELS), (number // 2) * (height + _GAP_PIXELS)))
    return saved_picture(whole, path, {"Software": SOFTWARE, "method": METHOD})


def _ratio(picture: Image.Image) -> str:
    """Only ever read by faces that show a shape; sizes are taken from the scene's camera."""
    return f"{picture.width}:{picture.height}"
