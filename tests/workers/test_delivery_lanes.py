"""How much a receiver is told at once: more while it does well, one probe now and then while it is dead."""

from __future__ import annotations

from uuid import UUID

from vermilion.workers.delivery_lanes import (
    BREAK_S,
    BREAK_S_MAX,
    FAILURES_BREAK,
    OF_ONE_ACCOUNT,
    ROOM_FIRST,
    ROOM_MAX,
    DeliveryLane,
    DeliveryLanes,
)

A, B = UUID(int=1), UUID(int=2)


def tried(lane: DeliveryLane, times: int, *, well: bool, now: float = 0.0) -> None:
    """So many tries came back."""
    for _ in range(times):
        lane.note(well=well, now=now)


def test_a_receiver_that_does_well_is_told_more_at_once() -> None:
    """Up to a bound."""
    lane = DeliveryLane(A)
    assert ROOM_FIRST == lane.free(0)
    tried(lane, 1000, well=True)
    assert ROOM_MAX == lane.free(0)


def test_a_receiver_that_hangs_holds_no_more_than_its_room() -> None:
    """What is in flight counts."""
    assert 0 == DeliveryLane(A, in_flight=ROOM_FIRST).free(0)


def test_failures_in_a_row_break_the_lane() -> None:
    """It is left alone for a while, then probed once, and longer with every probe that fails."""
    lane = DeliveryLane(A)
    tried(lane, FAILURES_BREAK, well=False, now=100)
    assert 0 == lane.free(100 + BREAK_S - 0.1)
    assert 1 == lane.free(100 + BREAK_S)
    lane.in_flight = 1
    assert 0 == lane.free(100 + BREAK_S)
    lane.in_flight = 0
    tried(lane, 1, well=False, now=200)
    assert 0 == lane.free(200 + BREAK_S)
    tried(lane, 20, well=False, now=300)
    assert 1 == lane.free(300 + BREAK_S_MAX)


def test_one_success_mends_the_lane() -> None:
    """A receiver that listens again is told what has gathered."""
    lane = DeliveryLane(A)
    tried(lane, FAILURES_BREAK, well=False)
    tried(lane, 1, well=True)
    assert lane.free(0) >= 2


def test_room_is_shared_out_among_due_lanes() -> None:
    """A busy receiver does not take the places of another."""
    lanes = DeliveryLanes()
    lanes.due([A, B])
    assert {A: 3, B: 3} == lanes.rooms(6, now=0)
    assert {} == lanes.rooms(0, now=0)


def test_a_lane_that_gave_less_than_asked_is_done() -> None:
    """Until it is due again."""
    lanes = DeliveryLanes()
    lanes.due([A, B])
    lanes.took(A, asked=3, got=1)
    lanes.took(B, asked=3, got=3)
    assert {B} == set(lanes.rooms(6, now=0))


def test_only_lanes_that_do_well_and_rest_are_forgotten() -> None:
    """The memory of a failing receiver outlives a pause of its deliveries."""
    lanes = DeliveryLanes()
    tried(lanes.lane(A), FAILURES_BREAK, well=False, now=50)
    tried(lanes.lane(B), 5, well=True)
    lanes.forget_idle()
    assert 0 == lanes.lane(A).free(50)
    assert ROOM_FIRST == lanes.lane(B).free(50)


def test_the_receivers_of_one_account_do_not_fill_a_node() -> None:
    """However many of them hang."""
    lanes = DeliveryLanes()
    hanging = [UUID(int=100 + number) for number in range(OF_ONE_ACCOUNT)]
    for lane_id in hanging:
        lanes.started(lane_id, A)
    lanes.due([*hanging, B])
    assert {B: ROOM_FIRST} == lanes.rooms(1000, now=0)
    lanes.ended(hanging[0], A, well=True, now=0)
    assert 1 == sum(room for lane_id, room in lanes.rooms(1000, now=0).items() if lane_id == hanging[1])
