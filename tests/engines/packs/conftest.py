"""The engines of all packs, each pack installed when the first test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.packs import Engines, engines_of, installed_packs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engines]:
    """Engines of the packs that the module names in PACKS; models stay warm from test to test."""
    shelf = installed_packs(*request.module.PACKS)
    async with engines_of(shelf, tmp_path_factory.mktemp("engines")) as engines:
        yield engines


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A file that is neither picture nor sound."""
    path = tmp_path / "noise.png"
    path.write_bytes(bytes(range(256)) * 16)
    return path
