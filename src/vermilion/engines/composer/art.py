"""The art file that `make setup` builds: pictures of things, and the words for them."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
from PIL import Image

from vermilion.engines.composer.clay import lighthouse
from vermilion.engines.contract import EngineUnavailable

SHA256 = "b4b968895330e85ba95e28ff16cfd634b9ec7f3c443f04b9ff90bdc9b5357437"
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "ru", "zh", "ja")


class Thing(msgspec.Struct, frozen=True, array_like=True):
    """What can stand in a scene: its subgroup in emojibase, and its English name."""

    subgroup: int
    label: str


#: What people ask for and the art file does not have.
_DRAWN = {"LIGHTHOUSE": lighthouse}
_DRAWN_THINGS = {"LIGHTHOUSE": Thing(51, "lighthouse")}


@lru_cache(1)
def open_archive() -> zipfile.ZipFile:
    """The checked file; raises `EngineUnavailable` saying what to run when it is missing or altered."""
    path = Path(sys.prefix) / "share" / "vermilion" / "composer-art.zip"
    if not path.is_file():
        raise EngineUnavailable("the composer's art is not installed; run `make setup`")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise EngineUnavailable("the composer's art is not the file that belongs here; run `make setup`")
    return zipfile.ZipFile(io.BytesIO(content))


@lru_cache(1)
def things() -> Mapping[str, Thing]:
    """Every thing by its code."""
    return msgspec.json.decode(open_archive().read("things.json"), type=dict[str, Thing]) | _DRAWN_THINGS


@lru_cache(len(LANGUAGES))
def phrases(language: str) -> Mapping[str, str]:
    """The code of a thing for each phrase of a language."""
    return msgspec.json.decode(open_archive().read(f"words/{language}.json"), type=dict[str, str])


@lru_cache(96)
def picture_of(code: str) -> Image.Image:
    """The thing's picture, cut to what is seen of it."""
    if code in _DRAWN:
        return _DRAWN[code]()
    with Image.open(io.BytesIO(open_archive().read(f"pictures/{code}.webp"))) as stored:
        whole = stored.convert("RGBA")
    return whole.crop(whole.getchannel("A").point(lambda value: 255 if value > 8 else 0).getbbox())
