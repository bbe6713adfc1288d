"""Every documented call and refusal of GoAPI, as its transcripts say."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faces.transcripts import Player, transcripts
from tests.support.server import Api, new_customer

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.slow
PNG = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGElEQVR4nGP4z8BAEiJN9aiGUQ1DSgMAlYv/AXVUQxoAAAAASUVORK5CYII="


@pytest.mark.parametrize("path", transcripts(FOLDER))
async def test_transcript(operator: Api, path: Path) -> None:
    """The gateway answers every step as it is written."""
    limited = {"concurrency_total": 1, "requests_per_minute": 6}
    customer = await new_customer(operator)
    known = {
        "key": customer.key,
        "account": customer.account_id,
        "poor": (await new_customer(operator, units=0)).key,
        "hurried": (await new_customer(operator, plan={"requests_per_minute": 6})).key,
        "narrow": (await new_customer(operator, plan={**limited, "requests_per_minute": 6000})).key,
        "reader": (await new_customer(operator, scopes=["tasks:read"])).key,
        "png": PNG,
    }
    await Player(operator.session, known).play(path)
