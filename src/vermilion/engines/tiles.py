"""Networks that enlarge pictures, run by ncnn on one tile after the other, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ncnn
import numpy as np
import numpy.typing as npt
from PIL import Image

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.weights import weights_path

Pixels = npt.NDArray[np.uint8]
OnShare = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Enlarger:
    """A network by the name of its weights, and its tiles.

    `margin_pixels` is what a tile sees of its neighbours; with less, seams show in smooth skies.
    """

    weights: str
    scale: int
    tile_pixels: int
    margin_pixels: int

    def worked_pixels(self, size: tuple[int, int]) -> int:
        """How many pixels go through the network: with the margins, a narrow picture has many more than its own."""
        wide, high = (side - (-side // self.tile_pixels) * 2 * self.margin_pixels for side in size)
        return wide * high


def enlarged_by(enlarger: Enlarger, picture: Image.Image, on_share: OnShare) -> Image.Image:
    """The RGB picture at the network's scale; `on_share` hears how much is done, from 0 to 1."""
    network, scale, margin = _network(enlarger.weights), enlarger.scale, enlarger.margin_pixels
    pixels = np.pad(
        np.asarray(picture.convert("RGB")), ((margin, margin), (margin, margin), (0, 0)), mode="edge"
    )
    whole = Image.new("RGB", (picture.width * scale, picture.height * scale))
    places = list(_places(picture.size, enlarger.tile_pixels))
    far, inner = enlarger.tile_pixels + 2 * margin, slice(margin * scale, -margin * scale)
    for number, (left, top) in enumerate(places, start=1):
        tile = _run(network, pixels[top : top + far, left : left + far])
        whole.paste(Image.fromarray(tile[inner, inner]), (left * scale, top * scale))
        on_share(number / len(places))
    return whole


@lru_cache
def _network(weights: str) -> Any:
    """The network, loaded once for each worker."""
    network = ncnn.Net()
    network.opt.num_threads = 1
    network.opt.use_vulkan_compute = False
    if network.load_param(str(weights_path(f"{weights}.param"))) or network.load_model(
        str(weights_path(f"{weights}.bin"))
    ):
        raise EngineUnavailable(f"the weights {weights} could not be loaded; run `make setup`")
    return network


def _places(size: tuple[int, int], tile_pixels: int) -> Iterator[tuple[int, int]]:
    for top in range(0, size[1], tile_pixels):
        for left in range(0, size[0], tile_pixels):
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
