"""Reads what a customer asks of a picture tool: its parameters and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vermilion.engines.contract import EngineJob, EngineRefused

T = TypeVar("T")


def read_wish(params: Mapping[str, Any], kind: type[T]) -> T:
    """The parameters as a `kind`; raises `EngineRefused` with the first thing that is wrong."""
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as wrong:
        raise EngineRefused(str(wrong)) from None


def given_file(job: EngineJob, name: str = "image") -> Path:
    """The file that came as `name`; raises `EngineRefused` when there is none."""
    path = job.files.get(name)
    if path is None:
        raise EngineRefused(f"there is no {name}")
    return path
