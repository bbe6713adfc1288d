"""Chords: how the accompanying instrument breaks, strums or holds them, and the pad behind it."""

from __future__ import annotations

from vermilion.engines.music.harmony import chord, voiced
from vermilion.engines.music.score import Bar, Note
from vermilion.engines.music.words import Brief

_STRUM = 0.12  #: steps from string to string
Hit = tuple[float, float, float]  #: start, length, loudness
#: All notes of the chord together, at these moments of a bar.
_HITS: dict[str, tuple[Hit, ...]] = {
    "block": ((0, 4, 0.9), (4, 4, 0.7), (8, 4, 0.8), (12, 4, 0.7)),
    "comp": ((0, 3, 0.8), (6, 2, 0.7), (11, 3, 0.6)),
    "bossa": ((0, 2, 0.8), (4, 2, 0.6), (6, 4, 0.7), (12, 3, 0.7)),
    "stab": ((2, 1.5, 0.8), (6, 1.5, 0.7), (10, 1.5, 0.8), (13, 1, 0.7)),
    "skank": ((4, 1.5, 0.9), (12, 1.5, 0.9)),
    "chop": ((2, 0.8, 0.7), (4, 0.8, 0.9), (7, 0.8, 0.6), (10, 0.8, 0.7), (12, 0.8, 0.9), (15, 0.8, 0.5)),
    "lazy": ((0, 7, 0.8), (7, 8, 0.6)),
    "pad": ((0, 16, 0.7),),
    "montuno": ((0, 2, 0.8), (3, 2, 0.7), (6, 2, 0.8), (8, 2, 0.6), (11, 2, 0.8), (14, 2, 0.7)),
    "chug": tuple((at, 1.6, 0.9 if at % 8 == 0 else 0.7) for at in range(0, 16, 2)),
}
_STRUMS: tuple[Hit, ...] = ((0, 4, 0.9), (4, 2, 0.6), (6, 2, 0.7), (10, 2, 0.6), (12, 2, 0.8), (14, 2, 0.6))
#: One note of the chord after the other: which, counted from below.
_BROKEN: dict[str, tuple[int, ...]] = {
    "arpeggio": (0, 2, 1, 3, 2, 1, 3, 2),
    "alberti": (0, 2, 1, 2, 0, 2, 1, 2),
    "ostinato": (0, 0, 2, 0, 1, 0, 2, 0),
    "chip": (0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3),
}


def comped(brief: Brief, bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """The accompaniment of the whole piece, its voices led from chord to chord."""
    notes: list[Note] = []
    keys: tuple[int, ...] = ()
    for bar in bars:
        keys = voiced(chord(brief, bar.degree), keys)
        if bar.section == "outro" and bar.number == bar.bars - 1:
            notes += _rolled(bar, keys, ((0, steps_per_bar, 0.8),))
        else:
            notes += _bar(brief.genre.comp, bar, keys, steps_per_bar)
    return notes


def held(brief: Brief, bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """A pad behind the fuller sections: the chord, wide and long."""
    notes: list[Note] = []
    keys: tuple[int, ...] = ()
    for bar in bars:
        keys = voiced(chord(brief, bar.degree, size=3), keys, low=52, high=76)
        if bar.section != "A" or bar.energy > 0.6 or brief.genre.name == "ambient":
            loudness = 0.4 + 0.25 * bar.energy
            notes += [Note(bar.start, steps_per_bar * 1.02, key, loudness) for key in keys]
    return notes


def _bar(style: str, bar: Bar, keys: tuple[int, ...], steps_per_bar: int) -> list[Note]:
    if style in _BROKEN:
        return _one_by_one(style, bar, keys, steps_per_bar)
    if style == "strum":
        return _rolled(bar, (*keys, keys[0] + 12), tuple(hit for hit in _STRUMS if hit[0] < steps_per_bar))
    if style in ("waltz", "boom-chick"):
        return _afterbeats(bar, keys, steps_per_bar)
    tones = keys[:2] if style == "chug" else keys
    lower = 12 if style == "chug" else 0
    return [
        Note(bar.start + start, length * 0.95, key - lower, _loudness(bar, loud))
        for start, length, loud in _HITS.get(style, _HITS["pad"])
        if start < steps_per_bar
        for key in tones
    ]


def _one_by_one(style: str, bar: Bar, keys: tuple[int, ...], steps_per_bar: int) -> list[Note]:
    order = _BROKEN[style]
    step = 16 // len(order)
    ladder = (*keys, keys[0] + 12)
    count = steps_per_bar // step
    return [
        Note(bar.start + at * step, step * 1.6, ladder[order[at % len(order)] % len(ladder)],
             _loudness(bar, 0.85 if at == 0 else 0.65))
        for at in range(count)
    ]  # fmt: skip


def _rolled(bar: Bar, keys: tuple[int, ...], hits: tuple[Hit, ...]) -> list[Note]:
    """Strings one after the other: down on the beat, up between."""
    notes = []
    for start, length, loud in hits:
        order = keys if start % 4 == 0 else keys[::-1]
        for string, key in enumerate(order):
            notes.append(Note(bar.start + start + string * _STRUM, length * 0.95, key, _loudness(bar, loud)))
    return notes


def _afterbeats(bar: Bar, keys: tuple[int, ...], steps_per_bar: int) -> list[Note]:
    """The bass has the first beat; the chord answers on the others."""
    beats = (4, 8) if steps_per_bar == 12 else (4, 12)
    return [Note(bar.start + at, 2.4, key, _loudness(bar, 0.7)) for at in beats for key in keys]


def _loudness(bar: Bar, share: float) -> float:
    return share * (0.55 + 0.3 * bar.energy)
