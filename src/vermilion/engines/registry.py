"""Which engines there are: id → dotted path, imported in the worker on first use and nowhere else."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from vermilion.engines.contract import Engine

ENGINES: Mapping[str, str] = {
    "composer": "vermilion.engines.composer.engine:compose",
    "convert": "vermilion.engines.convert:convert",
    "cutout": "vermilion.engines.cutout.still:cut_out",
    "cutout-video": "vermilion.engines.cutout.video:cut_out_video",
    "describe": "vermilion.engines.describe.engine:describe",
    "inspect": "vermilion.engines.inspector:inspect_file",
    "music": "vermilion.engines.music.engine:compose_music",
    "restyle": "vermilion.engines.restyle:restyle",
    "upscale": "vermilion.engines.upscale:upscale",
    # Those of the engine packs, which run only where their pack is installed.
    "chat": "vermilion.engines.chat:chat",
    "diffuse": "vermilion.engines.diffusion.engine:diffuse",
    "embed": "vermilion.engines.embed:embed",
    "read": "vermilion.engines.read:read",
    "score": "vermilion.engines.guard:score",
    "speak": "vermilion.engines.voice:speak",
    "transcribe": "vermilion.engines.listen:transcribe",
}


def load_engine(dotted_path: str) -> Engine:
    """The function at `package.module:name`; raises ImportError or AttributeError if there is none."""
    module, _, name = dotted_path.partition(":")
    return cast(Engine, getattr(importlib.import_module(module), name))
