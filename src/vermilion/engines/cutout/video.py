"""Background removal from a video, frame by frame, so that memory stays bounded whatever its length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import av
import msgspec
import numpy as np
from av.video.reformatter import Colorspace
from PIL import Image, ImageFilter

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.cutout.matte import METHOD, refined
from vermilion.engines.cutout.steady import Timed, masked
from vermilion.engines.footage import upright_frame
from vermilion.engines.pictures import on_white
from vermilion.engines.recordings import Recording, Resampler, opened_recording
from vermilion.engines.wishes import given_file, read_wish

SECONDS_MAX = 60
FRAME_RATE_MAX = 30
PIXELS_MAX = 1920 * 1080  #: of a frame of the result; larger videos come back smaller
_TICKS = 1000  #: a second, as WebM counts
_ENCODING = {
    "deadline": "realtime",
    "cpu-used": "6",
    "crf": "26",
    "b": "0",
    "auto-alt-ref": "0",
    "lag-in-frames": "0",
}
_SOUND_RATE = 48_000
_MARGIN = 16


class Wish(msgspec.Struct, frozen=True):
    """What is behind the subject: `transparent`, or a colour as #rrggbb."""

    background: Annotated[str, msgspec.Meta(pattern="^(transparent|#[0-9A-Fa-f]{6})$")] = "transparent"


def cut_out_video(job: EngineJob) -> EngineResult:
    """`files["video"]` with its background gone, as VP9 in WebM with its sound (Opus)."""
    wish = read_wish(job.params, Wish)
    job.report(1, "reading the video")
    path = job.out_dir / "cutout.webm"
    shares: list[float] = []
    at_s = 0.0
    with (
        opened_recording(given_file(job, "video")) as recording,
        _writing(path, recording, wish) as writer,
    ):
        for frame, at_s, mask in masked(_frames(recording, writer)):
            alpha = refined(frame, mask)
            shares.append(float(np.asarray(alpha, dtype=np.float32).mean()) / 255)
            writer.write_picture(_cut(frame, alpha, wish.background), at_s)
            job.report(_percent(recording, at_s), f"frame {len(shares)}")
    facts = {
        "method": f"{METHOD}, steadied over time",
        "frames": len(shares),
        "foreground_share": round(sum(shares) / len(shares), 4),
        "background": wish.background,
        "has_sound": recording.audio is not None,
    }
    made = EngineFile(path.name, path, "video/webm", *writer.size)
    return EngineResult((made,), facts, usage={"seconds": max(1, math.ceil(at_s))})


def _check(recording: Recording) -> None:
    if recording.video is None:
        raise EngineRefused("the file has no moving picture", "no_video")
    if (recording.duration_s or 0) > SECONDS_MAX:
        raise _too_long()


def _too_long() -> EngineRefused:
    return EngineRefused(f"a video may have {SECONDS_MAX} seconds at most", "video_too_long")


def _percent(recording: Recording, at_s: float) -> int:
    return 2 + int(96 * min(at_s / (recording.duration_s or SECONDS_MAX), 1))


def _frames(recording: Recording, writer: _Writer) -> Iterator[Timed]:
    """The frames of the result with their times, counted from the first; sound between them goes to the writer."""
    _check(recording)
    began_s, last_s = 0.0, -1.0
    for moment in recording.moments():
        if isinstance(moment, av.AudioFrame):
            writer.write_sound(moment)
            continue
        began_s = began_s if last_s >= 0 else moment.time or 0.0
        at_s = (moment.time or 0.0) - began_s
        if at_s > SECONDS_MAX:
            raise _too_long()
        if last_s < 0 or at_s - last_s > 0.9 / FRAME_RATE_MAX:
            last_s = at_s
            yield _bounded(upright_frame(moment)), at_s
    if last_s < 0:
        raise EngineRefused("the video has no frame that can be read", "damaged_media")


def _cut(frame: Image.Image, alpha: Image.Image, background: str) -> Image.Image:
    """The frame in RGBA, or in RGB before the wished colour."""
    if background == "transparent":
        return _emptied(frame, alpha)
    return Image.composite(frame, Image.new("RGB", frame.size, background), alpha)


