"""Whole bodies for those whose picture is only a head or a bust, in the same soft modelling."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from vermilion.engines.composer.art import picture_of, things
from vermilion.engines.composer.clay import Clay
from vermilion.engines.composer.render.noise import Field

_PLUSH = {
    "1F98A": "tail", "1F43A": "tail", "1F99D": "tail", "1F981": "tail", "1F43B": "", "1F43B-200D-2744": "", "1F428": "",
    "1F43C": "", "1F438": "", "1F439": "", "1F47D": "", "1F436": "tail", "1F431": "tail", "1F430": "", "1F42F": "tail",
    "1F42E": "", "1F984": "tail", "1FACE": "", "1F417": "", "1F437": "", "1F435": "tail", "1F42D": "tail",
}  # fmt: skip
_MACHINES = {"1F916"}
_HEADS = {"1F385", "1F936", "1F9D1-200D-1F384", "1F921", "1F9D5"}
#: Those of the groups of people who have legs already, or something else below the waist.
_WHOLE = (
    "1F9DA", "1F9DC", "1F9CC", "1F9DF", "1F647", "1F930", "1FAC3", "1FAC4", "1F931", "1F574", "1F469-200D-1F37C",
    "1F468-200D-1F37C", "1F9D1-200D-1F37C", "1F9D1-200D-1F4BB", "1F468-200D-1F4BB", "1F469-200D-1F4BB",
    "1F9D1-200D-1F3EB", "1F468-200D-1F3EB", "1F469-200D-1F3EB",
)  # fmt: skip
_ROBED = ("1F9D9", "1F478", "1F470", "1F9DB", "1F9DD", "1F9DE", "1F9D5")
_CLOTHES = ((88, 110, 196), (208, 92, 84), (74, 150, 120), (146, 92, 178), (226, 150, 62))


@lru_cache(96)
def whole_picture(code: str) -> Image.Image:
    """The thing's picture, completed from the neck or the waist down where it ends there."""
    head = picture_of(code)
    if code in _PLUSH:
        return _plush(head, code, tail=bool(_PLUSH[code]))
    if code in _MACHINES:
        return _machine(head)
    group = things()[code].subgroup
    if group == 23 or code in _HEADS:
        return _dressed(
            head, (206, 52, 48) if code in _HEADS else _CLOTHES[sum(map(ord, code)) % len(_CLOTHES)]
        )
    if group in (24, 25, 26) and not code.startswith(_WHOLE):
        return _on_legs(head, robed=code.startswith(_ROBED))
    return head


