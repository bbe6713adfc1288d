"""From a score to sound: every note played, placed in a room, brought to one loudness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vermilion.engines.music.chance import chances
from vermilion.engines.music.loudness import levelled, lufs
from vermilion.engines.music.score import Note, Score
from vermilion.engines.music.soundfont import DRUMS, Samples, SoundFont
from vermilion.engines.music.voice import RATE, played
from vermilion.engines.music.words import Brief

_JITTER_S = 0.007  #: how far off the beat a person plays
_REVERB_S = 2.2
_FADE_S = 1.8
OnShare = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands: its loudness before all are brought to one, left to right from -1 to 1, and how much of it
    goes into the room.
    """

    lufs: float
    pan: float
    send: float


_PLACES = {
    "melody": _Place(-18, 0.06, 1.0),
    "second": _Place(-23, -0.35, 1.1),
    "comp": _Place(-21.5, 0.28, 0.9),
    "pad": _Place(-26, -0.12, 1.4),
    "bass": _Place(-20, 0.0, 0.15),
    "drums": _Place(-19.5, 0.0, 0.4),
}


def mixed(
    font: SoundFont, brief: Brief, score: Score, *, seed: int, duration_s: float, on_share: OnShare
) -> Samples:
    """The piece in stereo, exactly as long as it should be, at -16 LUFS with its peaks below full."""
    count = int(duration_s * RATE)
    dry = np.zeros((count, 2), dtype=np.float32)
    wet = np.zeros((count, 2), dtype=np.float32)
    for number, (name, notes) in enumerate(score.parts.items()):
        track = _track(font, brief, name, notes, seed=seed, count=count)
        place = _PLACES[name]
        angle = (place.pan + 1) * np.pi / 4
        alone = max(lufs(track, RATE), -60.0)
        gain = np.sqrt(2) * 10 ** ((place.lufs - alone) / 20)
        track *= np.array([gain * np.cos(angle), gain * np.sin(angle)], dtype=np.float32)
        dry += track
        wet += track * np.float32(place.send)
        on_share((number + 1) / (len(score.parts) + 2))
    whole = dry + np.float32(brief.genre.room) * _echoed(wet, seed)
    return levelled(whole * _faded(count)[:, None], RATE)


def _track(font: SoundFont, brief: Brief, name: str, notes: list[Note], *, seed: int, count: int) -> Samples:
    """One part alone. The same note of the same length is played once and laid down many times."""
    bank, program = (DRUMS, brief.genre.kit) if name == "drums" else (0, brief.parts.get(name, 0))
    step_s = 60 / brief.tempo / 4
    chance = chances(seed, "hands", name)
    known: dict[tuple[int, int, int], Samples] = {}
    track = np.zeros((count, 2), dtype=np.float32)
    for note in notes:
        loudness = min(1.0, max(0.05, note.loudness + chance.gauss(0, 0.05) * brief.genre.human))
        late_s = chance.gauss(0, _JITTER_S) * brief.genre.human + _swung(note.start, brief) * step_s
        layer = min(127, max(1, round(loudness * 8) * 16))
        shape = (note.key, layer, max(1, round(note.length * 4)))
        if shape not in known:
            known[shape] = played(font, bank, program, note.key, layer, shape[2] / 4 * step_s)
        _lay(track, known[shape] * np.float32(loudness**1.6), int((note.start * step_s + late_s) * RATE))
    return track


def _swung(start: float, brief: Brief) -> float:
    """How many steps late the second eighth of a beat comes: in full swing it is the third of a triplet."""
    within = start % 4
    return (
        brief.genre.swing * (2 / 3)
        if 1.9 < within < 2.1
        else brief.genre.swing * 0.3
        if 2.9 < within < 3.1
        else 0.0
    )


def _lay(track: Samples, sound: Samples, at: int) -> None:
    first = max(0, at)
    last = min(len(track), at + len(sound))
    if last > first:
        track[first:last] += sound[first - at : last - at]


def _echoed(dry: Samples, seed: int) -> Samples:
    """The part in a hall: noise that dies away and darkens, one for each ear, laid over every moment."""
    length = int(_REVERB_S * RATE)
    at_s = np.arange(length) / RATE
    noise = np.random.default_rng([seed, 0x48414C4C]).standard_normal((length, 2))
    for _ in range(2):  # Two turns of a running mean take the sharpness out of it.
        noise[1:] = (noise[1:] + noise[:-1]) / 2
    rise = np.clip((at_s - 0.012) / 0.02, 0, 1)
    answer = noise * (rise * 10 ** (-3 * at_s / _REVERB_S))[:, None]
    answer /= np.sqrt((answer**2).sum(axis=0))
    return _convolved(dry, answer.astype(np.float32))


def _convolved(dry: Samples, answer: Samples) -> Samples:
    """By pieces, so that memory does not grow with the length."""
    size = 1 << 18
    hop = size - len(answer)
    spectrum = np.fft.rfft(answer, size, axis=0)
    wet = np.zeros((len(dry) + size, 2), dtype=np.float32)
    for at in range(0, len(dry), hop):
        piece = np.fft.rfft(dry[at : at + hop], size, axis=0)
        wet[at : at + size] += np.fft.irfft(piece * spectrum, size, axis=0).astype(np.float32)
    return wet[: len(dry)]


def _faded(count: int) -> Samples:
    """In at once, out at the very end."""
    curve = np.ones(count, dtype=np.float32)
    out = min(int(_FADE_S * RATE), count // 4)
    curve[-out:] = np.cos(np.linspace(0, np.pi / 2, out)) ** 2
    return curve
