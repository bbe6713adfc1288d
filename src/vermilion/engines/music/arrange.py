"""From a brief to a score: the form, its chords, and what every part plays."""

from __future__ import annotations

from dataclasses import replace

from vermilion.engines.music.chance import chances
from vermilion.engines.music.comping import comped, held
from vermilion.engines.music.melody import answered, sung
from vermilion.engines.music.rhythm import beaten, walked
from vermilion.engines.music.score import Bar, Score
from vermilion.engines.music.words import Brief

_ORDER = ("A", "B", "A", "B", "A", "B", "B", "A")
_ENERGY = {"intro": 0.35, "A": 0.6, "B": 0.9, "outro": 0.4}
_TAIL_S = 2.5  #: for the last chord to die away
_STRETCH = 0.09  #: how far a drawn tempo may move so that whole bars fill the time


def fitted(brief: Brief, duration_s: float) -> tuple[Brief, int]:
    """The brief with a tempo at which whole bars fill the time, and their number. A wished tempo stays as it is."""
    sounding_s = max(2.0, duration_s - min(_TAIL_S, duration_s / 6))
    bar_s = 60 / brief.tempo * brief.genre.beats
    bars = max(2, int(sounding_s / bar_s) if brief.tempo_is_fixed else round(sounding_s / bar_s))
    if brief.tempo_is_fixed:
        return brief, bars
    exact = bars * brief.genre.beats * 60 / sounding_s
    return replace(
        brief, tempo=min(max(exact, brief.tempo * (1 - _STRETCH)), brief.tempo * (1 + _STRETCH))
    ), bars


def arranged(brief: Brief, seed: int, bars: int) -> Score:
    """The score of a piece of so many bars."""
    steps = brief.genre.beats * 4
    score = Score(steps, _bars(brief, seed, bars, steps))
    melody = sung(brief, seed, score.bars, steps)
    parts = {
        "melody": melody if "melody" not in brief.without else [],
        "second": answered(brief, melody, score.bars, steps) if "second" in brief.parts else [],
        "comp": comped(brief, score.bars, steps),
        "pad": held(brief, score.bars, steps) if "pad" in brief.parts else [],
        "bass": walked(brief, score.bars, steps) if "bass" not in brief.without else [],
        "drums": beaten(brief, seed, score.bars, steps),
    }
    score.parts = {name: notes for name, notes in parts.items() if notes}
    return score


def form(bars: int) -> list[tuple[str, int]]:
    """Sections with their bars: something to come in by, themes that come back, something to go out by."""
    if bars < 5:
        return [("A", bars - 1), ("outro", 1)]
    intro = 0 if bars < 9 else 2 if bars < 24 else 4
    outro = 1 if bars < 9 else 2
    middle = bars - intro - outro
    unit = middle - middle // 2 if middle < 8 else 4 if middle < 32 else 8
    count, left = divmod(middle, unit)
    sections = [(_ORDER[at % len(_ORDER)], unit) for at in range(count)]
    if left and sections:  # The last theme is drawn out rather than a new one begun.
        sections[-1] = (sections[-1][0], unit + left)
    elif left:
        sections = [("A", left)]
    begin = [("intro", intro)] if intro else []
    return [*begin, *sections, ("outro", outro)]


def _bars(brief: Brief, seed: int, count: int, steps: int) -> list[Bar]:
    chance = chances(seed, "harmony")
    verse, chorus = chance.choice(brief.genre.verses), chance.choice(brief.genre.choruses)
    sections = form(count)
    bars: list[Bar] = []
    heard = dict.fromkeys(_ENERGY, 0)
    for at, (name, length) in enumerate(sections):
        degrees = _degrees(chorus if name == "B" else verse, name, length, heard[name])
        heard[name] += length
        share = at / max(1, len(sections) - 1)
        energy = min(1.0, _ENERGY[name] * (0.55 + 0.6 * brief.energy) + 0.12 * share * (name in "AB"))
        bars += [
            Bar((len(bars) + number) * steps, name, number, length, energy, degree, 1)
            for number, degree in enumerate(degrees)
        ]
    return [
        replace(bar, following=after.degree) for bar, after in zip(bars, [*bars[1:], bars[-1]], strict=True)
    ]


def _degrees(progression: tuple[int, ...], name: str, length: int, heard: int) -> list[int]:
    """The chords of a section; one that comes back goes on where a long progression was left."""
    degrees = [progression[(heard + at) % len(progression)] for at in range(length)]
    if name == "outro":
        return [4, 1][-length:] if length < 3 else [*degrees[: length - 2], 5, 1]
    return degrees
