"""The engine that looks at an upload before anything else may: its real type, its bounds, a thumbnail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.footage import look_at
from vermilion.engines.models import MODEL_TYPE, look_at_model
from vermilion.engines.pictures import FORMATS, content_type, decoded, is_opaque, opened, upright
from vermilion.engines.recordings import RECORDINGS
from vermilion.engines.sniff import content_type_of

THUMBNAIL_PIXELS = 512
THUMBNAIL_TYPE = "image/webp"


def inspect_file(job: EngineJob) -> EngineResult:
    """Facts of `files["file"]`, and a WebP thumbnail of what can be seen or heard (a waveform).

    Refuses unknown, damaged and oversized files.
    """
    path = job.files.get("file")
    if path is None:
        raise EngineRefused("there is no file to inspect")
    kind = content_type_of(path)
    if kind is None:
        raise EngineRefused("files of this type are not accepted", "unsupported_media")
    if kind in RECORDINGS:
        return _recording(path, job)
    if kind == MODEL_TYPE:
        return EngineResult((), look_at_model(path))
    return _picture(path, job) if kind in FORMATS.values() else EngineResult((), {"content_type": kind})


def _recording(path: Path, job: EngineJob) -> EngineResult:
    facts, picture = look_at(path)
    return EngineResult((_thumbnail(picture, job.out_dir),) if picture else (), facts)


def _picture(path: Path, job: EngineJob) -> EngineResult:
    with opened(path) as picture:
        facts: dict[str, Any] = {"content_type": content_type(picture)}
        facts |= _frames(picture)
        if picture.format == "JPEG":  # Decodes at a fraction of the size where that is enough.
            facts |= _size(picture)
            picture.draft("RGB", (THUMBNAIL_PIXELS * 2, THUMBNAIL_PIXELS * 2))
            whole = upright(picture)
        else:
            whole = upright(picture)
            facts |= {"width": whole.width, "height": whole.height}
    return EngineResult((_thumbnail(whole, job.out_dir),), facts)


def _size(picture: Image.Image) -> dict[str, int]:
    """Width and height after turning; the orientations from 5 on stand on their side."""
    width, height = picture.size
    if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):
        width, height = height, width
    return {"width": width, "height": height}


def _frames(picture: Image.Image) -> dict[str, Any]:
    """How many frames, and how long they play; every frame is decoded, so a damaged one is found here."""
    frames = int(getattr(picture, "n_frames", 1))
    if frames == 1 or picture.format in ("JPEG", "MPO"):
        return {}
    _check_frames(picture, frames)
    played_ms = 0.0
    for at in range(frames):
        picture.seek(at)
        decoded(picture)
        played_ms += float(picture.info.get("duration", 0) or 0)
    picture.seek(0)
    return {"frames": frames, "duration_s": round(played_ms / 1000, 3)}


def _check_frames(picture: Image.Image, frames: int) -> None:
    if picture.width * picture.height * frames > 1_000_000_000:
        raise EngineRefused("the animation has too many pixels over all its frames", "picture_too_large")


def _thumbnail(whole: Image.Image, out_dir: Path) -> EngineFile:
    shrink = min(1.0, THUMBNAIL_PIXELS / max(whole.size))
    size = (max(1, round(whole.width * shrink)), max(1, round(whole.height * shrink)))
    small = whole if shrink == 1 else whole.resize(size, Image.Resampling.BICUBIC)
    if is_opaque(small):
        small = small.convert("RGB")
    path = out_dir / "thumbnail.webp"
    small.save(path, "WEBP", quality=82, method=4)
    return EngineFile(path.name, path, THUMBNAIL_TYPE, small.width, small.height)
