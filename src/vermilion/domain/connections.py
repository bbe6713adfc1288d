"""Connections as their users see them: whose work they do, when they rest, and the account behind them in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any, Literal
from uuid import UUID

#: Why a person has to look at a connection, as adapters say it in the code of a refusal.
TROUBLES: Mapping[str, str] = {
    "banned": "The account behind this connection is banned.",
    "captcha_required": "A person has to solve a captcha.",
    "invalid_token": "The credential is no longer valid.",
    "no_fast_hours": "No fast hours are left.",
    "subscription_expired": "The subscription has expired.",
    "verifying": "The account is being verified.",
}
#: What Midjourney's /info says, as LinkrAPI names it. Every value is text.
ACCOUNT_FIELDS = (
    "user_id",
    "subscription",
    "job_mode",
    "visibility_mode",
    "fast_time_remaining",
    "lifetime_usage",
    "fast_usage",
    "turbo_usage",
    "relaxed_usage",
    "queued_jobs_fast",
    "queued_jobs_relax",
    "running_jobs",
)
JobMode = Literal["fast", "relax", "turbo"]


def queue_name(base: str, *, account_id: UUID | None = None, connection_id: UUID | None = None) -> str:
    """The queue of work that anyone may do, that only an account's connections may do, or only one connection."""
    if connection_id is not None:
        return f"{base}#{connection_id}"
    return base if account_id is None else f"{base}@{account_id}"


def queue_base(name: str) -> str:
    """The queue of everyone's work of the same kind."""
    return name.partition("#")[0].partition("@")[0]


def queues_served(bases: Iterable[str], *, connection_id: UUID, account_id: UUID | None) -> list[str]:
    """The queues that a connection works off: its owner's, or everyone's if it is the operator's, and its own."""
    return [
        name
        for base in bases
        for name in (
            queue_name(base, account_id=account_id),
            queue_name(base, connection_id=connection_id),
        )
    ]


def read_hour(text: str) -> time:
    """A time of day such as `22:30`. Raises ValueError."""
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))


def hours(start: time | None, end: time | None) -> tuple[str, str] | None:
    """Resting hours as they are told."""
    return None if start is None or end is None else (f"{start:%H:%M}", f"{end:%H:%M}")


def account_info(
    description: Mapping[str, Any], *, number: int, counted: Mapping[str, Any]
) -> dict[str, str]:
    """The twelve fields of the account behind a connection; what the provider does not say is counted here."""
    known = {
        "user_id": number,
        "subscription": "Local",
        "job_mode": "fast",
        "visibility_mode": "stealth",
        "fast_time_remaining": "unlimited",
        **counted,
    }
    return {name: str(description.get(name, known.get(name, ""))) for name in ACCOUNT_FIELDS}
