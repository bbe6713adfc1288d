"""Links to the pictures that findings are about, for the person who decides."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage import assets
from vermilion.storage.reviews import ReviewRow


async def review_pictures(gateway: Gateway, findings: Iterable[ReviewRow]) -> dict[UUID, str]:
    """The signed path of each finding's file, by the finding's id; what is not kept any more has none."""
    of_asset = {one.asset_id: one.id for one in findings if one.asset_id is not None}
    kept = await assets.read_many(gateway.database, list(of_asset)) if of_asset else []
    return {
        of_asset[asset.id]: media_path(gateway, asset.id, asset.expires_at)
        for asset in kept
        if asset is not None
    }
