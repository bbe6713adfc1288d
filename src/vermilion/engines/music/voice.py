"""Plays single notes from a SoundFont: the recording at its pitch, looped, shaped and darkened as the font says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vermilion.engines.music.soundfont import Recording, Region, Samples, SoundFont

RATE = 44_100
_RELEASE_S_MIN, _RELEASE_S_MAX = 0.03, 3.0
_RANGE_CB = 960.0  #: from full to inaudible
_OPEN_HZ = 16_000.0  #: a filter above that is not heard
_ATTENUATION_SHARE = (
    0.4  #: of what fonts say: the first synthesizers did no more, and fonts are made for their sound
)


def played(font: SoundFont, bank: int, program: int, key: int, velocity: int, length_s: float) -> Samples:
    """One note in stereo, columns left and right, with its release; silence where the font has nothing."""
    regions = [
        region
        for region in font.regions(bank, program)
        if region.keys[0] <= key <= region.keys[1]
        and region.velocities[0] <= velocity <= region.velocities[1]
    ]
    voices = [_voice(font.recording(region.sample), region, key, length_s) for region in regions]
    if not voices:
        return np.zeros((1, 2), dtype=np.float32)
    whole = np.zeros((max(len(voice) for voice in voices), 2), dtype=np.float32)
    for voice, region in zip(voices, regions, strict=True):
        angle = (region.pan + 1) * np.pi / 4
        whole[: len(voice), 0] += voice * np.float32(np.cos(angle) * np.sqrt(2))
        whole[: len(voice), 1] += voice * np.float32(np.sin(angle) * np.sqrt(2))
    return whole


def _voice(recording: Recording, region: Region, key: int, length_s: float) -> Samples:
    release_s = min(max(region.release_s, _RELEASE_S_MIN), _RELEASE_S_MAX)
    count = max(1, int((length_s + release_s) * RATE))
    heard = _pitched(recording, region, key, count)
    if region.filter_hz < _OPEN_HZ:
        heard = _darkened(heard, region.filter_hz)
    loudness = 10 ** (-region.attenuation_cb * _ATTENUATION_SHARE / 200)
    return heard * _envelope(region, len(heard), length_s, release_s) * np.float32(loudness)


def _pitched(recording: Recording, region: Region, key: int, count: int) -> Samples:
    """The recording read at another speed, its loop repeated; between two samples by a curve through four."""
    root = region.root if region.root >= 0 else recording.root
    cents = (key - root) * region.cents_per_key + region.cents + recording.cents
    at = np.arange(count, dtype=np.float64) * (2 ** (cents / 1200) * recording.rate / RATE)
    start, end = recording.loop
    last = len(recording.samples) - 1
    if region.loops and end - start > 8:
        at = np.where(at >= end, start + (at - start) % (end - start), at)
    else:
        at = at[at < last]
    whole = at.astype(np.int64)
    part = (at - whole).astype(np.float32)
    before, here, after, beyond = (
        recording.samples[np.clip(whole + step, 0, last)] for step in (-1, 0, 1, 2)
    )
    slope, bend = (after - before) / 2, before - 2.5 * here + 2 * after - beyond / 2
    twist = (beyond - before) / 2 + 1.5 * (here - after)
    return np.asarray(((twist * part + bend) * part + slope) * part + here, dtype=np.float32)


def _darkened(heard: Samples, cutoff_hz: float) -> Samples:
    """A lowpass of twelve decibels an octave."""
    size = 1 << (len(heard) - 1).bit_length() if len(heard) > 1 else 1
    spectrum = np.fft.rfft(heard, size)
    gain = _lowpass(size, round(cutoff_hz))
    return np.fft.irfft(spectrum * gain, size)[: len(heard)].astype(np.float32)


@lru_cache(maxsize=64)
def _lowpass(size: int, cutoff_hz: int) -> Samples:
    ratio = np.fft.rfftfreq(size, 1 / RATE) / cutoff_hz
    return np.asarray(1 / np.sqrt(1 + ratio**4), dtype=np.float32)


def _envelope(region: Region, count: int, length_s: float, release_s: float) -> Samples:
    """Rises evenly, then falls evenly in decibels: to its sustained level, and after the note's end to nothing."""
    at_s = np.arange(count, dtype=np.float32) / RATE
    top_s = region.delay_s + max(region.attack_s, 0.001)
    rise = np.clip((at_s - region.delay_s) / (top_s - region.delay_s), 0, 1)
    falling_s = np.maximum(at_s - top_s - region.hold_s, 0)
    fall_cb = np.minimum(falling_s / max(region.decay_s, 0.001) * _RANGE_CB, region.sustain_cb)
    fall_cb = fall_cb + np.maximum(at_s - length_s, 0) / release_s * _RANGE_CB
    return np.asarray(rise * 10 ** (-fall_cb / 200), dtype=np.float32)
