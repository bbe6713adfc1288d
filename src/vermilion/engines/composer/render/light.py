"""The light of each time of day: colours of sky, sun, haze and shade."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vermilion.engines.composer.render.noise import Field
from vermilion.engines.composer.scene.graph import Scene, Time


@dataclass(frozen=True)
class Light:
    """Colours in eight-bit steps; `ambient` and `sun` multiply what they fall on."""

    sky: tuple[Field, ...]  #: from the zenith down to the horizon
    glow: Field
    disc: Field
    haze: Field
    ambient: Field
    sun: Field
    cloud_lit: Field
    cloud_shade: Field
    stars: float
    has_moon: bool
    power: float  #: how strongly the sun or moon models things
    bright: float  #: of the land


def rgb(text: str) -> Field:
    """A colour from six hexadecimal digits."""
    return np.array([int(text[at : at + 2], 16) for at in (0, 2, 4)], dtype=np.float32)


def mixed(one: Field, other: Field, share: float) -> Field:
    """So much of the other colour."""
    return one + (other - one) * share


def _light(sky: str, glow: str, disc: str, haze: str, lit: str, shade: str, *, ambient: str, sun: str,
           stars: float = 0.0, moon: bool = False, power: float = 1.0, bright: float = 1.0) -> Light:  # fmt: skip
    return Light(
        tuple(rgb(one) for one in sky.split()), rgb(glow), rgb(disc), rgb(haze), rgb(ambient) / 255, rgb(sun) / 255,
        rgb(lit), rgb(shade), stars, moon, power, bright,
    )  # fmt: skip


TIMES: dict[Time, Light] = {
    "dawn": _light("4a6aa8 8fa3cc e8b9b8 ffdcae", "ffd9a0", "fff3d6", "f3cdb9", "fff0e2", "b39ab8",
                   ambient="dcd0de", sun="ffd9b8", power=0.8, bright=0.92),
    "day": _light("1f6fc4 4a9be0 93cdf2 dcf0fa", "fff6dc", "fffef4", "cfe6f4", "ffffff", "b6c8dc",
                  ambient="f4f6fa", sun="fff6e4", power=0.8, bright=1.06),
    "golden": _light("3f78b8 86aecb f1cf9a ffc46a", "ffc25e", "fff0c4", "f6cf97", "fff0d2", "c9a08a",
                     ambient="f2dcc4", sun="ffd590", power=1.1, bright=1.0),
    "sunset": _light("2b2f6b 7a4a8f e0637a ffae5e", "ff9a4a", "fff0b8", "ee8f7c", "ffc08a", "8a4f7d",
                     ambient="dcabac", sun="ffae78", power=1.2, bright=0.84, stars=0.08),
    "dusk": _light("10173f 2c3573 6b5a97 d98a8c", "e09088", "ffe0c0", "8577a0", "b896b4", "463f70",
                   ambient="9c97c4", sun="e8b0b8", power=0.7, bright=0.66, stars=0.45),
    "night": _light("050a22 0c1a45 1c3468 37528a", "9db8e8", "f7f3de", "33497c", "5b73a8", "16224a",
                    ambient="7284b8", sun="b4c8f8", power=0.9, bright=0.5, stars=1.0, moon=True),
    "aurora": _light("04081d 081a3a 0d2f52 1d4f6b", "7fe0c0", "f2f4e4", "1f4a66", "41688a", "0e1f3e",
                     ambient="6f98ac", sun="8ff0cc", power=0.8, bright=0.52, stars=0.9, moon=True),
    "storm": _light("1d232e 343e4c 56626f 838d92", "a8b0b4", "c8ced0", "6f7b84", "828c96", "262d38",
                    ambient="98a2ae", sun="c4ccd4", power=0.5, bright=0.62),
}  # fmt: skip
COLOURS = {
    "red": "d8322c", "orange": "f08a24", "yellow": "f5cf3a", "green": "3fae52", "teal": "22a8a4", "blue": "2f6fe0",
    "purple": "8544c8", "pink": "f078b4", "brown": "7d5234", "black": "26262c", "white": "f6f6f4", "grey": "8f959c",
}  # fmt: skip


def light_of(scene: Scene) -> Light:
    """The light of the scene's time, tinted by its words."""
    light = TIMES[scene.time]
    if scene.tint:
        light = _tinted(light, rgb(COLOURS[scene.tint]))
    elif scene.palette_shift:
        light = _tinted(
            light, rgb("ff8fb0" if scene.palette_shift > 0 else "7fb8ff"), abs(scene.palette_shift) * 0.16
        )
    if scene.mood == "gloomy":
        light = replace(light, sky=tuple(one * 0.78 for one in light.sky), bright=light.bright * 0.85)
    return light


def is_red_planet(scene: Scene) -> bool:
    """Whether the ground is that of Mars."""
    words = scene.prompt.casefold()
    return scene.lands[-1] == "moon" and any(word in words for word in ("mars", "marte", "марс", "火星"))


def _tinted(light: Light, colour: Field, strength: float = 0.5) -> Light:
    """The sky goes over into the colour, keeping its own brightness."""

    def toward(one: Field, share: float) -> Field:
        as_bright = colour * (one.mean() / max(float(colour.mean()), 1.0))
        return np.clip(mixed(one, as_bright, share), 0, 255)

    shares = np.linspace(0.7, 1.2, len(light.sky)) * strength
    return replace(
        light,
        sky=tuple(toward(one, float(share)) for one, share in zip(light.sky, shares, strict=True)),
        haze=toward(light.haze, strength),
        glow=toward(light.glow, strength * 0.7),
        cloud_lit=toward(light.cloud_lit, strength * 0.6),
        cloud_shade=toward(light.cloud_shade, strength),
        ambient=toward(light.ambient * 255, strength * 0.35) / 255,
    )
