"""The inspector of the services, on an engine worker of its own; beside bootstrap, the only user of engines for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vermilion.engines.contract import EngineError, EngineFile, EngineRefused
from vermilion.engines.pool import EnginePool
from vermilion.errors import ServiceUnavailable, UnsupportedMedia
from vermilion.services.gateway import Inspected, Inspector

INSPECTION_MEMORY_BYTES_MAX = 1_500_000_000
INSPECTION_TIMEOUT_S = 60.0


@asynccontextmanager
async def inspecting(scratch_parent: Path) -> AsyncIterator[Inspector]:
    """An inspector inside the block."""
    await asyncio.to_thread(scratch_parent.mkdir, parents=True, exist_ok=True)
    pool = EnginePool(1, INSPECTION_MEMORY_BYTES_MAX, INSPECTION_TIMEOUT_S, scratch_parent=scratch_parent)
    await pool.start()
    try:
        yield _Inspection(pool)
    finally:
        await pool.close()


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: dict[str, Any]
    thumbnail: Path | None


class _Inspection:
    """The inspector of the services, on its own engine worker."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    async def __call__(self, path: Path) -> Inspected:
        try:
            result = await self._pool.run(
                "inspect", {}, {"file": path}, on_progress=lambda _percent, _text: None
            )
        except EngineRefused as refused:
            raise UnsupportedMedia(refused.reason) from refused
        except EngineError as broken:
            raise ServiceUnavailable(f"Files cannot be inspected at the moment: {broken}") from broken
        try:
            return _Seen(result.facts, await asyncio.to_thread(_beside, path, result.files))
        finally:
            await self._pool.discard(result)


def _beside(path: Path, made: tuple[EngineFile, ...]) -> Path | None:
    """The thumbnail, moved to where the inspected file is: whoever removes that folder removes both."""
    return Path(shutil.move(made[0].path, path.with_name(f"{path.name}.thumbnail"))) if made else None
