"""Which events a hook hears, and when a delivery is tried again."""

from __future__ import annotations

import pytest

from vermilion.domain.webhooks import STANDARD, THREE_TRIES, TaskHook


def test_a_hook_that_names_no_events_hears_of_the_ends_alone() -> None:
    """Steps on the way have to be asked for."""
    hook = TaskHook("https://example.com/")
    assert hook.wants("task.failed")
    assert not hook.wants("task.progress")


def test_a_hook_hears_what_it_names_and_nothing_else() -> None:
    """A face may ask for progress alone."""
    hook = TaskHook("https://example.com/", face="goapi", events=("task.progress",))
    assert hook.wants("task.progress")
    assert not hook.wants("task.completed")


def test_the_standard_schedule_ends_after_a_day() -> None:
    """Ten tries: two seconds after the first, and the last one about a day after it."""
    waits = [STANDARD.wait_s(tries, chance=0.5) for tries in range(1, 11)]
    assert [2, 5, 30, 120, 600, 3_600] == waits[:6]
    assert 86_400 == pytest.approx(sum(wait for wait in waits if wait is not None), rel=0.1)
    assert waits[-1] is None


def test_waits_spread_by_chance() -> None:
    """A wait is up to a fifth shorter or longer, so that receivers are not hit in waves."""
    assert (1.6, 2.4) == (STANDARD.wait_s(1, chance=0), STANDARD.wait_s(1, chance=1))


def test_other_services_promise_three_tries_five_seconds_apart() -> None:
    """Without any jitter."""
    assert [5, 5, None] == [THREE_TRIES.wait_s(tries, chance=0.9) for tries in (1, 2, 3)]
