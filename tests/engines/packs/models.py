"""Folders that hold every file of a diffusion model, and hardly anything in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vermilion.engines.diffusion.layout import KINDS

IR = ("config.json", "openvino_model.xml", "openvino_model.bin")


def model_of(folder: Path, pipeline: str, **more: Any) -> Path:
    """A folder with every file that this class of pipelines is loaded from, and hardly anything in them."""
    kind = KINDS[pipeline]
    named = (kind.network, "vae", "text_encoder", *(("text_encoder_2",) if kind.encoders > 1 else ()))
    index = {"_class_name": pipeline, **{part: ["library", "Class"] for part in named}, **more}
    parts = [kind.network, "vae_encoder", "vae_decoder"]
    parts += [name for name in index if name.startswith("text_encoder") and index[name] != [None, None]]
    names = [f"{part}/{file}" for part in parts for file in IR]
    names += [
        f"{part.replace('text_encoder', 'tokenizer')}/openvino_tokenizer.{kind}"
        for part in parts if part.startswith("text_encoder") for kind in ("xml", "bin")
    ]  # fmt: skip
    for name in (*names, "scheduler/scheduler_config.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if name.endswith(".json") else "weights")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
