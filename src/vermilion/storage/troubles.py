"""Telling owners and operators of a connection that was stopped, in the transaction that stops it."""

from __future__ import annotations

from typing import Any

from vermilion.domain.notifications import Notification
from vermilion.storage.notifications import notify

LONG_REST_S = 900.0  #: a rest that is worth telling

# Of these queues that any connection may serve, those that nothing is left to serve.
READ_ABANDONED = """
SELECT queue FROM unnest($1::text[]) AS served (queue) WHERE position('#' IN queue) = 0 AND NOT EXISTS (
    SELECT FROM connections c WHERE served.queue = ANY(c.queues) AND c.state IN ('active', 'resting'))
"""


async def tell_trouble(connection: Any, row: Any, rest_s: float | None) -> None:
    """Tell the owner, or the operators, of what a person has to see to, and of a long rest."""
    told = [one] if (one := _told(row, rest_s)) is not None else []
    if row["state"] == "attention" and row["account_id"] is None:
        left = await connection.fetch(READ_ABANDONED, row["queues"])
        told += [Notification("connections.none_active", {"queue": queue["queue"]}) for queue in left]
    await notify(connection, told)


def _told(row: Any, rest_s: float | None) -> Notification | None:
    facts = {
        "connection_id": str(row["id"]),
        "number": row["number"],
        "provider": row["provider"],
        "name": row["name"],
        "cause": row["reason_code"],
        "reason": row["state_reason"],
    }
    if row["state"] == "attention":
        return Notification("connection.attention", facts, row["account_id"])
    if rest_s is None or rest_s < LONG_REST_S or row["rests_until"] is None:
        return None
    until = row["rests_until"].isoformat(timespec="minutes")
    return Notification(
        "connection.limit_reached",
        {**facts, "limit_until": until},
        row["account_id"],
        once=f"rest:{row['id']}:{until[:13]}",
    )
