"""Ids sort by the time at which they were made."""

from __future__ import annotations

import time
from uuid import UUID

from vermilion.ids import new_id


def test_an_id_tells_when_it_was_made() -> None:
    """Version 7 of RFC 9562: milliseconds first, so later ids are larger, and no two are the same."""
    before_ms = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(1_000)]
    after_ms = time.time_ns() // 1_000_000

    assert {(UUID, 7)} == {(type(id_), id_.version) for id_ in made}
    assert sorted(set(made)) == made
    assert all(before_ms <= id_.int >> 80 <= after_ms for id_ in made)
