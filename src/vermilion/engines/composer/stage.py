"""Puts a plan's actors into the picture: shape, light, air, contact shadow, reflection."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vermilion.engines.composer.actors import SHAPES, Shape, oval, poly
from vermilion.engines.composer.greenery import blob, conifer
from vermilion.engines.composer.paint import Canvas, Colour, Field, mix, ramp, rgb, tint
from vermilion.engines.composer.plan import AFLOAT, FLYING, Actor, Plan
from vermilion.engines.composer.sky import haze_colour

_FINE = 3  #: supersampling
_MARGIN = 0.25  #: room around the unit box, in actor heights


def draw_actors(canvas: Canvas, plan: Plan) -> None:
    """All actors, the farthest first."""
    for at, actor in enumerate(plan.actors):
        _draw_actor(canvas, plan, actor, canvas.rng(f"actor {at} {actor.kind}"))


def _draw_actor(canvas: Canvas, plan: Plan, actor: Actor, rng: np.random.Generator) -> None:
    sprite = _sprite(canvas, plan, actor, rng)
    colour, alpha = sprite[..., :3], sprite[..., 3]
    side = alpha.shape[0]
    left = round(actor.x * canvas.height) - side // 2
    foot = round(actor.y * canvas.height) + round(_MARGIN * actor.height * canvas.height)
    if actor.kind in FLYING:
        foot = round(actor.y * canvas.height) + side // 2
    elif actor.kind not in AFLOAT:
        _contact_shadow(canvas, plan, actor)
    _paste(canvas, colour, alpha, left, foot - side)
    if actor.kind in AFLOAT:
        _reflect(canvas, colour, alpha, left, round(actor.y * canvas.height), actor)
    if plan.mood.dark:
        _lamps(canvas, actor, left, foot - side, side)


def _sprite(canvas: Canvas, plan: Plan, actor: Actor, rng: np.random.Generator) -> Field:
    """A square RGBA float picture of one actor as it looks in this light and at this distance."""
    side = max(8, round(actor.height * canvas.height * (1 + 2 * _MARGIN)))
    picture = Image.new("RGBA", (side * _FINE, side * _FINE))
    draw = ImageDraw.Draw(picture)
    for shape in _shapes(actor.kind, plan, rng):
        _fill(draw, shape, plan, side * _FINE)
    if actor.flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    small = picture.convert("RGBa").resize((side, side), Image.Resampling.BOX).convert("RGBA")
    sprite = np.asarray(small, dtype=np.float32) / 255
    return _lit(canvas, plan, actor, sprite)


def _fill(draw: ImageDraw.ImageDraw, shape: Shape, plan: Plan, side: int) -> None:
    scale = side / (1 + 2 * _MARGIN)
    points = [((x + _MARGIN) * scale, (y + _MARGIN) * scale) for x, y in shape.points]
    if shape.paint == "glow":
        colour = (1.0, 0.84, 0.52) if plan.mood.dark else tint((0.42, 0.5, 0.58), rgb(plan.mood.ambient))
    else:
        colour = tint(rgb(shape.paint), rgb(plan.mood.ambient))
    ink = tuple(round(255 * part) for part in colour)
    if shape.oval:
        draw.ellipse((*points[0], *points[1]), fill=(*ink, 255))
    else:
        draw.polygon(points, fill=(*ink, 255))


def _lit(canvas: Canvas, plan: Plan, actor: Actor, sprite: Field) -> Field:
    """A bright rim toward the light, shade away from it, and haze with distance."""
    alpha = sprite[..., 3]
    toward = 1 if plan.light[0] > actor.x else -1
    soft = (
        np.asarray(
            Image.fromarray((alpha * 255).astype(np.uint8)).filter(
                ImageFilter.GaussianBlur(alpha.shape[0] * 0.03)
            ),
            dtype=np.float32,
        )
        / 255
    )
    step = max(1, round(alpha.shape[0] * 0.03))
    rim = np.clip(alpha - np.roll(soft, (step // 2, -toward * step), axis=(0, 1)), 0, 1)
    shade = np.clip(alpha - np.roll(soft, (-step, toward * step), axis=(0, 1)), 0, 1)
    colour = sprite[..., :3] * (1 - 0.35 * shade[..., None])
    colour += (np.asarray(rgb(plan.mood.light), np.float32) - colour) * (0.5 * rim)[..., None]
    near = 0.85 if actor.kind in FLYING else (actor.y - plan.horizon) / (1 - plan.horizon)
    thick = 1.5 if plan.mood.name == "mist" or "fog" in plan.weather else 1.0
    air = min(0.6, (0.06 + 0.34 * max(0.0, 0.75 - near)) * thick)
    colour += (np.asarray(haze_colour(plan), np.float32) - colour) * air
    return np.dstack([colour, alpha])


def _paste(canvas: Canvas, colour: Field, alpha: Field, left: int, top: int) -> None:
    """Lay a sprite, cut at the picture's edges."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + alpha.shape[1], canvas.width), min(top + alpha.shape[0], canvas.height)
    if x1 <= x0 or y1 <= y0:
        return
    part = canvas.rgb[y0:y1, x0:x1]
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    part += (colour[inner] - part) * alpha[inner][..., None]


