"""Every documented call and refusal of ImaginePro, as its transcripts say."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faces.midjourney_cast import cast
from tests.faces.transcripts import Player, transcripts
from tests.support.server import Api

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", transcripts(Path(__file__).parent))
async def test_transcript(operator: Api, path: Path) -> None:
    """The gateway answers every step as it is written."""
    await Player(operator.session, await cast(operator)).play(path)
