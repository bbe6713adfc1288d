"""How many requests an account may make: a bucket that refills evenly, told in every answer's headers."""

from __future__ import annotations

import time

from vermilion.errors import RateLimited
from vermilion.http.asgi import Headers
from vermilion.storage.accounts import Bearer

BURST_S = 10.0  #: a rested account may spend this much of its rate at once
ACCOUNTS_MAX = 100_000


class RequestLimits:
    """One bucket an account, on this node: the time at which it will be full again (GCRA)."""

    def __init__(self) -> None:
        self._full_at: dict[bytes, float] = {}

    def take(self, bearer: Bearer) -> Headers:
        """Count one request and answer the headers that tell where the account stands. Raises RateLimited."""
        now = time.monotonic()
        per_minute = bearer.plan.requests_per_minute
        spacing = 60.0 / per_minute
        burst = max(1.0, per_minute * BURST_S / 60.0)
        key = bearer.account.id.bytes
        full_at = max(now, self._full_at.get(key, now)) + spacing
        if full_at - now > burst * spacing + 1e-9:
            retry_after_s = full_at - now - burst * spacing
            raise RateLimited(
                f"This plan allows {per_minute} requests a minute.", retry_after_s=round(retry_after_s, 3)
            )
        if len(self._full_at) >= ACCOUNTS_MAX:
            self._full_at = {k: v for k, v in self._full_at.items() if v > now}
        self._full_at[key] = full_at
        remaining = int((burst * spacing - (full_at - now)) / spacing + 1e-9)
        return [
            (b"x-ratelimit-limit", b"%d" % per_minute),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % (full_at - now + 0.999)),
        ]
