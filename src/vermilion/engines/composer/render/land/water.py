"""Lakes and seas: the sky and the far land upside down, broken by waves."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import mixed, rgb
from vermilion.engines.composer.render.noise import Field, plane, smooth
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON


def paint_water(view: View) -> None:
    """From the horizon to the viewer; the sun or moon draws a path on it."""
    top = view.horizon_row
    if top >= view.height:
        return
    waves = _waves(view, top)
    mirrored = mirror_rows(view, top, waves)
    light, sea = view.light, "sea" in view.scene.lands or "beach" in view.scene.lands
    down = np.maximum(view.ys[top:] - HORIZON, 0)[:, None]
    deep = mixed(rgb("12466b") if sea else rgb("1d4f5c"), light.sky[1], 0.3) * (0.3 + 0.6 * light.bright)
    share = np.clip(0.2 + (0.62 if sea else 0.4) * smooth(0.0, 0.42, down) + 0.16 * (waves - 0.5), 0, 0.9)
    colour = mirrored + (deep - mirrored) * share[..., None]
    crest = smooth(0.6, 0.85, waves) * (0.3 if sea else 0.14)
    colour += (light.haze * 0.9 - colour) * (crest * smooth(0, 0.1, down))[..., None]
    colour += _path(view, top, waves)[..., None] * light.glow * 0.9
    view.over(np.clip(colour, 0, 255), np.ones(colour.shape[:2], dtype=np.float32), top=top, depth=0.55)
    edge = np.exp(-(((view.ys[top:] - HORIZON) / 0.006) ** 2)).astype(np.float32)[:, None] * 0.5
    view.over(light.haze, np.broadcast_to(edge, (len(edge), view.width)), top=top, depth=0.55)


def mirror_rows(view: View, top: int, waves: Field) -> Field:
    """What is painted above the row, upside down and shaken by the waves."""
    count = view.height - top
    down = view.ys[top:] - HORIZON
    rows = np.clip((HORIZON - down * 1.05 - view.camera.y) * view.scale, 0, max(top - 1, 0))
    shake = (waves - 0.5) * np.clip(down, 0, 0.4)[:, None] * view.scale
    row = np.clip(rows[:, None] + shake * 0.85, 0, max(top - 1, 0)).astype(np.int32)
    column = np.clip(np.arange(view.width)[None, :] + shake * 0.3, 0, view.width - 1).astype(np.int32)
    assert row.shape == (count, view.width)
    return np.asarray(view.canvas[row, column])


def _waves(view: View, top: int) -> Field:
    """Long and flat far away, round and large near by."""
    down = np.maximum(view.ys[top:] - HORIZON, 0.003)[:, None]
    rough = 1.5 if "sea" in view.scene.lands else 1.0
    middle = view.scene.width / 2
    x = (view.xs[None, :] - middle) / (down + 0.05) * 1.6
    y = np.broadcast_to(np.log(down + 0.02) * 13, x.shape)
    return plane(x * rough, y * rough, view.scene.land_seed + 1500, 3, 0.55)


def _path(view: View, top: int, waves: Field) -> Field:
    """Glitter below the sun, wider and looser towards the viewer."""
    scene = view.scene
    if scene.time in ("storm", "dusk"):
        return np.zeros_like(waves)
    down = np.maximum(view.ys[top:] - HORIZON, 0)[:, None]
    low = 1.0 if scene.sun[1] > 0.3 or view.light.has_moon else 0.45
    width = 0.035 + down * 0.34
    column = np.exp(-(((view.xs[None, :] - scene.sun[0]) / width) ** 2))
    return np.asarray(column * smooth(0.44, 0.68, waves) * np.exp(-down * 1.6) * low)