def _plush(head: Image.Image, code: str, *, tail: bool) -> Image.Image:
    """Sitting, with a pale belly, paws, and perhaps a bushy tail."""
    fur, pale = _fur(head.crop((0, 0, head.width, head.height // 2)) if code == "1F438" else head)
    dark = fur * 0.62
    size = head.height
    canvas = Clay(int(head.width * 1.12 + (size * 0.3 if tail else 0)), int(size * 1.62))
    middle, foot = canvas.width / 2, canvas.height
    if tail:
        canvas.blob(middle + size * 0.46, foot - size * 0.26, size * 0.15, size * 0.27, fur, tilt=0.5)
        canvas.blob(middle + size * 0.555, foot - size * 0.42, size * 0.085, size * 0.12, pale, tilt=0.5)
    canvas.blob(middle, foot - size * 0.4, size * 0.33, size * 0.38, fur)
    canvas.blob(middle, foot - size * 0.33, size * 0.19, size * 0.27, pale, flat=True)
    for side in (-1, 1):
        canvas.blob(middle + side * size * 0.27, foot - size * 0.13, size * 0.17, size * 0.13, fur)
        canvas.blob(middle + side * size * 0.13, foot - size * 0.27, size * 0.085, size * 0.25, fur)
        canvas.blob(middle + side * size * 0.13, foot - size * 0.06, size * 0.095, size * 0.06, dark)
    return canvas.with_head(head, 0)


def _machine(head: Image.Image) -> Image.Image:
    """Boxes with rounded edges."""
    shell, dark = np.array([206, 200, 218.0]), np.array([92, 84, 120.0])
    size = head.height
    canvas = Clay(int(head.width * 1.16), int(size * 1.72))
    middle, foot = canvas.width / 2, canvas.height
    for side in (-1, 1):
        canvas.blob(middle + side * size * 0.17, foot - size * 0.16, size * 0.1, size * 0.17, dark, square=4)
        canvas.blob(
            middle + side * size * 0.19, foot - size * 0.055, size * 0.15, size * 0.055, shell, square=3
        )
        canvas.blob(
            middle + side * size * 0.43,
            foot - size * 0.46,
            size * 0.075,
            size * 0.22,
            dark,
            square=3,
            tilt=-side * 0.25,
        )
        canvas.blob(middle + side * size * 0.48, foot - size * 0.27, size * 0.085, size * 0.08, shell)
    canvas.blob(middle, foot - size * 0.5, size * 0.34, size * 0.28, shell, square=5)
    canvas.blob(
        middle, foot - size * 0.5, size * 0.2, size * 0.15, np.array([58, 62, 96.0]), square=5, flat=True
    )
    for number, colour in enumerate(((88, 200, 240), (250, 110, 110), (250, 205, 90))):
        canvas.blob(
            middle + (number - 1) * size * 0.11,
            foot - size * 0.5,
            size * 0.036,
            size * 0.036,
            np.array(colour, dtype=float),
        )
    return canvas.with_head(head, 0)


def _dressed(head: Image.Image, shirt: tuple[int, int, int]) -> Image.Image:
    """A small figure with shirt, trousers and shoes."""
    size = head.height
    cloth, legs, shoes = np.array(shirt, dtype=float), np.array([76, 80, 118.0]), np.array([54, 46, 60.0])
    canvas = Clay(int(max(head.width, size) * 1.05), int(size * 2.02))
    middle, foot = canvas.width / 2, canvas.height
    skin = _middle_colour(head)
    for side in (-1, 1):
        canvas.blob(middle + side * size * 0.13, foot - size * 0.25, size * 0.12, size * 0.27, legs, square=3)
        canvas.blob(middle + side * size * 0.15, foot - size * 0.06, size * 0.15, size * 0.065, shoes)
        canvas.blob(
            middle + side * size * 0.34, foot - size * 0.72, size * 0.09, size * 0.27, cloth, tilt=-side * 0.3
        )
        canvas.blob(middle + side * size * 0.4, foot - size * 0.48, size * 0.075, size * 0.075, skin)
    canvas.blob(middle, foot - size * 0.73, size * 0.29, size * 0.36, cloth, square=2.6)
    return canvas.with_head(head, 0)


def _on_legs(bust: Image.Image, *, robed: bool) -> Image.Image:
    """A bust that goes on in the colour of its lower edge, in trousers or in a long robe."""
    size = bust.height
    cloth = _sleeves(bust)
    columns = np.flatnonzero(np.asarray(bust.getchannel("A"))[-2] > 128)
    left, right = (columns[0], columns[-1]) if len(columns) else (0, bust.width)
    middle, half = (left + right) / 2, (right - left) / 2
    canvas = Clay(bust.width, int(size * 1.62))
    foot = canvas.height
    if robed:
        for step in range(25):  # Rings that widen towards the hem.
            share = step / 24
            wide = half * (0.84 + 0.3 * share**0.8)
            tone = cloth * (0.97 - 0.07 * share)
            canvas.blob(middle, size * (1.02 + 0.46 * share), wide, size * 0.13, tone, square=2.6)
        return canvas.with_head(bust, 0)
    for side in (-1, 1):
        canvas.blob(
            middle + side * half * 0.42, foot - size * 0.34, half * 0.4, size * 0.36, cloth * 0.86, square=2.8
        )
        canvas.blob(
            middle + side * half * 0.48, foot - size * 0.055, half * 0.5, size * 0.06, cloth * 0.45 + 18
        )
    canvas.blob(middle, size * 0.98, half * 0.98, size * 0.14, cloth * 0.95, square=3)
    return canvas.with_head(bust, 0)


def _sleeves(bust: Image.Image) -> Field:
    """The colour at the outer ends of the lower edge, where no beard and no shirt front is."""
    rows = np.asarray(bust)[-max(3, bust.height // 8) :]
    outer = np.concatenate([rows[:, : bust.width // 3], rows[:, -bust.width // 3 :]], axis=1).reshape(-1, 4)
    solid = outer[outer[:, 3] > 220][:, :3]
    return np.asarray(np.median(solid, axis=0)) if len(solid) else np.array([90, 90, 120.0])


def _fur(head: Image.Image) -> tuple[Field, Field]:
    """The colour that the head has most of, and its pale one."""
    solid = np.asarray(head).reshape(-1, 4)
    solid = solid[solid[:, 3] > 220][:, :3]
    few = Image.fromarray(solid[None].copy()).quantize(7)
    palette = np.asarray((few.getpalette() or [])[: 7 * 3], dtype=float).reshape(-1, 3)
    counts = sorted(((count, int(str(at))) for count, at in few.getcolors() or []), reverse=True)
    fur = next((palette[at] for _, at in counts if palette[at].mean() > 60), palette[counts[0][1]])
    light = [palette[at] for count, at in counts if palette[at].mean() > 196 and count > len(solid) * 0.03]
    return fur, light[0] if light else fur + (255 - fur) * 0.45


def _middle_colour(head: Image.Image) -> Field:
    pixels = np.asarray(head)[
        int(head.height * 0.55) : int(head.height * 0.75), head.width // 3 : head.width * 2 // 3
    ]
    return np.asarray(np.median(pixels.reshape(-1, 4)[:, :3], axis=0))
