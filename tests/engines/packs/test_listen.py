"""The listen pack, as it is installed: what the voice says is written down word by word."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.packs import INSTALL_TIMEOUT_S, Engines

PACKS = ("voice", "listen")
WORDS = "Good morning. The quick brown fox jumps over the lazy dog."
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALL_TIMEOUT_S),
    pytest.mark.asyncio(loop_scope="module"),
]


def plain(text: str) -> list[str]:
    return "".join(mark for mark in text.lower() if mark.isalpha() or mark == " ").split()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speech(engines: Engines) -> Path:
    return (await engines.run("speak", {"text": WORDS})).files[0].path


def silence(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * round(16_000 * seconds)))
    return path


@pytest.mark.parametrize("kind", ["text", "srt", "vtt", "json"])
async def test_speech_comes_back_word_by_word(engines: Engines, speech: Path, kind: str) -> None:
    """Voice and ear agree on every word; language, length and times are told, in the file's own format."""
    result = await engines.run("transcribe", {"format": kind}, audio=speech)
    body = result.files[0].path.read_text()
    assert (plain(WORDS), "en") == (plain(result.facts["text"]), result.facts["language"])
    assert 0 <= result.facts["segments"][0]["start"] < result.facts["segments"][-1]["end"] < 8
    assert {"max_duration_s"} == set(result.usage or {})
    match kind:
        case "text":
            assert plain(WORDS) == plain(body)
        case "srt":
            assert body.startswith("1\n00:00:0")
        case "vtt":
            assert body.startswith("WEBVTT\n\n00:00:0")
        case _:
            assert plain(WORDS) == plain(json.loads(body)["text"])


async def test_silence_is_an_empty_text(engines: Engines, tmp_path: Path) -> None:
    """Nothing is made up where nothing is said."""
    result = await engines.run("transcribe", {}, audio=silence(tmp_path / "s.wav", 3))
    assert ("", [], None, ()) == (
        result.facts["text"],
        result.facts["segments"],
        result.facts["language"],
        result.files,
    )


async def test_what_cannot_be_heard_is_refused(
    engines: Engines, speech: Path, noise: Path, tmp_path: Path
) -> None:
    """No sound, damaged sound, too long a sound and an unknown language each say so."""
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(speech.read_bytes()[:40])
    assert "unreadable_media" in await engines.refusal("transcribe", {}, audio=noise)
    assert "media" in await engines.refusal("transcribe", {}, audio=cut)
    assert "no_sound" in await engines.refusal("transcribe", {}, audio=silence(tmp_path / "n.wav", 0))
    long = await engines.refusal("transcribe", {"max_duration_s": 1}, audio=speech)
    assert "recording_too_long" in long
    assert "language" in await engines.refusal("transcribe", {"language": "xx"}, audio=speech)
