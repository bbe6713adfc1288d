"""The composer as an engine: one entry for everything it does, named by the parameter `operation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vermilion.engines.composer.operations import (
    blending,
    enlarging,
    film,
    framing,
    guided,
    repainting,
    words,
)
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult

OPERATIONS: Mapping[str, Callable[[EngineJob], EngineResult]] = {
    "text-to-image": words.text_to_image,
    "variation": words.variation,
    "reroll": words.reroll,
    "remix": words.remix,
    "seed": words.tell_seed,
    "upscale": enlarging.upscale,
    "zoom-out": framing.zoom_out,
    "pan": framing.pan,
    "make-square": framing.make_square,
    "outpaint": framing.outpaint,
    "inpaint": repainting.inpaint,
    "image-to-image": guided.image_to_image,
    "blend": blending.blend,
    "video": film.video,
}


def compose(job: EngineJob) -> EngineResult:
    """Do what `job.params` ask for; raises `EngineRefused` for a request that it cannot read."""
    operation = str(job.params.get("operation", "text-to-image"))
    if operation not in OPERATIONS:
        raise EngineRefused(f"the composer cannot do {operation!r}; it can do {', '.join(OPERATIONS)}")
    return OPERATIONS[operation](job)
