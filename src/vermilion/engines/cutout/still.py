"""Background removal from a picture: the subject's mask becomes the alpha channel."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.contract import EngineFile, EngineJob, EngineResult
from vermilion.engines.cutout.matte import METHOD, look, refined, stretched
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
    note = PngInfo()
    note.add_text("Software", "Vermilion cutout")
    note.add_text("method", METHOD)
    path = job.out_dir / "cutout.png"
    picture.save(path, pnginfo=note, compress_level=4)
    share = round(float(np.asarray(mask, dtype=np.float32).mean()) / 255, 4)
    made = EngineFile(path.name, path, "image/png", picture.width, picture.height)
    return EngineResult((made,), {"method": METHOD, "foreground_share": share})
