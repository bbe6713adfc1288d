"""One picture larger: as it is with more detail, or its scene drawn anew."""

from __future__ import annotations

from PIL import Image

from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import Made, saved
from vermilion.engines.composer.scene.graph import Scene
from vermilion.engines.composer.sources import Source, source_of
from vermilion.engines.composer.wishes import Wish, read, stage_report
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.span import Scale, enlarged

#: Of the given picture, for each scale.
PIXELS_MAX: dict[Scale, int] = {2: 5_000_000, 4: 2_250_000}
DRAWN_PIXELS_MAX = 6_000_000  #: of a scene that is drawn at once; what is larger is enlarged


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
        picture = _drawn(job, source.scene, wish, source)
    else:
        picture = enlarged(
            source.flat, wish.scale, lambda share: job.report(2 + int(93 * share), "adding detail")
        )
    job.report(97, "saving")
    return saved(job, [Made(picture, source.prompt, source.seed, source.scene)])


def _drawn(job: EngineJob, scene: Scene, wish: Wish, source: Source) -> Image.Image:
    width, height = source.flat.width * wish.scale, source.flat.height * wish.scale
    on_step = stage_report(job, 0, 1)
    if width * height <= DRAWN_PIXELS_MAX:
        return render(scene, (width, height), on_step)
    half = render(scene, (width // 2, height // 2), lambda share, text: on_step(share * 0.4, text))
    return enlarged(half, 2, lambda share: on_step(0.4 + 0.6 * share, "adding detail"))
