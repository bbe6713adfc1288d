"""One picture larger: as it is with more detail, or its scene drawn anew."""

from __future__ import annotations

from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.sources import source_of
from vermilion.engines.composer.wishes import read, stage_report
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.span import Scale, enlarged

#: Of the given picture, for each scale.
PIXELS_MAX: dict[Scale, int] = {2: 5_000_000, 4: 2_250_000}


def upscale(job: EngineJob) -> EngineResult:
    """Twice or four times as wide and as high."""
    wish = read(job)
    source = source_of(job, wish)
    width, height = source.flat.size
    if width * height > PIXELS_MAX[wish.scale]:
        most = PIXELS_MAX[wish.scale] / 1_000_000
        raise EngineRefused(
            f"a picture to be enlarged {wish.scale} times may have {most:g} megapixels at most",
            "picture_too_large",
        )
    if wish.mode == "creative" and source.scene is not None:
        picture = render(source.scene, (width * wish.scale, height * wish.scale), stage_report(job, 0, 1))
    else:
        picture = enlarged(
            source.flat, wish.scale, lambda share: job.report(2 + int(93 * share), "adding detail")
        )
    job.report(97, "saving")
    return saved(job, [Made(picture, source.prompt, source.seed, source.scene)])
