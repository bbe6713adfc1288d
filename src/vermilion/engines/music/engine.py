"""The engine: a prompt becomes a piece of music in a file."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult
from vermilion.engines.music.arrange import arranged, fitted, form
from vermilion.engines.music.mix import mixed
from vermilion.engines.music.soundfont import opened
from vermilion.engines.music.voice import RATE
from vermilion.engines.music.words import Brief, read_brief
from vermilion.engines.sound_files import Format, write_sound
from vermilion.engines.weights import weights_path
from vermilion.engines.wishes import read_wish

METHOD = "composed by rules from the words of the prompt, played from the SoundFont FluidR3 Mono; no neural network"
SOUNDFONT = "FluidR3Mono_GM.sf3"
_INSTRUMENTS = {"melody", "second", "comp", "pad", "bass"}


class Wish(msgspec.Struct, frozen=True):
    """A piece of music in words, and what the words leave open."""

    prompt: Annotated[str, msgspec.Meta(max_length=10_000)]
    duration_s: Annotated[float, msgspec.Meta(ge=5, le=120)] = 30
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    tempo: Annotated[int, msgspec.Meta(ge=40, le=220)] | None = None
    key: str | None = None
    instrumental: bool = True
    format: Format = "mp3"


def compose_music(job: EngineJob) -> EngineResult:
    """A piece of music of exactly the wished length. The same wish always gives the same notes."""
    wish = read_wish(job.params, Wish)
    if not wish.prompt.strip():
        raise EngineRefused("the prompt is empty", "invalid_input")
    if not wish.instrumental:
        raise EngineRefused(
            "this arranger plays and does not sing; leave instrumental as true", "invalid_input"
        )
    job.report(2, "reading the prompt")
    font = opened(weights_path(SOUNDFONT))
    brief, bars = fitted(
        read_brief(wish.prompt, wish.seed, tempo=wish.tempo, key=_named_key(wish.key)), wish.duration_s
    )
    job.report(8, "arranging")
    score = arranged(brief, wish.seed, bars)
    sound = mixed(
        font,
        brief,
        score,
        seed=wish.seed,
        duration_s=wish.duration_s,
        on_share=lambda share: job.report(10 + int(80 * share), "playing"),
    )
    job.report(93, "saving")
    facts = _facts(wish, brief, bars, sorted(set(score.parts)))
    path = job.out_dir / f"music.{wish.format}"
    tags = {
        "title": wish.prompt.strip()[:120],
        "artist": "Vermilion arranger",
        "comment": f"{METHOD}; seed {wish.seed}, {facts['key']}, {facts['tempo']} bpm",
    }
    content_type = write_sound(path, sound, RATE, kind=wish.format, tags=tags)
    return EngineResult((EngineFile(path.name, path, content_type),), facts)


def _named_key(key: str | None) -> str | None:
    """A tonic alone is in major, as musicians say it."""
    if key is None:
        return None
    name = key.strip()[:1].upper() + key.strip()[1:]
    return f"{name} major" if len(name) <= 2 and not name.endswith("m") else name


def _facts(wish: Wish, brief: Brief, bars: int, parts: list[str]) -> dict[str, Any]:
    bar_s = 60 / brief.tempo * brief.genre.beats
    sections, at = [], 0
    for name, length in form(bars):
        sections.append({"name": name, "bars": length, "start_s": round(at * bar_s, 2)})
        at += length
    return {
        "method": METHOD,
        "duration_s": wish.duration_s,
        "seed": wish.seed,
        "genre": brief.genre.name,
        "mood": brief.mood,
        "tempo": round(brief.tempo, 2),
        "key": brief.key_name,
        "time_signature": f"{brief.genre.beats}/4",
        "sections": sections,
        "parts": parts,
        "programs": {
            part: brief.parts[part] for part in parts if part in brief.parts and part in _INSTRUMENTS
        },
        "understood": list(brief.understood),
    }
