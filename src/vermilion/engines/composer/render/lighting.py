"""The scene's light on a thing: ambient colour, a bright rim towards the sun, haze, snow and dust."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import is_red_planet, rgb
from vermilion.engines.composer.render.noise import Field, scatter_hash, softened
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import Actor, nearness

_STONES = {"desert": "c98f56", "moon": "a3a0a4", "snow": "a9b6c8", "beach": "b09a80", "underwater": "5f8296"}
_TREES = frozenset({"1F332", "1F333", "1F334"})


def lit(view: View, actor: Actor, pixels: Field) -> Field:
    """The ambient light over all, the sun on one side with a bright rim, haze with distance."""
    light, scene = view.light, view.scene
    colour = pixels[..., :3]
    round_off = softened(pixels[..., 3] / 255, max(1.0, len(pixels) * 0.03))
    down, across = np.gradient(round_off)
    steep = np.sqrt(across**2 + down**2) + 1e-4
    to_sun = np.array([scene.sun[0] - actor.x, scene.sun[1] - (actor.y - actor.height / 2)])
    to_sun /= np.linalg.norm(to_sun) + 1e-6
    facing = -(across * to_sun[0] + down * to_sun[1]) / steep
    edge = np.clip(1.9 * (1 - round_off), 0, 1) * np.clip(steep * len(pixels) * 0.06, 0, 1)
    shade = 1 + 0.24 * light.power * facing * np.clip(steep * len(pixels) * 0.05, 0, 1)
    upward = down / steep * np.clip(steep * len(pixels) * 0.12, 0, 1)
    colour = _weathered(view, actor, colour, upward)
    level = min(1.08, 0.56 + 0.5 * light.bright)
    ambient = light.ambient * 0.6 + light.sun * 0.26 + 0.14
    if _glows(actor) or scene.lands[-1] in ("space", "moon"):  # Where no air colours the light.
        level, ambient = 1.05, np.ones(3, dtype=np.float32)
    lit = colour * ambient * level * shade[..., None]
    rim = np.clip(facing, 0, 1) ** 1.6 * edge * 0.55 * light.power
    lit = lit + (light.glow * (0.45 + 0.55 * light.bright) - lit * 0.2) * rim[..., None]
    far = 0.0 if actor.place == "air" else 0.5 * max(0.0, 1 - nearness(actor.y) * 1.7) ** 1.5
    if scene.lands[-1] == "underwater":
        lit, far = lit * np.array([0.72, 0.95, 1.02], dtype=np.float32), 0.1 + far * 0.6
    haze = light.haze if scene.lands[-1] != "underwater" else rgb("2f9fc8")
    return np.asarray(np.clip(lit + (haze - lit) * far, 0, 255))


def _weathered(view: View, actor: Actor, colour: Field, upward: Field) -> Field:
    """Trees and stones of the land wear its snow and its dust."""
    if actor.name or actor.art not in (*_TREES, "1FAA8"):
        return colour
    if actor.art == "1FAA8":
        tone = colour.mean(axis=-1, keepdims=True) / 225
        colour = tone * rgb(
            "b0603f" if is_red_planet(view.scene) else _STONES.get(view.scene.lands[-1], "8d8a86")
        )
    if "snow" in view.scene.lands:
        lying = np.clip(0.34 + 0.95 * upward, 0.12, 0.96)[..., None]
        return colour + (rgb("f4f8ff") - colour) * lying
    return colour * (0.9 + 0.2 * float(scatter_hash(int(actor.x * 997), 1, 3)))


def _glows(actor: Actor) -> bool:
    return actor.art in ("1F525", "2B50", "1F31F", "1F4A1", "1F3EE", "1F56F", "1F319", "2604")
