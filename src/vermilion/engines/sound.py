"""Writes sound: one channel of 16-bit samples as WAV, FLAC, MP3 or Ogg Opus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class SoundFormat:
    """How a format is written; Opus knows a few sample rates only, so it is resampled to its own."""

    content_type: str
    codec: str
    rate: int | None = None
    bit_rate: int | None = None


FORMATS = {
    "wav": SoundFormat("audio/wav", "pcm_s16le"),
    "flac": SoundFormat("audio/flac", "flac"),
    "mp3": SoundFormat("audio/mpeg", "libmp3lame", bit_rate=96_000),
    "ogg": SoundFormat("audio/ogg", "libopus", rate=48_000, bit_rate=64_000),
}


def write_sound(path: Path, samples: Samples, rate: int, *, kind: str, title: str) -> None:
    """Write the samples as `kind`, with a title that says what made them."""
    way = FORMATS[kind]
    with av.open(str(path), "w", format=kind) as container:
        container.metadata["title"] = title
        stream = cast(AudioStream, container.add_stream(way.codec, rate=way.rate or rate, layout="mono"))
        if way.bit_rate:
            stream.bit_rate = way.bit_rate
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
