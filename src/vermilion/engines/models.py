"""Looks at 3-D models (binary glTF 2.0) without drawing them: their frame, their description, their bounds."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from vermilion.engines.contract import EngineRefused

MODEL_TYPE = "model/gltf-binary"
HEADER_BYTES = 12
DESCRIPTION_BYTES_MAX = 32 * 1024 * 1024
NODES_MAX = 100_000
_JSON = 0x4E4F534A


def look_at_model(path: Path) -> dict[str, Any]:
    """What a model says of itself. Refuses damaged ones, and those that would load further files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES + 8)
        if len(head) < HEADER_BYTES + 8:
            raise _damaged("it ends in its header")
        length, json_length, kind = struct.unpack_from("<8xIII", head)
        if length != size:
            raise _damaged(f"it says that it has {length} bytes, and has {size}")
        if kind != _JSON or json_length > min(size, DESCRIPTION_BYTES_MAX):
            raise _damaged("its description is missing or too long")
        description = _decoded(file.read(json_length))
    return {"content_type": MODEL_TYPE, **_counts(description)}


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged("its description is not JSON") from None
    if not isinstance(description, dict) or not isinstance(description.get("asset"), dict):
        raise _damaged("its description names no version")
    return description


def _counts(description: dict[str, Any]) -> dict[str, int]:
    parts = {
        name: description.get(name, []) for name in ("meshes", "nodes", "materials", "buffers", "images")
    }
    if not all(isinstance(part, list) for part in parts.values()):
        raise _damaged("its description is not that of a model")
    for part in (*parts["buffers"], *parts["images"]):
        uri = part.get("uri", "data:") if isinstance(part, dict) else None
        if not isinstance(uri, str) or not uri.startswith("data:"):
            raise EngineRefused("the model names further files; put everything into one", "unsupported_media")
    if len(parts["nodes"]) > NODES_MAX:
        raise EngineRefused(f"the model has more than {NODES_MAX} nodes", "model_too_large")
    return {name: len(parts[name]) for name in ("meshes", "nodes", "materials")}


def _damaged(why: str) -> EngineRefused:
    return EngineRefused(f"the 3-D model is damaged or cut short: {why}", "damaged_model")
