"""What is done to a picture that is there: the parent's, or one that the customer sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image, ImageFilter, ImageOps

from vermilion.engines.composer.request import RATIOS
from vermilion.engines.composer.saving import METHOD, save
from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.restyle import repainted
from vermilion.engines.span import Scale, enlarged

PIXELS_MAX = 16_000_000


def _image_to_image(job: EngineJob) -> EngineResult:
    flat = _given(job)
    with_style: str | Image.Image = str(job.params.get("style") or "impressionist")
    if "style_image" in job.files:
        with_style = _read(job, "style_image")
    strength = float(job.params.get("strength", 0.7))
    return _made(job, repainted(flat, with_style, strength=strength, on_share=_shares(job, "painting")))


def _upscale(job: EngineJob) -> EngineResult:
    flat = _given(job)
    scale: Scale = 4 if job.params.get("scale") == 4 else 2
    if flat.width * flat.height * scale**2 > PIXELS_MAX * 2:
        raise EngineRefused("the picture would become too large", "picture_too_large")
    return _made(job, enlarged(flat, scale, _shares(job, "adding detail")))


def _zoom_out(job: EngineJob) -> EngineResult:
    flat = _given(job)
    factor = float(job.params.get("factor", 2))
    across, down = (round(side * (factor - 1) / 2) for side in flat.size)
    wide = _extended(flat, across, down, across, down)
    return _made(job, wide.resize(flat.size, Image.Resampling.LANCZOS))


def _pan(job: EngineJob) -> EngineResult:
    flat, amount = _given(job), float(job.params.get("amount", 0.5))
    across, down = round(flat.width * amount), round(flat.height * amount)
    sides = {
        "left": (across, 0, 0, 0),
        "right": (0, 0, across, 0),
        "up": (0, down, 0, 0),
        "down": (0, 0, 0, down),
    }
    return _made(job, _extended(flat, *sides[str(job.params.get("direction", "right"))]))


def _make_square(job: EngineJob) -> EngineResult:
    flat = _given(job)
    side = max(flat.size)
    across, down = (side - flat.width) // 2, (side - flat.height) // 2
    wide = _extended(flat, across, down, side - flat.width - across, side - flat.height - down)
    return _made(job, wide)


def _outpaint(job: EngineJob) -> EngineResult:
    sides = [int(job.params.get(name, 0)) for name in ("left", "top", "right", "bottom")]
    if not any(sides):
        raise EngineRefused("at least one of left, right, top and bottom has to be more than 0")
    return _made(job, _extended(_given(job), *sides))


def _inpaint(job: EngineJob) -> EngineResult:
    flat = _given(job)
    mask = _read(job, "mask").convert("L").resize(flat.size)
    around = flat.filter(ImageFilter.GaussianBlur(max(flat.size) / 16))
    flat.paste(around, mask=mask.filter(ImageFilter.GaussianBlur(4)))
    return _made(job, flat)


def _blend(job: EngineJob) -> EngineResult:
    across, down = RATIOS[str(job.params.get("aspect_ratio", "1:1"))]
    scale = int(job.params.get("size", 1024)) / max(across, down)
    size = round(across * scale), round(down * scale)
    names = sorted(name for name in job.files if name.startswith("images/"))
    parts = [np.asarray(ImageOps.fit(_read(job, name), size), dtype=np.float32) for name in names]
    return _made(job, Image.fromarray(np.mean(parts, axis=0).astype(np.uint8)))


def _video(job: EngineJob) -> EngineResult:
    flat, fps = _given(job), int(job.params.get("fps", 24))
    frames, longest = fps * int(job.params.get("seconds", 5)), int(job.params.get("size", 720))
    scale = longest / max(flat.size)
    width, height = (max(2, round(side * scale) // 2 * 2) for side in flat.size)
    path = job.out_dir / "film.webm"
    codec = "libsvtav1" if job.params.get("codec") == "av1" else "libvpx-vp9"
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream(codec, rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            share = 0.2 * number / frames
            left, top = flat.width * share / 2, flat.height * share / 2
            box = left, top, flat.width - left, flat.height - top
            frame = flat.resize((width, height), Image.Resampling.BICUBIC, box=box)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
            job.report(2 + 96 * number // frames, "filming")
        film.mux(stream.encode())
    return EngineResult((EngineFile(path.name, path, "video/webm", width, height),), {"method": METHOD})


def _seed(job: EngineJob) -> EngineResult:
    picture = _parents_picture(job.params)
    return EngineResult((), {"method": METHOD, **{k: picture[k] for k in ("seed", "prompt") if k in picture}})


ON_PICTURES: Mapping[str, Callable[[EngineJob], EngineResult]] = {
    "image-to-image": _image_to_image,
    "upscale": _upscale,
    "zoom-out": _zoom_out,
    "pan": _pan,
    "make-square": _make_square,
    "outpaint": _outpaint,
    "inpaint": _inpaint,
    "blend": _blend,
    "video": _video,
    "seed": _seed,
}


def _parents_picture(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the parent's adapter kept of the picture that `index` names."""
    pictures = (params.get("parent") or {}).get("pictures", ())
    index = int(params.get("index", 1))
    if pictures and index > len(pictures):
        raise EngineRefused(f"the parent has {len(pictures)} pictures, so there is no number {index}")
    return pictures[index - 1] if pictures else {}


def _given(job: EngineJob) -> Image.Image:
    """The picture that came with the wish, else the parent's."""
    if "image" in job.files:
        return _read(job, "image")
    _parents_picture(job.params)
    has_grid = bool((job.params.get("parent") or {}).get("grid"))
    name = f"parent/{int(job.params.get('index', 1)) - 1 + has_grid}"
    if name not in job.files:
        raise EngineRefused("the parent's picture is not stored any more", "parent_gone")
    return _read(job, name)


def _read(job: EngineJob, name: str) -> Image.Image:
    if name not in job.files:
        raise EngineRefused(f"there is no {name}")
    with opened(job.files[name]) as source:
        return on_white(upright(source))


def _shares(job: EngineJob, text: str) -> Callable[[float], None]:
    return lambda share: job.report(2 + int(96 * share), text)


def _extended(flat: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """The picture with mirrored and softened surroundings."""
    if (flat.width + left + right) * (flat.height + top + bottom) > PIXELS_MAX:
        raise EngineRefused("the picture would become too large", "picture_too_large")
    pixels = np.asarray(flat)
    wide = Image.fromarray(np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="symmetric"))
    wide = wide.filter(ImageFilter.GaussianBlur(max(flat.size) / 100))
    wide.paste(flat, (left, top))
    return wide


def _made(job: EngineJob, picture: Image.Image) -> EngineResult:
    kept = _parents_picture(job.params)
    prompt, seed = str(job.params.get("prompt") or kept.get("prompt", "")), int(job.params.get("seed", 0))
    path = job.out_dir / "picture-1.png"
    save(picture, path, prompt=prompt, seed=seed)
    made = EngineFile(path.name, path, "image/png", *picture.size)
    facts = {"method": METHOD, "grid": False, "pictures": [{"seed": seed, "prompt": prompt}]}
    return EngineResult((made,), facts, {"wish": (job.params.get("parent") or {}).get("wish", {})})
