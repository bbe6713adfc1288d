"""Ranks share a queue by weight, whoever has more waiting."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.fairness import next_rank


@given(*[st.integers(0, 2**40)] * 2, st.integers(0, 10**9), st.integers(1, 1000))
def test_a_rank_never_goes_back(virtual_time: int, last_rank: int, cost: int, weight: int) -> None:
    """Nobody queues before the queue's present or before an own earlier task."""
    assert next_rank(virtual_time, last_rank, cost, weight) >= max(virtual_time, last_rank)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 50)), min_size=1, max_size=12))
def test_a_newcomer_waits_for_nobodys_backlog(bursts: list[tuple[str, int]]) -> None:
    """After any history of bursts, a task of a third account starts within two of those that wait."""
    virtual_time, last = 0, Counter[str]()
    waiting: list[tuple[int, int, str]] = []
    for number, (who, tasks) in enumerate(bursts):
        for _ in range(tasks):
            last[who] = next_rank(virtual_time, last[who], 10_000, 1)
            waiting.append((last[who], len(waiting), who))
        if number % 2:  # some are served between bursts
            waiting.sort()
            virtual_time = max(virtual_time, waiting.pop(0)[0])
    rank = next_rank(virtual_time, 0, 10_000, 1)

    assert 2 >= sum(place < (rank, 10**9, "c") for place in waiting)


def test_weights_share_the_queue() -> None:
    """Of two accounts with endless work, one of weight 3 gets three quarters."""
    ranks = {"light": 0, "heavy": 0}
    waiting = []
    for _ in range(400):
        for who, weight in (("light", 1), ("heavy", 3)):
            ranks[who] = next_rank(0, ranks[who], 100, weight)
            waiting.append((ranks[who], who))
    served = Counter(who for _, who in sorted(waiting)[:200])

    assert abs(served["heavy"] - 150) <= 2
