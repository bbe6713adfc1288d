"""What an operator decides about a finding: the same text or file passes, or is refused, from then on."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from vermilion.services.gateway import Gateway
from vermilion.services.release_bytes import release_bytes
from vermilion.storage import audit, reviews
from vermilion.storage.accounts import Bearer
from vermilion.storage.reviews import ReviewRow

STATES = {"approve": "approved", "deny": "denied"}


async def decide_review(
    gateway: Gateway, actor: Bearer, review_id: UUID, *, act: Literal["approve", "deny"], note: str | None
) -> ReviewRow:
    """The finding as decided; a file that is denied is deleted. Raises NotFound."""
    row = await reviews.decide(
        gateway.database, review_id, state=STATES[act], actor_id=actor.account.id, note=note
    )
    if row.kind == "media" and act == "deny":
        await release_bytes(gateway, row.account_id)
    await audit.note(gateway.database, actor.account.id, f"review.{act}", review_id, note=note)
    return row
