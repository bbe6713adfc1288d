"""Style transfer: repaints a picture in one of 26 styles, or in the style of another picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.networks import onnx_network
from vermilion.engines.notes import saved_picture
from vermilion.engines.pictures import is_opaque, on_white, opened, upright
from vermilion.engines.span import enlarged
from vermilion.engines.styles import STYLES
from vermilion.engines.wishes import given_file, read_wish

METHODS = ("26-style network", "arbitrary-style network")
PIXELS_MAX = 4_000_000  #: of the result; a larger picture comes back smaller
_PAINTED_PIXELS = 1024 * 1024  #: what the 26-style network paints at once; strokes look best there
_PAINTED_SIDE = 384  #: the other network knows only this size
_STYLE_SIDE = 256
_SIDE_MIN = 32
_STRIDE = 4
Field = npt.NDArray[np.floating[Any]]


class Wish(msgspec.Struct, frozen=True):
    """A style by name, and how strong it is: 0 is the picture as it was, 1 the style alone."""

    style: str = "starry-night"
    strength: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


def restyle(job: EngineJob) -> EngineResult:
    """`files["image"]` repainted, as PNG; `files["style_image"]`, when there is one, goes before the named style."""
    wish = read_wish(job.params, Wish)
    if wish.style not in STYLES:
        raise EngineRefused(f"there is no style {wish.style!r}; there are {', '.join(STYLES)}")
    job.report(2, "reading the picture")
    picture = _bounded(_read(job, "image"), PIXELS_MAX)
    flat = on_white(picture)
    job.report(10, "painting")
    example = on_white(_read(job, "style_image")) if _has_example(job) else None
    painted = repainted(
        flat,
        example or wish.style,
        strength=wish.strength,
        on_share=lambda share: job.report(10 + int(80 * share), "painting"),
    )
    job.report(92, "saving")
    if not is_opaque(picture):
        painted.putalpha(picture.getchannel("A"))
    return _saved(job, painted, wish)


def repainted(
    flat: Image.Image, style: str | Image.Image, *, strength: float, on_share: Callable[[float], None]
) -> Image.Image:
    """The RGB picture in a named style or in that of another picture, mixed with itself by `strength`."""
    painted = _named(flat, style) if isinstance(style, str) else _like(flat, style)
    on_share(0.5)
    painted = _grown(painted, flat.size, lambda share: on_share(0.5 + 0.5 * share))
    return Image.blend(flat, painted, strength)


def _read(job: EngineJob, name: str) -> Image.Image:
    with opened(given_file(job, name)) as source:
        return upright(source)


def _has_example(job: EngineJob) -> bool:
    return "style_image" in job.files


def _bounded(picture: Image.Image, pixels_max: int) -> Image.Image:
    """The picture with its shape kept and `pixels_max` pixels at most."""
    shrink = (pixels_max / (picture.width * picture.height)) ** 0.5
    return picture if shrink >= 1 else _scaled(picture, shrink)


def _scaled(picture: Image.Image, scale: float) -> Image.Image:
    size = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _named(flat: Image.Image, style: str) -> Image.Image:
    """One of the 26 styles. The borders are mirrored to a size that the network takes, and cut off again."""
    small = _bounded(flat, _PAINTED_PIXELS)
    width, height = (max(_SIDE_MIN, -(-side // _STRIDE) * _STRIDE) for side in small.size)
    pixels = _mirrored(_floats(small), width, height).transpose(2, 0, 1)[None]
    weights = np.zeros(len(STYLES), dtype=np.float32)
    weights[STYLES.index(style)] = 1
    network = onnx_network("multistyle26.onnx")
    said = network.run(None, {"image": np.ascontiguousarray(pixels), "style_weights": weights})[0][0]
    return _picture(said.transpose(1, 2, 0)[: small.height, : small.width])


def _like(flat: Image.Image, example: Image.Image) -> Image.Image:
    """The style of `example`: one network reads it into a hundred numbers, another one paints by them."""
    square = ImageOps.fit(example, (_STYLE_SIDE, _STYLE_SIDE), Image.Resampling.LANCZOS)
    reader, painter = onnx_network("arbitrary_predict.onnx"), onnx_network("arbitrary_transform.onnx")
    style = reader.run(None, {reader.get_inputs()[0].name: _floats(square)[None]})[0]
    small = _scaled(flat, _PAINTED_SIDE / max(flat.size))
    content, manner = (entry.name for entry in painter.get_inputs())
    pixels = _mirrored(_floats(small), _PAINTED_SIDE, _PAINTED_SIDE)[None]
    said = painter.run(None, {content: pixels, manner: style})[0][0]
    return _picture(said[: small.height, : small.width])


def _floats(picture: Image.Image) -> Field:
    return np.asarray(picture, dtype=np.float32) / 255


def _mirrored(pixels: Field, width: int, height: int) -> Field:
    right, below = width - pixels.shape[1], height - pixels.shape[0]
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")


def _picture(values: Field) -> Image.Image:
    return Image.fromarray(np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8))


def _grown(painted: Image.Image, size: tuple[int, int], on_share: Callable[[float], None]) -> Image.Image:
    """The painting at the picture's size; where that is larger, strokes stay crisp by the upscaling network."""
    growth = max(size) / max(painted.size)
    if growth > 1.1:
        painted = enlarged(painted, 2 if growth <= 2 else 4, on_share)
    return painted if painted.size == size else painted.resize(size, Image.Resampling.LANCZOS)


def _saved(job: EngineJob, painted: Image.Image, wish: Wish) -> EngineResult:
    by_example = _has_example(job)
    facts = {
        "method": METHODS[by_example],
        "style": "style picture" if by_example else wish.style,
        "strength": wish.strength,
    }
    note = {"Software": "Vermilion restyle", **{name: str(value) for name, value in facts.items()}}
    return EngineResult((saved_picture(painted, job.out_dir / "restyled.png", note),), facts)
