"""What a batch of submissions left, for the next one that follows it without a pause.

The write of a batch checks the version of each wallet, so remembering one costs no safety: if anything has changed,
the account is decided again under locks. That takes longer than reading, so nothing is remembered across a pause, nor
for a while after wallets turned out to have changed, as they do while many tasks end.
"""

from __future__ import annotations

import time

from vermilion.domain.submission import NewTask
from vermilion.storage.submission_ledger import SubmissionLedger

PAUSE_S_MAX = (
    0.002  #: between the end of a batch and the next one, in which the callers of the first are answered
)
REST_S = 0.5  #: after something had changed
AGE_S_MAX = (
    0.05  #: of what no version tells about: the plan's limits, the account's status, the queues' clocks
)


class SubmissionMemory:
    """The accounts of the batch that was written last, as it left them."""

    def __init__(
        self, *, pause_s_max: float = PAUSE_S_MAX, age_s_max: float = AGE_S_MAX, rest_s: float = REST_S
    ) -> None:
        self._pause_s_max, self._age_s_max, self._rest_s = pause_s_max, age_s_max, rest_s
        self._rests_until = 0.0
        self._ledger: SubmissionLedger | None = None
        self._written_at = 0.0

    def keep(self, ledger: SubmissionLedger) -> None:
        """Remember a batch that was written just now, all of it."""
        self._written_at = time.monotonic()
        self._ledger = ledger if ledger.is_whole and self._written_at >= self._rests_until else None

    def rest(self) -> None:
        """Remember nothing for a while: something had changed before it was written."""
        self._rests_until = time.monotonic() + self._rest_s

    def recall(self, batch: list[NewTask]) -> SubmissionLedger | None:
        """What is remembered, if it is all that this batch is decided on; it is then forgotten."""
        ledger, self._ledger = self._ledger, None
        now = time.monotonic()
        if (
            ledger is None
            or now - self._written_at > self._pause_s_max
            or now - ledger.read_at > self._age_s_max
        ):
            return None
        return ledger.following() if ledger.covers(batch) else None
