"""Pictures by a diffusion model: from words, from a picture and words, and with a part drawn anew."""

from __future__ import annotations

from typing import Any

from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.diffusion.layout import Layout
from vermilion.engines.diffusion.pipelines import Model, OnStep, model_for
from vermilion.engines.diffusion.sources import source_of
from vermilion.engines.diffusion.wishes import Wish, read, words_for
from vermilion.engines.notes import saved_picture

METHOD = "diffusion model {name} ({pipeline}), run by OpenVINO GenAI"
SOFTWARE = "Vermilion diffusion"
_LOADED_PERCENT = 5


def diffuse(job: EngineJob) -> EngineResult:
    """The pictures, as PNG with a note of how they were made; the second has the next seed."""
    wish = read(job)
    source = source_of(job, wish)
    job.report(1, "loading the model")
    assert job.model is not None  # the pool runs this engine with the operator's model
    model = model_for(job.model, (source is not None) + wish.needs_inpainting)
    words = words_for(model.layout, wish, source.flat.size if source else None)
    given = source.sized((words["width"], words["height"])) if source else []
    files = []
    for number in range(wish.count):
        words["seed"] = wish.seed + number
        drawn = model.draw(words, given, _teller(job, number, wish.count))
        job.report(
            _percent((number + 1) / wish.count), "saving"
        )  # The runtime leaves out steps that came too fast.
        picture = source.finished(drawn) if source else drawn
        path = job.out_dir / f"picture-{number + 1}.png"
        files.append(saved_picture(picture, path, _note(model.layout, words)))
    return EngineResult(tuple(files), _facts(model, wish, words))


def _teller(job: EngineJob, number: int, count: int) -> OnStep:
    """Reports each step of one picture of several; the pictures share what follows the loading."""
    which = "" if count == 1 else f"picture {number + 1} of {count}: "

    def on_step(step: int, steps: int) -> None:
        job.report(_percent((number + step / steps) / count), f"{which}step {step} of {steps}")

    return on_step


def _percent(done: float) -> int:
    """Of the whole job, when so much of the drawing is done."""
    return _LOADED_PERCENT + int((98 - _LOADED_PERCENT) * done)


def _note(layout: Layout, words: dict[str, Any]) -> dict[str, str]:
    return {
        "Software": SOFTWARE,
        "prompt": words["prompt"],
        "negative_prompt": words.get("negative_prompt", ""),
        "seed": str(words["seed"]),
        "steps": str(words["num_inference_steps"]),
        "guidance": f"{words['guidance_scale']:g}",
        "model": layout.name,
        "method": _method(layout),
    }


def _facts(model: Model, wish: Wish, words: dict[str, Any]) -> dict[str, Any]:
    unused = ["negative_prompt"] if wish.negative_prompt and "negative_prompt" not in words else []
    return {
        "method": _method(model.layout),
        "model": model.layout.name,
        "device": model.device,
        "steps": words["num_inference_steps"],
        "guidance": words["guidance_scale"],
        "pictures": [{"seed": wish.seed + number, "prompt": wish.prompt} for number in range(wish.count)],
        **({"parameters_unused": unused} if unused else {}),
    }


def _method(layout: Layout) -> str:
    return METHOD.format(name=layout.name, pipeline=layout.pipeline)
