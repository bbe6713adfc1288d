"""Loads the operator's model into OpenVINO GenAI, once for each worker, and asks it for one picture at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.diffusion.layout import Layout, layout_of

OnStep = Callable[[int, int], None]


class Model:
    """A loaded model; the ways to use it share its networks."""

    def __init__(self, folder: Path) -> None:
        self.layout: Layout = layout_of(folder)
        self.device, self._pipelines = _loaded(folder, self.layout)

    def draw(self, words: dict[str, Any], pictures: list[Image.Image], on_step: OnStep) -> Image.Image:
        """One picture from words and from the pictures that are given: none, one, or one and its mask."""
        from openvino import Tensor  # noqa: PLC0415  (only in the pack)
        from openvino_genai import CppStdGenerator  # noqa: PLC0415  (the same)

        def told(step: int, steps: int, _latent: object) -> bool:
            on_step(step + 1, steps)
            return False  # never stop

        options = {name: value for name, value in words.items() if name not in ("prompt", "seed")}
        given = [Tensor(np.asarray(picture.convert("RGB"))[None].copy()) for picture in pictures]
        drawn = self._pipelines[len(pictures)].generate(
            words["prompt"], *given, generator=CppStdGenerator(words["seed"]), callback=told, **options
        )
        return Image.fromarray(np.array(drawn.data[0]))


@lru_cache(maxsize=1)
def model_in(folder: Path) -> Model:
    """The one model that this worker holds. Raises EngineUnavailable when it cannot be loaded."""
    return Model(folder)


def _loaded(folder: Path, layout: Layout) -> tuple[str, list[Any]]:
    """On a graphics card that OpenVINO knows where there is one, else on the processor."""
    from openvino import Core  # noqa: PLC0415  (only in the pack)

    devices = ["GPU"] if any(device.startswith("GPU") for device in Core().available_devices) else []
    for device in (*devices, "CPU"):
        try:
            return device, _pipelines(folder, layout, device)
        except Exception as failed:  # noqa: BLE001 - OpenVINO raises its own and plain ones alike
            reason = str(failed).strip().splitlines()[-1][:300]
    raise EngineUnavailable(f"the diffusion model in {folder} cannot be loaded: {reason}")


def _pipelines(folder: Path, layout: Layout, device: str) -> list[Any]:
    """By how many pictures they are given: from words alone, from a picture, from a picture and a mask."""
    import openvino_genai as genai  # noqa: PLC0415  (only in the pack)

    if not layout.kind.inpaints:
        pipeline = genai.Image2ImagePipeline(folder, device)
        return [genai.Text2ImagePipeline(pipeline), pipeline]
    inpainting = genai.InpaintingPipeline(folder, device)
    guided = genai.Image2ImagePipeline(inpainting)
    return [genai.Text2ImagePipeline(guided), guided, inpainting]
