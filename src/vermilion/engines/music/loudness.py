"""Loudness as people hear it (ITU-R BS.1770), and bringing sound to it."""

from __future__ import annotations

import numpy as np

from vermilion.engines.music.soundfont import Samples

TARGET_LUFS = -16.0
PEAK = 0.89  #: one decibel below full
_BLOCK_S, _STEP_S = 0.4, 0.1
_KNEE = 0.6  #: of the peak; what is above bends


def lufs(sound: Samples, rate: int) -> float:
    """The integrated loudness of stereo sound; -inf for silence."""
    power = sum(_powers(sound[:, side], rate) for side in (0, 1))
    power = np.asarray(power)[np.asarray(power) > 10 ** ((-70 + 0.691) / 10)]
    if not power.size:
        return float("-inf")
    gate = power.mean() * 0.1
    return float(-0.691 + 10 * np.log10(power[power > gate].mean()))


def levelled(sound: Samples, rate: int) -> Samples:
    """The sound at the target, its peaks bent rather than cut. Silence stays silence."""
    for _ in range(2):  # Bending takes a little loudness; the second turn gives it back.
        heard = lufs(sound, rate)
        if not np.isfinite(heard):
            return sound
        sound = _bent(sound * np.float32(10 ** ((TARGET_LUFS - heard) / 20)))
    return sound


def _bent(sound: Samples) -> Samples:
    """Peaks above the knee lean over to the bound and never reach it."""
    knee = PEAK * _KNEE
    size = np.abs(sound)
    over = np.maximum(size - knee, 0) / (PEAK - knee)
    return np.where(size > knee, np.sign(sound) * (knee + (PEAK - knee) * np.tanh(over)), sound).astype(
        np.float32
    )


def _powers(side: Samples, rate: int) -> Samples:
    """The mean square of every block of 0.4 s of one channel, as the ear weighs its frequencies."""
    size = 1 << 18
    squares = []
    for at in range(0, len(side), size):
        piece = side[at : at + size]
        spectrum = np.fft.rfft(piece)
        heard = np.fft.irfft(spectrum * _weights(len(piece), rate), len(piece))
        squares.append(heard**2)
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate(squares))])
    block, step = int(_BLOCK_S * rate), int(_STEP_S * rate)
    starts = np.arange(0, max(1, len(side) - block + 1), step)
    ends = np.minimum(starts + block, len(side))
    return np.asarray((sums[ends] - sums[starts]) / np.maximum(ends - starts, 1))


def _weights(count: int, rate: int) -> Samples:
    """The K-weighting's gains: a shelf of four decibels above 1.7 kHz, little below 40 Hz. Its analogue prototypes."""
    s = 2j * np.pi * np.fft.rfftfreq(count, 1 / rate)
    low = 2 * np.pi * 38.135
    high_pass = s**2 / (s**2 + s * low / 0.5003 + low**2)
    corner, gain = 2 * np.pi * 1681.97, 10 ** (3.99984 / 20)
    middle = gain**0.4996667
    shelf = (gain * s**2 + middle * s * corner / 0.70717 + corner**2) / (
        s**2 + s * corner / 0.70717 + corner**2
    )
    return np.asarray(np.abs(high_pass * shelf), dtype=np.float64)
