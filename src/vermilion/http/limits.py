"""How many requests an account may make: a bucket that refills evenly, told in every answer's headers."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from vermilion.errors import RateLimited
from vermilion.http.asgi import Headers
from vermilion.storage.accounts import Bearer

BURST_S = 10.0  #: a rested account may spend this much of its rate at once
ACCOUNTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Pace:
    """One request every so many seconds; who rested may be ahead by `burst` requests."""

    spacing_s: float
    burst: float


class Buckets:
    """One bucket a key, on this node: the time at which it will be full again (GCRA)."""

    def __init__(self) -> None:
        self._full_at: dict[Hashable, float] = {}

    def take(self, key: Hashable, pace: Pace, refusal: str) -> float:
        """Count one request and answer the seconds until the bucket is full again. Raises RateLimited."""
        now = time.monotonic()
        ahead_s = pace.burst * pace.spacing_s
        full_at = max(now, self._full_at.get(key, now)) + pace.spacing_s
        if full_at - now > ahead_s + 1e-9:
            raise RateLimited(refusal, retry_after_s=round(full_at - now - ahead_s, 3))
        if len(self._full_at) >= ACCOUNTS_MAX:
            self._full_at = {k: v for k, v in self._full_at.items() if v > now}
        self._full_at[key] = full_at
        return full_at - now


class RequestLimits:
    """The rate of an account's plan."""

    def __init__(self) -> None:
        self._buckets = Buckets()

    def take(self, bearer: Bearer) -> Headers:
        """Count one request and answer the headers that tell where the account stands. Raises RateLimited."""
        pace, refusal, limit = _of_plan(bearer.plan.requests_per_minute)
        full_in_s = self._buckets.take(bearer.account.id.int, pace, refusal)
        remaining = int((pace.burst * pace.spacing_s - full_in_s) / pace.spacing_s + 1e-9)
        return [
            limit,
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % (full_in_s + 0.999)),
        ]


@lru_cache(maxsize=1024)
def _of_plan(per_minute: int) -> tuple[Pace, str, tuple[bytes, bytes]]:
    """The pace of plans with this rate, the words that refuse who goes faster, and the header that tells it."""
    pace = Pace(60.0 / per_minute, max(1.0, per_minute * BURST_S / 60.0))
    refusal = f"This plan allows {per_minute} requests a minute."
    return pace, refusal, (b"x-ratelimit-limit", b"%d" % per_minute)
