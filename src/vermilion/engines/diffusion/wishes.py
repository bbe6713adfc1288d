"""What a customer can ask of a diffusion model, and what the model is told of it."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vermilion.engines.composer.wishes import RATIOS
from vermilion.engines.contract import EngineJob, EngineRefused
from vermilion.engines.diffusion.layout import Layout
from vermilion.engines.wishes import read_wish

GRAIN_PIXELS = (
    16  #: every side is a multiple of it: what the autoencoders and patches of all models divide by
)
PIXELS_MAX = 2048
#: How much is drawn anew where the customer does not say.
STRENGTHS = {"image-to-image": 0.6, "inpaint": 0.9, "outpaint": 1.0, "subtle": 0.35, "strong": 0.7}
Prompt = Annotated[str, Meta(max_length=4000)]
Side = Annotated[int, Meta(ge=0, le=2048)]
Pixels = Annotated[int, Meta(ge=64, le=PIXELS_MAX)]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to draw, and how; steps, guidance and size are the model's own when left out."""

    operation: Literal["text-to-image", "image-to-image", "variation", "inpaint", "outpaint"]
    prompt: Prompt = ""
    negative_prompt: Prompt = ""
    aspect_ratio: Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21"] = "1:1"
    size: Annotated[int, Meta(ge=128, le=PIXELS_MAX)] | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    guidance: Annotated[float, Meta(ge=0, le=20)] | None = None
    strength: Annotated[float, Meta(ge=0.1, le=1)] | Literal["subtle", "strong"] | None = None
    count: Annotated[int, Meta(ge=1, le=4)] = 1
    seed: Annotated[int, Meta(ge=0, le=2**63 - 5)] = 0
    left: Side = 0
    right: Side = 0
    top: Side = 0
    bottom: Side = 0
    index: Annotated[int, Meta(ge=1, le=4)] = 1
    parent: dict[str, Any] = {}

    @property
    def needs_inpainting(self) -> bool:
        """Whether a part of a picture is to stay as it is."""
        return self.operation in ("inpaint", "outpaint")


def read(job: EngineJob) -> Wish:
    """The wish, with the parent's words where it has none; raises `EngineRefused` with what is wrong first."""
    wish = read_wish(job.params, Wish)
    if not wish.prompt.strip():
        wish = msgspec.structs.replace(wish, prompt=_words_of_parent(wish))
    if not wish.prompt.strip():
        raise EngineRefused("the prompt is empty")
    if wish.operation == "outpaint" and not (wish.left or wish.right or wish.top or wish.bottom):
        raise EngineRefused("at least one of left, right, top and bottom has to be more than 0")
    return wish


def words_for(layout: Layout, wish: Wish, given: tuple[int, int] | None) -> dict[str, Any]:
    """What the pipeline is told, for a given picture of that size. What it would refuse is left out."""
    width, height = _frame(layout, wish, given)
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
    if given:
        strength = wish.strength or STRENGTHS.get(wish.operation, STRENGTHS["strong"])
        share = STRENGTHS[strength] if isinstance(strength, str) else strength
        least = math.ceil(1 / share)  # With fewer, not one would be left to do.
        words |= {"strength": share, "num_inference_steps": max(words["num_inference_steps"], least)}
    return words


def _words_of_parent(wish: Wish) -> str:
    pictures = wish.parent.get("pictures")
    if not isinstance(pictures, list) or len(pictures) < wish.index:
        return ""
    found = pictures[wish.index - 1]
    return str(found.get("prompt") or "")[:4000] if isinstance(found, dict) else ""


def _frame(layout: Layout, wish: Wish, given: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height in whole grains: those asked for, or a shape at its longest side."""
    if wish.width and wish.height and not given:
        return _grains(wish.width), _grains(wish.height)
    across, down = given or RATIOS[wish.aspect_ratio]
    longest = wish.size or min(layout.pixels, PIXELS_MAX)
    return _grains(longest * across / max(across, down)), _grains(longest * down / max(across, down))


def _grains(side: float) -> int:
    return max(GRAIN_PIXELS, round(side / GRAIN_PIXELS) * GRAIN_PIXELS)
