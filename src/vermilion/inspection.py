"""The inspector of the services, on an engine worker of its own; beside bootstrap, the only user of engines for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vermilion.engines.contract import (
    EngineError,
    EngineFile,
    EngineRefused,
    EngineResult,
    EngineUnavailable,
)
from vermilion.engines.packs.description import known_packs
from vermilion.engines.packs.shelf import Shelf
from vermilion.engines.pool import EnginePool
from vermilion.errors import EnginePackMissing, ServiceUnavailable, UnsupportedMedia
from vermilion.services.gateway import Inspected, Inspector

INSPECTION_MEMORY_BYTES_MAX = 1_500_000_000
INSPECTION_TIMEOUT_S = 60.0
GUARD = "guard"  #: the pack that scores pictures


@asynccontextmanager
async def inspecting(scratch_parent: Path, shelf: Shelf) -> AsyncIterator[Inspector]:
    """An inspector inside the block; its guard is the engine pack on the shelf, if it is there."""
    await asyncio.to_thread(scratch_parent.mkdir, parents=True, exist_ok=True)
    pool = EnginePool(
        1, INSPECTION_MEMORY_BYTES_MAX, INSPECTION_TIMEOUT_S, scratch_parent=scratch_parent, shelf=shelf
    )
    await pool.start()
    try:
        yield _Inspection(pool, shelf)
    finally:
        await pool.close()


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: dict[str, Any]
    thumbnail: Path | None


class _Inspection:
    """The inspector of the services, on its own engine worker."""

    def __init__(self, pool: EnginePool, shelf: Shelf) -> None:
        self._pool, self._shelf = pool, shelf

    async def __call__(self, path: Path) -> Inspected:
        result = await self._run("inspect", file=path)
        try:
            return _Seen(result.facts, await asyncio.to_thread(_beside, path, result.files))
        finally:
            await self._pool.discard(result)

    async def score(self, picture: Path) -> float:
        return float((await self._run("score", image=picture)).facts["nsfw_score"])

    async def require_guard(self) -> None:
        try:
            await asyncio.to_thread(self._shelf.folder_of, known_packs()[GUARD])
        except EngineUnavailable as missing:
            raise EnginePackMissing(f"Pictures cannot be checked here: {missing}.", pack=GUARD) from missing

    async def _run(self, engine: str, **files: Path) -> EngineResult:
        try:
            return await self._pool.run(engine, {}, files, on_progress=lambda _percent, _text: None)
        except EngineRefused as refused:
            raise UnsupportedMedia(refused.reason) from refused
        except EngineError as broken:
            raise ServiceUnavailable(f"Files cannot be inspected at the moment: {broken}") from broken


def _beside(path: Path, made: tuple[EngineFile, ...]) -> Path | None:
    """The thumbnail, moved to where the inspected file is: whoever removes that folder removes both."""
    return Path(shutil.move(made[0].path, path.with_name(f"{path.name}.thumbnail"))) if made else None
