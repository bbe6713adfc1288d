"""What an account is told of its money, decided where it is spent."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from vermilion.domain.admission import AccountState, KeyCap
from vermilion.domain.budgets import Budget, LowMarks, window_end
from vermilion.domain.grants import Grant
from vermilion.domain.notifications import Notification


def money_alerts(account: AccountState, now: datetime) -> list[Notification]:
    """Marks of the budget and of the balance that were crossed; each is told once a crossing."""
    told = []
    if (budget := account.budget) is not None and (percent := budget.crossed()) is not None:
        facts = {**_budget_facts(budget, now), "percent": percent}
        told.append(Notification("budget.alert", facts, account.account_id))
    if (low := account.low_marks) is not None:
        available = sum(grant.remaining for grant in account.grants if _is_open(grant, now))
        told += low_balance(account.account_id, low, available)
    return told


def low_balance(account_id: UUID, low: LowMarks, available: int) -> list[Notification]:
    """The mark that the balance fell below, if it did."""
    if (mark := low.crossed(available)) is None:
        return []
    return [Notification("balance.low", {"available": available, "mark": mark}, account_id)]


def funds_short(account: AccountState, family: str, now: datetime) -> Notification:
    """The first task of a day (UTC) that the wallet does not cover, by its family."""
    available = sum(
        grant.remaining for grant in account.grants if _is_open(grant, now) and grant.scope in (None, family)
    )
    facts = {"quota_type": family, "available": available}
    once = f"exchange:{family}:{now.astimezone(UTC).date()}"
    return Notification("quota.exchange_failed", facts, account.account_id, once=once)


def budget_reached(account_id: UUID, budget: Budget, now: datetime) -> Notification:
    """The first task of a window that the budget refuses."""
    return Notification("budget.reached", _budget_facts(budget, now), account_id)


def cap_reached(account_id: UUID, cap: KeyCap) -> Notification:
    """The first task of a window that a key's spend cap refuses."""
    facts = {
        "key_id": str(cap.key_id),
        "cap_units": cap.cap_units,
        "window": cap.window,
        "used": cap.used,
    }
    once = f"cap:{cap.key_id}:{cap.window_start.isoformat()}"
    return Notification("key.cap_reached", facts, account_id, once=once)


def _is_open(grant: Grant, now: datetime) -> bool:
    return grant.expires_at is None or grant.expires_at > now


def _budget_facts(budget: Budget, now: datetime) -> dict[str, object]:
    resets_at = window_end(budget.window, now)
    return {
        "units": budget.units,
        "used": budget.used,
        "window": budget.window,
        "resets_at": None if resets_at is None else resets_at.isoformat(),
    }
