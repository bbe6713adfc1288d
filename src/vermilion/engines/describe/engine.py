"""The engine: a picture becomes words."""

from __future__ import annotations

from typing import Any

import msgspec
from PIL import Image

from vermilion.engines.composer.saving import scene_in, summary
from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.describe.faces import Face, faces
from vermilion.engines.describe.measure import Measured, measured
from vermilion.engines.describe.sentences import description, place, prompts
from vermilion.engines.pictures import on_white, opened, upright
from vermilion.engines.wishes import given_file, read_wish

METHOD = (
    "measured: colours, subject (U²-Net), faces (CenterFace), light, horizon; nothing is recognised by name"
)
READING = "; words read (PP-OCRv6)"
_OURS = "Vermilion "
_TOLD_CHARACTERS_MAX = 4_000


class Wish(msgspec.Struct, frozen=True):
    """The lines that were read in the picture, if anything could read here."""

    words: list[str] | None = None


def describe(job: EngineJob) -> EngineResult:
    """What `files["image"]` shows, as far as it can be measured: no file, four prompts and the facts behind them.

    A picture that was made here says itself what it was made from; that goes first.
    """
    words = read_wish(job.params, Wish).words
    job.report(2, "reading the picture")
    with opened(given_file(job)) as source:
        picture = upright(source)
        made = _made_here(source)  # After decoding: notes may stand behind the pixels.
    job.report(30, "measuring")
    flat = on_white(picture)
    seen = measured(flat)
    job.report(60, "looking for faces")
    found = faces(flat)
    job.report(90, "writing")
    told = made.get("prompt")
    facts = {
        "method": METHOD if words is None else METHOD + READING,
        "prompts": prompts(seen, told=told, faces=len(found), words=words or ()),
        "description": description(seen, faces=len(found), words=words or ()),
        **({} if words is None else {"words": words}),
        **({"made_here": made} if made else {}),
        **_facts(seen),
        "faces": [_face(face) for face in found],
    }
    return EngineResult((), facts)


def _made_here(source: Image.Image) -> dict[str, Any]:
    """What one of our own engines left in the file: prompt, seed, method, and the scene in a few words.

    Anyone can write such a note.
    """
    texts = {name: str(text) for name, text in source.info.items() if isinstance(text, str)}
    if not texts.get("Software", "").startswith(_OURS):
        return {}
    made: dict[str, Any] = {
        name: texts[name][:_TOLD_CHARACTERS_MAX] for name in ("prompt", "method") if texts.get(name)
    }
    if texts.get("seed", "").isdecimal() and len(texts["seed"]) < 19:
        made["seed"] = int(texts["seed"])
    shows = summary(scene_in(source))
    return made | ({"shows": shows} if shows else {})


def _face(face: Face) -> dict[str, Any]:
    return {"box": [face.left, face.top, face.width, face.height], "certainty": face.certainty}


def _facts(seen: Measured) -> dict[str, Any]:
    subject = seen.subject
    return {
        "width": seen.width,
        "height": seen.height,
        "aspect_ratio": seen.ratio,
        "palette": [{"name": c.name, "hex": c.hex, "share": c.share} for c in seen.colours],
        "subject": None
        if subject is None
        else {
            "place": place(subject),
            "share": subject.share,
            "centre": [subject.across, subject.down],
            "colours": [colour.name for colour in subject.colours],
        },
        "background": [colour.name for colour in seen.surroundings],
        "horizon": seen.horizon,
        "brightness": round(seen.brightness, 3),
        "contrast": round(seen.contrast, 3),
        "saturation": round(seen.saturation, 3),
        "warmth": round(seen.warmth, 3),
        "detail": round(seen.detail, 3),
        "symmetry": round(seen.symmetry, 3),
    }
