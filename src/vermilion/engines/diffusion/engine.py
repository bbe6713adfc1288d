"""Pictures by a diffusion model: from words, from a picture and words, and with a region drawn anew."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from PIL import Image, ImageFilter

from vermilion.engines.composer.wishes import RATIOS
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.diffusion.layout import Layout
from vermilion.engines.diffusion.pipelines import Model, OnStep, model_in
from vermilion.engines.notes import saved_picture
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file, read_wish

METHOD = "diffusion model {name} ({pipeline}), run by OpenVINO GenAI"
SOFTWARE = "Vermilion diffusion"
GRAIN_PIXELS = (
    16  #: every side is a multiple of it: what the autoencoders and patches of all models divide by
)
PIXELS_MAX = 16_000_000
ASPECT_MAX = 4
_LOADED_PERCENT = 5
Share = Annotated[float, Meta(ge=0.1, le=1)]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to draw, and how; steps, guidance and size are the model's own when left out."""

    operation: Literal["text-to-image", "image-to-image", "inpaint"]
    prompt: Annotated[str, Meta(min_length=1, max_length=4000)]
    negative_prompt: Annotated[str, Meta(max_length=4000)] = ""
    aspect_ratio: Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21"] = "1:1"
    size: Annotated[int, Meta(ge=128, le=2048)] | None = None
    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    guidance: Annotated[float, Meta(ge=0, le=20)] | None = None
    strength: Share | None = None
    count: Annotated[int, Meta(ge=1, le=4)] = 1
    seed: Annotated[int, Meta(ge=0, le=2**63 - 5)] = 0
    index: Annotated[int, Meta(ge=1, le=4)] = 1
    parent: dict[str, Any] = {}


def diffuse(job: EngineJob) -> EngineResult:
    """The pictures, as PNG with a note of how they were made; the second has the next seed."""
    wish = read_wish(job.params, Wish)
    source = _source(job, wish)
    mask = _mask(job, source) if source and wish.operation == "inpaint" else None
    job.report(1, "loading the model")
    assert job.model is not None  # the pool runs this engine with the operator's model
    model = model_in(job.model)
    _check_able(model.layout, wish)
    words = _words(model.layout, wish, source)
    given = _given(source, mask, (words["width"], words["height"]))
    files = []
    for number in range(wish.count):
        words["seed"] = wish.seed + number
        drawn = model.draw(words, given, _teller(job, number, wish.count))
        picture = _only_there(drawn, source, mask) if source and mask else drawn
        path = job.out_dir / f"picture-{number + 1}.png"
        files.append(saved_picture(picture, path, _note(model.layout, words)))
    return EngineResult(tuple(files), _facts(model, wish, words))


def _source(job: EngineJob, wish: Wish) -> Image.Image | None:
    """The customer's picture, else the parent's. Raises `EngineRefused` when there is neither."""
    if wish.operation == "text-to-image":
        return None
    with opened(_path(job, wish)) as picture:
        flat = on_white(upright(picture))
    if flat.width * flat.height > PIXELS_MAX or max(flat.size) > ASPECT_MAX * min(flat.size):
        raise EngineRefused(
            f"the picture may have {PIXELS_MAX // 1_000_000} megapixels and "
            f"be {ASPECT_MAX} times as long as wide at most",
            "picture_too_large",
        )
    return flat


def _path(job: EngineJob, wish: Wish) -> Path:
    if "image" in job.files or not wish.parent:
        return given_file(job)
    path = job.files.get(f"parent/{wish.index - 1}")
    if path is None:
        raise EngineRefused(f"the parent has no picture number {wish.index} any more", "parent_gone")
    return path


def _mask(job: EngineJob, source: Image.Image) -> Image.Image:
    """White where the picture is to be drawn anew, stretched to the picture's size."""
    with opened(given_file(job, "mask")) as picture:
        mask = on_white(upright(picture)).convert("L").resize(source.size, Image.Resampling.BILINEAR)
    mask = mask.point(lambda value: 255 if value >= 128 else 0)
    if mask.getbbox() is None:
        raise EngineRefused("the mask has no white part, so there is nothing to draw anew", "empty_mask")
    return mask


