"""What an upload of sound or video is: how long, how large, and a picture that shows it."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from PIL import Image, ImageDraw

from vermilion.engines.contract import EngineRefused
from vermilion.engines.recordings import Recording, opened_recording

WAVE_SIZE = (512, 128)
WAVE_SECONDS_MAX = 900  #: longer sound is not decoded, and has no picture
_WAVE_RATE = 8000
_WAVE_COLOUR = (227, 66, 52, 255)
_POSTER_FRAMES = 48  #: that many are looked at for one that shows something
_PLAIN = 6.0  #: below this spread of brightness a frame is a plain surface: a fade, a title's first moment


def look_at(path: Path) -> tuple[dict[str, Any], Image.Image | None]:
    """Facts of a recording (content_type, duration_s, and of a video width and height), and its picture."""
    with opened_recording(path) as recording:
        facts: dict[str, Any] = {"content_type": recording.content_type}
        if recording.video is None:
            duration_s, picture = _heard(recording)
        else:
            poster = _poster(recording)
            facts |= {"width": poster.width, "height": poster.height}
            duration_s, picture = recording.duration_s or _counted(recording), poster
    return facts | {"duration_s": round(duration_s, 3)}, picture


def upright_frame(frame: VideoFrame) -> Image.Image:
    """A frame as its viewer sees it: turned as the camera was held, in RGB, or RGBA where it can be transparent."""
    has_alpha = any(part.is_alpha for part in frame.format.components)
    picture = Image.fromarray(frame.to_ndarray(format="rgba" if has_alpha else "rgb24"))
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _poster(recording: Recording) -> Image.Image:
    """The first frame that is more than a plain surface, or the very first."""
    first: Image.Image | None = None
    for frame in islice(recording.frames(), _POSTER_FRAMES):
        picture = upright_frame(frame)
        first = first or picture
        small = picture.convert("L").resize((64, 64))
        if float(np.asarray(small, dtype=np.float32).std()) > _PLAIN:
            return picture
    if first is None:
        raise EngineRefused("the video has no frame that can be read", "damaged_media")
    return first


def _counted(recording: Recording) -> float:
    """Where the last packet ends, for files that do not say how long they are."""
    assert recording.video is not None
    recording.container.seek(0)
    ends = [
        float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
        for packet in recording.container.demux(recording.video)
        if packet.pts is not None and packet.time_base is not None
    ]
    return max(ends, default=0.0)


def _heard(recording: Recording) -> tuple[float, Image.Image | None]:
    """Length and waveform of sound."""
    if (recording.duration_s or 0) > WAVE_SECONDS_MAX:
        return recording.duration_s or 0.0, None
    most = WAVE_SECONDS_MAX * _WAVE_RATE
    parts, count = [], 0
    for frame in recording.sound(_WAVE_RATE):
        parts.append(frame.to_ndarray()[0])
        count += frame.samples
        if count > most:
            break
    if not count:
        raise EngineRefused("the file has no sound that can be read", "damaged_media")
    return count / _WAVE_RATE, waveform(np.concatenate(parts))


def waveform(samples: npt.NDArray[np.float32]) -> Image.Image:
    """The loudness of mono sound over time, as bars on a transparent ground."""
    width, height = WAVE_SIZE
    bars = width // 4
    edges = np.linspace(0, len(samples), bars + 1).astype(int)
    tops = [float(np.abs(samples[a : max(b, a + 1)]).max(initial=0.0)) for a, b in pairwise(edges)]
    picture = Image.new("RGBA", WAVE_SIZE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for number, top in enumerate(tops):
        reach = max(1, round(min(top, 1.0) * (height / 2 - 2)))
        box = (number * 4, height // 2 - reach, number * 4 + 2, height // 2 + reach)
        draw.rounded_rectangle(box, radius=1, fill=_WAVE_COLOUR)
    return picture
