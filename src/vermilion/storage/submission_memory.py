"""What a batch of submissions left, for the next one that follows it without a pause.

The write of a batch checks the version of each wallet, so remembering one costs no safety: if anything has changed,
the account is decided again under locks. That takes longer than reading, so nothing is remembered across a pause, nor
for a while after wallets turned out to have changed, as they do while many tasks end.
While a batch is being written, those who will be in the next one are decided already; if the write fails, or leaves
out an account, what was decided on it is dropped.
"""

from __future__ import annotations

import time
from operator import is_

from vermilion.domain.submission import NewTask
from vermilion.errors import VermilionError
from vermilion.storage.submission_ledger import SubmissionLedger

PAUSE_S_MAX = (
    0.002  #: between the end of a batch and the next one, in which the callers of the first are answered
)
REST_S = 0.5  #: after something had changed
AGE_S_MAX = (
    0.2  #: of what no version tells about: the plan's limits, the account's status, the queues' clocks
)


class SubmissionMemory:
    """The batch that was written last or is being written, and the one that will go on from it."""

    def __init__(
        self, *, pause_s_max: float = PAUSE_S_MAX, age_s_max: float = AGE_S_MAX, rest_s: float = REST_S
    ) -> None:
        self._pause_s_max, self._age_s_max, self._rest_s = pause_s_max, age_s_max, rest_s
        self._rests_until = 0.0
        self._last: SubmissionLedger | None = None
        self._written_at: float | None = None
        self._next: SubmissionLedger | None = None

    def begin(self, ledger: SubmissionLedger) -> None:
        """A batch is about to be written."""
        can_follow = time.monotonic() >= self._rests_until and ledger.can_be_followed
        self._last, self._written_at = ledger, None
        self._next = ledger.following() if can_follow else None

    def foresee(self, tasks: list[NewTask]) -> None:
        """Decide those who will be in the next batch, in this order, as far as they can be accepted without a look."""
        following = self._next
        if following is None or self._is_too_old(following):
            return
        for task in tasks[len(following.taken) :]:
            if not _takes(following, task):
                self._next = None
                return

    def keep(self, ledger: SubmissionLedger) -> None:
        """A batch was written just now, all of it."""
        if ledger is self._last:
            self._written_at = time.monotonic()

    def rest(self) -> None:
        """Remember nothing for a while: something had changed before it was written."""
        self._rests_until = time.monotonic() + self._rest_s
        self._next = None

    def recall(self, batch: list[NewTask]) -> SubmissionLedger | None:
        """The batch, decided on what is remembered if that accepts all of it; it is then forgotten.

        Nobody is refused from memory: nothing would be written then, so nothing would notice a change.
        """
        last, written_at, following = self._last, self._written_at, self._next
        self._last = self._written_at = self._next = None
        if last is None or written_at is None or following is None:
            return None
        if time.monotonic() - written_at > self._pause_s_max or self._is_too_old(following):
            return None
        foreseen = following.taken
        if len(foreseen) > len(batch) or not all(map(is_, foreseen, batch)):
            return None
        if not all(_takes(following, task) for task in batch[len(foreseen) :]):
            return None
        following.go_on_from(last)
        return following

    def _is_too_old(self, ledger: SubmissionLedger) -> bool:
        return time.monotonic() - ledger.read_at > self._age_s_max


def _takes(ledger: SubmissionLedger, task: NewTask) -> bool:
    """Take a task if the ledger covers and accepts it."""
    if not ledger.covers(task):
        return False
    try:
        ledger.take(task)
    except VermilionError:
        return False
    return True
