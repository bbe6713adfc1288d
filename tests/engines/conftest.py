from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vermilion.engines.contract import Engine, EngineJob, EngineResult
from vermilion.engines.weights import sample_path

RunEngine = Callable[..., EngineResult]


@pytest.fixture
def run_engine(tmp_path: Path) -> RunEngine:
    """Calls an engine in this process, writing into a directory of its own."""
    calls = iter(range(1000))

    def run(engine: Engine, params: dict[str, Any] | None = None, **files: Path) -> EngineResult:
        out_dir = tmp_path / f"out-{next(calls)}"
        out_dir.mkdir()
        return engine(EngineJob(params or {}, files, out_dir, lambda percent, text: None))

    return run


@pytest.fixture
def photograph() -> Path:
    """The sample photograph: an astronaut in front of a flag and a model of a shuttle."""
    return sample_path("astronaut.png")
