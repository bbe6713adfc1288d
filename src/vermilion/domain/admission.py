"""Whether a submitted task is accepted, what it holds, and whether it may run at once.

The writer reads these states under the wallets' locks, decides here, and writes what was decided;
nothing in this file touches a database or a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from vermilion.domain.budgets import Budget, LowMarks, window_end
from vermilion.domain.fairness import next_rank
from vermilion.domain.grants import Allocation, Grant, allocate
from vermilion.domain.tasks import Status
from vermilion.errors import (
    AccountDisabled,
    BudgetReached,
    InsufficientFunds,
    InvalidRequest,
    SpendCapReached,
)

CAP_WINDOWS: Mapping[str, timedelta | None] = {
    "never": None,
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


class PlanLimits(msgspec.Struct, frozen=True):
    """What a plan allows in the queue."""

    concurrency_total: int
    concurrency_family: Mapping[str, int]
    weight: int
    priority_best: int


@dataclass(slots=True)
class AccountState:
    """An account as read under its wallet's lock; changed in place as tasks are admitted."""

    account_id: UUID
    active: bool
    running: int
    limits: PlanLimits
    lanes: dict[str, int] = field(default_factory=dict)
    last_ranks: dict[str, int] = field(default_factory=dict)  #: by queue
    grants: list[Grant] = field(default_factory=list)
    budget: Budget | None = None
    low_marks: LowMarks | None = None

    def take_place(self, family: str) -> bool:
        """Occupy a place of this family, if one more task of it may be pending or processing."""
        lane = self.lanes.setdefault(family, 0)
        if self.running >= self.limits.concurrency_total:
            return False
        limit = self.limits.concurrency_family.get(family)
        if limit is not None and lane >= limit:
            return False
        self.running += 1
        self.lanes[family] = lane + 1
        return True


@dataclass(slots=True)
class KeyCap:
    """An API key's spend cap, as read under the lock."""

    key_id: UUID
    cap_units: int
    window: str
    window_start: datetime
    used: int

    def renew(self, now: datetime) -> None:
        """Start a new window if the last one is over."""
        length = CAP_WINDOWS[self.window]
        if length is not None and now >= self.window_start + length:
            self.window_start += length * ((now - self.window_start) // length)
            self.used = 0


class Ask(Protocol):
    """The part of a submission that the decision depends on."""

    @property
    def family(self) -> str:
        """What it takes a place of."""
        ...

    @property
    def queue(self) -> str:
        """Where it waits."""
        ...

    @property
    def units(self) -> int:
        """What it costs."""
        ...

    @property
    def priority(self) -> int:
        """0 is the most urgent."""
        ...


class Admission(msgspec.Struct, frozen=True):
    """Accepted: the state to start in, the place in the queue, and where the money comes from."""

    status: Status
    rank: int
    allocations: tuple[Allocation, ...]


def admit(
    account: AccountState,
    ask: Ask,
    *,
    cap: KeyCap | None,
    virtual_time: int,
    now: datetime,
) -> Admission:
    """Accept the task, changing the states to count it, or raise the refusal and change nothing."""
    _refuse(account, ask, cap, now)
    allocations = allocate(account.grants, ask.units, ask.family, now)
    if allocations is None:
        raise InsufficientFunds(needed=ask.units)
    # After this point the task must be accepted.
    if cap is not None:
        cap.used += ask.units
    if account.budget is not None:
        account.budget.take(ask.units)
    rank = next_rank(virtual_time, account.last_ranks.get(ask.queue, 0), ask.units, account.limits.weight)
    account.last_ranks[ask.queue] = rank
    status = Status.PENDING if account.take_place(ask.family) else Status.STAGED
    return Admission(status, rank, allocations)


def _refuse(account: AccountState, ask: Ask, cap: KeyCap | None, now: datetime) -> None:
    """Refusals that need no money, in a fixed order."""
    if not account.active:
        raise AccountDisabled
    if ask.priority < account.limits.priority_best:
        raise InvalidRequest(
            f"This plan's most urgent priority is {account.limits.priority_best}; ask for it or a larger number."
        )
    if cap is not None:
        cap.renew(now)
        if cap.used + ask.units > cap.cap_units:
            raise SpendCapReached(needed=ask.units, left=cap.cap_units - cap.used)
    if (budget := account.budget) is not None:
        budget.renew(now)
        if not budget.covers(ask.units):
            raise BudgetReached(
                needed=ask.units,
                left=max(0, budget.units - budget.used),
                resets_at=window_end(budget.window, now),
            )
