"""The catalogue as it holds now: the packaged one under the operator's terms, the same on every node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from vermilion.domain.catalogue import Catalogue, Offer
from vermilion.domain.price_change import terms_problems
from vermilion.domain.terms import Terms
from vermilion.logs import get_logger
from vermilion.storage import terms
from vermilion.storage.database import Database
from vermilion.storage.terms import TermsRow

log = get_logger("offer_book")


class OfferBook:
    """`current` is a whole catalogue: who holds it through an operation sees one state of all offers."""

    def __init__(self, database: Database, packaged: Catalogue) -> None:
        self._database = database
        self.packaged = packaged
        self.current = packaged
        self._seen: list[TermsRow] = []
        self._one_at_a_time = asyncio.Lock()

    async def refresh(self) -> bool:
        """Read what holds now; True if that is another catalogue than before."""
        async with self._one_at_a_time:  # an older answer never comes after a newer one
            return await self._read()

    async def _read(self) -> bool:
        rows = await terms.read_in_effect(self._database)
        if rows == self._seen:
            return False
        routes = await terms.read_routes(self._database)
        changed = {offer.key: offer for offer in self._under(rows, routes)}
        self.current, self._seen = self.packaged.under(changed), rows
        return True

    def _under(
        self, rows: list[TermsRow], routes: dict[tuple[str, str], list[tuple[str, ...]]]
    ) -> Iterable[Offer]:
        for row in rows:
            key = row.model, row.task_type
            offer, found = self.packaged.offers.get(key), read_terms(row)
            if offer is None:
                continue  # a model that the package no longer has
            if problems := terms_problems(offer, found):
                log.error("published terms fit the catalogue no longer", offer=key, problems=str(problems))
                continue
            yield offer.under(found, routes.get(key, ()))


def read_terms(row: TermsRow) -> Terms:
    """The terms of a row."""
    return msgspec.json.decode(row.terms, type=Terms)
