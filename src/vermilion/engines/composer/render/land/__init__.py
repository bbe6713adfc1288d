"""The land below the sky, from the farthest ridge to what lies at the viewer's feet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vermilion.engines.composer.render.land.city import paint_skyline, paint_street
from vermilion.engines.composer.render.land.cosmos import paint_moon, paint_space
from vermilion.engines.composer.render.land.indoors import paint_room
from vermilion.engines.composer.render.land.relief import (
    paint_beach,
    paint_dunes,
    paint_far_hills,
    paint_forest,
    paint_forest_floor,
    paint_meadow,
    paint_mountains,
    paint_snow,
)
from vermilion.engines.composer.render.land.undersea import paint_undersea
from vermilion.engines.composer.render.land.water import paint_water
from vermilion.engines.composer.render.view import View

Painter = Callable[[View], None]
#: Each land as what stands far away and what lies near; the near part of the last land is the ground.
FAR: Mapping[str, Painter] = {
    "mountains": paint_mountains,
    "hills": paint_far_hills,
    "city": paint_skyline,
    "forest": paint_forest,
}
NEAR: Mapping[str, Painter] = {
    "meadow": paint_meadow,
    "hills": paint_meadow,
    "mountains": paint_meadow,
    "city": paint_street,
    "desert": paint_dunes,
    "snow": paint_snow,
    "forest": paint_forest_floor,
    "lake": paint_water,
    "sea": paint_water,
    "beach": paint_beach,
    "space": paint_space,
    "moon": paint_moon,
    "underwater": paint_undersea,
    "room": paint_room,
}


def paint_land(view: View) -> None:
    """The far parts in their order, then the ground."""
    lands = view.scene.lands
    for land in lands:
        if land in FAR:
            FAR[land](view)
    if "beach" in lands:  # Water first: it mirrors what is behind it.
        paint_water(view)
        paint_beach(view)
    else:
        NEAR[lands[-1]](view)
