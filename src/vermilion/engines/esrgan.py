"""The Real-ESRGAN network enlarges a picture by imagining its detail: some forty times slower than SPAN."""

from __future__ import annotations

from PIL import Image

from vermilion.engines.span import Scale
from vermilion.engines.tiles import Enlarger, OnShare, enlarged_by

METHOD = "Real-ESRGAN (realesrgan-x4plus)"
_NETWORK = Enlarger("realesrgan-x4plus", 4, 80, 12)  # A tile of 80 needs 0.9 GB, of 160 twice that.
#: What goes through the network at most, margins and all: 0.6 megapixels of a picture of ordinary shape.
WORKED_PIXELS_MAX = 1_100_000


def takes(size: tuple[int, int]) -> bool:
    """Whether a picture of that size is done in minutes."""
    return _NETWORK.worked_pixels(size) <= WORKED_PIXELS_MAX


def imagined(picture: Image.Image, scale: Scale, on_share: OnShare) -> Image.Image:
    """The RGB picture at `scale` times its size. The network knows fourfold only; twofold is that, halved."""
    whole = enlarged_by(_NETWORK, picture, on_share)
    if scale == _NETWORK.scale:
        return whole
    return whole.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS)