def _check_able(layout: Layout, wish: Wish) -> None:
    if wish.operation == "inpaint" and not layout.kind.inpaints:
        raise EngineRefused(
            f"the model on this machine, {layout.name}, does not draw regions anew", "not_this_model"
        )


def _words(layout: Layout, wish: Wish, source: Image.Image | None) -> dict[str, Any]:
    """What the pipeline is told. What it would refuse is left out, and named in the facts."""
    across, down = source.size if source else RATIOS[wish.aspect_ratio]
    width, height = _frame(across / down, wish.size or min(layout.pixels, 2048))
    guidance = layout.guidance if wish.guidance is None else wish.guidance
    words: dict[str, Any] = {
        "prompt": wish.prompt,
        "width": width,
        "height": height,
        "num_inference_steps": wish.steps or layout.steps,
        "guidance_scale": guidance,
    }
    if wish.negative_prompt and layout.kind.negative_prompt and guidance > 1:
        words["negative_prompt"] = wish.negative_prompt
    if source:
        strength = wish.strength or (0.6 if wish.operation == "image-to-image" else 0.9)
        least = math.ceil(1 / strength)  # With fewer, not one would be left to do.
        words |= {"strength": strength, "num_inference_steps": max(words["num_inference_steps"], least)}
    return words


def _frame(ratio: float, longest: int) -> tuple[int, int]:
    """Width and height of this shape, in grains."""
    across, down = (longest, longest / ratio) if ratio >= 1 else (longest * ratio, longest)
    width, height = (max(GRAIN_PIXELS, round(side / GRAIN_PIXELS) * GRAIN_PIXELS) for side in (across, down))
    return width, height


def _given(
    source: Image.Image | None, mask: Image.Image | None, size: tuple[int, int]
) -> dict[str, Image.Image]:
    """The pictures in the size that is drawn."""
    given = {}
    if source:
        given["image"] = source.resize(size, Image.Resampling.LANCZOS)
    if mask:
        given["mask"] = mask.resize(size, Image.Resampling.NEAREST)
    return given


def _teller(job: EngineJob, number: int, count: int) -> OnStep:
    """Reports each step of one picture of several; the pictures share what follows the loading."""
    which = "" if count == 1 else f"picture {number + 1} of {count}: "

    def on_step(step: int, steps: int) -> None:
        done = (number + step / steps) / count
        job.report(_LOADED_PERCENT + int((98 - _LOADED_PERCENT) * done), f"{which}step {step} of {steps}")

    return on_step


def _only_there(drawn: Image.Image, source: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture in its own size, with what was drawn seen through the mask; the edge is soft."""
    soft = mask.filter(ImageFilter.GaussianBlur(max(1.0, max(mask.size) * 0.004)))
    return Image.composite(drawn.resize(source.size, Image.Resampling.LANCZOS), source, soft)


def _note(layout: Layout, words: dict[str, Any]) -> dict[str, str]:
    return {
        "Software": SOFTWARE,
        "prompt": words["prompt"],
        "negative_prompt": words.get("negative_prompt", ""),
        "seed": str(words["seed"]),
        "steps": str(words["num_inference_steps"]),
        "guidance": f"{words['guidance_scale']:g}",
        "model": layout.name,
        "method": _method(layout),
    }


def _facts(model: Model, wish: Wish, words: dict[str, Any]) -> dict[str, Any]:
    unused = ["negative_prompt"] if wish.negative_prompt and "negative_prompt" not in words else []
    return {
        "method": _method(model.layout),
        "model": model.layout.name,
        "device": model.device,
        "steps": words["num_inference_steps"],
        "guidance": words["guidance_scale"],
        "pictures": [{"seed": wish.seed + number, "prompt": wish.prompt} for number in range(wish.count)],
        **({"parameters_unused": unused} if unused else {}),
    }


def _method(layout: Layout) -> str:
    return METHOD.format(name=layout.name, pipeline=layout.pipeline)
