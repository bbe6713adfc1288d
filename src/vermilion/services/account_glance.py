"""What every page shows of an account beside its own matter: money and what is going on."""

from __future__ import annotations

from uuid import UUID

from vermilion.services.gateway import Gateway
from vermilion.storage import glances
from vermilion.storage.glances import AccountGlance

__all__ = ["AccountGlance", "glance"]


async def glance(gateway: Gateway, account_id: UUID) -> AccountGlance:
    """The account's figures now; one statement."""
    return await glances.read_glance(gateway.database, account_id)
