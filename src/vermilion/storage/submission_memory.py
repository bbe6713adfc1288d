"""How batches of submissions left their accounts, for those that follow without a pause.

The write of a batch checks the version of each wallet, so remembering one costs no safety: if anything has changed,
the account is decided again under locks. That takes longer than reading, so nothing is remembered across a pause, nor
for a while after wallets turned out to have changed, as they do while many tasks end.
While batches are being written, those who will be in the next one are decided already; if a write fails, or leaves
out an account, what was decided on it is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import is_
from typing import NamedTuple
from uuid import UUID

from vermilion.domain.submission import NewTask
from vermilion.errors import VermilionError
from vermilion.storage.submission_ledger import KnownAccount, SubmissionLedger

PAUSE_S_MAX = 0.02  #: between two batches with tasks of an account
REST_S = 0.5  #: after something had changed
#: Of what no version tells about: the plan's limits, the account's status, the queues' clocks.
AGE_S_MAX = 0.2
SWEEP_AT_MIN = 256  #: accounts; when there are so many, or twice those left by the last sweep, old ones go


class KnownClock(NamedTuple):
    """A queue's clock as it was read."""

    virtual_time: int
    read_at: float  #: by our clock


class SubmissionMemory:
    """Accounts as the last batches leave them, and the batch that will go on from there."""

    def __init__(
        self, *, pause_s_max: float = PAUSE_S_MAX, age_s_max: float = AGE_S_MAX, rest_s: float = REST_S
    ) -> None:
        self._pause_s_max, self._age_s_max, self._rest_s = pause_s_max, age_s_max, rest_s
        self._rests_until = 0.0
        self._accounts: dict[UUID, KnownAccount] = {}
        self._clocks: dict[str, KnownClock] = {}
        self._sweep_at = SWEEP_AT_MIN
        # When the database was last looked at, by its clock and by ours.
        self._looked = datetime.now(UTC), time.monotonic()
        self._next: SubmissionLedger | None = None
        self._gave_up = False  # foreseeing the next batch

    @property
    def size(self) -> int:
        """How many accounts are remembered."""
        return len(self._accounts)

    def begin(self, ledger: SubmissionLedger) -> None:
        """A batch is about to be written."""
        if ledger.read_at is not None and ledger.now is not None:
            self._note_look(ledger, ledger.read_at, ledger.now)
        rests = time.monotonic() < self._rests_until
        for account_id, account in ledger.left():
            account.version = None
            if not (rests or account.state.budget or account.state.low_marks):
                self._accounts[account_id] = account

    def foresee(self, tasks: list[NewTask]) -> None:
        """Decide those who will be in the next batch, in this order, as far as they can be accepted without a look."""
        if self._gave_up or not self._accounts:
            return
        following = self._next = self._next or self._follow()
        if not self._take(following, tasks[len(following.taken) :]):
            self._forget(following.accounts)
            self._next, self._gave_up = None, True

    def keep(self, ledger: SubmissionLedger) -> None:
        """A batch was written just now, all of it."""
        now = time.monotonic()
        for _, account in ledger.left():
            account.version, account.written_at = ledger.version_written, now

    def rest(self) -> None:
        """Remember nothing for a while: something had changed before it was written."""
        self._rests_until = time.monotonic() + self._rest_s
        self._accounts.clear()

    def recall(self, batch: list[NewTask]) -> SubmissionLedger | None:
        """The batch, decided on what is remembered if that accepts all of it.

        Nobody is refused from memory: nothing would be written then, so nothing would notice a change.
        """
        following, self._next = self._next or self._follow(), None
        self._gave_up = False
        foreseen = following.taken
        follows = (
            len(foreseen) <= len(batch)
            and all(map(is_, foreseen, batch))
            and self._take(following, batch[len(foreseen) :])
            and self._is_settled(following)
        )
        self._forget(following.accounts)  # until it is about to be written
        if follows:
            return following
        self._forget(task.account_id for task in batch)
        return None

    def _note_look(self, ledger: SubmissionLedger, read_at: float, now: datetime) -> None:
        self._looked = now, read_at
        self._clocks |= {queue: KnownClock(clock, read_at) for queue, clock in ledger.clocks.items()}
        if len(self._accounts) >= self._sweep_at:
            since = read_at - self._age_s_max
            self._accounts = {id_: known for id_, known in self._accounts.items() if known.read_at > since}
            self._sweep_at = max(SWEEP_AT_MIN, 2 * len(self._accounts))

    def _follow(self) -> SubmissionLedger:
        """A batch of this moment, of which nothing is known yet."""
        now, read_at = self._looked
        return SubmissionLedger(now + timedelta(seconds=time.monotonic() - read_at))

    def _take(self, ledger: SubmissionLedger, tasks: list[NewTask]) -> bool:
        """Take all of these if what is remembered covers and accepts them."""
        since = time.monotonic() - self._age_s_max
        try:
            for task in tasks:
                if not self._covers(ledger, task, since):
                    return False
                ledger.take(task)
        except VermilionError:
            return False
        return True

    def _covers(self, ledger: SubmissionLedger, task: NewTask, since: float) -> bool:
        """Whether all that this task is decided on was read since then. It is in the ledger afterwards."""
        if task.idempotency_key is not None or task.key_capped:
            return False
        if task.queue not in ledger.clocks:
            clock = self._clocks.get(task.queue)
            if clock is None or clock.read_at <= since:
                return False
            ledger.clocks[task.queue] = clock.virtual_time
        if task.account_id not in ledger.accounts:
            account = self._accounts.get(task.account_id)
            if account is None or account.read_at <= since:
                return False
            ledger.accounts[task.account_id] = account
        return True

    def _is_settled(self, ledger: SubmissionLedger) -> bool:
        """Whether the batches that its accounts go on from were written, and just now."""
        now = time.monotonic()
        written_since, read_since = now - self._pause_s_max, now - self._age_s_max
        return all(
            account.version is not None
            and account.written_at > written_since
            and account.read_at > read_since
            for account in ledger.accounts.values()
        )

    def _forget(self, account_ids: Iterable[UUID]) -> None:
        for account_id in account_ids:
            self._accounts.pop(account_id, None)
