"""Opens strangers' pictures within bounds. The one place that hands their bytes to a decoder."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from vermilion.engines.contract import EngineRefused

PIXELS_MAX = 40_000_000
FRAMES_MAX = 300
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
           "AVIF": "image/avif"}  # fmt: skip
_DECODERS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")  #: Pillow finds MPO through JPEG
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_SRGB = ImageCms.createProfile("sRGB")

ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture's header, its sizes checked and nothing decoded yet; every fault of the file is a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The bounds below are ours and stricter.
        try:
            with Image.open(path, formats=_DECODERS) as picture:
                _check_bounds(picture)
                yield picture
        except Image.DecompressionBombError:
            raise _too_large() from None
        except UnidentifiedImageError:
            raise EngineRefused(
                "the file is not a picture that can be read here", "unreadable_picture"
            ) from None
        except _DAMAGE as wrong:
            raise EngineRefused(f"the picture is damaged or cut short: {wrong}", "damaged_picture") from None


def decoded(picture: Image.Image) -> Image.Image:
    """The picture with this frame decoded; what its decoder says of broken data is a refusal."""
    try:
        picture.load()
    except RuntimeError as wrong:  # AVIF's
        raise EngineRefused(f"the picture is damaged or cut short: {wrong}", "damaged_picture") from None
    return picture


def content_type(picture: Image.Image) -> str:
    """The type that the decoder recognised."""
    return FORMATS[picture.format or ""]


def upright(picture: Image.Image) -> Image.Image:
    """The first frame as a camera's owner sees it: turned by its EXIF orientation, in eight-bit sRGB with alpha."""
    turned = _in_srgb(ImageOps.exif_transpose(decoded(picture)))
    if turned.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        turned = _eight_bit(turned)
    whole = turned.convert("RGBA")
    whole.info.pop("icc_profile", None)
    return whole


def is_opaque(picture: Image.Image) -> bool:
    """Whether nothing of the picture shows what is behind it."""
    return picture.mode == "RGB" or picture.getchannel("A").getextrema()[0] == 255


def on_white(picture: Image.Image) -> Image.Image:
    """An RGBA picture in RGB, as it looks on paper."""
    flat = Image.new("RGB", picture.size, (255, 255, 255))
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Colours by the picture's own profile; a profile that makes no sense is passed over, as viewers do."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        seen = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(BytesIO(profile)), _SRGB, outputMode=mode
        )
    except (ImageCms.PyCMSError, *_DAMAGE):
        return picture
    assert seen is not None  # Only a change in place gives nothing back.
    return seen


def _check_bounds(picture: Image.Image) -> None:
    if picture.width * picture.height > PIXELS_MAX:
        raise _too_large()
    frames = int(getattr(picture, "n_frames", 1))
    if frames > FRAMES_MAX:
        raise EngineRefused(f"the picture has more than {FRAMES_MAX} frames", "too_many_frames")


def _too_large() -> EngineRefused:
    return EngineRefused(
        f"the picture has more than {PIXELS_MAX // 1_000_000} megapixels", "picture_too_large"
    )


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Deep grey scaled down; Pillow's own conversion would cut it off at 255."""
    values = np.asarray(picture, dtype=np.float32)
    depth = 65535.0 if picture.mode.startswith("I") else max(float(values.max(initial=0.0)), 1e-9)
    return Image.fromarray(np.clip(values / depth * 255, 0, 255).astype(np.uint8), "L")
