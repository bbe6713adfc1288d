"""Refuse a task that nobody here could ever run, before anything is held."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from vermilion.domain.catalogue import Offer
from vermilion.errors import ProviderNotConnected
from vermilion.providers.manifest import provider_ids, read_manifest
from vermilion.services.gateway import Gateway
from vermilion.storage import connections


async def require_connection(gateway: Gateway, account_id: UUID, offer: Offer) -> None:
    """Nothing, if a provider of the offer's routes is connected for this account. Raises ProviderNotConnected."""
    if not built_in().isdisjoint(offer.routes):
        return
    if await connections.are_there(gateway.database, providers=offer.routes, account_id=account_id):
        return
    providers = " or ".join(offer.routes)
    raise ProviderNotConnected(
        f"{offer.model} {offer.task_type} needs a connection to a provider that does it ({providers}), "
        "and this gateway has none; nothing was held. Its operator can connect one.",
        providers=list(offer.routes),
    )


@cache
def built_in() -> frozenset[str]:
    """Providers that are always there: they need no credential."""
    return frozenset(id_ for id_ in provider_ids() if read_manifest(id_).auth == "none")
