"""Reads SoundFont files (SF2, and SF3 with its samples as Ogg Vorbis): which recording is played for which note.

The format's numbers are those of the SoundFont 2.04 specification, section 8.1.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
DRUMS = 128  #: the bank of drum kits

_COMPRESSED = 0x10
_PAN, _FILTER = 17, 8
_DELAY, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 33, 34, 35, 36, 37, 38
_INSTRUMENT, _KEYS, _VELOCITIES, _ATTENUATION = 41, 43, 44, 48
_COARSE, _FINE, _SAMPLE, _MODE, _SCALE, _ROOT = 51, 52, 53, 54, 56, 58
_DEFAULTS = {_FILTER: 13500, _SCALE: 100, _ROOT: -1} | dict.fromkeys(
    (_DELAY, _ATTACK, _HOLD, _DECAY, _RELEASE), -12000
)
_EVERY = (0, 127)
Zone = dict[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """One recording with the notes and velocities that it is for, and how it is shaped in time."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    sample: int
    root: int
    cents: int  #: tuning
    cents_per_key: int
    attenuation_cb: int
    pan: float  #: -1 left, 1 right
    filter_hz: float
    loops: bool
    delay_s: float
    attack_s: float
    hold_s: float
    decay_s: float
    sustain_cb: int
    release_s: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded sample; the loop is [start, end) in its own samples."""

    samples: Samples
    rate: int
    loop: tuple[int, int]
    root: int
    cents: int


class SoundFont:
    """One file, whole in memory; samples are decoded when they are first asked for."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        chunks = dict(_chunks(content))
        self._samples = chunks["smpl"]
        self._headers = list(struct.iter_unpack("<20sIIIIIBbHH", chunks["shdr"]))
        instruments = _zones(chunks["inst"], 20, chunks["ibag"], chunks["igen"])
        self._instruments = [_resolved(zones, _SAMPLE) for zones in instruments]
        self._presets: dict[tuple[int, int], list[Zone]] = {}
        named = struct.iter_unpack("<20sHHH12x", chunks["phdr"])
        zones = _zones(chunks["phdr"], 24, chunks["pbag"], chunks["pgen"])
        for (_, program, bank, _), of_preset in zip(named, zones, strict=False):
            self._presets[bank, program] = _resolved(of_preset, _INSTRUMENT)
        self._decoded: dict[int, Recording] = {}
        self._regions: dict[tuple[int, int], list[Region]] = {}

    def regions(self, bank: int, program: int) -> list[Region]:
        """The regions of a preset; of the bank's first one where there is none."""
        if (bank, program) not in self._regions:
            zones = self._presets.get((bank, program), self._presets.get((bank, 0), []))
            made = [_region(zone, part) for zone in zones for part in self._instruments[zone[_INSTRUMENT]]]
            self._regions[bank, program] = [region for region in made if region is not None]
        return self._regions[bank, program]

    def recording(self, number: int) -> Recording:
        """A sample by its number."""
        if number not in self._decoded:
            _, start, end, loop_start, loop_end, rate, root, cents, _, kind = self._headers[number]
            if kind & _COMPRESSED:
                samples, first = _decoded(self._samples[start:end]), 0
            else:
                raw = np.frombuffer(self._samples, dtype="<i2", count=end - start, offset=start * 2)
                samples, first = raw.astype(np.float32) / np.float32(32768), start
            loop = (max(0, loop_start - first), min(len(samples), loop_end - first))
            self._decoded[number] = Recording(samples, rate, loop, root, cents)
        return self._decoded[number]


@lru_cache(maxsize=1)
def opened(path: Path) -> SoundFont:
    """The SoundFont at `path`, read once for each worker."""
    return SoundFont(path)


def _chunks(content: bytes) -> Iterator[tuple[str, memoryview]]:
    """Every chunk of the RIFF file by its name; lists are looked into."""
    view = memoryview(content)
    todo = [view[12:]]
    while todo:
        part = todo.pop()
        while len(part) >= 8:
            name, size = bytes(part[:4]), int.from_bytes(part[4:8], "little")
            body = part[8 : 8 + size]
            if name == b"LIST":
                todo.append(body[4:])
            else:
                yield name.decode("latin-1"), body
            part = part[8 + size + size % 2 :]


def _zones(names: memoryview, bag_at: int, bags: memoryview, generators: memoryview) -> list[list[Zone]]:
    """For each preset or instrument its zones, each a mapping from generator to its amount."""
    length = 38 if bag_at == 24 else 22
    firsts = [
        int.from_bytes(names[at + bag_at : at + bag_at + 2], "little") for at in range(0, len(names), length)
    ]
    starts = [first for first, _ in struct.iter_unpack("<HH", bags)]
    amounts = list(struct.iter_unpack("<Hh", generators))
    zones = [dict(amounts[a:b]) for a, b in pairwise(starts)]
    return [zones[a:b] for a, b in pairwise(firsts)]


def _resolved(zones: list[Zone], wanted: int) -> list[Zone]:
    """Zones that name something, with what the first one says for all when it names nothing."""
    shared = zones[0] if zones and wanted not in zones[0] else {}
    return [{**shared, **zone} for zone in zones if wanted in zone]


def _region(preset: Zone, part: Zone) -> Region | None:
    """What an instrument's zone says, moved by what the preset's zone adds; None where their notes do not meet."""
    keys = _meet(_range(preset, _KEYS), _range(part, _KEYS))
    velocities = _meet(_range(preset, _VELOCITIES), _range(part, _VELOCITIES))
    if keys[0] > keys[1] or velocities[0] > velocities[1]:
        return None

    def amount(generator: int) -> int:
        return part.get(generator, _DEFAULTS.get(generator, 0)) + preset.get(generator, 0)

    def seconds(generator: int) -> float:
        value = amount(generator)
        return 0.0 if value <= -11000 else float(2 ** (value / 1200))

    return Region(
        keys=keys,
        velocities=velocities,
        sample=part[_SAMPLE],
        root=part.get(_ROOT, -1),
        cents=amount(_COARSE) * 100 + amount(_FINE),
        cents_per_key=amount(_SCALE),
        attenuation_cb=max(0, amount(_ATTENUATION)),
        pan=max(-1.0, min(1.0, amount(_PAN) / 500)),
        filter_hz=8.176 * 2 ** (amount(_FILTER) / 1200),
        loops=part.get(_MODE, 0) & 1 == 1,
        delay_s=seconds(_DELAY),
        attack_s=seconds(_ATTACK),
        hold_s=seconds(_HOLD),
        decay_s=seconds(_DECAY),
        sustain_cb=max(0, amount(_SUSTAIN)),
        release_s=seconds(_RELEASE),
    )


def _range(zone: Mapping[int, int], generator: int) -> tuple[int, int]:
    """Two bytes in one number: the lowest and the highest."""
    if generator not in zone:
        return _EVERY
    amount = zone[generator] & 0xFFFF
    return amount & 0xFF, amount >> 8


def _meet(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), min(one[1], other[1])


def _decoded(content: memoryview) -> Samples:
    """A sample that is kept as Ogg Vorbis."""
    with av.open(io.BytesIO(content), "r", format="ogg") as container:
        change = av.AudioResampler(format="flt", layout="mono")
        parts = [
            made.to_ndarray()[0] for frame in container.decode(audio=0) for made in change.resample(frame)
        ]
    return np.concatenate(parts) if parts else np.zeros(1, dtype=np.float32)
