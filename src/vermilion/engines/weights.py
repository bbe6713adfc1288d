"""Finds the model weights that `make setup` installs, and trusts only those whose checksum is known."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from vermilion.engines.contract import EngineUnavailable

SHA256 = {"u2netp.onnx": "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"}
_SHARE = Path("share") / "vermilion"


def weights_path(name: str) -> Path:
    """The checked file; raises `EngineUnavailable` saying what to run when it is missing or altered."""
    path = Path(sys.prefix) / _SHARE / "weights" / name
    if not path.is_file():
        raise EngineUnavailable(f"the weights {name} are not installed; run `make setup`")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[name]:
        raise EngineUnavailable(f"the weights {name} are not the ones that belong here; run `make setup`")
    return path


def sample_path(name: str) -> Path:
    """A sample photograph; raises `EngineUnavailable` when it is not installed."""
    path = Path(sys.prefix) / _SHARE / "samples" / name
    if not path.is_file():
        raise EngineUnavailable(f"the sample {name} is not installed; run `make setup`")
    return path
