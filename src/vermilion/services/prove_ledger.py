"""Prove that every balance follows from its entries, and keep what came of it."""

from __future__ import annotations

from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.storage import ledger, ledger_proofs
from vermilion.storage.ledger_proofs import Proof


async def prove_ledger(gateway: Gateway) -> Proof:
    """Recompute every balance on the live system; it reads every entry."""
    database = gateway.database
    entries, differences = await ledger.verify(database)
    sums = await ledger.read_sums(database)
    return await ledger_proofs.keep(database, new_id(), entries=entries, differences=differences, sums=sums)
