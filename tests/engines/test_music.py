"""Music from texts: what was asked for can be heard, and every file is whole, loud enough and never too loud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.engines import hearing
from tests.engines.conftest import RunEngine

from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.inspector import inspect_file
from vermilion.engines.music.arrange import arranged, fitted, form
from vermilion.engines.music.engine import compose_music
from vermilion.engines.music.genres import GENRES, KITS
from vermilion.engines.music.loudness import lufs
from vermilion.engines.music.words import PITCHES, read_brief

PROMPTS = [
    "a happy pop song",
    "dark epic orchestral trailer",
    "sad classical violin",
    "lofi beats to study",
    "synthwave night drive",
    "a lullaby for harp",
]


def made(run_engine: RunEngine, prompt: str = "a happy pop song", **wish: Any) -> EngineResult:
    return run_engine(compose_music, {"prompt": prompt, "duration_s": 20, "format": "wav", "seed": 7, **wish})


def sound(result: EngineResult) -> np.ndarray:
    return hearing.heard(result.files[0].path)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_key_that_is_told_is_the_key_that_is_heard(run_engine: RunEngine, prompt: str) -> None:
    """An ear that knows nothing of the facts finds the tonic and the mode, or takes the relative key for it."""
    result = made(run_engine, prompt)
    tonic, mode = result.facts["key"].split()
    at, minor = PITCHES.index(tonic), mode == "minor"
    relative = ((at + 3) % 12, False) if minor else ((at + 9) % 12, True)
    assert hearing.keys(sound(result))[0] in ((at, minor), relative)


@pytest.mark.parametrize(
    ("key", "expected"), [("C", (0, False)), ("F#m", (6, True)), ("Bb major", (10, False))]
)
def test_a_wished_key_is_played(run_engine: RunEngine, key: str, expected: tuple[int, bool]) -> None:
    """As a parameter it goes before anything the prompt says."""
    result = made(run_engine, "a pop song in G major", key=key)
    tonic, minor = expected
    assert f"{PITCHES[tonic]} {'minor' if minor else 'major'}" == result.facts["key"]
    assert expected in hearing.keys(sound(result))[:3]


@pytest.mark.parametrize(("prompt", "tempo"), [("rock", 93), ("techno", 132), ("disco", 118)])
def test_a_wished_tempo_is_played(run_engine: RunEngine, prompt: str, tempo: int) -> None:
    """An ear finds it by what sets in when."""
    result = made(run_engine, prompt, tempo=tempo)
    assert tempo == result.facts["tempo"]
    assert tempo == pytest.approx(hearing.tempo(sound(result)), abs=1.5)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_loudness_is_the_same_for_all_and_nothing_clips(run_engine: RunEngine, prompt: str) -> None:
    """-16 LUFS, peaks below full, no silence inside, and an end that has died away."""
    path = made(run_engine, prompt).files[0].path
    with av.open(str(path)) as opened:
        stereo = np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)
    samples = (stereo.reshape(-1, 2) / 32768).astype(np.float32)
    assert -16 == pytest.approx(lufs(samples, hearing.RATE), abs=0.5)
    assert 0.3 < np.abs(samples).max() < 0.95
    mono = samples.mean(axis=1)
    seconds = [mono[at : at + hearing.RATE] for at in range(0, len(mono) - 2 * hearing.RATE, hearing.RATE)]
    assert all(np.abs(second).max() > 0.01 for second in seconds)
    assert np.abs(mono[-400:]).max() < 0.01
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.02  # It is in stereo.


@pytest.mark.parametrize("duration_s", [5, 17.5, 120])
def test_the_length_is_exact(run_engine: RunEngine, duration_s: float) -> None:
    """To the sample, from the shortest to the longest."""
    assert int(duration_s * hearing.RATE) == len(sound(made(run_engine, duration_s=duration_s)))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ogg", "audio/ogg"), ("flac", "audio/flac")],
)
def test_every_format_can_be_read_again(run_engine: RunEngine, kind: str, content_type: str) -> None:
    """With its length, its waveform as a thumbnail, and tags that say how it was made."""
    result = made(run_engine, format=kind, duration_s=6)
    assert content_type == result.files[0].content_type
    seen = run_engine(inspect_file, file=result.files[0].path)
    assert content_type == seen.facts["content_type"]
    assert 6 == pytest.approx(seen.facts["duration_s"], abs=0.15)
    assert 1 == len(seen.files)
    with av.open(str(result.files[0].path)) as opened:
        tags = {
            name.lower(): text for name, text in {**opened.metadata, **opened.streams[0].metadata}.items()
        }
    assert "no neural network" in tags["comment"]
    assert "a happy pop song" == tags["title"]


def test_the_same_wish_gives_the_same_piece_and_another_seed_another(run_engine: RunEngine) -> None:
    """Note for note, sample for sample."""
    first, again, other = (
        made(run_engine, duration_s=8, seed=seed).files[0].path.read_bytes() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("prompt", "genre", "mood"),
    [
        ("a sad waltz for violin", "waltz", "sad"),
        ("ein trauriger Walzer", "waltz", "sad"),
        ("une berceuse douce", "lullaby", "calm"),
        ("música clásica alegre", "classical", "happy"),
        ("un valzer romantico", "waltz", "romantic"),
        ("música eletrônica intensa", "electronic", "energetic"),
        ("грустный вальс", "waltz", "sad"),
        ("悲伤的华尔兹", "waltz", "sad"),
        ("悲しいワルツ", "waltz", "sad"),
        ("8-bit boss battle", "chiptune", "epic"),
        ("🎷🎶 jazz 🎶", "jazz", None),
    ],
)
def test_words_of_nine_languages_are_understood(prompt: str, genre: str, mood: str | None) -> None:
    """Genre and mood."""
    brief = read_brief(prompt, 1)
    assert (genre, mood) == (brief.genre.name, brief.mood)


def test_instruments_play_what_suits_them() -> None:
    """The first named one leads; a double bass has the bass."""
    parts = read_brief("jazz with clarinet, piano and double bass", 1).parts
    assert (71, 0, 32) == (parts["melody"], parts["comp"], parts["bass"])


@pytest.mark.parametrize(
    "prompt",
    ["rock without drums", "Rock ohne Schlagzeug", "rock sans batterie", "рок без барабанов", "没有鼓的摇滚"],
)
def test_what_is_not_wanted_is_not_played(prompt: str) -> None:
    """Drums in five languages."""
    brief, bars = fitted(read_brief(prompt, 1), 30)
    assert "drums" not in arranged(brief, 1, bars).parts
    assert "drums" in arranged(read_brief("rock", 1), 1, bars).parts


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a song in F# minor", "F# minor"),
        ("Marsch in B-Dur", "Bb major"),
        ("Fuge in h-moll", "B minor"),
        ("valse en La mineur, A minor", "A minor"),
        ("Bb major, 140 bpm", "Bb major"),
    ],
)
def test_keys_are_read_from_the_prompt(prompt: str, expected: str) -> None:
    """As musicians of several countries write them."""
    assert expected == read_brief(prompt, 3).key_name


def test_an_article_names_no_key() -> None:
    """In "a minor key" only the mode is meant."""
    drawn = {read_brief("a pop song in a minor key", seed).key_name for seed in range(12)}
    assert len(drawn) > 2
    assert all(name.endswith("minor") for name in drawn)


@pytest.mark.parametrize("prompt", ["", "  ", "\n"])
def test_an_empty_prompt_is_refused(run_engine: RunEngine, prompt: str) -> None:
    """Something has to be said."""
    with pytest.raises(EngineRefused, match="empty"):
        made(run_engine, prompt)


@pytest.mark.parametrize("prompt", ["x" * 10_000, "موسيقى هادئة", "שיר ערש", "🎻" * 50, "\u0000\u202e", "…"])
def test_prompts_that_say_nothing_known_still_give_a_piece(run_engine: RunEngine, prompt: str) -> None:
    """Long, from right to left, without a word: something pleasant is drawn."""
    assert 5 * hearing.RATE == len(sound(made(run_engine, prompt, duration_s=5)))


@pytest.mark.parametrize(
    "wish",
    [
        {"duration_s": 4},
        {"duration_s": 121},
        {"tempo": 500},
        {"format": "mid"},
        {"instrumental": False},
        {"seed": -1},
    ],
)
def test_wishes_out_of_bounds_are_refused(run_engine: RunEngine, wish: dict[str, Any]) -> None:
    """Each with a reason."""
    with pytest.raises(EngineRefused):
        made(run_engine, **wish)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_is_sound_music(genre: str) -> None:
    """Parts stay in their ranges and inside the piece, melodies on the scale; it begins and ends as it should."""
    brief, bars = fitted(read_brief(f"{genre} music", 11), 45)
    score = arranged(brief, 11, bars)
    assert {"melody", "bass", "comp"} <= set(score.parts)
    assert bool(KITS[brief.genre.drums]) == ("drums" in score.parts)
    for name, notes in score.parts.items():
        low, high = {"drums": (35, 81), "bass": (24, 74)}.get(name, (36, 96))
        assert all(low <= note.key <= high for note in notes), name
        assert all(0 <= note.start < score.steps for note in notes), name
        assert all(0 < note.loudness <= 1.0 for note in notes), name
    last = max(score.parts["melody"], key=lambda note: note.start)
    assert brief.key == last.key % 12


@pytest.mark.parametrize("bars", range(2, 90))
def test_forms_fill_their_bars(bars: int) -> None:
    """Whatever the length, sections add up, and the end is an end."""
    sections = form(bars)
    assert bars == sum(length for _, length in sections)
    assert "outro" == sections[-1][0]
    assert all(length > 0 for _, length in sections)


def test_a_theme_comes_back_and_is_not_merely_repeated() -> None:
    """The second time its rhythm is mostly that of the first, and here and there something is new."""
    repeated = 0
    for seed in range(8):
        brief, bars = fitted(read_brief("pop", seed), 60)
        score = arranged(brief, seed, bars)
        starts = [bar.start for bar in score.bars if bar.section == "A" and bar.number == 0]
        first, second = (
            [
                (note.start - at, note.length, note.key)
                for note in score.parts["melody"]
                if at <= note.start < at + 4 * score.steps_per_bar
            ]
            for at in starts[:2]
        )
        rhythms = [{note[:2] for note in theme} for theme in (first, second)]
        assert len(rhythms[0] & rhythms[1]) > 0.4 * len(rhythms[0])
        repeated += first == second
    assert repeated <= 2


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    """Part by part."""
    seen: list[int] = []
    wish = {"prompt": "folk", "duration_s": 8}
    compose_music(EngineJob(wish, {}, tmp_path, lambda percent, text: seen.append(percent)))
    assert sorted(seen) == seen
    assert len(seen) >= 6
