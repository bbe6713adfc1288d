"""Which receivers may be told how much at once: quick ones more, failing ones less, dead ones a probe now and then.

A lane whose last delivery arrived is proven. The others together never hold more than half of a node's places, so that
however many receivers hang, those that listen have the other half to themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

ROOM_FIRST = 8
ROOM_MAX = 32
FAILURES_BREAK = 5  #: failures in a row after which a lane is left alone for a while
BREAK_S = 5.0
BREAK_S_MAX = 60.0
AT_ONCE = 1000  #: in flight on a node
LANES_KEPT_MAX = 10_000  #: beyond these, proven lanes that have nothing to do are forgotten
OF_ONE_ACCOUNT = 250  #: in flight; many receivers of one account that hang must not fill a node


@dataclass(slots=True)
class DeliveryLane:
    """The deliveries to one receiver, as this node sees them."""

    id: UUID
    account_id: UUID | None = None  #: as soon as something was sent
    room: int = ROOM_FIRST
    in_flight: int = 0
    failures: int = 0  #: in a row
    open_until: float = 0.0  #: while broken
    proven: bool = False  #: its last delivery arrived

    def free(self, now: float) -> int:
        """How many more may be sent at this moment; a broken lane gets one probe once its time has come."""
        if self.failures >= FAILURES_BREAK:
            return int(now >= self.open_until and not self.in_flight)
        return max(0, self.room - self.in_flight)

    def note(self, *, well: bool, now: float) -> None:
        """What came of one."""
        self.proven = well
        if well:
            self.failures = 0
            self.room = min(ROOM_MAX, self.room + 1)
            return
        self.failures += 1
        self.room = max(1, self.room // 2)
        if self.failures >= FAILURES_BREAK:
            self.open_until = now + min(BREAK_S_MAX, BREAK_S * 2 ** min(16, self.failures - FAILURES_BREAK))


class DeliveryLanes:
    """Every lane that this node has something to do with."""

    def __init__(self, places: int = AT_ONCE, *, kept_max: int = LANES_KEPT_MAX) -> None:
        self._places, self._kept_max = places, kept_max
        self._lanes: dict[UUID, DeliveryLane] = {}
        self._due: dict[UUID, None] = {}  #: in order of arrival
        self._of_account: Counter[UUID] = Counter()
        self._unproven = 0  #: in flight to lanes that are not proven

    def due(self, lane_ids: Iterable[UUID]) -> None:
        """These lanes have something to send."""
        self._due.update(dict.fromkeys(lane_ids))

    def lane(self, lane_id: UUID) -> DeliveryLane:
        """One lane."""
        return self._lanes.setdefault(lane_id, DeliveryLane(lane_id))

    def rooms(self, at_most: int, now: float) -> dict[UUID, int]:
        """How many deliveries of each due lane to take now, shared out evenly among the lanes that have room."""
        free = {lane_id: room for lane_id in self._due if (room := self._free(lane_id, now)) > 0}
        share = max(1, at_most // max(1, len(free)))
        left, unproven_left = at_most, self._places // 2 - self._unproven
        taken = {}
        for lane_id, room in free.items():
            proven = self.lane(lane_id).proven
            part = min(room, share, left, left if proven else unproven_left)
            if part > 0:
                taken[lane_id] = part
                left -= part
                unproven_left -= 0 if proven else part
        return taken

    def took(self, lane_id: UUID, asked: int, got: int) -> None:
        """A lane that gave fewer than it was asked for has nothing more, one that gave all goes to the end."""
        self._due.pop(lane_id, None)
        if got >= asked:
            self._due[lane_id] = None

    def started(self, lane_id: UUID, account_id: UUID) -> None:
        """One is on its way."""
        lane = self.lane(lane_id)
        lane.account_id = account_id
        lane.in_flight += 1
        self._unproven += not lane.proven
        self._of_account[account_id] += 1

    def ended(self, lane_id: UUID, account_id: UUID, *, well: bool, now: float) -> None:
        """One came back."""
        lane = self.lane(lane_id)
        self._unproven -= 0 if lane.proven else lane.in_flight
        lane.in_flight -= 1
        lane.note(well=well, now=now)
        self._unproven += 0 if lane.proven else lane.in_flight
        self._of_account[account_id] -= 1

    def forget_idle(self) -> None:
        """Drop what is known of lanes that have nothing to do and do not fail, proven ones only if there are many."""
        many = len(self._lanes) > self._kept_max
        for lane in list(self._lanes.values()):
            if (
                (many or not lane.proven)
                and not lane.in_flight
                and not lane.failures
                and lane.id not in self._due
            ):
                del self._lanes[lane.id]
        self._of_account = +self._of_account

    def _free(self, lane_id: UUID, now: float) -> int:
        lane = self.lane(lane_id)
        room = lane.free(now)
        if lane.account_id is None:
            return room
        return min(room, max(0, OF_ONE_ACCOUNT - self._of_account[lane.account_id]))
