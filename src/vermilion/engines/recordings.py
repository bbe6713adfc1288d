"""Opens strangers' sound and video within bounds. The one place that hands their bytes to FFmpeg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vermilion.engines.contract import EngineRefused
from vermilion.engines.pictures import PIXELS_MAX
from vermilion.engines.sniff import content_type_of

SECONDS_MAX = 6 * 3600
#: FFmpeg may only use the reader that belongs to the bytes: others open further files or addresses.
_READERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
}
_SOUND_ALONE = {"video/mp4": "audio/mp4", "video/quicktime": "audio/mp4", "video/webm": "audio/webm"}
RECORDINGS = frozenset(_READERS)
_MICROSECONDS = 1_000_000
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Recording:
    """One opened file: its streams, and its frames one after the other. Only a few are ever in memory."""

    def __init__(self, content_type: str, container: InputContainer) -> None:
        self.container = container
        self.video = next((stream for stream in container.streams.video if _moves(stream)), None)
        self.audio = next((stream for stream in container.streams.audio if _is_readable(stream)), None)
        self.content_type = content_type if self.video else _SOUND_ALONE.get(content_type, content_type)

    @property
    def duration_s(self) -> float | None:
        """What the file says of its length, if it does."""
        return self.container.duration / _MICROSECONDS if self.container.duration else None

    def frames(self) -> Iterator[av.VideoFrame]:
        """The video's frames in order."""
        assert self.video is not None
        for frame in self._decoded(self.video):
            assert isinstance(frame, av.VideoFrame)
            yield frame

    def sound(self, rate: int) -> Iterator[av.AudioFrame]:
        """The sound as mono at `rate` samples a second, in 32-bit floats."""
        assert self.audio is not None
        change = Resampler("mono", rate)
        for frame in self._decoded(self.audio):
            assert isinstance(frame, av.AudioFrame)
            yield from change.resampled(frame)
        yield from change.rest()

    def moments(self) -> Iterator[av.VideoFrame | av.AudioFrame]:
        """Pictures and sound in the order in which the file holds them."""
        return self._decoded(*(stream for stream in (self.video, self.audio) if stream is not None))

    def _decoded(self, *streams: VideoStream | AudioStream) -> Iterator[av.VideoFrame | av.AudioFrame]:
        """What the streams hold; a packet that cannot be read is skipped, unless none could before it."""
        decoders = {stream.index: _decoder(stream) for stream in streams}
        seen = False
        with _damage():
            for packet in self.container.demux(*streams):
                try:
                    made = decoders[packet.stream.index].decode(packet)
                except av.InvalidDataError:
                    if not seen:
                        raise
                    continue
                for frame in made:
                    seen = True
                    if isinstance(frame, av.VideoFrame):
                        _check_size(frame.width, frame.height)
                    yield frame


class Resampler:
    """Sound at one layout and rate, in 32-bit floats, whatever it changes to on the way."""

    def __init__(self, layout: str, rate: int) -> None:
        self._layout, self._rate = layout, rate
        self._change = self._fresh()

    def resampled(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """What can be said of this frame already."""
        try:
            return self._change.resample(frame)
        except ValueError:  # It is of another kind than those before it.
            before, self._change = self.rest(), self._fresh()
            return [*before, *self._change.resample(frame)]

    def rest(self) -> list[av.AudioFrame]:
        """What was held back."""
        return self._change.resample(None)

    def _fresh(self) -> av.AudioResampler:
        return av.AudioResampler(format="flt", layout=self._layout, rate=self._rate)


def _decoder(stream: VideoStream | AudioStream) -> av.VideoCodecContext | av.AudioCodecContext:
    """FFmpeg's own decoders of VP8 and VP9 drop transparency; those of libvpx do not."""
    name = _ALPHA_DECODERS.get(stream.codec_context.name)
    if name and stream.metadata.get("alpha_mode") == "1":
        decoder = av.CodecContext.create(name, "r")
        assert isinstance(decoder, av.VideoCodecContext)
        return decoder
    stream.codec_context.thread_count = 1
    return stream.codec_context


@contextmanager
def opened_recording(path: Path) -> Iterator[Recording]:
    """The file's streams, its bounds checked and nothing decoded yet; faults of the file are refusals."""
    kind = content_type_of(path)
    reader = _READERS.get(kind or "")
    if kind is None or reader is None:
        raise EngineRefused("the file is neither sound nor video that can be read here", "unreadable_media")
    with _damage():
        try:
            container = av.open(str(path), format=reader, metadata_errors="ignore")
        except MemoryError:  # Nothing is decoded yet: only a header that lies asks for so much.
            raise EngineRefused("the header of the sound or video makes no sense", "damaged_media") from None
    with container:
        recording = Recording(kind, container)
        _check_bounds(recording)
        yield recording


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever FFmpeg says of a file, as a refusal; memory that ran out is no fault of the file."""
    try:
        yield
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as wrong:
        raise EngineRefused(f"the sound or video is damaged or cut short: {wrong}", "damaged_media") from None


def _moves(stream: VideoStream) -> bool:
    """The cover of an album is a video stream, too."""
    return _is_readable(stream) and not stream.disposition & Disposition.attached_pic


def _is_readable(stream: VideoStream | AudioStream) -> bool:
    """Whether FFmpeg knows how it is encoded."""
    return stream.codec_context is not None


def _check_bounds(recording: Recording) -> None:
    if recording.video is None and recording.audio is None:
        raise EngineRefused("the file holds neither sound nor video that can be read", "damaged_media")
    if recording.video is not None:
        _check_size(recording.video.width, recording.video.height)
    if (recording.duration_s or 0) > SECONDS_MAX:
        raise EngineRefused(f"the recording is longer than {SECONDS_MAX // 3600} hours", "recording_too_long")


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise EngineRefused(
            f"the video has more than {PIXELS_MAX // 1_000_000} megapixels a frame", "video_too_large"
        )
