"""Text in pictures: PP-OCRv6 by RapidOCR, which gets pixels and never a file or an address."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file

METHOD = "PP-OCRv6 small, by RapidOCR"
LONGER_MAX = (
    4  #: times the shorter side: the network enlarges that to 736 pixels, whatever becomes of the longer one
)
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}


def read(job: EngineJob) -> EngineResult:
    """The lines of text in `files["image"]`, from top to bottom, with where each is and how sure the network is.

    A box is four corners in pixels of the upright picture, clockwise from the one where the line begins.
    """
    job.report(2, "opening the picture")
    with opened(given_file(job)) as source:
        picture = on_white(upright(source))
    job.report(10, "waking the reader")
    assert job.pack is not None  # the pool runs this engine from its pack
    reader = _reader(job.pack)
    job.report(25, "reading")
    blue_first = np.asarray(_filled_up(picture.convert("RGB")))[:, :, ::-1]
    found = reader(np.ascontiguousarray(blue_first))
    lines = [
        {"text": text.strip(), "confidence": round(float(score), 4), "box": np.rint(box).astype(int).tolist()}
        for text, score, box in zip(found.txts or (), found.scores or (), _boxes(found), strict=True)
    ]
    facts = {
        "method": METHOD,
        "text": "\n".join(line["text"] for line in lines),
        "lines": lines,
        "width": picture.width,
        "height": picture.height,
    }
    return EngineResult((), facts)


def _filled_up(picture: Image.Image) -> Image.Image:
    """A long and narrow picture with room of its first pixel's colour, to the right or below."""
    shorter = -(-max(picture.size) // LONGER_MAX)
    if min(picture.size) >= shorter:
        return picture
    size = (max(picture.width, shorter), max(picture.height, shorter))
    filled = Image.new("RGB", size, picture.getpixel((0, 0)))
    filled.paste(picture)
    return filled


def _boxes(found: Any) -> Any:
    return () if found.boxes is None else found.boxes


@lru_cache
def _reader(pack: Path) -> Any:
    """The three networks by their paths: with those it looks for nothing to download."""
    from rapidocr import RapidOCR  # noqa: PLC0415  (only in the pack)

    models = pack / "rapidocr" / "models"
    return RapidOCR(
        params={
            **{f"{step}.model_path": str(models / name) for step, name in _MODELS.items()},
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "error",
        }
    )
