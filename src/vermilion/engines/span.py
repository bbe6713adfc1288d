"""The SPAN network enlarges a picture twofold or fourfold, tile by tile, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal

import ncnn
import numpy as np
import numpy.typing as npt
from PIL import Image

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.weights import weights_path

Scale = Literal[2, 4]
METHOD = "SPAN (spanx{scale}_ch48)"
TILE_PIXELS = 224
MARGIN_PIXELS = 16  #: what a tile sees of its neighbours; with less, seams show in smooth skies
Pixels = npt.NDArray[np.uint8]


def enlarged(picture: Image.Image, scale: Scale, on_share: Callable[[float], None]) -> Image.Image:
    """The RGB picture at `scale` times its size; `on_share` hears how much is done, from 0 to 1."""
    network = _network(scale)
    around = ((MARGIN_PIXELS, MARGIN_PIXELS), (MARGIN_PIXELS, MARGIN_PIXELS), (0, 0))
    pixels = np.pad(np.asarray(picture.convert("RGB")), around, mode="edge")
    whole = Image.new("RGB", (picture.width * scale, picture.height * scale))
    places = list(_places(picture.size))
    far, inner = TILE_PIXELS + 2 * MARGIN_PIXELS, slice(MARGIN_PIXELS * scale, -MARGIN_PIXELS * scale)
    for number, (left, top) in enumerate(places, start=1):
        tile = _run(network, pixels[top : top + far, left : left + far])
        whole.paste(Image.fromarray(tile[inner, inner]), (left * scale, top * scale))
        on_share(number / len(places))
    return whole


@lru_cache
def _network(scale: Scale) -> Any:
    """The network, loaded once for each worker."""
    network = ncnn.Net()
    network.opt.num_threads = 1
    network.opt.use_vulkan_compute = False
    stem = f"spanx{scale}_ch48"
    if network.load_param(str(weights_path(f"{stem}.param"))) or network.load_model(
        str(weights_path(f"{stem}.bin"))
    ):
        raise EngineUnavailable(f"the weights {stem} could not be loaded; run `make setup`")
    return network


def _places(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for top in range(0, size[1], TILE_PIXELS):
        for left in range(0, size[0], TILE_PIXELS):
            yield left, top


def _run(network: Any, tile: Pixels) -> Pixels:
    """One tile through the network."""
    planes = np.ascontiguousarray(tile.transpose(2, 0, 1), dtype=np.float32) / 255
    run = network.create_extractor()
    run.input("data", ncnn.Mat(planes).clone())  # A Mat only borrows the array, and outlives it.
    failed, made = run.extract("output")
    if failed:  # ncnn gives up so when it is not given the memory it asks for.
        raise MemoryError
    values = np.asarray(made, dtype=np.float32).transpose(1, 2, 0)
    return np.asarray(np.clip(values * 255 + 0.5, 0, 255), dtype=np.uint8)
