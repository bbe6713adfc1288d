"""Webhooks as values: the events there are, who wants to hear of which, and how often to try."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import msgspec

End = Literal["task.completed", "task.failed", "task.cancelled"]
Step = Literal["task.staged", "task.started", "task.progress"]
TaskEvent = Literal[
    "task.staged", "task.started", "task.progress", "task.completed", "task.failed", "task.cancelled"
]
ENDS: tuple[str, ...] = get_args(End)
STEPS: tuple[str, ...] = get_args(Step)
HEARS_ENDS, HEARS_STEPS = 1, 2

NATIVE = "native"


class TaskHook(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where one task is to be told of, as it is kept with the task. `face` says whose body and headers it gets.

    Events that are not named are the ends. A secret is what the face makes of it; natively, None is the account's.
    """

    url: str
    face: str = NATIVE
    secret: str | None = None
    events: tuple[str, ...] | None = None

    def wants(self, event: str) -> bool:
        """Whether this event is to be told."""
        return event in (self.events or ENDS)


class RetryPolicy(msgspec.Struct, frozen=True):
    """Seconds to the next try after the first, second, … one, and how long a receiver may take to answer."""

    waits_s: tuple[float, ...]
    timeout_s: float = 15.0
    jitter: float = 0.2  #: a wait is longer or shorter by up to this share

    def wait_s(self, attempts: int, *, chance: float) -> float | None:
        """How long to wait after this many tries, by a chance from 0 to 1; None when it was the last."""
        if attempts > len(self.waits_s):
            return None
        return self.waits_s[attempts - 1] * (1 + self.jitter * (2 * chance - 1))

    def at_most(self, tries: int) -> RetryPolicy:
        """The same, but over after so many tries."""
        return msgspec.structs.replace(self, waits_s=self.waits_s[: tries - 1])


#: With the last try, 24 hours have passed.
STANDARD = RetryPolicy((2, 5, 30, 120, 600, 3_600, 3_600 * 3, 3_600 * 6, 3_600 * 13))
#: What the services whose contracts other faces speak promise: three tries, five seconds apart.
THREE_TRIES = RetryPolicy((5, 5), timeout_s=10.0, jitter=0.0)


def policy_of(event: str, policy: RetryPolicy) -> RetryPolicy:
    """How often to tell of this event: old news of the way is no news."""
    if event == "task.progress":
        return policy.at_most(1)
    return policy.at_most(4) if event in STEPS else policy


def wanted(events: Collection[str] | None, event: str) -> bool:
    """Whether an account's endpoint wants this event: what it names, or everything but the steps."""
    return event not in STEPS if events is None else event in events


def hears(events: Collection[str] | None) -> int:
    """What of tasks an endpoint with these events hears, as bits."""
    ends = HEARS_ENDS if any(wanted(events, end) for end in ENDS) else 0
    return ends + (HEARS_STEPS if any(wanted(events, step) for step in STEPS) else 0)


@lru_cache(maxsize=4096)
def lane_of(account_id: UUID, url: str) -> UUID:
    """The lane of an account's deliveries to this URL: one for each of its receivers' origins."""
    parts = urlsplit(url)
    return uuid5(account_id, f"{parts.scheme}://{parts.netloc}")
