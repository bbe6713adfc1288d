"""Background removal from a picture: the subject's mask becomes the alpha channel."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.cutout.matte import METHOD, look, refined, stretched
from vermilion.engines.notes import saved_picture
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file


def cut_out(job: EngineJob) -> EngineResult:
    """`files["image"]` with a transparent background, as PNG at the size it came in (turned upright)."""
    job.report(2, "reading the picture")
    with opened(given_file(job)) as source:
        picture = upright(source)
    job.report(35, "finding the subject")
    seen = look(on_white(picture))
    job.report(70, "refining the edges")
    alpha = refined(picture, stretched(seen, low=float(seen.min()), high=float(seen.max())))
    job.report(85, "saving")
    return _saved(job, picture, alpha)


def _saved(job: EngineJob, picture: Image.Image, mask: Image.Image) -> EngineResult:
    """What was transparent before stays so."""
    picture.putalpha(ImageChops.multiply(mask, picture.getchannel("A")))
    share = round(float(np.asarray(mask, dtype=np.float32).mean()) / 255, 4)
    note = {"Software": "Vermilion cutout", "method": METHOD}
    made = saved_picture(picture, job.out_dir / "cutout.png", note)
    return EngineResult((made,), {"method": METHOD, "foreground_share": share})
