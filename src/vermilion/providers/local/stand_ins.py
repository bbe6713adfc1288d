"""Task types of other services that an engine of this machine does, or stands in for, translated to that engine.

What an engine does not use of an input is named in the output (`parameters_unused`), and each engine says of itself
what it is (`method`): nobody shall take a stand-in for the model whose name the task bears.
Where the operator has brought a diffusion model to this machine, pictures are drawn by that rather than the composer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vermilion.providers.local.midjourney import nearest_shape
from vermilion.providers.protocol import Job

SONG_S = 60
GUIDANCE_MAX = 20  #: of the diffusion engine; Flux's filling takes more
PIXELS_DEFAULT = 1024
FILM_PIXELS = {"std": 720, "pro": 1280}

Step = tuple[
    str, str, dict[str, Any], dict[str, str]
]  #: model, task type, input, and files by their old names


def translated(job: Job, *, drawn: bool = False) -> tuple[list[Job], dict[str, Any]]:
    """The same work as jobs for engines, each with the first file of the one before, and what to say about it.

    `drawn` says that a diffusion model is here.
    """
    key = job.model, job.task_type
    by_model = drawn and key in DRAWN
    steps = (DRAWN if by_model else TRANSLATIONS)[key](job)
    jobs = []
    used: set[str] = set()
    for model, task_type, wish, files in steps:
        given = {name: value for name, value in wish.items() if value is not None}
        found: dict[str, Path] = {name: job.files[old] for name, old in files.items() if old in job.files}
        jobs.append(replace(job, model=model, task_type=task_type, input=given, files=found))
        used |= set(files.values())
    unused = sorted(set(job.input) - used - USED[key] - (_ASKED_OF_MODELS if by_model else set()))
    return jobs, {"parameters_unused": unused} if unused else {}


def _picture(job: Job) -> list[Step]:
    wish = _asked(job) | {"count": job.input.get("batch_size"), **_frame(job)}
    return [("composer", "text-to-image", wish, {})]


def _picture_of_picture(job: Job) -> list[Step]:
    denoise = float(job.input.get("denoise", 0.7))
    keep = "structure" if denoise < 0.5 else "subject" if denoise <= 0.85 else "colours"
    wish = _asked(job) | {"count": job.input.get("batch_size"), "keep": keep}
    return [("composer", "image-to-image", wish, {"image": "image"})]


def _widened(job: Job) -> list[Step]:
    wish = {"prompt": job.input["prompt"], "seed": _seed(job), **_sides(job)}
    return [("composer", "outpaint", wish, {"image": "image"})]


def _sides(job: Job) -> dict[str, Any]:
    sides: dict[str, Any] = {}
    for setting in job.input["custom_settings"]:
        sides |= {side: setting[f"outpaint_{side}"] for side in SIDES if f"outpaint_{side}" in setting}
    return sides


def _drawn_picture(job: Job) -> list[Step]:
    size = {"width": job.input.get("width"), "height": job.input.get("height")}
    size = (
        size if all(size.values()) else {"size": max((side for side in size.values() if side), default=None)}
    )
    return [("diffusion", "text-to-image", _asked_of_model(job) | size, {})]


def _drawn_from_picture(job: Job) -> list[Step]:
    strength = max(0.1, float(job.input.get("denoise", 0.7)))
    return [
        ("diffusion", "image-to-image", _asked_of_model(job) | {"strength": strength}, {"image": "image"})
    ]


def _drawn_wider(job: Job) -> list[Step]:
    wish = _asked_of_model(job) | _sides(job)
    return [("diffusion", "outpaint", wish, {"image": "image"})]


def _asked_of_model(job: Job) -> dict[str, Any]:
    return _asked(job) | {
        "count": job.input.get("batch_size"),
        "steps": job.input.get("steps"),
        "guidance": min(GUIDANCE_MAX, job.input["guidance_scale"]) if "guidance_scale" in job.input else None,
    }


def _film(job: Job) -> list[Step]:
    size = FILM_PIXELS.get(str(job.input.get("mode")), FILM_PIXELS["std"])
    film = {"seconds": job.input.get("duration"), "motion": _motion(job), "size": size, "seed": _seed(job)}
    if "image_url" in job.files:
        return [("composer", "video", film, {"image": "image_url"})]
    still = _asked(job) | {"aspect_ratio": job.input.get("aspect_ratio", "16:9"), "size": size}
    return [("composer", "text-to-image", still, {}), ("composer", "video", film, {})]


def _song(job: Job) -> list[Step]:
    words = [job.input.get(name) for name in ("gpt_description_prompt", "tags", "title")]
    # Without any of these, the words to be sung at least give the mood.
    text = ", ".join(str(word) for word in words if word) or str(
        job.input.get("prompt") or job.input.get("lyrics")
    )
    return [("arranger", "text-to-music", {"prompt": text, "duration_s": SONG_S, "seed": _seed(job)}, {})]


def _cutout(_job: Job) -> list[Step]:
    return [("cutout", "remove-background", {}, {"image": "image"})]


def _video_cutout(_job: Job) -> list[Step]:
    return [("cutout", "remove-video-background", {}, {"video": "video"})]


def _enlarged(job: Job) -> list[Step]:
    return [("upscaler", "upscale", {"scale": job.input.get("scale", 2)}, {"image": "image"})]


def _described(_job: Job) -> list[Step]:
    return [("describe", "describe", {}, {"image": "image"})]


def _asked(job: Job) -> dict[str, Any]:
    return {
        "prompt": job.input.get("prompt"),
        "negative_prompt": job.input.get("negative_prompt"),
        "seed": _seed(job),
    }


def _seed(job: Job) -> int | None:
    """The seed; services write -1 for one of their own choice."""
    seed = job.input.get("seed", -1)
    return seed if seed >= 0 else None


def _frame(job: Job) -> dict[str, Any]:
    """The nearest shape that the composer has, at the asked longest side."""
    across, down = (int(job.input.get(name) or PIXELS_DEFAULT) for name in ("width", "height"))
    return {"aspect_ratio": nearest_shape(across, down), "size": min(2048, max(256, across, down))}


def _motion(job: Job) -> str:
    """The camera's main movement."""
    control = job.input.get("camera_control")
    config = control.get("config") if isinstance(control, dict) else None
    moves = {
        name: value for name, value in (config or {}).items() if isinstance(value, int | float) and value
    }
    if not moves:
        return "zoom-in"
    main = max(moves, key=lambda name: abs(moves[name]))
    return MOTIONS.get((main, moves[main] > 0), "orbit")


