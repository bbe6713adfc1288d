"""Give each subscription its quota at the start of a period; what is left of the last one expires with it."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from vermilion.services.gateway import Gateway
from vermilion.storage import ledger, quotas

ACCOUNTS_AT_ONCE = 200


async def renew_quota(gateway: Gateway) -> int:
    """Grant every quota that is due, exactly once a period even if several nodes do it; answers how many."""
    due = await quotas.read_quota_due(gateway.database, ACCOUNTS_AT_ONCE)
    for row in due:
        # The id follows from account and period, so the same quota cannot be granted twice.
        grant_id = uuid5(
            NAMESPACE_URL, f"quota:{row['account_id']}:{row['starts_at'].isoformat()}:{row['quota_units']}"
        )
        await ledger.add_grant(
            gateway.database,
            grant_id,
            row["account_id"],
            kind="quota",
            units=row["quota_units"],
            expires_at=row["ends_at"],
            reason="subscription quota",
        )
        await quotas.mark_quota(gateway.database, row["account_id"], row["ends_at"])
    return len(due)
