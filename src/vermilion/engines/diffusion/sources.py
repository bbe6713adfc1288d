"""The picture that a diffusion model is given, and which part of it is drawn anew."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PIL import Image, ImageChops, ImageFilter

from vermilion.engines.composer.fill import extended
from vermilion.engines.contract import EngineJob, EngineRefused
from vermilion.engines.diffusion.wishes import Wish
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file

PIXELS_MAX = 16_000_000
ASPECT_MAX = 4


class Source(msgspec.Struct, frozen=True):
    """A picture, and in white what is drawn anew; without a mask that is all of it."""

    flat: Image.Image
    mask: Image.Image | None = None

    def sized(self, size: tuple[int, int]) -> list[Image.Image]:
        """What the model is given, in the size that it draws."""
        given = [self.flat.resize(size, Image.Resampling.LANCZOS)]
        return [*given, *([self.mask.resize(size, Image.Resampling.NEAREST)] if self.mask else [])]

    def finished(self, drawn: Image.Image) -> Image.Image:
        """With a mask, the picture in its own size: outside as it was, softly going over into what was drawn."""
        if self.mask is None:
            return drawn
        soft = self.mask.filter(ImageFilter.GaussianBlur(max(1.0, max(self.mask.size) * 0.004)))
        seen = ImageChops.darker(soft, self.mask)
        return Image.composite(drawn.resize(self.flat.size, Image.Resampling.LANCZOS), self.flat, seen)


def source_of(job: EngineJob, wish: Wish) -> Source | None:
    """The customer's picture, else the parent's; None where the wish is words alone. Raises `EngineRefused`."""
    if wish.operation == "text-to-image":
        return None
    with opened(_path(job, wish)) as picture:
        flat = on_white(upright(picture))
    _check_size((flat.width + wish.left + wish.right, flat.height + wish.top + wish.bottom))
    if wish.operation == "outpaint":
        return _widened(flat, wish)
    return Source(flat, _mask(job, flat.size) if wish.operation == "inpaint" else None)


def _path(job: EngineJob, wish: Wish) -> Path:
    if "image" in job.files or not wish.parent:
        return given_file(job)
    path = job.files.get(f"parent/{wish.index - 1}")
    if path is None:
        raise EngineRefused(f"the parent has no picture number {wish.index} any more", "parent_gone")
    return path


def _check_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > PIXELS_MAX or max(size) > ASPECT_MAX * min(size):
        raise EngineRefused(
            f"the picture may have {PIXELS_MAX // 1_000_000} megapixels and "
            f"be {ASPECT_MAX} times as long as wide at most",
            "picture_too_large",
        )


def _widened(flat: Image.Image, wish: Wish) -> Source:
    """The picture on a larger sheet, whose new part first mirrors its edges."""
    wide = extended(flat, wish.left, wish.top, wish.right, wish.bottom)
    mask = Image.new("L", wide.size, 255)
    mask.paste(0, (wish.left, wish.top, wish.left + flat.width, wish.top + flat.height))
    return Source(wide, mask)


def _mask(job: EngineJob, size: tuple[int, int]) -> Image.Image:
    """White where the picture is to be drawn anew, stretched to the picture's size."""
    with opened(given_file(job, "mask")) as picture:
        mask = on_white(upright(picture)).convert("L").resize(size, Image.Resampling.BILINEAR)
    mask = mask.point(lambda value: 255 if value >= 128 else 0)
    if mask.getbbox() is None:
        raise EngineRefused("the mask has no white part, so there is nothing to draw anew", "empty_mask")
    return mask
