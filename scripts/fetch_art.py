"""Builds the composer's art file: pictures of things, and the words for them in nine languages.

The pictures (MIT, Microsoft Fluent) and the words (MIT, emojibase) travel in two npm packages, pinned and hashed in
requirements/art.txt. Needs npm, or pip to bring one. Does nothing when the file is already there.
Run from the root: python -m scripts.fetch_art
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.npm import npm_package

PINS = Path(__file__).resolve().parents[1] / "requirements" / "art.txt"
TARGET = Path(sys.prefix) / "share" / "vermilion" / "composer-art.zip"
SHA256 = "b4b968895330e85ba95e28ff16cfd634b9ec7f3c443f04b9ff90bdc9b5357437"
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "ru", "zh", "ja")

#: Groups of emojibase whose members can stand in a scene: dressed-up faces and hearts, people, animals and plants, …
SUBGROUPS = {11, 14, *range(23, 29), *range(34, 49), *range(50, 57), *range(59, 69), *range(70, 83)}
#: Smileys and hearts come when they are written as emoji, never for a word.
WORDLESS = {*range(15), *range(16, 23), 29} - {11}
#: Whole small scenes with a frame of their own; their words name the land, not a thing in it.
_FRAMED = """
1F3DC 1F3DD 1F3DE 1F301 1F303 1F3D9 1F304 1F305 1F306 1F307 1F309 1F6E3 1F6E4 1F320 1F30C 1F386
1F387 1F32B 1F391 1F687 1F69E 1F32C 1F4AE 26F1 1F3D6 1F6A5 1F326 1F324 1F325 26C5 1F327 1F328 1F329
26C8 1F311 1F312 1F313 1F314 1F315 1F316 1F317 1F318 2600 2601 1F30A 1F308 26F0 1F3D4 1F5FB
"""
FRAMED = frozenset(_FRAMED.split())
#: What a label says of a face's being one, in nine languages, and what follows a colon or stands in brackets.
EXPLAINING = re.compile(
    r"\s*[:(（].*|\bface\b|の顔$|的脸$|^cara de |^rosto de |^muso di |^морда |^tête de |^face de |sgesicht$|gesicht$"
)
#: A tag that more things carry than this says too little.
TAG_SHARED_MAX = 5
_ZIP_TIME = (2000, 1, 1, 0, 0, 0)


def main() -> None:
    """Build the file unless the right one is there; exits non-zero with a sentence when that fails."""
    if TARGET.is_file() and _sha256(TARGET.read_bytes()) == SHA256:
        print(f"art: already in {TARGET}")
        return
    with tempfile.TemporaryDirectory(prefix="vermilion-art-") as name:
        folder = Path(name)
        packages = ("@lobehub/fluent-emoji-3d", "emojibase-data")
        pictures, words = (npm_package(folder, name, pins=PINS) for name in packages)
        staged = folder / TARGET.name
        _build(staged, pictures / "assets", words)
        if (found := _sha256(staged.read_bytes())) != SHA256:
            sys.exit(f"art: the file that was built is not the one that belongs here: {found}")
        _put(staged)
    print(f"art: {TARGET}")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _build(target: Path, assets: Path, words: Path) -> None:
    """A zip without compression and with fixed times, so that the same packages always give the same bytes."""
    files = {_plain(path.stem): path for path in sorted(assets.glob("*.webp"))}
    things = {
        _plain(entry["hexcode"]): entry
        for entry in _entries(words, "en")
        if _plain(entry["hexcode"]) in files and _plain(entry["hexcode"]) not in FRAMED and _can_stand(entry)
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for language in LANGUAGES:
            found = _phrases(_entries(words, language), things)
            _add(
                archive,
                f"words/{language}.json",
                json.dumps(found, ensure_ascii=False, sort_keys=True).encode(),
            )
        kinds = {code: [entry["subgroup"], entry["label"]] for code, entry in sorted(things.items())}
        _add(archive, "things.json", json.dumps(kinds).encode())
        for code in sorted(things):
            _add(archive, f"pictures/{code}.webp", files[code].read_bytes())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)


def _entries(words: Path, language: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((words / language / "data.json").read_text(encoding="utf-8"))
    return entries


def _can_stand(entry: Mapping[str, Any]) -> bool:
    """Things and beings; not skin tones, flags, letters, signs and symbols."""
    return entry.get("subgroup") in SUBGROUPS | WORDLESS


def _plain(hexcode: str) -> str:
    """A code as file names and text write it alike: without the selector of coloured pictures."""
    return hexcode.upper().replace("-FE0F", "").lstrip("0")


def _phrases(entries: list[dict[str, Any]], things: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The best thing for each word or phrase of a language."""
    shared: dict[str, int] = defaultdict(int)
    for phrase, _, _ in _said(entries, things):
        shared[phrase] += 1
    best: dict[str, tuple[int, bool, int, str]] = {}
    for phrase, rank, code in _said(entries, things):
        if rank < 2 or shared[phrase] <= TAG_SHARED_MAX:
            # Whole bodies come in the order before or after their faces; faces stand back.
            claim = (rank, "face" in things[code]["label"], things[code]["order"], code)
            best[phrase] = min(best.get(phrase, claim), claim)
    return {phrase: claim[-1] for phrase, claim in best.items()}


def _said(
    entries: list[dict[str, Any]], things: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, int, str]]:
    """Every phrase for every thing: its label (0), its label without explanations (1), its tags (2)."""
    for entry in entries:
        code = _plain(entry["hexcode"])
        if code not in things or things[code]["subgroup"] in WORDLESS:
            continue
        label = entry["label"].casefold()
        yield label, 0, code
        short = EXPLAINING.sub("", label).strip()
        if short != label and short:
            yield short, 1, code
        for tag in entry.get("tags", ()):
            yield tag.casefold(), 2, code


def _put(staged: Path) -> None:
    """In one step, readable for everyone."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    beside = TARGET.with_name(f".{TARGET.name}.{os.getpid()}")
    shutil.copyfile(staged, beside)
    beside.chmod(0o644)
    beside.replace(TARGET)


if __name__ == "__main__":
    main()
