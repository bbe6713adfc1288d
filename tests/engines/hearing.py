"""What an ear would tell of music: its key, its beat, its loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vermilion.engines.recordings import opened_recording

RATE = 44_100
#: How well each tone fits a key, from its tonic, as listeners judged (Krumhansl and Kessler).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def heard(path: Path) -> np.ndarray:
    """The sound in mono."""
    with opened_recording(path) as recording:
        return np.concatenate([frame.to_ndarray()[0] for frame in recording.sound(RATE)])


def chroma(sound: np.ndarray) -> np.ndarray:
    """How much of each of the twelve tones there is."""
    size = 16_384
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    kept = (frequencies > 60) & (frequencies < 2000)
    tones = (np.round(69 + 12 * np.log2(frequencies[kept] / 440)) % 12).astype(int)
    found = np.zeros(12)
    for at in range(0, len(sound) - size, size // 2):
        spectrum = np.abs(np.fft.rfft(sound[at : at + size] * np.hanning(size)))[kept]
        found += np.bincount(tones, weights=spectrum, minlength=12)
    return found


def keys(sound: np.ndarray) -> list[tuple[int, bool]]:
    """All keys as tonic and whether minor, the likeliest first."""
    found = chroma(sound)
    fits = {
        (tonic, minor): float(np.corrcoef(np.roll(profile, tonic), found)[0, 1])
        for tonic in range(12)
        for minor, profile in ((False, _MAJOR), (True, _MINOR))
    }
    return sorted(fits, key=lambda key: -fits[key])


def tempo(sound: np.ndarray) -> float:
    """Beats a minute between 80 and 160: how long after something sets in, something like it does again."""
    hop = 441
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::hop]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(1024), axis=1))
    onsets = np.maximum(np.diff(np.log1p(100 * spectra), axis=0), 0).sum(axis=1)
    onsets -= onsets.mean()
    again = np.fft.irfft(np.abs(np.fft.rfft(onsets, 2 * len(onsets))) ** 2)
    wanted = np.arange(80, 160, 0.25)
    lags = 60 / wanted * RATE / hop
    # Bars repeat as well as beats; four beats later is the surest.
    likeness = np.interp(lags, np.arange(len(again)), again) + np.interp(
        4 * lags, np.arange(len(again)), again
    )
    return float(wanted[likeness.argmax()])
