"""Seeded chance: the same seed and names always give the same choices, on every machine."""

from __future__ import annotations

import random


def chances(seed: int, *names: str) -> random.Random:
    """A source of its own for one purpose, so that a change in one part leaves the others as they were."""
    return random.Random("|".join((str(seed), *names)))  # noqa: S311 - composes, keeps no secrets
