"""Who holds a key, remembered for a few seconds; what must be exact (money, caps) is checked in the write anyway."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from vermilion.storage.accounts import Bearer

LIFE_S = 5.0
SIZE_MAX = 50_000


class KeyCache:
    """Bearers by hash of the secret. Cleared whenever any node changes a key, an account or a plan."""

    def __init__(self, load: Callable[[bytes], Awaitable[Bearer | None]]) -> None:
        self._load = load
        self._known: dict[bytes, tuple[float, Bearer | None]] = {}

    def clear(self, _payload: str = "") -> None:
        """Forget everything."""
        self._known.clear()

    def at_hand(self, secret_hash: bytes) -> Bearer | None:
        """The holder of this secret, if it was looked up a moment ago."""
        known = self._fresh(secret_hash)
        return None if known is None else known[1]

    async def get(self, secret_hash: bytes) -> Bearer | None:
        """The holder of this secret, or None."""
        if (known := self._fresh(secret_hash)) is not None:
            return known[1]
        known_before = self._known
        bearer = await self._load(secret_hash)
        if len(self._known) >= SIZE_MAX:
            self._known = {}
        if known_before is self._known:
            self._known[secret_hash] = (time.monotonic() + LIFE_S, bearer)
        return bearer

    def _fresh(self, secret_hash: bytes) -> tuple[float, Bearer | None] | None:
        """What a look-up found that is not too old: also that nobody holds it."""
        known = self._known.get(secret_hash)
        return known if known is not None and known[0] > time.monotonic() else None
