"""What falls through the air and what the lens does: rain, snow, fireflies, flowers, bloom, vignette, grain."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vermilion.engines.composer.paint import Canvas, Field, fbm, mix, ramp, resized, rgb, tint
from vermilion.engines.composer.plan import Plan
from vermilion.engines.composer.sky import haze_colour

_FLOWERS = ("#e2574c", "#f2c14e", "#f6f0e6", "#c77dc0", "#ef8fa8")


def draw_weather(canvas: Canvas, plan: Plan) -> None:
    """Everything between the scene and the lens."""
    if "flowers" in plan.weather and not plan.water:
        _flowers(canvas, plan)
    if "fog" in plan.weather or plan.mood.name == "mist":
        _fog(canvas, plan)
    if "rain" in plan.weather:
        _rain(canvas)
    if "snowfall" in plan.weather:
        _snow(canvas, plan)
    if "fireflies" in plan.weather:
        _fireflies(canvas, plan)


def developed(canvas: Canvas, plan: Plan) -> Image.Image:
    """The finished eight-bit picture. Grain is finer than one step, so gradients do not band."""
    light = canvas.rgb
    light = light + (1 - light) * 0.22 * _bloom(light)
    light = light + 0.1 * (light * light * (3 - 2 * light) - light)
    light = light * _vignette(canvas)[..., None]
    rng = canvas.rng("grain")
    grain = rng.standard_normal((canvas.height, canvas.width), dtype=np.float32) * 0.0095
    dither = rng.random((canvas.height, canvas.width, 3), dtype=np.float32) / 255
    values = np.clip(light + grain[..., None], 0, 1) * 254 + dither * 255
    return Image.fromarray(values.astype(np.uint8), "RGB")


def _flowers(canvas: Canvas, plan: Plan) -> None:
    rng = canvas.rng("flowers")
    wish = (plan.tint,) if plan.tint else _FLOWERS
    clump = fbm(rng, (64, 64), 6)
    for _ in range(int(1500 * canvas.aspect)):
        depth = float(rng.random()) ** 0.8
        x, y = float(rng.random()) * canvas.aspect, plan.horizon + (1 - plan.horizon) * (0.34 + 0.66 * depth)
        if clump[int(depth * 63), int(x / canvas.aspect * 63)] < 0.42:
            continue
        colour = tint(rgb(wish[int(rng.integers(0, len(wish)))]), rgb(plan.mood.ambient))
        _dot(
            canvas,
            x,
            y,
            0.0009 + 0.0042 * depth * depth,
            mix(colour, haze_colour(plan), 0.4 * (1 - depth)),
            0.95,
        )


def _dot(
    canvas: Canvas, x: float, y: float, radius: float, colour: tuple[float, float, float], alpha: float
) -> None:
    """A soft-edged spot."""
    reach = int(radius * canvas.height) + 2
    column, row = int(x * canvas.height), int(y * canvas.height)
    left, top = max(column - reach, 0), max(row - reach, 0)
    part = canvas.rgb[top : row + reach + 1, left : column + reach + 1]
    if not part.size:
        return
    down = np.arange(top, top + part.shape[0])[:, None] + 0.5 - y * canvas.height
    across = np.arange(left, left + part.shape[1])[None, :] + 0.5 - x * canvas.height
    mask = np.clip(radius * canvas.height - np.hypot(across, down) + 0.5, 0, 1) * alpha
    part += ((np.asarray(colour) - part) * mask[..., None]).astype(np.float32)


def _fog(canvas: Canvas, plan: Plan) -> None:
    rng = canvas.rng("fog")
    for at, strength in ((0.02, 0.6), (0.16, 0.5), (0.4, 0.32)):
        y = plan.horizon + at * (1 - plan.horizon)
        drift = fbm(rng, (canvas.height, canvas.width), 3, octaves=4, stretch=4)
        band = np.exp(-(((canvas.y - y) / 0.1) ** 2)) * (0.25 + 0.75 * drift) * strength
        canvas.lay(mix(haze_colour(plan), (1, 1, 1), 0.12), band.astype(np.float32))


def _rain(canvas: Canvas) -> None:
    rng = canvas.rng("rain")
    scale = canvas.height / 1024
    for count, length, width, strength in ((1500, 0.022, 1, 26), (700, 0.036, 1, 38), (160, 0.06, 2, 34)):
        picture = Image.new("L", (canvas.width, canvas.height))
        draw = ImageDraw.Draw(picture)
        for u, v, own in rng.random((int(count * canvas.aspect), 3)):
            x, y, fall = u * canvas.width, v * canvas.height, length * (0.6 + 0.8 * own) * canvas.height
            draw.line((x, y, x - fall * 0.16, y + fall), fill=strength, width=max(1, round(width * scale)))
        soft = picture.filter(ImageFilter.GaussianBlur(0.7 * scale))
        canvas.glow((0.88, 0.93, 1.0), np.asarray(soft, dtype=np.float32) / 255)


def _snow(canvas: Canvas, plan: Plan) -> None:
    rng = canvas.rng("snowfall")
    for count, radius, alpha in ((700, 0.0011, 0.55), (320, 0.002, 0.65), (70, 0.0042, 0.5)):
        for x, y, size in rng.random((int(count * canvas.aspect), 3)):
            spot = radius * (0.6 + 0.8 * size)
            _dot(canvas, x * canvas.aspect, y, spot, mix(rgb(plan.mood.light), (1, 1, 1), 0.7), alpha)


def _fireflies(canvas: Canvas, plan: Plan) -> None:
    rng = canvas.rng("fireflies")
    glow: Field = np.zeros((canvas.height, canvas.width), dtype=np.float32)
    for x, y, size in rng.random((int(55 * canvas.aspect), 3)):
        row = int((plan.horizon - 0.1 + (1.05 - plan.horizon) * y) * canvas.height)
        column = int(x * canvas.width)
        reach = max(1, int(canvas.height * 0.0014 * (0.5 + size)))
        glow[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = 1.0
    spots = Image.fromarray((glow * 255).astype(np.uint8))
    for radius, strength in ((0.0012, 0.95), (0.008, 3.0)):
        soft = spots.filter(ImageFilter.GaussianBlur(canvas.height * radius))
        canvas.glow((1.0, 0.88, 0.5), np.clip(np.asarray(soft, np.float32) / 255 * strength, 0, 1))


def _bloom(light: Field) -> Field:
    """A wide soft glow of whatever is bright, found at a quarter of the size."""
    height, width = light.shape[:2]
    bright = (np.clip(light - 0.62, 0, 1) / 0.38) ** 1.5
    small = Image.fromarray((bright * 255).astype(np.uint8), "RGB").resize(
        (max(width // 4, 1), max(height // 4, 1))
    )
    soft = np.asarray(small.filter(ImageFilter.GaussianBlur(height / 120)), dtype=np.float32) / 255
    return np.dstack([resized(soft[..., at], width, height) for at in range(3)])


def _vignette(canvas: Canvas) -> Field:
    u, v = (canvas.x / canvas.aspect - 0.5) * 2, (canvas.y - 0.5) * 2
    return np.asarray(1 - 0.26 * ramp(0.75, 1.6, np.hypot(u, v)), dtype=np.float32)
