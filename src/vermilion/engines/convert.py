"""Resizing and converting: another format, another size, nothing of the file's metadata left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from PIL import Image, ImageOps

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.pictures import PIXELS_MAX, is_opaque, on_white, opened, upright
from vermilion.engines.wishes import given_file, read_wish

SIDE_MAX = 16_383  #: the most that WebP can hold
FRAMES_PIXELS_MAX = 60_000_000  #: of all frames of an animation together
Side = Annotated[int, msgspec.Meta(ge=1, le=SIDE_MAX)]
Size = tuple[int, int]


@dataclass(frozen=True)
class _Format:
    """How a format is written; without `moves` only the first frame of an animation can be kept."""

    pillow: str
    suffix: str
    quality: int
    moves: bool = True
    options: tuple[tuple[str, Any], ...] = ()


FORMATS = {
    "png": _Format("PNG", ".png", 100, options=(("compress_level", 6),)),
    "jpeg": _Format("JPEG", ".jpg", 88, moves=False, options=(("progressive", True), ("optimize", True))),
    "webp": _Format("WEBP", ".webp", 82, options=(("method", 4),)),
    "avif": _Format("AVIF", ".avif", 65, options=(("speed", 8), ("max_threads", 1))),
}


class Wish(msgspec.Struct, frozen=True):
    """A format and a size in pixels; with one side given, the other keeps the shape."""

    format: Literal["png", "jpeg", "webp", "avif"]
    width: Side | None = None
    height: Side | None = None
    fit: Literal["contain", "cover", "stretch"] = "contain"
    quality: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


def convert(job: EngineJob) -> EngineResult:
    """`files["image"]`, turned upright, in the wished format and size. Animations stay so where the format can."""
    wish = read_wish(job.params, Wish)
    job.report(2, "reading the picture")
    with opened(given_file(job)) as source:
        count = _frame_count(source, wish)
        frames, durations = [], []
        for number in range(count):
            source.seek(number)
            frames.append(_fitted(upright(source), wish, count))
            durations.append(int(source.info.get("duration", 0) or 100))
            job.report(5 + 55 * (number + 1) // count, "resizing")
        loop = int(source.info.get("loop", 1))
    job.report(65, "saving")
    return _saved(job, wish, frames, {"duration": durations, "loop": loop} if count > 1 else {})


def _frame_count(source: Image.Image, wish: Wish) -> int:
    """An MPO's further frames are other views of the same scene, not an animation."""
    moves = FORMATS[wish.format].moves and source.format not in ("JPEG", "MPO")
    return int(getattr(source, "n_frames", 1)) if moves else 1


def _fitted(picture: Image.Image, wish: Wish, count: int) -> Image.Image:
    """One frame at its new size, in RGB or, where something is transparent, RGBA."""
    size = _size(picture.size, wish)
    _check_size(size, count)
    picture = on_white(picture) if wish.format == "jpeg" else picture
    if wish.fit == "cover" and wish.width and wish.height:
        picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    elif picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    picture.info = {}
    return picture.convert("RGB") if count == 1 and is_opaque(picture) else picture


def _size(given: Size, wish: Wish) -> Size:
    """Width and height of the result."""
    wide, high = wish.width, wish.height
    if wide and high and wish.fit != "contain":
        return wide, high
    across = wide / given[0] if wide else None
    down = high / given[1] if high else None
    scale = min(part for part in (across, down) if part) if across or down else 1.0
    return max(1, round(given[0] * scale)), max(1, round(given[1] * scale))


def _check_size(size: Size, count: int) -> None:
    pixels = size[0] * size[1]
    if max(size) > SIDE_MAX or pixels > PIXELS_MAX:
        raise EngineRefused(
            f"{size[0]} × {size[1]} pixels are too many; a side may have {SIDE_MAX}, "
            f"the picture {PIXELS_MAX // 1_000_000} megapixels",
            "picture_too_large",
        )
    if count > 1 and pixels * count > FRAMES_PIXELS_MAX:
        raise EngineRefused(
            f"an animation may have {FRAMES_PIXELS_MAX // 1_000_000} megapixels over all frames; "
            "ask for a smaller size, or for jpeg, which keeps the first frame",
            "animation_too_large",
        )


def _saved(job: EngineJob, wish: Wish, frames: list[Image.Image], animation: dict[str, Any]) -> EngineResult:
    way = FORMATS[wish.format]
    options = {**dict(way.options), **animation}
    if animation:
        options |= {"save_all": True, "append_images": frames[1:]}
    if wish.format != "png":
        options["quality"] = wish.quality or way.quality
    path = job.out_dir / f"converted{way.suffix}"
    frames[0].save(path, way.pillow, **options)
    facts = {"format": wish.format, "frames": len(frames), "size_bytes": path.stat().st_size}
    made = EngineFile(path.name, path, f"image/{wish.format}", *frames[0].size)
    return EngineResult((made,), facts)