WIDENS = "fill-outpaint"
SIDES = ("left", "right", "top", "bottom")
MOTIONS = {
    ("zoom", True): "zoom-in",
    ("zoom", False): "zoom-out",
    ("horizontal", True): "right",
    ("horizontal", False): "left",
    ("vertical", True): "up",
}
FLUX = ("Qubico/flux1-schnell", "Qubico/flux1-dev", "Qubico/flux1-dev-advanced")
SONGS = (("music-s", "generate_music"), ("music-s", "generate_music_custom"), ("music-u", "generate_music"))
TRANSLATIONS: Mapping[tuple[str, str], Callable[[Job], list[Step]]] = {
    **{(model, "txt2img"): _picture for model in FLUX},
    **{(model, "img2img"): _picture_of_picture for model in FLUX},
    ("Qubico/flux1-dev-advanced", WIDENS): _widened,
    ("kling", "video_generation"): _film,
    **dict.fromkeys(SONGS, _song),
    ("Qubico/image-toolkit", "background-remove"): _cutout,
    ("Qubico/image-toolkit", "upscale"): _enlarged,
    ("Qubico/video-toolkit", "background-remove"): _video_cutout,
    ("Qubico/joycaption", "joycaption-beta-one"): _described,
}
#: What a diffusion model of the operator's does instead of the composer.
DRAWN: Mapping[tuple[str, str], Callable[[Job], list[Step]]] = {
    **{(model, "txt2img"): _drawn_picture for model in FLUX},
    **{(model, "img2img"): _drawn_from_picture for model in FLUX},
    ("Qubico/flux1-dev-advanced", WIDENS): _drawn_wider,
}
_ASKED_OF_MODELS = {"negative_prompt", "steps", "guidance_scale", "batch_size"}
_DRAWN = {"prompt", "negative_prompt", "seed"}
#: Fields of the input that come to bear.
USED: Mapping[tuple[str, str], set[str]] = {
    **{(model, "txt2img"): _DRAWN | {"width", "height", "batch_size"} for model in FLUX},
    **{(model, "img2img"): _DRAWN | {"denoise", "batch_size"} for model in FLUX},
    ("Qubico/flux1-dev-advanced", WIDENS): {"prompt", "seed", "custom_settings"},
    ("kling", "video_generation"): _DRAWN | {"duration", "mode", "aspect_ratio", "camera_control"},
    **{song: {"gpt_description_prompt", "tags", "title", "seed", "make_instrumental"} for song in SONGS},
    ("Qubico/image-toolkit", "background-remove"): set(),
    ("Qubico/image-toolkit", "upscale"): {"scale"},
    ("Qubico/video-toolkit", "background-remove"): set(),
    ("Qubico/joycaption", "joycaption-beta-one"): set(),
}
