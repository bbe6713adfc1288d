"""Melodies: a motif, its answer, the motif again on another chord, and a close; repeated with variation."""

from __future__ import annotations

import random
from dataclasses import dataclass

from vermilion.engines.music.chance import chances
from vermilion.engines.music.harmony import chord, ladder, near, scale
from vermilion.engines.music.score import Bar, Note
from vermilion.engines.music.words import Brief

Rhythm = tuple[int, ...]  #: lengths in steps; a rest is negative
RHYTHMS: dict[tuple[int, str], tuple[Rhythm, ...]] = {
    (16, "calm"): ((8, 8), (12, 4), (6, 2, 8), (-4, 4, 8), (4, 12), (8, 4, 4)),
    (16, "even"): ((4, 4, 4, 4), (6, 2, 4, 4), (4, 4, 8), (2, 2, 4, 8), (3, 3, 2, 8), (-4, 4, 4, 4), (6, 6, 4)),
    (16, "busy"): ((2, 2, 2, 2, 4, 4), (3, 3, 2, 4, 4), (2, 2, 4, 2, 2, 4), (4, 2, 2, 2, 2, 4), (3, 1, 2, 2, 4, 4),
                   (-2, 2, 2, 2, 4, 4)),
    (12, "calm"): ((12,), (8, 4), (4, 8)),
    (12, "even"): ((4, 4, 4), (6, 2, 4), (8, 4), (4, 2, 2, 4)),
    (12, "busy"): ((2, 2, 4, 4), (4, 2, 2, 2, 2), (2, 2, 2, 2, 4)),
}  # fmt: skip
_MOVES = (-2, -1, -1, 0, 1, 1, 2, 3)
#: Where instruments sing that do not sing high: from the lowest to the highest key.
_RANGES = {
    11: (60, 84), 16: (60, 79), 26: (57, 79), 27: (57, 79), 29: (57, 79), 30: (57, 79), 42: (48, 69), 46: (60, 84),
    57: (50, 70), 60: (53, 74), 70: (46, 68),
}  # fmt: skip
_RANGE = (62, 83)


@dataclass(frozen=True, slots=True)
class Motif:
    """A rhythm and the steps on the scale from note to note."""

    rhythm: Rhythm
    moves: tuple[int, ...]


