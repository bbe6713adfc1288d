"""Loads the operator's model into OpenVINO GenAI, once for each worker, and asks it for one picture at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vermilion.engines.contract import EngineRefused, EngineUnavailable
from vermilion.engines.diffusion.layout import Layout, layout_of

OnStep = Callable[[int, int], None]
_WITH_MASK = 2


class Model:
    """A model as it is used now. Where the ways to use it cannot share its networks, it holds those of the last one."""

    def __init__(self, folder: Path) -> None:
        self.layout: Layout = layout_of(folder)
        self.device = _devices()[0]
        self._folder = folder
        self._pipelines: dict[int, Any] = {}

    def prepare(self, pictures: int) -> None:
        """Load what draws from so many given pictures; raises EngineRefused, or EngineUnavailable if that fails."""
        if pictures == _WITH_MASK and not self.layout.kind.inpaints:
            raise EngineRefused(
                f"the model on this machine, {self.layout.name}, draws whole pictures only", "not_this_model"
            )
        if pictures not in self._pipelines:
            self._pipelines = {}  # Gone before the next is loaded: two would not fit.
            self.device, self._pipelines = _loaded(self._folder, self.layout, pictures)

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


def model_for(folder: Path, pictures: int) -> Model:
    """The one model that this worker holds, ready to draw from so many given pictures. Raises EngineUnavailable."""
    try:
        model = _model(folder)
        model.prepare(pictures)
    except EngineUnavailable:
        _model.cache_clear()  # The operator may mend it.
        raise
    return model


@lru_cache(maxsize=1)
def _model(folder: Path) -> Model:
    return Model(folder)


def _devices() -> list[str]:
    """A graphics card that OpenVINO knows where there is one, then the processor."""
    from openvino import Core  # noqa: PLC0415  (only in the pack)

    return [*(["GPU"] if any(name.startswith("GPU") for name in Core().available_devices) else []), "CPU"]


def _loaded(folder: Path, layout: Layout, pictures: int) -> tuple[str, dict[int, Any]]:
    """The device that took it, and the pipelines by how many pictures they are given."""
    for device in _devices():
        try:
            return device, _pipelines(folder, layout, (device, pictures))
        except Exception as failed:  # noqa: BLE001 - OpenVINO raises its own and plain ones alike
            reason = _reason(failed).replace(f"{folder}/", "")  # Customers read it, too.
    raise EngineUnavailable(f"the diffusion model {layout.name} cannot be loaded: {reason}")


def _reason(failed: Exception) -> str:
    if isinstance(failed, MemoryError) or "bad_alloc" in str(failed):
        return "it needs more memory than a worker may use; raise VERMILION_ENGINE_MEMORY_MIB"
    return str(failed).strip().splitlines()[-1][:300]


def _pipelines(folder: Path, layout: Layout, how: tuple[str, int]) -> dict[int, Any]:
    import openvino_genai as genai  # noqa: PLC0415  (only in the pack)

    device, pictures = how
    if not layout.kind.shares:
        kinds = (genai.Text2ImagePipeline, genai.Image2ImagePipeline, genai.InpaintingPipeline)
        return {pictures: kinds[pictures](folder, device)}
    inpainting = genai.InpaintingPipeline(folder, device)
    guided = genai.Image2ImagePipeline(inpainting)
    return {0: genai.Text2ImagePipeline(guided), 1: guided, _WITH_MASK: inpainting}