class _Writer:
    """The WebM in the making; its picture's size is known with the first frame, and sound waits for that."""

    def __init__(self, target: av.container.OutputContainer, recording: Recording, wish: Wish) -> None:
        self._target = target
        rate = recording.video.average_rate if recording.video else None
        self._video = target.add_stream("libvpx-vp9", rate=rate or FRAME_RATE_MAX, options=_ENCODING)
        self._video.pix_fmt = "yuva420p" if wish.background == "transparent" else "yuv420p"
        self._video.codec_context.time_base = Fraction(1, _TICKS)
        self._video.codec_context.thread_count = 1
        self._video.codec_context.colorspace = Colorspace.ITU709
        self._sound = None
        if recording.audio is not None:
            layout = "mono" if recording.audio.channels == 1 else "stereo"
            self._sound = target.add_stream("libopus", rate=_SOUND_RATE, layout=layout)
            self._change = Resampler(layout, _SOUND_RATE)
        self._waiting: list[av.AudioFrame] = []
        self._ticks = -1
        self.size = (0, 0)

    def write_picture(self, picture: Image.Image, at_s: float) -> None:
        """Encode a picture; sizes that change on the way are brought to that of the first."""
        if self._ticks < 0:
            self.size = (max(2, picture.width & ~1), max(2, picture.height & ~1))
            self._video.width, self._video.height = self.size
        if picture.size != self.size:
            picture = picture.resize(self.size, Image.Resampling.LANCZOS)
        format_ = "rgba" if picture.mode == "RGBA" else "rgb24"
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format=format_)
        frame = frame.reformat(format=self._video.pix_fmt, dst_colorspace=Colorspace.ITU709)
        self._ticks = max(self._ticks + 1, round(at_s * _TICKS))
        frame.pts, frame.time_base = self._ticks, Fraction(1, _TICKS)
        self._target.mux(self._video.encode(frame))
        while self._waiting:
            self._encode_sound(self._waiting.pop(0))

    def write_sound(self, frame: av.AudioFrame) -> None:
        """Encode a piece of the sound, once there is a picture; what outlasts the longest video is left out."""
        if (frame.time or 0.0) > SECONDS_MAX:
            return
        if self._ticks < 0:
            self._waiting.append(frame)
        else:
            self._encode_sound(frame)

    def finish(self) -> None:
        """Write what the encoders still hold."""
        self._target.mux(self._video.encode(None))
        self._encode_sound(None)

    def _encode_sound(self, frame: av.AudioFrame | None) -> None:
        if self._sound is None:
            return
        for piece in self._change.rest() if frame is None else self._change.resampled(frame):
            self._target.mux(self._sound.encode(piece))
        if frame is None:
            self._target.mux(self._sound.encode(None))


@contextmanager
def _writing(path: Path, recording: Recording, wish: Wish) -> Iterator[_Writer]:
    with av.open(str(path), "w", format="webm") as target:
        target.metadata["comment"] = f"Vermilion cutout: {METHOD}"
        writer = _Writer(target, recording, wish)
        yield writer
        writer.finish()


def _bounded(frame: Image.Image) -> Image.Image:
    """The frame at the result's size, on white where it was transparent."""
    flat = on_white(frame) if frame.mode == "RGBA" else frame
    shrink = (PIXELS_MAX / (flat.width * flat.height)) ** 0.5
    if shrink >= 1:
        return flat
    return flat.resize((int(flat.width * shrink), int(flat.height * shrink)), Image.Resampling.LANCZOS)


def _emptied(flat: Image.Image, alpha: Image.Image) -> Image.Image:
    """With its alpha, and black where it cannot be seen: a background that is removed must not be in the file.

    A margin around the subject stays, or the encoder would darken its edge.
    """
    blocks = (max(1, -(-flat.width // _MARGIN)), max(1, -(-flat.height // _MARGIN)))
    near = alpha.resize(blocks, Image.Resampling.BOX).point(lambda value: 255 if value else 0)
    near = near.filter(ImageFilter.MaxFilter(3)).resize(flat.size, Image.Resampling.NEAREST)
    whole = Image.composite(flat, Image.new("RGB", flat.size), near)
    whole.putalpha(alpha)
    return whole
