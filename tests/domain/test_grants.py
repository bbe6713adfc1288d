"""Which grants pay, in which order, and what comes back to them."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.grants import Allocation, Grant, allocate, settle, spendable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def grant(
    number: int,
    remaining: int = 10,
    *,
    scope: str | None = None,
    expires_h: int | None = None,
    age_h: int = 0,
) -> Grant:
    expires_at = None if expires_h is None else NOW + expires_h * HOUR
    return Grant(UUID(int=number), scope, remaining, expires_at, NOW - age_h * HOUR)


GRANTS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from([None, "echo", "composer"]),
        st.sampled_from([None, -1, 0, 1, 2]),
        st.integers(0, 3),
    ),
    max_size=6,
).map(lambda rows: [grant(n, r, scope=s, expires_h=e, age_h=a) for n, (r, s, e, a) in enumerate(rows)])


def test_the_soonest_expiry_burns_first() -> None:
    """Expiring money goes before money that keeps, scoped before free, old before new."""
    grants = [
        grant(1),
        grant(2, age_h=5),
        grant(3, scope="echo"),
        grant(4, expires_h=2),
        grant(5, expires_h=1),
        grant(6, expires_h=2, scope="echo"),
    ]

    assert [5, 6, 4, 3, 2, 1] == [g.id.int for g in spendable(grants, "echo", NOW)]


def test_what_is_over_or_for_another_family_pays_nothing() -> None:
    """A grant that expires now, is empty, or belongs to another family is not spendable."""
    grants = [grant(1, expires_h=0), grant(2, 0), grant(3, scope="composer"), grant(4, expires_h=1)]

    assert [4] == [g.id.int for g in spendable(grants, "echo", NOW)]


def test_a_free_task_needs_no_grant() -> None:
    """Nothing is allocated for nothing, even from an empty wallet."""
    assert () == allocate([], 0, "echo", NOW)


@given(GRANTS, st.integers(1, 60))
def test_an_allocation_takes_exactly_what_is_asked(grants: list[Grant], units: int) -> None:
    """Either the whole amount leaves the grants in burn order and none goes below zero, or nothing changes."""
    before = deepcopy(grants)
    order = [g.id for g in spendable(before, "echo", NOW)]
    parts = allocate(grants, units, "echo", NOW)

    if parts is None:
        assert before == grants
        assert units > sum(g.remaining for g in spendable(before, "echo", NOW))
        return
    assert units == sum(part.units for part in parts)
    assert order[: len(parts)] == [part.grant_id for part in parts]
    taken = {part.grant_id: part.units for part in parts}
    assert all(
        old.remaining - taken.get(old.id, 0) == new.remaining >= 0
        for old, new in zip(before, grants, strict=True)
    )
    assert all(g.remaining == 0 for g in grants if g.id in order[: len(parts) - 1])


@given(st.lists(st.integers(1, 50), max_size=5), st.data())
def test_a_settlement_conserves_the_hold(units: list[int], data: st.DataObject) -> None:
    """For every grant, what is taken and what is given back add up to what it had lent, the soonest taken first."""
    held = [Allocation(UUID(int=number), part) for number, part in enumerate(units)]
    captured = data.draw(st.integers(0, sum(units)))
    settlement = settle(held, captured)

    assert captured == settlement.captured
    taken = {part.grant_id: part.units for part in settlement.captures}
    given_back = {part.grant_id: part.units for part in settlement.releases}
    assert [part.units for part in held] == [
        taken.get(p.grant_id, 0) + given_back.get(p.grant_id, 0) for p in held
    ]
    assert all(part.units > 0 for part in (*settlement.captures, *settlement.releases))
    assert len(taken.keys() & given_back.keys()) <= 1
    assert max(taken, default=UUID(int=0)) <= min(given_back, default=UUID(int=99))


@pytest.mark.parametrize("captured", [-1, 11])
def test_a_capture_stays_within_the_hold(captured: int) -> None:
    """Neither less than nothing nor more than the hold can be taken."""
    with pytest.raises(ValueError, match="capture"):
        settle([Allocation(UUID(int=1), 10)], captured)
