"""Which queues somebody can work on now, remembered for a moment, so that nothing is held for what nobody can do."""

from __future__ import annotations

from vermilion.domain.catalogue import Offer
from vermilion.errors import EnginePackMissing
from vermilion.storage import connections
from vermilion.storage.database import Database

NODE_SILENT_S_MAX = 300.0  #: a node that restarts is waited for; one that is gone is not
REFRESH_S = 5.0


class ServedQueues:
    """The queues of all connections of live nodes; only offers that need an engine pack are judged by them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queues: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Look again."""
        self._queues = frozenset(await connections.read_served_queues(self._database, NODE_SILENT_S_MAX))

    def missing(self, offer: Offer) -> str | None:
        """Why this offer cannot be had now, and what its operator has to type; None if it can."""
        if offer.pack is None or offer.queue in self._queues:
            return None
        return (
            f"{offer.model}/{offer.task_type} needs the engine pack {offer.pack!r}, which is not installed here. "
            f"The operator of this gateway installs it with: vermilion engines add {offer.pack}"
        )

    def require(self, offer: Offer) -> None:
        """Raises EnginePackMissing for an offer whose pack no node has."""
        if why := self.missing(offer):
            raise EnginePackMissing(why, pack=offer.pack)
