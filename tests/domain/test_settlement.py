"""What endings do to an account's money and places."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.admission import PlanLimits
from vermilion.domain.grants import Allocation
from vermilion.domain.settlement import Account, Held, Waiting, end, may_end, promote
from vermilion.domain.tasks import ACTIVE, ENDED, Status

NODE, OTHER_NODE = UUID(int=100), UUID(int=101)


def account(running: int, total: int = 3, lanes: dict[str, int] | None = None, **family: int) -> Account:
    return Account(UUID(int=9), 50, 0, running, PlanLimits(total, family, 1, 5), lanes or {"echo": running})


def held(status: Status = Status.PROCESSING, units: int = 10) -> Held:
    parts = (Allocation(UUID(int=2), units),)
    return Held(UUID(int=1), UUID(int=9), "echo", status, NODE, None, units, parts)


def waiting(number: int, family: str = "echo", priority: int = 5) -> Waiting:
    return Waiting(UUID(int=number), family, family, (priority, number, UUID(int=number)))


@pytest.mark.parametrize("status", sorted(ENDED))
def test_what_has_ended_cannot_end_again(status: Status) -> None:
    """Whatever a writer expects, an ended task stays as it ended."""
    assert not may_end(held(status), ACTIVE | ENDED, None)


def test_an_ending_applies_only_as_expected() -> None:
    """The task must be in a state that the writer has seen, and in the hands of its node."""
    assert may_end(held(), ACTIVE, None)
    assert may_end(held(), {"processing"}, NODE)
    assert not may_end(held(), {"processing"}, OTHER_NODE)
    assert not may_end(held(), {"staged", "pending"}, None)


@pytest.mark.parametrize(
    ("status", "running"), [(Status.STAGED, 2), (Status.PENDING, 1), (Status.PROCESSING, 1)]
)
def test_an_end_frees_the_place_that_was_taken(status: Status, running: int) -> None:
    """A staged task had none; pending and processing ones give one back. Money moves in full either way."""
    state = account(2)
    settlement = end(state, held(status), 4)

    assert (running, {"echo": running}) == (state.running, state.lanes)
    assert (40, 4) == (state.held, state.spent)
    assert (4, 6) == (settlement.captured, settlement.releases[0].units)


FAMILIES = st.sampled_from(["echo", "composer", "cutout"])


@given(
    st.lists(st.tuples(FAMILIES, st.integers(0, 9)), max_size=12),
    st.integers(1, 5),
    st.dictionaries(FAMILIES, st.integers(0, 3)),
    st.dictionaries(FAMILIES, st.integers(0, 2)),
)
def test_promotion_fills_every_place_and_no_more(
    staged: list[tuple[str, int]], total: int, limits: dict[str, int], lanes: dict[str, int]
) -> None:
    """The best waiting tasks get places until no limit lets another in, and no limit is passed by it."""
    state = account(sum(lanes.values()), total, dict(lanes), **limits)
    tasks = [waiting(number, family, priority) for number, (family, priority) in enumerate(staged)]
    promoted = promote(state, {family: [t for t in tasks if t.family == family] for family, _ in staged})
    left = [task for task in tasks if task not in promoted]

    assert state.running == sum(lanes.values()) + len(promoted) <= max(total, sum(lanes.values()))
    assert all(count <= max(limits.get(f, total), lanes.get(f, 0)) for f, count in state.lanes.items())
    assert not any(state.free_in(task.family) for task in left)
    assert sorted(promoted, key=lambda task: task.order) == promoted
    assert not any(
        early.order < late.order for late in promoted for early in left if early.family == late.family
    )
