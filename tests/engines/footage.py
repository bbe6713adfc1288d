"""Real recordings for tests: a subject that moves, a tone that lasts, in the formats that customers send."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from PIL import Image

RATE = 48_000
FRAMES_PER_SECOND = 12
_VIDEO = {"mp4": ("mp4", "libx264"), "mov": ("mov", "libx264"), "webm": ("webm", "libvpx-vp9")}
_SOUND = {
    "wav": ("wav", "pcm_s16le"),
    "mp3": ("mp3", "libmp3lame"),
    "ogg": ("ogg", "libopus"),
    "flac": ("flac", "flac"),
    "m4a": ("ipod", "aac"),
}


def video(folder: Path, kind: str = "mp4", *, pictures: Iterable[Image.Image], sound: bool = False) -> Path:
    """A video of these pictures, twelve a second; with sound, a tone is heard all along."""
    shown = list(pictures)
    muxer, codec = _VIDEO[kind]
    path = folder / f"video-{kind}.txt"
    with av.open(str(path), "w", format=muxer) as target:
        stream = cast(
            av.VideoStream,
            target.add_stream(codec, rate=FRAMES_PER_SECOND, options={"crf": "20", "b": "0"}),
        )
        stream.width, stream.height = shown[0].size
        stream.pix_fmt = "yuva420p" if shown[0].mode == "RGBA" and kind == "webm" else "yuv420p"
        heard = (
            target.add_stream("libopus" if kind == "webm" else "aac", rate=RATE, layout="mono")
            if sound
            else None
        )
        for number, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(
                np.asarray(picture), format="rgba" if picture.mode == "RGBA" else "rgb24"
            ).reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if heard is not None:
            encode(target, heard, tone(len(shown) / FRAMES_PER_SECOND))
    return path


def sound(folder: Path, kind: str, *, seconds: float = 2.0) -> Path:
    """A tone of 440 Hz that is loud in its first half and soft in its second."""
    muxer, codec = _SOUND[kind]
    path = folder / f"sound-{kind}.txt"
    with av.open(str(path), "w", format=muxer) as target:
        stream = target.add_stream(codec, rate=RATE, layout="mono")
        encode(target, cast(av.AudioStream, stream), tone(seconds))
    return path


def tone(seconds: float) -> np.ndarray:
    """Samples between -1 and 1."""
    at = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 440 * at) * np.where(at < seconds / 2, 0.8, 0.1)).astype(np.float32)


def walk(count: int = 12, size: tuple[int, int] = (96, 64)) -> list[Image.Image]:
    """A red square that goes from left to right over grey."""
    pictures = []
    for number in range(count):
        picture = Image.new("RGB", size, (120, 120, 120))
        left = number * (size[0] - 24) // max(count - 1, 1)
        picture.paste((220, 20, 30), (left, 20, left + 24, 44))
        pictures.append(picture)
    return pictures


def sideways(path: Path, degrees: int) -> Path:
    """The MP4 at `path` as a telephone held upright writes it: its track header says to turn it."""
    content = bytearray(path.read_bytes())
    sine = {90: 1, 270: -1}[degrees]
    matrix = b"".join(
        int(value).to_bytes(4, "big", signed=True)
        for value in (0, sine << 16, 0, -sine << 16, 0, 0, 0, 0, 1 << 30)
    )
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + len(matrix)] = matrix
    path.write_bytes(content)
    return path


def encode(target: av.container.OutputContainer, stream: av.AudioStream, samples: np.ndarray) -> None:
    """Write mono samples as this stream."""
    whole = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    whole.sample_rate, whole.time_base, whole.pts = RATE, Fraction(1, RATE), 0
    target.mux(stream.encode(whole))
    target.mux(stream.encode(None))
