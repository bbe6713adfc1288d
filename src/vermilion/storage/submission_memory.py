"""What a batch of submissions left, for the next one that follows it without a pause.

The write of a batch checks the version of each wallet, so remembering one costs no safety: if anything has changed,
the account is decided again under locks. It is only remembered for so long as reading takes, because whatever
changes a wallet in between, such as the end of a task, makes a second try of the first.
"""

from __future__ import annotations

import time

from vermilion.domain.submission import NewTask
from vermilion.storage.submission_ledger import SubmissionLedger

PAUSE_S_MAX = 0.004  #: between the end of a batch and the next one; reading would take about as long
AGE_S_MAX = (
    0.05  #: of what no version tells about: the plan's limits, the account's status, the queues' clocks
)


class SubmissionMemory:
    """The accounts of the batch that was written last, as it left them."""

    def __init__(self, *, pause_s_max: float = PAUSE_S_MAX, age_s_max: float = AGE_S_MAX) -> None:
        self._pause_s_max, self._age_s_max = pause_s_max, age_s_max
        self._ledger: SubmissionLedger | None = None
        self._written_at = 0.0

    def keep(self, ledger: SubmissionLedger) -> None:
        """Remember a batch that was written just now, all of it."""
        self._ledger = ledger if ledger.is_whole else None
        self._written_at = time.monotonic()

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