def sung(brief: Brief, seed: int, bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """The melody over these bars: each section has motifs of its own, and comes back with them."""
    singer = _Singer(brief, seed, steps_per_bar)
    notes: list[Note] = []
    for bar in bars:
        if bar.section in ("A", "B"):
            notes += singer.bar(bar)
        elif bar.section == "outro":
            notes += singer.close(bar)
    return notes


def answered(brief: Brief, melody: list[Note], bars: list[Bar], steps_per_bar: int) -> list[Note]:
    """A second voice under the melody's long notes, in thirds and sixths of the scale, where the music is full."""
    full = {bar.start for bar in bars if bar.section == "B"}
    keys = ladder(brief, 36, 96)
    second = []
    for note in melody:
        if (
            note.length < 3
            or int(note.start // steps_per_bar) * steps_per_bar not in full
            or note.key not in keys
        ):
            continue
        below = keys[max(0, keys.index(note.key) - 2)]
        second.append(Note(note.start, note.length, below, note.loudness * 0.75))
    return second


class _Singer:
    """Remembers its motifs and where it is."""

    def __init__(self, brief: Brief, seed: int, steps_per_bar: int) -> None:
        self._brief = brief
        self._seed = seed
        self._steps = steps_per_bar
        low, high = _RANGES.get(brief.parts.get("melody", 0), _RANGE)
        self._keys = ladder(brief, low, high)
        self._at = len(self._keys) // 2
        self._motifs: dict[tuple[str, str], Motif] = {}
        self._heard: dict[str, int] = {}

    def bar(self, bar: Bar) -> list[Note]:
        """One bar of singing."""
        place = bar.number % 4
        if bar.number == 0:
            self._heard[bar.section] = self._heard.get(bar.section, 0) + 1
        last = bar.number == bar.bars - 1
        role = "close" if last or place == 3 else ("motif", "answer", "motif")[place]
        motif = self._motif(bar.section, role)
        chance = chances(self._seed, "bar", str(bar.start))
        self._lean(bar, role, chance)
        notes = self._sing(bar, self._varied(motif, bar, chance))
        if role == "close" and notes:
            notes[-1] = self._rested(notes[-1], bar, last)
        return notes

    def close(self, bar: Bar) -> list[Note]:
        """The last bars: one long tonic at the end."""
        if bar.number != bar.bars - 1:
            return []
        key = near(self._brief.key, self._keys[self._at])
        return [Note(bar.start, self._steps, key, 0.6)]

    def _motif(self, section: str, role: str) -> Motif:
        if (section, role) not in self._motifs:
            chance = chances(self._seed, "motif", section, role)
            busy = "calm" if role == "close" else self._brief.genre.melody
            rhythm = chance.choice(RHYTHMS[self._steps, busy])
            moves = tuple(chance.choice(_MOVES) for _ in rhythm)
            self._motifs[section, role] = Motif(rhythm, moves)
        return self._motifs[section, role]

    def _lean(self, bar: Bar, role: str, chance: random.Random) -> None:
        """Begin phrases in their register: the second theme lies higher than the first."""
        if role == "motif" and bar.number % 4 == 0:
            share = 0.62 if bar.section == "B" else 0.42
            self._at = round(share * (len(self._keys) - 1)) + chance.choice((-1, 0, 1))

    def _varied(self, motif: Motif, bar: Bar, chance: random.Random) -> Motif:
        """From its second time on a theme changes a little: a long note is split, or one step goes elsewhere."""
        if self._heard.get(bar.section, 1) < 2 or chance.random() < 0.4:
            return motif
        rhythm, moves = list(motif.rhythm), list(motif.moves)
        longest = max(range(len(rhythm)), key=lambda at: rhythm[at])
        if rhythm[longest] >= 4 and chance.random() < 0.6:
            half = rhythm[longest] // 2
            rhythm[longest : longest + 1] = [half, rhythm[longest] - half]
            moves.insert(longest, chance.choice((-1, 1)))
        else:
            moves[chance.randrange(len(moves))] = chance.choice(_MOVES)
        return Motif(tuple(rhythm), tuple(moves))

    def _sing(self, bar: Bar, motif: Motif) -> list[Note]:
        notes, at = [], 0
        tones = chord(self._brief, bar.degree)
        for length, move in zip(motif.rhythm, motif.moves, strict=True):
            if length > 0:
                strong = at % 8 == 0 or length >= 6
                self._at = self._bounded(self._at + move)
                key = self._settled(tones) if strong else self._keys[self._at]
                loudness = 0.62 + 0.22 * bar.energy + (0.08 if at == 0 else 0.0)
                notes.append(Note(bar.start + at, length * 0.96, key, min(1.0, loudness)))
            at += abs(length)
        return notes

    def _bounded(self, at: int) -> int:
        """Turn back at the ends of the range."""
        top = len(self._keys) - 1
        at = -at if at < 0 else at
        return min(max(2 * top - at if at > top else at, 0), top)

    def _settled(self, tones: tuple[int, ...]) -> int:
        """The nearest note of the chord that the scale has too."""
        own = [at for at, key in enumerate(self._keys) if key % 12 in tones]
        self._at = min(own, key=lambda at: (abs(at - self._at), at)) if own else self._at
        return self._keys[self._at]

    def _rested(self, note: Note, bar: Bar, last: bool) -> Note:
        """A close rests on a note of the chord, at the end of a section on the tonic, and leaves room to breathe."""
        tones = chord(self._brief, bar.degree, size=3)
        tonic = scale(self._brief)[0]
        tone = tonic if last and tonic in tones else tones[0] if last else tones[-1]
        key = near(tone, note.key)
        end = bar.start + self._steps - 2
        return Note(note.start, max(2.0, end - note.start), key, note.loudness)
