"""Credits and linked accounts in ImaginePro's words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from vermilion.domain.connections import TROUBLES
from vermilion.domain.outcomes import ConnectionState
from vermilion.faces.imaginepro.wire import stamp
from vermilion.services.describe_connection import Description
from vermilion.storage.accounts import Bearer
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.ledger import GrantRow

NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  #: of a subscription that has none


class AccountInfo(msgspec.Struct, frozen=True, rename="camel"):
    """A plan's credits, and those that never expire."""

    type: str
    credits_quota: int
    credits: int
    credits_extra: int
    expired_at: str
    email: str


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """A linked account; what logs it in is never shown."""

    id: int
    token: str
    channel_id: str
    server_id: str
    is_active: bool
    status: str
    info: dict[str, str]
    concurrency: int


def account_of(bearer: Bearer, grants: Iterable[GrantRow], units_per_credit: int) -> AccountInfo:
    """The subscription's credits and all others, in whole credits."""
    grants = list(grants)
    quota = [grant for grant in grants if grant.kind == "quota"]
    extra = sum(grant.remaining for grant in grants if grant.kind != "quota")
    ends = [grant.expires_at for grant in quota if grant.expires_at is not None]
    return AccountInfo(
        type=bearer.plan.name.upper(),
        credits_quota=bearer.plan.quota_units // units_per_credit,
        credits=sum(grant.remaining for grant in quota) // units_per_credit,
        credits_extra=extra // units_per_credit,
        expired_at=stamp(max(ends, default=NO_END)),
        email=bearer.account.email,
    )


def token_of(row: ConnectionRow, description: Description | None) -> Token:
    """A connection as a linked account."""
    options = msgspec.json.decode(row.options)
    account = description.account if description else {}
    return Token(
        id=row.number,
        token="*" * 8,
        channel_id=str(options.get("channel_id", "")),
        server_id=str(options.get("server_id", "")),
        is_active=row.state != ConnectionState.SUSPENDED,
        status=token_status(row),
        info=token_info(account),
        concurrency=row.concurrency_max,
    )


def token_status(row: ConnectionRow) -> str:
    """FAST or RELAX while it works; what is wrong otherwise."""
    if row.state == ConnectionState.ATTENTION:
        return (row.reason_code or "verifying").upper() if row.reason_code in TROUBLES else "VERIFYING"
    return "RELAX" if msgspec.json.decode(row.options).get("job_mode") == "relax" else "FAST"


def token_info(account: dict[str, str]) -> dict[str, str]:
    """The account behind a connection, in this service's names."""
    names = {
        "jobMode": "job_mode",
        "runningJobs": "running_jobs",
        "relaxedUsage": "relaxed_usage",
        "subscription": "subscription",
        "lifetimeUsage": "lifetime_usage",
        "queuedJobsFast": "queued_jobs_fast",
        "visibilityMode": "visibility_mode",
        "queuedJobsRelax": "queued_jobs_relax",
        "fastTimeRemaining": "fast_time_remaining",
    }
    return {name: account.get(ours, "") for name, ours in names.items()}
