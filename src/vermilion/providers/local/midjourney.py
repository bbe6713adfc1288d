"""Midjourney's task types in the composer's words, for as long as no Midjourney connection does them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vermilion.domain.midjourney.prompts import Prompt, read_prompt
from vermilion.providers.protocol import Job

MODEL = "midjourney"
#: The shapes that the composer has; any other becomes the nearest.
SHAPES = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21")
DIMENSIONS = {"square": "1:1", "portrait": "2:3", "landscape": "3:2"}
USED = frozenset({"ar", "no", "seed", "relax", "fast", "turbo", "motion"})
UNUSED_FILES = ("end_image",)
TILE = 512  #: the longest side of each of four pictures; taking one out of the grid doubles it
PROMPT_CHARACTERS_MAX = 4_000  #: of what the composer is to leave out

Wish = tuple[str, dict[str, Any]]


def as_composer(job: Job) -> tuple[Job, dict[str, Any]]:
    """The same job for the composer, and what its output has to say about the translation."""
    prompt = read_prompt(str(job.input.get("prompt") or ""))
    operation, wish = TRANSLATIONS[job.task_type](job, prompt)
    wish |= {"seed": int(prompt.parameters["seed"])} if "seed" in prompt.parameters else {}
    unused = sorted(f"--{name}" for name in prompt.parameters if name not in USED)
    unused += [name for name in UNUSED_FILES if name in job.files]
    notes = {"parameters_unused": unused} if unused else {}
    given = {name: value for name, value in wish.items() if value is not None}
    translated = replace(job, model="composer", task_type=operation, input=given, files=_files(job.files))
    return translated, notes


def _files(files: Mapping[str, Path]) -> dict[str, Path]:
    """The composer calls one picture `image` and several `images/0`, `images/1`…"""
    names = {name: name.replace("image_urls/", "images/").replace("image_url", "image") for name in files}
    return {names[name]: files[name] for name in files if name not in UNUSED_FILES}


def _imagine(job: Job, prompt: Prompt) -> Wish:
    wish = {"prompt": prompt.words, "negative_prompt": _left_out(prompt)}
    if "image" in job.files:
        return "image-to-image", wish | {"prompt": prompt.words or None}
    return "text-to-image", wish | {
        "aspect_ratio": _shape(job.input.get("aspect_ratio")),
        "grid": True,
        "size": TILE,
    }


def _reroll(job: Job, prompt: Prompt) -> Wish:
    if not prompt.words:
        return "reroll", {"grid": True}
    kept = job.parent_facts.get("wish", {}).get("aspect_ratio")
    ratio = job.input.get("aspect_ratio") or kept
    wish = {"prompt": prompt.words, "negative_prompt": _left_out(prompt), "aspect_ratio": _shape(ratio)}
    return "text-to-image", wish | {"grid": True, "size": TILE}


def _upscale(job: Job, _prompt: Prompt) -> Wish:
    how = str(job.input["index"])
    if how.isdecimal():
        return "upscale", {"index": int(how), "scale": 2, "mode": "subtle"}
    mode = "creative" if how == "creative" else "subtle"
    return "upscale", {"index": 1, "scale": 4 if how == "4x" else 2, "mode": mode}


def _variation(job: Job, prompt: Prompt) -> Wish:
    which = str(job.input["index"])
    wish: dict[str, Any] = {
        "index": int(which) if which.isdecimal() else 1,
        "strength": "strong" if which == "high_variation" else "subtle",
        "grid": True,
    }
    if prompt.words:
        return "remix", wish | {"prompt": prompt.words, "negative_prompt": _left_out(prompt)}
    return "variation", wish


def _inpaint(_job: Job, prompt: Prompt) -> Wish:
    return "inpaint", {"prompt": prompt.words or None}


def _outpaint(job: Job, prompt: Prompt) -> Wish:
    factor = float(job.input.get("zoom_ratio", 2))
    return "zoom-out", {"factor": factor, "prompt": prompt.words or None}


def _pan(job: Job, prompt: Prompt) -> Wish:
    return "pan", {"direction": job.input["direction"], "prompt": prompt.words or None}


def _make_square(_job: Job, _prompt: Prompt) -> Wish:
    return "make-square", {}


def _blend(job: Job, _prompt: Prompt) -> Wish:
    return "blend", {"aspect_ratio": DIMENSIONS[str(job.input.get("dimension", "square"))]}


def _describe(_job: Job, _prompt: Prompt) -> Wish:
    return "describe", {}


def _seed(job: Job, _prompt: Prompt) -> Wish:
    return "seed", {"index": job.input.get("index", 1)}


def _video(job: Job, prompt: Prompt) -> Wish:
    much = prompt.parameters.get("motion", job.input.get("motion"))
    return "video", {"index": job.input.get("index", 1), "motion": "orbit" if much == "high" else "zoom-in"}


def _left_out(prompt: Prompt) -> str | None:
    return prompt.parameters.get("no", "")[:PROMPT_CHARACTERS_MAX] or None


def _shape(ratio: object) -> str:
    across, _, down = str(ratio or "1:1").partition(":")
    return nearest_shape(int(across), int(down))


def nearest_shape(across: float, down: float) -> str:
    """The composer's shape that is most like this one."""
    wanted = math.log(across / down)
    return min(SHAPES, key=lambda shape: abs(math.log(_quotient(shape)) - wanted))


def _quotient(shape: str) -> float:
    across, _, down = shape.partition(":")
    return int(across) / int(down)


TRANSLATIONS: Mapping[str, Callable[[Job, Prompt], Wish]] = {
    "imagine": _imagine,
    "reroll": _reroll,
    "upscale": _upscale,
    "variation": _variation,
    "inpaint": _inpaint,
    "outpaint": _outpaint,
    "pan": _pan,
    "make_square": _make_square,
    "blend": _blend,
    "describe": _describe,
    "seed": _seed,
    "video": _video,
}
