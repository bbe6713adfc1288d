"""Budgets and low-balance marks: when they refuse, when they tell, and when they begin anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vermilion.domain.budgets import Budget, LowMarks, window_end, window_start

NOW = datetime(2026, 11, 25, 13, 30, tzinfo=UTC)  # a Wednesday
MONTH = datetime(2026, 11, 1, tzinfo=UTC)


def budget(used: int = 0, *, told: int = 0, hard: bool = True, since: datetime = MONTH) -> Budget:
    """A budget of 1,000 units a month."""
    return Budget(1000, "month", since, used, (50, 80, 100), told, hard)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("day", datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)),
        ("week", datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)),
        ("month", MONTH, datetime(2026, 12, 1, tzinfo=UTC)),
        ("never", None, None),
    ],
)
def test_windows_follow_the_calendar(window: str, start: datetime | None, end: datetime | None) -> None:
    """Days, weeks from Monday, and months, in UTC."""
    assert (start, end) == (window_start(window, NOW), window_end(window, NOW))


def test_a_december_ends_in_january() -> None:
    """The year turns."""
    assert datetime(2027, 1, 1, tzinfo=UTC) == window_end("month", datetime(2026, 12, 31, 23, tzinfo=UTC))


def test_a_hard_budget_refuses_what_it_does_not_cover() -> None:
    """To the unit; a soft one never does."""
    assert budget(990).covers(10)
    assert not budget(990).covers(11)
    assert budget(990, hard=False).covers(11)


def test_each_mark_is_told_once_and_only_the_highest_of_a_leap() -> None:
    """A task that crosses two marks is one alert."""
    spent = budget(400)
    assert spent.crossed() is None
    spent.take(410)
    assert 80 == spent.crossed()
    spent.take(10)
    assert spent.crossed() is None
    spent.take(180)
    assert 100 == spent.crossed()


def test_a_window_that_is_over_starts_at_nothing() -> None:
    """Marks and refusals are told again in the next one."""
    spent = budget(1000, told=100, since=MONTH - timedelta(days=31))
    assert spent.refused()
    spent.renew(NOW)
    assert (0, 0, MONTH) == (spent.used, spent.told, spent.since)
    spent.renew(NOW)
    spent.take(500)
    assert 50 == spent.crossed()


def test_the_first_refusal_of_a_window_is_told_alone() -> None:
    """The rest would be noise."""
    spent = budget(1000, told=100)
    assert [True, False, False] == [spent.refused() for _ in range(3)]


def test_a_balance_is_told_once_a_crossing() -> None:
    """Again after it rose above the mark, lower marks each by themselves, and nothing on the way up."""
    low = LowMarks((100, 50), None)
    told = [low.crossed(balance) for balance in (120, 99, 98, 60, 49, 10, 60, 40, 120, 99)]
    assert [None, 100, None, None, 50, None, None, 50, None, 100] == told
