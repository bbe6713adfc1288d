"""Who plays in the transcripts of the Midjourney faces."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, ImageDraw
from tests.support.server import Api, new_customer


async def cast(operator: Api) -> dict[str, Any]:
    """A customer with an engine lent to them as if it were their linked account, and others who lack something."""
    plan = {"quota_units": 1_600 * 45_000, "name": "Starter", "requests_per_minute": 6_000}
    customer = await new_customer(operator, units=1_000 * 45_000, plan=plan)
    lent = {"provider": "local", "name": "linked", "account_id": customer.account_id}
    connection = await operator.post("/admin/v1/connections", lent)
    bound = {"name": "linked", "connection_id": connection["id"]}
    hold = (await customer.post("/v1/keys", bound))["key"]
    stranger = await new_customer(operator)
    account = await customer.get("/v1/account")
    return {
        "key": customer.key,
        "email": account["email"],
        "hold": hold,
        "token": connection["number"],
        "connection": connection["id"],
        "poor": (await new_customer(operator, units=0)).key,
        "stranger": stranger.key,
        "hurried": (await new_customer(operator, plan={"requests_per_minute": 6})).key,
        "png": picture(),
        "mask": picture(mask=True),
        "nobody": "01900000-0000-7000-8000-000000000000",
    }


def picture(*, mask: bool = False) -> str:
    """A small picture in plain base64; a mask is black with a white square."""
    image = Image.new("RGB", (96, 64), "black" if mask else "darkgreen")
    ImageDraw.Draw(image).rectangle((24, 16, 56, 48), fill="white" if mask else "gold")
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()
