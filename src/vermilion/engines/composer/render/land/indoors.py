"""A room: a wall with a window, boards below, light that falls in."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import mixed, rgb
from vermilion.engines.composer.render.noise import Field, grid, scatter_hash, smooth
from vermilion.engines.composer.render.view import View

_WALLS = ("7fa3a0", "c98f6b", "8e86b0", "a8b078", "d0a45c", "7d95b8")
_FLOOR = 0.66


def paint_room(view: View) -> None:
    """The sky that was painted before is seen through the window."""
    outside = view.canvas.copy()
    light = view.light
    lamp = 0.62 + 0.38 * min(1.0, light.bright)
    wall = rgb(_WALLS[view.scene.land_seed % len(_WALLS)]) * lamp
    if view.scene.tint:
        from vermilion.engines.composer.render.light import COLOURS  # noqa: PLC0415 - seldom needed

        wall = mixed(wall, rgb(COLOURS[view.scene.tint]) * lamp, 0.5)
    paper = grid(view.xs * 30, view.ys * 30, view.scene.land_seed, 4) - 0.5
    stripes = 0.03 * (np.floor(view.xs * 22) % 2)[None, :]
    fall = (
        1.06
        - 0.3 * np.clip(np.abs(view.xs[None, :] - _window_x(view)) - 0.1, 0, 1.2)
        - 0.12 * view.ys[:, None]
    )
    canvas = wall * (fall + 0.05 * paper + stripes)[..., None]
    view.background(canvas)
    _window(view, outside)
    _frames(view, wall)
    _floor(view, lamp)


def _window_x(view: View) -> float:
    return view.scene.width * (0.28 if view.scene.sky_seed % 2 else 0.72)


def _window(view: View, outside: Field) -> None:
    """Four panes, a white frame, a sill, and curtains."""
    middle, top, bottom, half = _window_x(view), 0.1, 0.5, 0.19
    across, ys = view.xs[None, :] - middle, view.ys[:, None]
    box = (np.abs(across) < half) & (ys > top) & (ys < bottom)
    frame = (np.abs(across) < half + 0.02) & (ys > top - 0.02) & (ys < bottom + 0.02)
    bars = (np.abs(across) < 0.006) | (np.abs(ys - (top + bottom) / 2) < 0.006)
    lamp = 0.55 + 0.45 * min(1.0, view.light.bright)
    shadow = (
        np.exp(
            -np.clip(
                np.maximum(np.abs(across) - half - 0.02, np.maximum(top - 0.02 - ys, ys - bottom - 0.02)),
                0,
                1,
            )
            * 40
        )
        * 0.35
    )
    view.over(rgb("000000"), (shadow * ~frame).astype(np.float32), depth=0.3)
    view.over(rgb("f4efe6") * lamp, frame.astype(np.float32), depth=0.3)
    view.over(outside, (box & ~bars).astype(np.float32), depth=0.1)
    sill = (np.abs(across) < half + 0.05) & (ys > bottom + 0.015) & (ys < bottom + 0.04)
    view.over(rgb("e9e0d2") * lamp, sill.astype(np.float32), depth=0.3)
    cloth = np.abs(np.abs(across) - half - 0.015) < 0.065 - 0.03 * np.sin(
        np.clip((ys - top) / (bottom - top), 0, 1) * np.pi
    )
    folds = 0.82 + 0.2 * np.sin(across * 260)
    hung = (cloth & (ys > top - 0.05) & (ys < bottom + 0.06)).astype(np.float32)
    view.over(
        rgb("d8607a" if view.scene.land_seed % 2 else "e9d3a8") * lamp * folds[..., None],
        hung * 0.97,
        depth=0.3,
    )


def _frames(view: View, wall: Field) -> None:
    """Two small pictures on the other side."""
    seed = view.scene.land_seed
    for number in range(2):
        side = 1 if _window_x(view) < view.scene.width / 2 else -1
        x = _window_x(view) + side * (0.4 + 0.22 * number)
        y, half = 0.22 + 0.07 * number, 0.07 + 0.02 * (1 - number)
        across, down = np.abs(view.xs[None, :] - x), np.abs(view.ys[:, None] - y)
        box = np.maximum(across, down * (0.8 + 0.5 * number))
        view.over(rgb("3a2a20"), (box < half).astype(np.float32) * 0.95, depth=0.3)
        inner = grid(view.xs * 8, view.ys * 8, seed + number, 3)[..., None]
        art = mixed(wall, rgb("f6ead2"), 0.6) + (
            rgb("c0563f" if number else "3f7fa8") - rgb("f6ead2")
        ) * smooth(0.4, 0.6, inner)
        view.over(art, (box < half - 0.012).astype(np.float32), depth=0.3)


def _floor(view: View, lamp: float) -> None:
    """Boards in perspective, a skirting, a rug, and the window's light upon them."""
    top = view.row(_FLOOR - 0.035)
    if top >= view.height:
        return
    ys = view.ys[top:]
    board = (ys < _FLOOR).astype(np.float32)[:, None]
    view.over(rgb("efe8dc") * lamp, np.broadcast_to(board, (len(ys), view.width)), top=top, depth=0.4)
    top = view.row(_FLOOR)
    ys = view.ys[top:]
    middle = view.scene.width / 2
    down = (ys - _FLOOR + 0.3)[:, None]
    across = (view.xs[None, :] - middle) / down * 2.6
    plank = np.floor(across)
    along = 0.55 / down + 0.37 * plank
    tone = 0.85 + 0.25 * scatter_hash(plank, np.floor(along), view.scene.land_seed)
    veins = grid(view.xs * 14, ys * 60, view.scene.land_seed + 3, 4, 0.6) - 0.5
    seams = np.maximum(
        smooth(0.035, 0.0, np.abs(across - np.round(across))),
        smooth(0.02, 0.0, np.abs(along - np.round(along))),
    )
    wood = rgb("b5763f") * lamp * (tone + 0.2 * veins - 0.4 * seams)[..., None]
    gloss = (
        np.exp(-(((view.xs[None, :] - _window_x(view)) / (0.2 + 0.4 * (ys[:, None] - _FLOOR))) ** 2)) * 0.28
    )
    wood = wood + (view.light.glow * lamp - wood) * gloss[..., None]
    view.over(wood, np.ones(wood.shape[:2], dtype=np.float32), top=top, depth=0.6)
    far = np.sqrt(((view.xs[None, :] - middle) / 0.48) ** 2 + ((ys[:, None] - 0.86) / 0.085) ** 2)
    rings = 0.85 + 0.15 * (np.floor(far * 7) % 2)
    rug = rgb("b8485a" if view.scene.land_seed % 3 else "466a92") * lamp * (rings + 0.1 * veins)[..., None]
    view.over(rug, np.clip((1 - far) * 60, 0, 1) * 0.96, top=top, depth=0.6)
