"""The scene graph. World coordinates: the first frame is one high and begins at (0, 0); y grows downwards."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

HORIZON = 0.6  #: where the plane that everything stands on meets the sky
VERSION = 1

Time = Literal["dawn", "day", "golden", "sunset", "dusk", "night", "aurora", "storm"]
Land = Literal[
    "meadow", "hills", "mountains", "lake", "sea", "beach", "city", "desert", "forest", "snow",
    "space", "moon", "underwater", "room",
]  # fmt: skip
Place = Literal["ground", "air", "water", "float"]


class Camera(msgspec.Struct, frozen=True):
    """The window of the world that is seen."""

    x: float
    y: float
    width: float
    height: float


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """A thing in the scene. `x`, `y` are its foot (on the ground, in water) or its middle (in the air)."""

    art: str
    x: float
    y: float
    height: float
    place: Place = "ground"
    colour: str | None = None
    flipped: bool = False
    tilt: float = 0.0
    front: int = 0  #: among things at the same depth, higher comes later
    name: str = ""


class Scatter(msgspec.Struct, frozen=True):
    """Many small things of the land, strewn by a seed."""

    art: tuple[str, ...]
    density: float
    height: float
    seed: int


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a picture needs but its size in pixels."""

    prompt: str
    seed: int
    time: Time
    lands: tuple[Land, ...]
    camera: Camera
    width: float  #: of the first frame; the middle of roads and rooms does not move with the camera
    sun: tuple[float, float]  #: the sun's or the moon's place in the sky
    negative: str = ""
    weather: tuple[str, ...] = ()
    actors: tuple[Actor, ...] = ()
    scatters: tuple[Scatter, ...] = ()
    cloudiness: float = 0.4
    tint: str | None = None  #: a colour that the words give to the light
    mood: str = ""
    style: str | None = None
    palette_shift: float = 0.0
    sky_seed: int = 0
    land_seed: int = 0
    cleared: tuple[tuple[float, float, float, float], ...] = ()  #: regions without strewn things
    version: int = VERSION


def pixels_of(camera: Camera, longest: int) -> tuple[int, int]:
    """Width and height of a picture whose longest side is given."""
    scale = longest / max(camera.width, camera.height)
    return max(1, round(camera.width * scale)), max(1, round(camera.height * scale))


def nearness(y: float) -> float:
    """How near a place on the ground is: 0 at the horizon, 1 at the lower edge of the first frame."""
    return max(0.0, (y - HORIZON) / (1 - HORIZON))


def shrink(y: float) -> float:
    """The size of things at this place, against the same thing at nearness 0.75."""
    return 0.22 + 0.78 * math.sqrt(nearness(y) / 0.75) if y > HORIZON else 0.22
