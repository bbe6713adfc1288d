"""The compiled word lists: everyone's and each account's own, read once and again when they change."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from vermilion.domain.moderation.word_filter import Rule, WordFilter

LIFE_S = 60.0  #: in case that a notification was lost
SIZE_MAX = 10_000
EMPTY = WordFilter([])
Load = Callable[[UUID | None], Awaitable[Sequence[Rule]]]


class WordLists:
    """Filters by account; None is everyone's. Forgotten whenever any node changes a list."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._known: dict[UUID | None, tuple[float, WordFilter]] = {}

    def changed(self, payload: str) -> None:
        """Forget the list of a notification: an account's id, or nothing for everyone's."""
        self._known.pop(UUID(payload) if payload else None, None)

    def clear(self) -> None:
        """Forget everything."""
        self._known = {}

    async def get(self, account_id: UUID | None) -> WordFilter:
        """The list of this account, or everyone's."""
        known = self._known.get(account_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if len(self._known) >= SIZE_MAX:
            self._known = {}
        return await self._read(account_id)

    async def _read(self, account_id: UUID | None) -> WordFilter:
        """Read and keep a list, unless it changed while it was read."""
        mark = (0.0, EMPTY)
        self._known[account_id] = mark
        rules = await self._load(account_id)
        found = WordFilter(rules) if rules else EMPTY
        if self._known.get(account_id) is mark:
            self._known[account_id] = (time.monotonic() + LIFE_S, found)
        return found
