"""Start-time fair queueing: who goes next when several customers wait (Goyal, Vin and Cheng, 1996)."""

from __future__ import annotations

RANK_PER_COST = 1_000  #: keeps whole-number division by a weight of up to 1,000 exact enough


def next_rank(virtual_time: int, last_rank: int, cost: int, weight: int) -> int:
    """The rank of an account's next task: never before the queue's virtual time, spaced by cost over weight.

    An account that was idle starts at the virtual time, so it neither saves up turns nor pays for old ones.
    Ranks of different queues have nothing to do with each other.
    """
    return max(virtual_time, last_rank + RANK_PER_COST * max(1, cost) // max(1, weight))
