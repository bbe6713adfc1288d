"""The compiled word lists: everyone's and each account's own, read once and again when they change.

A list that turns out to be the same stays in use with all that it learned about harmless words.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from vermilion.domain.moderation.harmless import KNOWN_MAX
from vermilion.domain.moderation.word_filter import Rule, WordFilter

LIFE_S = 60.0  #: in case that a notification was lost
SIZE_MAX = 10_000
OWN_KNOWN_MAX = (
    2_000  #: harmless words that an own list remembers, in about 250 kB, and texts in as much at most
)
EMPTY = WordFilter([])
Load = Callable[[UUID | None], Awaitable[Sequence[Rule]]]


class WordLists:
    """Filters by account; None is everyone's. Read again whenever any node changes a list."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._known: dict[UUID | None, tuple[float, WordFilter]] = {}

    def changed(self, payload: str) -> None:
        """Read the list of a notification again: an account's id, or nothing for everyone's."""
        account_id = UUID(payload) if payload else None
        if account_id in self._known:
            self._known[account_id] = _stale(self._known[account_id])

    def clear(self) -> None:
        """Read every list again."""
        self._known = {account_id: _stale(known) for account_id, known in self._known.items()}

    async def get(self, account_id: UUID | None) -> WordFilter:
        """The list of this account, or everyone's."""
        known = self._fresh(account_id)
        return await self._read(account_id) if known is None else known

    def at_hand(self, account_id: UUID) -> tuple[WordFilter, WordFilter] | None:
        """Everyone's list and this account's own, if both were read lately."""
        everyones, own = self._fresh(None), self._fresh(account_id)
        return None if everyones is None or own is None else (everyones, own)

    async def both(self, account_id: UUID) -> tuple[WordFilter, WordFilter]:
        """Everyone's list and this account's own."""
        return self.at_hand(account_id) or (await self.get(None), await self.get(account_id))

    def _fresh(self, account_id: UUID | None) -> WordFilter | None:
        """The list as it was read lately, if it was."""
        known = self._known.get(account_id)
        return known[1] if known is not None and known[0] > time.monotonic() else None

    async def _read(self, account_id: UUID | None) -> WordFilter:
        """Read and keep a list, unless it changed while it was read."""
        if len(self._known) >= SIZE_MAX:
            self._known = {}
        mark = _stale(self._known.get(account_id, (0.0, EMPTY)))
        self._known[account_id] = mark
        rules = await self._load(account_id)
        found = mark[1] if tuple(rules) == mark[1].rules else _compiled(account_id, rules)
        if self._known.get(account_id) is mark:
            self._known[account_id] = (time.monotonic() + LIFE_S, found)
        return found


def _stale(known: tuple[float, WordFilter]) -> tuple[float, WordFilter]:
    """A new entry that is to be read again."""
    return 0.0, known[1]


def _compiled(account_id: UUID | None, rules: Sequence[Rule]) -> WordFilter:
    if not rules:
        return EMPTY
    return WordFilter(rules, known_max=KNOWN_MAX if account_id is None else OWN_KNOWN_MAX)
