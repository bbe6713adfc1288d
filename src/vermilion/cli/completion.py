"""What the shell offers at Tab, read from the packaged catalogue: no server is asked."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from typing import Any


def complete_models(incomplete: str) -> list[str]:
    """Names of models that begin so."""
    return sorted({offer["model"] for offer in _offers() if offer["model"].startswith(incomplete)})


def complete_task_types(ctx: Any, incomplete: str) -> list[str]:
    """Task types of the model typed before, or of all models."""
    words = ctx.params.get("words") or ()
    model = ctx.params.get("model") or (words[0] if words else None)
    return sorted(
        {
            offer["task_type"]
            for offer in _offers()
            if offer["task_type"].startswith(incomplete) and model in {None, offer["model"]}
        }
    )


def _offers() -> list[dict[str, Any]]:
    folder = files("vermilion.catalog")
    families = [tomllib.loads(file.read_text()) for file in folder.iterdir() if file.name.endswith(".toml")]
    shown = [family for family in families if family["family"] != "echo" or os.environ.get("VERMILION_ECHO")]
    return [offer for family in shown for offer in family["offers"]]
