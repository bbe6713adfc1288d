"""The proof that every balance follows from its entries."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.prove_ledger import prove_ledger
from vermilion.storage import ledger_proofs


async def show(visit: Visit) -> Response:
    """How the ledger stood when it was proved last; proving is asked for, since it reads every entry."""
    proof = await ledger_proofs.read_newest(visit.gateway.database)
    return await page(visit, "operator/ledger.html", title="Ledger", proof=proof)


async def verify(visit: Visit) -> Response:
    """Recompute every balance, on the live system."""
    proof = await prove_ledger(visit.gateway)
    return see("/operator/ledger", told="Not balanced." if proof.differences else "Balanced.")
