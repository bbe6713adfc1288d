"""How much a receiver is told at once: more while it does well, one probe now and then while it is dead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from vermilion.domain.webhooks import STANDARD
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


@pytest.mark.parametrize(("kept_max", "room"), [(1, ROOM_FIRST), (2, ROOM_FIRST + 5)])
def test_only_lanes_that_do_well_and_rest_are_forgotten(kept_max: int, room: int) -> None:
    """Where there are too many; the memory of a failing receiver outlives a pause of its deliveries."""
    lanes = DeliveryLanes(kept_max=kept_max)
    tried(lanes.lane(A), FAILURES_BREAK, well=False, now=50)
    tried(lanes.lane(B), 5, well=True)
    lanes.forget_idle()
    assert 0 == lanes.lane(A).free(50)
    assert room == lanes.lane(B).free(50)


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


@dataclass
class Hour:
    """An hour of deliveries by a clock of its own: receivers that hang, each with ever more to hear, and B, who
    listens, through the lanes that a node really uses.
    """

    lanes: DeliveryLanes
    places: int
    flying: list[tuple[float, UUID, bool]] = field(default_factory=list)
    hung_most: int = 0  #: deliveries in flight to receivers that hang, after the first minute
    waiting: deque[float] = field(default_factory=deque)  #: when what B is to hear became due
    waits_s: list[float] = field(default_factory=list)  #: how long it was not sent

    def run(self, hanging: list[UUID], *, of_account: Callable[[UUID], UUID]) -> None:
        """Every second each receiver that hangs has more to hear, and B one delivery."""
        for second in range(3_600):
            self.lanes.due([*hanging, B])
            self.waiting.append(float(second))
            for now in (second, second + 0.5):
                self._land(now)
                room = self.lanes.rooms(self.places - len(self.flying), now)
                for lane_id, asked in room.items():
                    got = asked if lane_id != B else min(asked, len(self.waiting))
                    self._send(lane_id, of_account(lane_id), got=got, now=now)
                    self.lanes.took(lane_id, asked, got)
                if second >= 60:
                    self.hung_most = max(self.hung_most, sum(not well for _, _, well in self.flying))

    def _send(self, lane_id: UUID, account_id: UUID, *, got: int, now: float) -> None:
        for _ in range(got):
            self.lanes.started(lane_id, account_id)
            well = lane_id == B
            if well:
                self.waits_s.append(now - self.waiting.popleft())
            self.flying.append((now + (0.1 if well else STANDARD.timeout_s), lane_id, well))

    def _land(self, now: float) -> None:
        landed = [flight for flight in self.flying if flight[0] <= now]
        self.flying = [flight for flight in self.flying if flight[0] > now]
        for _, lane_id, well in landed:
            account_id = self.lanes.lane(lane_id).account_id
            assert account_id is not None
            self.lanes.ended(lane_id, account_id, well=well, now=now)


def proven(*lane_ids: UUID, places: int) -> DeliveryLanes:
    """A node's lanes, of which these have just been told something well."""
    lanes = DeliveryLanes(places)
    for lane_id in lane_ids:
        lanes.started(lane_id, lane_id)
        lanes.ended(lane_id, lane_id, well=True, now=0)
    return lanes


HANGING = [UUID(int=1_000 + number) for number in range(100)]


@pytest.mark.parametrize(
    "places", [1_600, 50], ids=["as many as may begin", "many more than there are places"]
)
def test_an_hour_of_receivers_that_hang_delays_nobody_who_listens(places: int) -> None:
    """However many they are: they never hold more than half of the places, one each once they are known, and each of
    the 3,600 deliveries to the one that listens is sent in the instant in which it is due.
    """
    hour = Hour(proven(B, places=places), places)

    hour.run(HANGING, of_account=lambda lane_id: lane_id)

    assert [0.0] * 3_600 == hour.waits_s
    assert hour.hung_most <= min(places // 2, len(HANGING))


def test_a_new_receiver_waits_for_one_timeout_at_the_most() -> None:
    """It has to share the other half with all that hang, until it has listened once."""
    hour = Hour(DeliveryLanes(100), 100)
    hour.run(HANGING[:50], of_account=lambda lane_id: lane_id)
    waited = [number for number, wait_s in enumerate(hour.waits_s) if wait_s]
    assert waited == list(range(len(waited)))
    assert max(hour.waits_s) <= STANDARD.timeout_s


def test_receivers_that_listened_and_then_all_hang_are_felt_for_a_minute() -> None:
    """Their good name is gone with the first failure of each; what has gathered meanwhile is sent then."""
    hour = Hour(proven(B, *HANGING, places=100), 100)
    hour.run(HANGING, of_account=lambda lane_id: lane_id)
    assert 3_600 == len(hour.waits_s)
    assert {0.0} == set(hour.waits_s[60:])
    assert max(hour.waits_s) <= 2 * STANDARD.timeout_s
