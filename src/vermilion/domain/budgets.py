"""What an account allows itself to spend in a window, and the marks at which it wants to be told; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Window = Literal["day", "week", "month", "never"]
REACHED = 32_000  #: told: a task was refused in this window; beyond every percent


@dataclass(slots=True)
class Budget:
    """An account's budget, as read under its wallet's lock; changed in place as tasks are admitted."""

    units: int
    window: str
    since: datetime
    used: int
    marks: tuple[int, ...]  #: percent, in rising order
    told: int  #: the highest mark that was told in this window
    hard: bool
    changed: bool = False

    def renew(self, now: datetime) -> None:
        """Start a new window if the last one is over."""
        start = window_start(self.window, now)
        if start is not None and start > self.since:
            self.since, self.used, self.told, self.changed = start, 0, 0, True

    def covers(self, units: int) -> bool:
        """Whether so much more may be held; a soft budget only tells."""
        return not self.hard or self.used + units <= self.units

    def take(self, units: int) -> None:
        """Count what is held."""
        self.used += units
        self.changed = True

    def crossed(self) -> int | None:
        """The highest mark that was reached and not told yet; it counts as told from now on."""
        reached = [mark for mark in self.marks if self.used * 100 >= mark * self.units and mark > self.told]
        if not reached:
            return None
        self.told, self.changed = reached[-1], True
        return self.told

    def refused(self) -> bool:
        """Whether this is the first refusal of the window; it counts as told from now on."""
        if self.told >= REACHED:
            return False
        self.told, self.changed = REACHED, True
        return True


@dataclass(slots=True)
class LowMarks:
    """The balances below which an account wants to be told, and the lowest one it lies below as far as was told."""

    marks: tuple[int, ...]
    told: int | None
    changed: bool = False

    def crossed(self, available: int) -> int | None:
        """The lowest mark that the balance fell below since the last look; a balance that rises is told of nothing."""
        below = min((mark for mark in self.marks if available < mark), default=None)
        if below == self.told:
            return None
        fell = below is not None and (self.told is None or below < self.told)
        self.told, self.changed = below, True
        return below if fell else None


def window_start(window: str, now: datetime) -> datetime | None:
    """When the window that `now` lies in began, by the calendar (UTC); None for one that never ends."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "day":
        return day
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else None


def window_end(window: str, now: datetime) -> datetime | None:
    """When that window ends and the next one begins."""
    start = window_start(window, now)
    if start is None:
        return None
    if window == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=1 if window == "day" else 7)
