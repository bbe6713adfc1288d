"""Upscaling: a picture at twice or four times its size, with detail that a plain resize would blur."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.pictures import is_opaque, opened, upright
from vermilion.engines.span import METHOD, Scale, enlarged
from vermilion.engines.wishes import given_file, read_wish

#: Of the given picture: 40 s of work twofold; fourfold, 36 megapixels of result.
PIXELS_MAX: Mapping[Scale, int] = {2: 6_000_000, 4: 2_250_000}


class Wish(msgspec.Struct, frozen=True):
    """How many times the width and the height."""

    scale: Scale = 2


def upscale(job: EngineJob) -> EngineResult:
    """`files["image"]` enlarged, as PNG; an animation gives its first frame. Transparency is kept."""
    wish = read_wish(job.params, Wish)
    job.report(1, "reading the picture")
    with opened(given_file(job)) as source:
        _check_size(source.size, wish.scale)
        picture = upright(source)
    large = enlarged(picture, wish.scale, lambda share: job.report(2 + int(90 * share), "adding detail"))
    if not is_opaque(picture):
        large.putalpha(picture.getchannel("A").resize(large.size, Image.Resampling.BICUBIC))
    job.report(93, "saving")
    return _saved(job, large, wish.scale)


def _check_size(size: tuple[int, int], scale: Scale) -> None:
    if size[0] * size[1] > PIXELS_MAX[scale]:
        most = PIXELS_MAX[scale] / 1_000_000
        raise EngineRefused(
            f"a picture to be enlarged {scale} times may have {most:g} megapixels at most",
            "picture_too_large",
        )


def _saved(job: EngineJob, large: Image.Image, scale: Scale) -> EngineResult:
    method = METHOD.format(scale=scale)
    note = PngInfo()
    note.add_text("Software", "Vermilion upscaler")
    note.add_text("method", method)
    path = job.out_dir / "upscaled.png"
    large.save(path, pnginfo=note, compress_level=4)
    made = EngineFile(path.name, path, "image/png", *large.size)
    return EngineResult((made,), {"method": method, "scale": scale})
