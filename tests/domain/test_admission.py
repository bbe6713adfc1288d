"""Whether a task is accepted, what that takes, and that a refusal takes nothing."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.admission import AccountState, Admission, KeyCap, PlanLimits, admit
from vermilion.domain.grants import Grant
from vermilion.domain.tasks import Status
from vermilion.errors import (
    AccountDisabled,
    InsufficientFunds,
    InvalidRequest,
    SpendCapReached,
    VermilionError,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def account(remaining: int = 100, *, active: bool = True, total: int = 2, **family: int) -> AccountState:
    grants = [Grant(UUID(int=1), None, remaining, None, NOW)]
    limits = PlanLimits(total, family, weight=1, priority_best=5)
    return AccountState(UUID(int=9), active, 0, limits, grants=grants)


def cap(units: int, *, used: int = 0, window: str = "never", started: datetime = NOW) -> KeyCap:
    return KeyCap(UUID(int=5), units, window, started, used)


class Ask(NamedTuple):
    family: str
    queue: str
    units: int
    priority: int


def submit(state: AccountState, units: int = 10, *, family: str = "echo", **more: Any) -> Admission:
    ask = Ask(family, more.pop("queue", "q"), units, more.pop("priority", 5))
    return admit(state, ask, cap=more.pop("cap", None), virtual_time=0, now=more.pop("now", NOW))


def test_places_are_taken_and_then_tasks_are_staged() -> None:
    """A plan for two runs two tasks at once; the third is accepted and paid for, and waits."""
    state = account(total=2)
    admitted = [submit(state) for _ in range(3)]

    assert [Status.PENDING, Status.PENDING, Status.STAGED] == [one.status for one in admitted]
    assert (2, {"echo": 2}) == (state.running, state.lanes)


def test_a_full_family_leaves_places_for_others() -> None:
    """A family's own limit stages only that family."""
    state = account(total=3, echo=1)
    families = ("echo", "echo", "composer")

    assert [Status.PENDING, Status.STAGED, Status.PENDING] == [
        submit(state, family=f).status for f in families
    ]


@pytest.mark.parametrize(
    ("state", "ask", "refusal"),
    [
        (account(active=False), {}, AccountDisabled),
        (account(), {"priority": 4}, InvalidRequest),
        (account(), {"cap": cap(9)}, SpendCapReached),
        (account(9), {}, InsufficientFunds),
        (account(9, active=False), {"priority": 0, "cap": cap(0)}, AccountDisabled),
        (account(9), {"priority": 0, "cap": cap(0)}, InvalidRequest),
        (account(9), {"cap": cap(0)}, SpendCapReached),
    ],
)
def test_refusals_come_in_a_fixed_order(
    state: AccountState, ask: dict[str, Any], refusal: type[VermilionError]
) -> None:
    """The account, then the plan, then the key, then the money; and a refusal changes nothing."""
    before = deepcopy(state)
    with pytest.raises(refusal):
        submit(state, **ask)

    assert before == state


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(0, 150), st.integers(0, 150))
def test_neither_purse_nor_cap_is_overdrawn(asks: list[int], balance: int, cap_units: int) -> None:
    """After any submits, exactly the accepted units are held, within the balance and within the key's cap."""
    state, key = account(balance), cap(cap_units)
    held = 0
    for units in asks:
        fits = held + units <= min(balance, cap_units)
        try:
            held += sum(part.units for part in submit(state, units, cap=key).allocations)
        except (InsufficientFunds, SpendCapReached):
            assert not fits
        else:
            assert fits

    assert (held, balance - held) == (key.used, state.grants[0].remaining)


@pytest.mark.parametrize(
    ("window", "later", "start", "used"),
    [
        ("never", 400 * DAY, NOW, 7),
        ("day", DAY - timedelta(seconds=1), NOW, 7),
        ("day", DAY, NOW + DAY, 0),
        ("week", 15 * DAY, NOW + 14 * DAY, 0),
        ("month", 59 * DAY, NOW + 30 * DAY, 0),
    ],
)
def test_a_cap_starts_over_with_its_window(window: str, later: timedelta, start: datetime, used: int) -> None:
    """Windows follow each other without gaps from the first one's start, and each starts at zero."""
    key = cap(10, used=7, window=window)
    key.renew(NOW + later)

    assert (start, used) == (key.window_start, key.used)


def test_each_queue_has_its_own_turns() -> None:
    """Work in one queue does not push back the account's next task in another."""
    state = account()
    ranks = [submit(state, queue=queue).rank for queue in ("a", "a", "b")]

    assert ranks[1] == 2 * ranks[0] == 2 * ranks[2]


def test_a_free_task_needs_no_money() -> None:
    """A task that costs nothing is accepted from an empty wallet."""
    assert () == submit(account(0), 0).allocations
