"""Speech becomes text: Whisper (base, many languages), run by faster-whisper on CTranslate2."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.recordings import opened_recording
from vermilion.engines.wishes import given_file, read_wish

METHOD = "Whisper base, by faster-whisper"
RATE = 16_000
SECONDS_MAX = 7_200


class Wish(msgspec.Struct, frozen=True):
    """Which language is spoken (found by itself without it), what to write, and how long it may be."""

    language: str | None = None
    format: Literal["text", "srt", "vtt", "json"] = "text"
    max_duration_s: Annotated[int, msgspec.Meta(ge=1, le=SECONDS_MAX)] = 600


def transcribe(job: EngineJob) -> EngineResult:
    """The words of `files["audio"]`, a recording of sound or video, with the times at which they are said."""
    wish = read_wish(job.params, Wish)
    job.report(1, "reading the sound")
    samples = _samples(given_file(job, "audio"), wish.max_duration_s)
    length_s = round(len(samples) / RATE, 3)
    job.report(10, "loading the model")
    assert job.pack is not None  # the pool runs this engine from its pack
    model = _model(job.pack)
    if wish.language is not None and wish.language not in model.supported_languages:
        raise EngineRefused(f"the language {wish.language!r} is not known; use a code such as en, de or zh")
    found, about = model.transcribe(samples, language=wish.language, beam_size=5, vad_filter=True)
    segments = []
    for segment in found:
        segments.append(
            {
                "start": round(float(segment.start), 2),
                "end": round(float(segment.end), 2),
                "text": segment.text.strip(),
            }
        )
        job.report(15 + int(80 * min(1, segment.end / max(length_s, 0.1))), "listening")
    text = " ".join(str(segment["text"]) for segment in segments)
    facts = {
        "method": METHOD,
        "text": text,
        "language": about.language if segments else None,
        "duration_s": length_s,
        "segments": segments,
    }
    return EngineResult(
        _written(job, wish.format, facts), facts, usage={"max_duration_s": max(1, round(length_s + 0.5))}
    )


def _samples(path: Path, seconds_max: int) -> npt.NDArray[np.float32]:
    """The sound as one channel; longer ones than were paid for are turned down."""
    parts, count = [], 0
    with opened_recording(path) as recording:
        if recording.audio is None:
            raise EngineRefused("there is no sound in the file", "no_sound")
        for frame in recording.sound(RATE):
            part = frame.to_ndarray().ravel()
            parts.append(part)
            count += len(part)
            if count > seconds_max * RATE:
                raise EngineRefused(
                    f"the recording is longer than {seconds_max} s; raise max_duration_s",
                    "recording_too_long",
                )
    if not count:
        raise EngineRefused("there is no sound in the file", "no_sound")
    return np.concatenate(parts).astype(np.float32)


@lru_cache
def _model(pack: Path) -> Any:
    from faster_whisper import WhisperModel  # noqa: PLC0415  (only in the pack)

    return WhisperModel(
        str(pack / "whisper-base"), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
    )


def _written(job: EngineJob, kind: str, facts: dict[str, Any]) -> tuple[EngineFile, ...]:
    """The transcript as a file; of silence there is none, except of JSON, which says so."""
    segments = facts["segments"]
    if not segments and kind != "json":
        return ()
    body = _body(kind, facts)
    path = job.out_dir / f"transcript.{'txt' if kind == 'text' else kind}"
    path.write_text(body, encoding="utf-8")
    return (EngineFile(path.name, path, "application/json" if kind == "json" else "text/plain"),)


def _body(kind: str, facts: dict[str, Any]) -> str:
    cues = [(f"{_time(s['start'])} --> {_time(s['end'])}", s["text"]) for s in facts["segments"]]
    match kind:
        case "text":
            return str(facts["text"]) + "\n"
        case "srt":  # the same cues, numbered, with a comma before the thousandths
            return "\n".join(f"{n}\n{at.replace('.', ',')}\n{said}\n" for n, (at, said) in enumerate(cues, 1))
        case "vtt":
            return "WEBVTT\n\n" + "\n".join(f"{at}\n{said}\n" for at, said in cues)
        case _:
            return msgspec.json.format(msgspec.json.encode(facts)).decode()


def _time(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
