"""Every documented call and refusal of GoAPI, as its transcripts say."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.faces.transcripts import Player, transcripts
from tests.support.server import Api, new_customer

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.slow


def png() -> str:
    """A small picture in base64."""
    content = io.BytesIO()
    Image.new("RGB", (96, 64), (200, 40, 40)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


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
        **await _rich(operator),
        "png": png(),
    }
    await Player(operator.session, known).play(path)


async def _rich(operator: Api) -> dict[str, Any]:
    """An account with money of every kind."""
    plan = {"concurrency_total": 8, "concurrency_family": {"kling": 2}}
    rich = await new_customer(operator, units=50_000_000, plan=plan)
    grants = f"/admin/v1/accounts/{rich.account_id}/grants"
    await operator.post(grants, {"units": 5_000_000, "kind": "topup", "scope": "midjourney"})
    await operator.post(grants, {"units": 10_000_000, "kind": "pack"})
    account = await operator.get(f"/admin/v1/accounts/{rich.account_id}")
    return {"rich": rich.key, "rich_account": rich.account_id, "rich_plan": account["plan"]}
