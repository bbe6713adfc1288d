"""Skylines whose windows light up at night, and a street that shines when it is wet."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.land.relief import ground_texture
from vermilion.engines.composer.render.land.water import mirror_rows
from vermilion.engines.composer.render.light import Light, mixed, rgb
from vermilion.engines.composer.render.noise import Field, grid, scatter_hash, smooth
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON

_DARK = ("sunset", "dusk", "night", "aurora", "storm")


def paint_skyline(view: View) -> None:
    """Three rows of buildings, the farther the paler."""
    for number, (width, low, high, haze) in enumerate(
        ((0.055, 0.12, 0.34, 0.62), (0.075, 0.1, 0.42, 0.34), (0.105, 0.08, 0.3, 0.1))
    ):
        _row(view, width, low, high, haze, view.scene.land_seed + 1600 + 40 * number, 0.2 + 0.12 * number)


def _row(view: View, width: float, low: float, high: float, haze: float, seed: int, depth: float) -> None:
    cell = np.floor(view.xs / width)
    share = view.xs / width - cell
    inset = 0.08 * scatter_hash(cell, 1, seed)
    tall = low + (high - low) * scatter_hash(cell, 2, seed) ** 1.6
    stepped = np.where(
        np.abs(share - 0.5) < 0.22, tall * (1 + 0.18 * (scatter_hash(cell, 3, seed) > 0.55)), tall
    )
    roof = (HORIZON + 0.03 - np.where((share > inset) & (share < 1 - inset), stepped, low * 0.6)).astype(
        np.float32
    )
    top = view.row(float(roof.min()))
    ys = view.ys[top:]
    colour = _walls(view, cell, share, roof, ys, seed, width)
    under = smooth(HORIZON - 0.3, HORIZON + 0.04, ys)[:, None, None] * 0.3
    fog = np.clip(haze + under, 0, 1)
    windows, shine = _windows(view, cell, share, roof, ys, seed, width)
    colour = colour + (view.light.haze - colour) * fog
    colour = colour + (shine - colour) * (windows * (1 - 0.65 * haze))[..., None]
    view.over(colour, (ys[:, None] >= roof[None, :]).astype(np.float32), top=top, depth=depth)


def _walls(view: View, cell: Field, share: Field, roof: Field, ys: Field, seed: int, width: float) -> Field:
    """Each building has its own tone; the side away from the sun is darker."""
    light = view.light
    hues = np.stack([rgb(one) for one in ("5d6b86", "7c6a78", "8d7a6a", "58717c", "6a6489")])
    wall = hues[(scatter_hash(cell, 4, seed) * len(hues)).astype(int)] * light.bright * light.ambient
    side = 1.0 if view.scene.sun[0] < view.scene.width / 2 else -1.0
    shade = 1.12 - 0.34 * smooth(0.35, 0.65, share if side > 0 else 1 - share)
    under = np.clip((ys[:, None] - roof[None, :]) * 3, 0, 1)
    return np.asarray((wall * shade[:, None])[None] * (1.1 - 0.35 * under)[..., None])


def _windows(
    view: View, cell: Field, share: Field, roof: Field, ys: Field, seed: int, width: float
) -> tuple[Field, Field]:
    """Where windows are seen, and their colours: lamps at night, sky by day."""
    across = width / (5 + 3 * scatter_hash(cell, 5, seed).round())
    floor = 0.0145
    column = share * width / across
    row = (ys[:, None] - roof[None, :]) / floor
    inside = (np.abs(column % 1.0 - 0.5) < 0.3)[None, :] & (np.abs(row % 1.0 - 0.5) < 0.28) & (row > 0.6)
    number = np.floor(column)[None, :] + cell[None, :] * 17
    dice = scatter_hash(np.broadcast_to(number, row.shape), np.floor(row), seed + 9)
    warm = np.stack([rgb(one) for one in ("ffd37a", "ffe7b0", "ffb765", "bfe3ff")])
    if view.scene.time in _DARK:
        lit = dice > (0.52 if view.scene.time in ("night", "dusk", "storm") else 0.7)
        colour = warm[(dice * 997 % 4).astype(int)]
        return (inside & lit) * np.float32(0.9), colour
    glass = mixed(view.light.sky[1], rgb("ffffff"), 0.2)
    return inside * (0.25 + 0.35 * dice), np.broadcast_to(glass, (*row.shape, 3))


def paint_street(view: View) -> None:
    """A square of stone and a road towards the skyline, wet and bright after dark."""
    top = view.horizon_row
    if top >= view.height:
        return
    light: Light = view.light
    down = np.maximum(view.ys[top:] - HORIZON, 0.0005)[:, None]
    across = (view.xs[None, :] - view.scene.width / 2) / down
    along = 0.4 / down
    road = smooth(1.32, 1.28, np.abs(across))
    rough = ground_texture(view, top, view.scene.land_seed + 1700, 6.0) - 0.5
    joints = np.maximum(
        smooth(0.05, 0.02, np.abs(across * 1.6 % 1.0 - 0.5)),
        smooth(0.06, 0.03, np.abs(along * 1.5 % 1.0 - 0.5)),
    )
    stone = rgb("8d8a90") * (1 + 0.12 * rough - 0.14 * joints * smooth(0.02, 0.16, down))[..., None]
    asphalt = rgb("474b57") * (1 + 0.18 * rough)[..., None]
    dashes = smooth(0.035, 0.025, np.abs(across)) * (along * 0.8 % 1.0 < 0.5) + smooth(
        0.03, 0.02, np.abs(np.abs(across) - 1.2)
    )
    asphalt = asphalt + (rgb("e8dfc0") - asphalt) * (dashes * 0.8 * smooth(0.0, 0.08, down))[..., None]
    colour = (stone + (asphalt - stone) * road[..., None]) * light.bright * light.ambient
    wet = 0.36 if view.scene.time in _DARK else 0.14
    puddles = grid(view.xs * 4, view.ys[top:] * 16, view.scene.land_seed + 1750, 4)
    mirrored = mirror_rows(view, top, puddles)
    share = np.clip(wet * (0.5 + puddles) * np.exp(-down * 1.2), 0, 0.85)
    colour = colour + (mirrored - colour) * share[..., None]
    colour = colour + (light.haze - colour) * (0.5 * np.exp(-down * 30))[..., None]
    view.over(colour, np.ones(colour.shape[:2], dtype=np.float32), top=top, depth=0.7)
