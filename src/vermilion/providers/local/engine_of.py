"""Which engine does which offer, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping

from vermilion.providers.local import midjourney

#: What the one composer does; the engine hears it as the parameter `operation`.
COMPOSER_OPERATIONS = (
    "text-to-image",
    "image-to-image",
    "variation",
    "reroll",
    "remix",
    "upscale",
    "zoom-out",
    "pan",
    "make-square",
    "inpaint",
    "outpaint",
    "blend",
    "video",
    "seed",
)
DIFFUSION_OPERATIONS = ("text-to-image", "image-to-image", "variation", "inpaint", "outpaint")
ENGINE_OF: Mapping[tuple[str, str], str] = {
    ("arranger", "text-to-music"): "music",
    **{("composer", operation): "composer" for operation in COMPOSER_OPERATIONS},
    **{(midjourney.MODEL, task_type): "composer" for task_type in midjourney.TRANSLATIONS},
    (midjourney.MODEL, "describe"): "describe",
    ("composer", "describe"): "describe",
    ("convert", "convert"): "convert",
    ("cutout", "remove-background"): "cutout",
    ("cutout", "remove-video-background"): "cutout-video",
    ("describe", "describe"): "describe",
    ("restyle", "style-transfer"): "restyle",
    ("upscaler", "upscale"): "upscale",
    **{("diffusion", operation): "diffuse" for operation in DIFFUSION_OPERATIONS},
    ("embed", "embed"): "embed",
    ("guard", "score-image"): "score",
    ("listen", "transcribe"): "transcribe",
    ("read", "image-to-text"): "read",
    ("smollm2", "chat"): "chat",
    ("voice", "text-to-speech"): "speak",
}
JOB_TIMEOUT_S = 300.0
#: Engines whose longest job takes longer than that, on a machine that is slow and busy.
LONG_JOBS_S: Mapping[str, float] = {
    "chat": 900.0,
    "composer": 900.0,
    "cutout-video": 1800.0,
    "diffuse": 3600.0,
    "speak": 900.0,
    "transcribe": 3600.0,
    "upscale": 1200.0,
}
