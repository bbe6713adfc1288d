"""Whether a scene that a stranger's file brings is one that the composer could have staged: everything in bounds."""

from __future__ import annotations

import math

from vermilion.engines.composer.art import things
from vermilion.engines.composer.render.light import COLOURS
from vermilion.engines.composer.scene.graph import Actor, Camera, Scatter, Scene
from vermilion.engines.styles import STYLES

_FAR = 60.0  #: of the world's units; nobody can zoom out that far in sensible steps
_ACTORS_MAX = 128
_SCATTERS_MAX = 16
_TEXT_MAX = 60_000
_SEED_MAX = 2**63


def is_sound(scene: Scene) -> bool:
    """Nothing in it can break a painter, or keep one busy for long."""
    return (
        bool(scene.lands)
        and len(scene.lands) <= 8
        and len(scene.prompt) + len(scene.negative) <= _TEXT_MAX
        and all(0 <= seed < _SEED_MAX for seed in (scene.seed, scene.sky_seed, scene.land_seed))
        and _near(*scene.sun, scene.cloudiness, scene.palette_shift)
        and 0.05 <= scene.width <= 10
        and _is_window(scene.camera)
        and scene.style in (None, *STYLES)
        and scene.tint in (None, *COLOURS)
        and len(scene.weather) <= 16
        and len(scene.cleared) <= 16
        and all(_near(*box) for box in scene.cleared)
        and len(scene.actors) <= _ACTORS_MAX
        and all(map(_is_actor, scene.actors))
        and len(scene.scatters) <= _SCATTERS_MAX
        and all(map(_is_scatter, scene.scatters))
    )


def _near(*values: float) -> bool:
    return all(math.isfinite(value) and abs(value) <= _FAR for value in values)


def _is_window(camera: Camera) -> bool:
    sizes = (camera.width, camera.height)
    return (
        _near(camera.x, camera.y)
        and all(0.02 <= side <= _FAR for side in sizes)
        and max(sizes) <= 12 * min(sizes)
    )


def _is_actor(actor: Actor) -> bool:
    return (
        actor.art in things()
        and _near(actor.x, actor.y)
        and 0.001 <= actor.height <= 3
        and _near(actor.tilt / 10)
        and abs(actor.front) <= _ACTORS_MAX
        and actor.colour in (None, *COLOURS)
    )


def _is_scatter(scatter: Scatter) -> bool:
    return (
        0 < len(scatter.art) <= 8
        and all(one in things() for one in scatter.art)
        and 0 <= scatter.density <= 40
        and 0.001 <= scatter.height <= 1
        and 0 <= scatter.seed < _SEED_MAX
    )