def _reflect(canvas: Canvas, colour: Field, alpha: Field, left: int, water: int, actor: Actor) -> None:
    cut = alpha.shape[0] - round(_MARGIN * actor.height * canvas.height)
    upside, mask = colour[:cut][::-1], alpha[:cut][::-1]
    fade = np.linspace(0.5, 0.0, cut, dtype=np.float32)[:, None]
    sway = (np.sin(np.arange(cut) * 0.55) * np.linspace(0, 3.5, cut) * canvas.height / 1024).astype(int)
    columns = (np.arange(alpha.shape[1])[None, :] + sway[:, None]) % alpha.shape[1]
    rows = np.arange(cut)[:, None]
    _paste(canvas, upside[rows, columns] * 0.75, mask[rows, columns] * fade, left, water)


def _contact_shadow(canvas: Canvas, plan: Plan, actor: Actor) -> None:
    top = canvas.row(actor.y - 0.08 * actor.height - 0.01)
    y = canvas.y[top : canvas.row(actor.y + 0.14 * actor.height + 0.01)]
    lean = 0.16 if plan.light[0] < actor.x else -0.16
    u = (canvas.x - actor.x - lean * actor.height) / (0.46 * actor.height)
    v = (y - actor.y) / (0.075 * actor.height)
    shadow = np.exp(-(u * u + v * v)).astype(np.float32)
    dark = mix(tint(rgb(plan.mood.zenith), (0.25, 0.25, 0.3)), (0.02, 0.03, 0.05), 0.5)
    canvas.lay(dark, shadow * (0.3 if plan.snowy else 0.5), top=top)


def _lamps(canvas: Canvas, actor: Actor, left: int, top: int, side: int) -> None:
    """Lit windows shine into the night around them."""
    if not any(shape.paint == "glow" for shape in SHAPES.get(actor.kind, ())):
        return
    x, y = (left + side / 2) / canvas.height, (top + side * 0.55) / canvas.height
    if actor.kind == "lighthouse":
        y = (top + side * (0.165 + _MARGIN) / (1 + 2 * _MARGIN)) / canvas.height
    away = np.hypot(canvas.x - x, canvas.y - y) / actor.height
    canvas.glow(
        (1.0, 0.76, 0.42), (0.36 * ramp(1.0, 0.0, np.sqrt(np.minimum(away / 1.4, 1)))).astype(np.float32)
    )


def _shapes(kind: str, plan: Plan, rng: np.random.Generator) -> tuple[Shape, ...]:
    if kind == "oak":
        leaf = plan.tint or ("#d08a3c" if "autumn" in plan.weather else "#6b9653")
        return _oak(rng, rgb(leaf))
    grown = {"pine": _pine, "palm": _palm}.get(kind)
    return grown(rng) if grown else SHAPES[kind]


def _oak(rng: np.random.Generator, leaf: Colour) -> tuple[Shape, ...]:
    shapes = [
        poly(
            "#5d4433",
            (0.45, 1.0),
            (0.47, 0.55),
            (0.4, 0.4),
            (0.5, 0.5),
            (0.6, 0.38),
            (0.53, 0.56),
            (0.56, 1.0),
        )
    ]
    for bright, reach, lift in ((0.62, 0.3, 0.06), (0.8, 0.25, 0.0), (1.0, 0.18, -0.07)):
        paint = "#" + "".join(f"{round(255 * part * bright):02x}" for part in leaf)
        for _ in range(7):
            turn, out = float(rng.random()) * math.tau, float(rng.random()) ** 0.5 * reach
            x, y = 0.5 + out * math.cos(turn) * 1.15, 0.36 + lift + out * math.sin(turn) * 0.8
            shapes.append(poly(paint, *blob(x, y, 0.13 + 0.04 * float(rng.random()), rng)))
    return tuple(shapes)


def _pine(rng: np.random.Generator) -> tuple[Shape, ...]:
    outline = conifer(0.5, 0.94, 0.96, rng)
    shaded = [(max(x, 0.5), y) for x, y in outline]
    return (
        poly("#5a4232", (0.47, 0.9), (0.53, 0.9), (0.535, 1.0), (0.465, 1.0)),
        poly("#3f6b4a", *outline),
        poly("#2f563c", *shaded),
    )


def _palm(rng: np.random.Generator) -> tuple[Shape, ...]:
    lean = 0.1 + 0.08 * float(rng.random())
    bend = [(0.42 + lean * (t / 8) ** 2, 1.0 - 0.78 * t / 8) for t in range(9)]
    trunk = [(x - 0.02, y) for x, y in bend] + [(x + 0.018, y) for x, y in reversed(bend)]
    x, y = bend[-1]
    shapes = [poly("#7d5f45", *trunk)]
    for at in range(9):
        turn = -math.pi * (at + 0.3 + 0.4 * float(rng.random())) / 9
        shapes.append(
            poly("#3f6f45" if at % 2 else "#568a52", *_frond(x, y, turn, 0.34 + 0.08 * float(rng.random())))
        )
    return (*shapes, oval("#6b4a30", x - 0.035, y - 0.01, x + 0.025, y + 0.05))


def _frond(x: float, y: float, turn: float, reach: float) -> list[tuple[float, float]]:
    """A leaf that rises, arches and hangs."""
    upper, lower = [], []
    for at in range(8):
        t = at / 7
        px, py = x + reach * t * math.cos(turn), y + reach * t * math.sin(turn) * 0.7 + reach * 0.55 * t * t
        thick = 0.05 * math.sin(math.pi * min(t * 0.92 + 0.06, 1.0))
        upper.append((px, py - thick * 0.4))
        lower.append((px, py + thick))
    return upper + lower[::-1]
