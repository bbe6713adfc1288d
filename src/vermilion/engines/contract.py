"""What an engine is given and must hand back, and the ways in which it can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class EngineError(Exception):
    """Base of everything that can go wrong with an engine."""


class EngineRefused(EngineError):
    """The engine will not take this input; the one who sent it has to change it."""

    def __init__(self, reason: str, code: str = "invalid_input") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class EngineCrashed(EngineError):
    """The worker died, ran out of its memory bound or broke on a fault of its own."""


class EngineTimedOut(EngineError):
    """The job took longer than a job may take; its worker was stopped."""


class EngineUnavailable(EngineError):
    """Something that the operator has to provide is missing; the text says what and how."""


@dataclass(frozen=True, slots=True)
class EngineFile:
    """One produced file, inside the directory of its job; `width` and `height` are pixels of a picture."""

    name: str
    path: Path
    content_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What a job made. `facts` is told to the customer, `kept` is for follow-ups only; both are plain JSON data.

    `usage` names quantities of the offer's price rule that turned out smaller than what is held for them.
    """

    files: tuple[EngineFile, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class EngineJob:
    """One call of an engine: write files into `out_dir` only, `report(percent, text)` as work goes on.

    `pack` is the folder of the engine pack that the engine came with; its packages can be imported.
    `model` is the folder of the model that the operator brought for that pack, where it needs one.
    """

    params: Mapping[str, Any]
    files: Mapping[str, Path]
    out_dir: Path
    report: Callable[[int, str | None], None]
    pack: Path | None = None
    model: Path | None = None


Engine = Callable[[EngineJob], EngineResult]
"""A plain blocking function; it raises `EngineRefused` for input that it will not take."""
