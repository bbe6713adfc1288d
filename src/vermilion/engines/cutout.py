"""Background removal: the U²-Net (small) network finds the subject, its mask becomes the alpha channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.contract import EngineFile, EngineJob, EngineResult
from vermilion.engines.networks import onnx_network
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file

METHOD = "U²-Net (u2netp), 320 px, guided-filter edges"
_SIDE = 320
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_REFINE_SIDE = 1024
Field = npt.NDArray[np.floating[Any]]


def cut_out(job: EngineJob) -> EngineResult:
    """`files["image"]` with a transparent background, as PNG at the size it came in (turned upright)."""
    job.report(2, "reading the picture")
    with opened(given_file(job)) as source:
        picture = upright(source)
    job.report(15, "loading the network")
    network = onnx_network("u2netp.onnx")
    job.report(35, "finding the subject")
    mask = _mask(network, picture)
    job.report(70, "refining the edges")
    alpha = _refined(picture, mask)
    job.report(85, "saving")
    return _saved(job, picture, alpha)


def _mask(network: onnxruntime.InferenceSession, picture: Image.Image) -> Field:
    """The network's opinion of each of 320 × 320 places, stretched to the whole of 0 to 1."""
    small = on_white(picture).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, dtype=np.float32)
    normal = (pixels / max(float(pixels.max()), 1.0) - _MEAN) / _DEVIATION
    name = network.get_inputs()[0].name
    said = network.run(None, {name: normal.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
    low, high = float(said.min()), float(said.max())
    return np.asarray((said - low) / max(high - low, 1e-6), dtype=np.float32)


def _refined(picture: Image.Image, mask: Field) -> Image.Image:
    """The mask at the picture's size, its edge drawn to the picture's own edges by a guided filter."""
    scale = min(1.0, _REFINE_SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    coarse = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    guide = np.asarray(picture.convert("L").resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 255
    fine = _guided(guide, np.clip(coarse, 0, 1), radius=max(2, round(max(size) / 170)))
    firm = np.clip((fine - 0.08) / 0.84, 0, 1)
    alpha = Image.fromarray((firm * 255).astype(np.uint8), "L")
    return alpha if size == picture.size else alpha.resize(picture.size, Image.Resampling.BICUBIC)


def _guided(guide: Field, mask: Field, radius: int) -> Field:
    """The guided filter: locally, the mask as a line of the guide."""
    mean_guide, mean_mask = _mean(guide, radius), _mean(mask, radius)
    spread = _mean(guide * guide, radius) - mean_guide**2
    slope = (_mean(guide * mask, radius) - mean_guide * mean_mask) / (spread + 1e-3)
    return _mean(slope, radius) * guide + _mean(mean_mask - slope * mean_guide, radius)


def _mean(field: Field, radius: int) -> Field:
    """The mean over a square around every place, by running sums; the border is repeated outwards."""
    for axis in (0, 1):
        padding = [(radius + 1, radius) if at == axis else (0, 0) for at in (0, 1)]
        sums = np.cumsum(np.pad(field, padding, mode="edge"), axis=axis, dtype=np.float64)
        window, length = 2 * radius + 1, field.shape[axis]
        upper = np.take(sums, range(window, window + length), axis=axis)
        lower = np.take(sums, range(length), axis=axis)
        field = ((upper - lower) / window).astype(np.float32)
    return field


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
