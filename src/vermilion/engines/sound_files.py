"""Writes sound as files: WAV, FLAC, MP3, or Ogg with Opus, with tags that say what it is."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
import numpy.typing as npt

Format = Literal["wav", "mp3", "ogg", "flac"]
#: Container, codec, sample rate that the codec needs, type.
_WAYS: Mapping[Format, tuple[str, str, int | None, str]] = {
    "wav": ("wav", "pcm_s16le", None, "audio/wav"),
    "mp3": ("mp3", "libmp3lame", None, "audio/mpeg"),
    "ogg": ("ogg", "libopus", 48_000, "audio/ogg"),
    "flac": ("flac", "flac", None, "audio/flac"),
}
_BIT_RATE = {"mp3": 96_000, "ogg": 64_000}  #: for each channel
_PIECE = 1 << 16  #: samples handed to the encoder at once


def write_sound(
    path: Path, sound: npt.NDArray[np.float32], rate: int, *, kind: Format, tags: Mapping[str, str]
) -> str:
    """Write mono samples, or columns left and right, between -1 and 1; answers the file's type."""
    columns = sound.reshape(len(sound), -1)
    layout = "stereo" if columns.shape[1] == 2 else "mono"
    container, codec, codec_rate, content_type = _WAYS[kind]
    with av.open(str(path), "w", format=container) as target:
        target.metadata.update(tags)
        stream: Any = target.add_stream(cast(Any, codec), rate=codec_rate or rate, layout=layout)
        if kind in _BIT_RATE:
            stream.bit_rate = _BIT_RATE[kind] * columns.shape[1]
        for at in range(0, len(columns), _PIECE):
            piece = np.ascontiguousarray(columns[at : at + _PIECE].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return content_type
