"""What the land bears: trees, stones and flowers, at places that depend on the world alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vermilion.engines.composer.render.noise import scatter_hash
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON, Actor, Scatter, nearness, shrink

_WET = frozenset({"lake", "sea"})


def strewn(view: View) -> Iterator[Actor]:
    """What the land bears. Its places depend on the world alone, so that a wider camera finds the same."""
    for scatter in view.scene.scatters:
        pace = 1.15 / max(0.2, scatter.density)
        first, last = (
            np.floor((view.camera.x - 0.4) / pace),
            np.ceil((view.camera.x + view.camera.width + 0.4) / pace),
        )
        for cell in range(int(first), int(last) + 1):
            for rank in range(2 if scatter.height > 0.2 or view.camera.y + view.camera.height <= 1.01 else 4):
                actor = _one_strewn(scatter, cell, rank, pace)
                if not _is_hidden(view, actor):
                    yield actor


def _one_strewn(scatter: Scatter, cell: int, rank: int, pace: float) -> Actor:
    dice = [float(scatter_hash(cell, rank * 16 + number, scatter.seed)) for number in range(6)]
    far, near = (0.615, 0.74) if scatter.height > 0.2 else (0.66, 0.99)
    y = far + (near - far) * (dice[1] ** 0.9) if rank < 2 else 1.0 + 0.9 * dice[1]
    size = (
        scatter.height
        * (0.55 + 0.75 * dice[2])
        * (shrink(y) if scatter.height <= 0.2 else 0.25 + 0.95 * nearness(y) ** 0.7)
    )
    art = scatter.art[int(dice[3] * len(scatter.art)) % len(scatter.art)]
    return Actor(art=art, x=(cell + dice[0]) * pace, y=round(y, 4), height=size, flipped=dice[4] < 0.5)


def _is_hidden(view: View, actor: Actor) -> bool:
    """Whether it would stand in water, before somebody, or where the scene was cleared."""
    lands = set(view.scene.lands)
    if view.scene.lands[-1] in _WET and actor.y > HORIZON - 0.01 and actor.art != "1F33E":
        return True
    if view.scene.lands[-1] in _WET and actor.y < 0.86:
        return True
    if "beach" in lands and actor.y < 0.8:
        return True
    if (
        view.scene.lands[-1] == "city"
        and abs(actor.x - view.scene.width / 2) < 1.5 * (actor.y - HORIZON) + 0.05
    ):
        return True
    if any(
        x0 <= actor.x <= x1 and y0 <= actor.y - actor.height / 2 <= y1
        for x0, y0, x1, y1 in view.scene.cleared
    ):
        return True
    for other in view.scene.actors:
        away = abs(actor.x - other.x)
        tall = actor.height > 0.12
        if (
            other.place != "air"
            and away < other.height * 0.42 + actor.height * 0.4
            and (actor.y > other.y - (0.12 if tall else 0.0))
        ):
            return actor.y - actor.height < other.y + 0.02 or tall
    return False
