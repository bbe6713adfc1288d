"""Bass and drums."""

from __future__ import annotations

import random

from vermilion.engines.music.chance import chances
from vermilion.engines.music.genres import KITS
from vermilion.engines.music.harmony import chord, near, scale
from vermilion.engines.music.score import Bar, Note
from vermilion.engines.music.words import Brief

_LOW, _HIGH = 31, 50
_CRASH, _SNARE = 49, 38
_FILLS = ("..3.4.55", "....4567", "3.3.5.77", "..6...66")
_TOMS = (50, 48, 47, 45, 43, 41)
#: Bars of bass: start, length, and what is played: the chord's 1, 3 or 5, 8 for the octave, ~ for the way to the next.
_LINES: dict[str, tuple[tuple[int, int, str], ...]] = {
    "eighths": (*((at, 2, "1") for at in range(0, 14, 2)), (14, 2, "~")),
    "gallop": tuple(
        (at + off, length, "1") for at in range(0, 16, 4) for off, length in ((0, 2), (2, 1), (3, 1))
    ),
    "walk": ((0, 4, "1"), (4, 4, "3"), (8, 4, "5"), (12, 4, "~")),
    "bossa": ((0, 6, "1"), (6, 2, "5"), (8, 6, "5"), (14, 2, "1")),
    "long": ((0, 16, "1"),),
    "drone": ((0, 16, "1"),),
    "offbeat": tuple((at, 2, "1") for at in (2, 6, 10, 14)),
    "sixteenths": tuple((at, 1, "1") for at in range(16) if at % 4),
    "lazy": ((0, 6, "1"), (7, 3, "1"), (10, 4, "5"), (14, 2, "~")),
    "sub": ((0, 10, "1"), (10, 6, "1")),
    "funk": ((0, 2, "1"), (3, 1, "8"), (6, 2, "1"), (8, 1, "5"), (10, 2, "8"), (13, 1, "5"), (14, 2, "~")),
    "octaves": tuple((at, 2, "8" if at % 4 else "1") for at in range(0, 16, 2)),
    "dub": ((0, 3, "1"), (4, 2, "1"), (7, 3, "5"), (10, 4, "3")),
    "tumbao": ((6, 4, "5"), (12, 4, "~")),
    "roots": ((0, 6, "1"), (8, 6, "5")),
}
_LINES_OF_THREE: dict[str, tuple[tuple[int, int, str], ...]] = {"roots": ((0, 8, "1"),)}


def walked(brief: Brief, bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """The bass: from section to section where it plays, its roots near one another."""
    table = _LINES if steps_per_bar == 16 else _LINES_OF_THREE
    line = table.get(brief.genre.bass, ((0, steps_per_bar, "1"),))
    at, notes = (_LOW + _HIGH) // 2, []
    for bar in bars:
        if bar.section == "intro" and brief.genre.bass not in ("long", "drone"):
            continue
        at = _bounded(near(chord(brief, bar.degree)[0], at))
        if bar.section == "outro" and bar.number == bar.bars - 1:
            notes.append(Note(bar.start, steps_per_bar, at, 0.7))
            continue
        for start, length, what in line:
            key = _bass_key(brief, bar, at, what)
            loudness = 0.66 + 0.2 * bar.energy + (0.08 if start == 0 else 0.0)
            notes.append(Note(bar.start + start, length * 0.94, key, min(1.0, loudness)))
    return notes


def _bass_key(brief: Brief, bar: Bar, root: int, what: str) -> int:
    tones = chord(brief, bar.degree)
    if what == "~":  # A step of the scale below or above the next root leads to it.
        target = _bounded(near(chord(brief, bar.following)[0], root))
        below = next(target - step for step in (1, 2, 3) if (target - step) % 12 in scale(brief))
        return below if root <= target else next(
            target + step for step in (1, 2, 3) if (target + step) % 12 in scale(brief)
        )  # fmt: skip
    if what == "8":
        return root + 12
    tone = {"1": tones[0], "3": tones[1], "5": tones[2]}[what]
    return root + (tone - root) % 12


def _bounded(key: int) -> int:
    return key + 12 if key < _LOW else key - 12 if key > _HIGH else key


def beaten(brief: Brief, seed: int, bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """The drums: the genre's pattern, thinner where the music is quiet, with fills before something new begins."""
    pattern = KITS[brief.genre.drums]
    if not pattern or "drums" in brief.without:
        return []
    notes: list[Note] = []
    for bar in bars:
        if bar.section == "outro" and bar.number == bar.bars - 1:
            notes.append(Note(bar.start, 8, _CRASH if _is_loud(brief) else min(pattern), 0.6))
            continue
        chance = chances(seed, "drums", str(bar.start))
        fills = (
            bar.number == bar.bars - 1 and bar.section != "intro" and _is_loud(brief) and steps_per_bar == 16
        )
        notes += _bar_of_drums(pattern, bar, chance, cut=8 if fills else steps_per_bar)
        if fills:
            notes += _fill(bar, chance)
        if bar.number == 0 and bar.section == "B" and _is_loud(brief):
            notes.append(Note(bar.start, 8, _CRASH, 0.55 + 0.25 * bar.energy))
    return notes


def _is_loud(brief: Brief) -> bool:
    """Whether the genre's drummer plays a kit with cymbals and the mood lets him."""
    return brief.energy > 0.5 and brief.genre.drums not in (
        "timpani",
        "bodhran",
        "taiko",
        "march",
        "bossa",
        "brush",
    )


def _bar_of_drums(pattern: dict[int, str], bar: Bar, chance: random.Random, cut: int) -> list[Note]:
    quiet = bar.section == "intro" or bar.energy < 0.35
    least = 4 if bar.energy < 0.5 else 1
    notes = []
    for key, row in pattern.items():
        if quiet and key in (36, 38, 39):
            continue
        for step, mark in enumerate(row[:cut]):
            if mark == "." or int(mark) < least:
                continue
            ghost = int(mark) <= 3 and chance.random() < 0.25
            if not ghost:
                notes.append(Note(bar.start + step, 1.0, key, int(mark) / 9 * (0.55 + 0.45 * bar.energy)))
    return notes


def _fill(bar: Bar, chance: random.Random) -> list[Note]:
    """The second half of a bar over snare and toms, from high to low."""
    row = chance.choice(_FILLS)
    keys = [_SNARE, *_TOMS]
    loudest = 0.5 + 0.5 * bar.energy
    return [
        Note(
            bar.start + 8 + step,
            1.0,
            keys[min(step * len(keys) // 8, len(keys) - 1)],
            int(mark) / 9 * loudest,
        )
        for step, mark in enumerate(row)
        if mark != "."
    ]
