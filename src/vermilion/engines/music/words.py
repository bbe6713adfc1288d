"""From the words of a prompt to a brief: genre, mood, tempo, key, instruments. Several languages; nothing is guessed
by a network, so a word that is not known here changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from vermilion.engines.music.chance import chances
from vermilion.engines.music.genres import GENRES, Genre
from vermilion.engines.music.vocabulary import (
    GENRE_OF_PROGRAM,
    GENRE_WORDS,
    INSTRUMENT_WORDS,
    MOOD_WORDS,
    MOODS,
    PART_WORDS,
    WITHOUT,
    WITHOUT_BEHIND,
)

PITCHES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MINOR = ("m", "min", "minor", "moll", "mineur", "menor", "minore", "минор")
_MODES = r"(major|minor|maj|min|majeur|mineur|mayor|menor|maggiore|minore|maior|m(?![a-z]))"
#: A capital, so that "in a minor key" names no key; Germans write keys small as well, and say H and B for B and Bb.
_KEY = re.compile(rf"\b([A-G])\s?([#♯b♭]|sharp\b|flat\b)?[ -]?(?i:{_MODES})")
_GERMAN_KEY = re.compile(r"\b([A-Ha-h])(is|s|es)?[ -]?((?i:dur|moll))\b")
_MODE = re.compile(rf"(?<!\w)(?:{_MODES}|(moll|минор)|dur|мажор)(?!\w)")
_BPM = re.compile(r"\b(\d{2,3})\s*(?:bpm|beats)", re.IGNORECASE)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Brief:
    """What is to be composed. `key` is the pitch class of the tonic; `understood` the words that led here."""

    genre: Genre
    mood: str | None
    tempo: float
    tempo_is_fixed: bool
    key: int
    minor: bool
    energy: float  #: 0 to 1
    parts: dict[str, int]
    without: frozenset[str]
    understood: tuple[str, ...]

    @property
    def key_name(self) -> str:
        """As musicians write it."""
        return f"{PITCHES[self.key]} {'minor' if self.minor else 'major'}"


def read_brief(prompt: str, seed: int, *, tempo: int | None = None, key: str | None = None) -> Brief:
    """The brief of a prompt; what it leaves open is drawn by the seed."""
    chance = chances(seed, prompt, "brief")
    text = unicodedata.normalize("NFKC", prompt).casefold()
    genre_name, genre_word = _first(text, GENRE_WORDS)
    mood_name, mood_word = _first(text, MOOD_WORDS)
    mood = MOODS.get(mood_name or "")
    drawn_genre = chance.choice(("pop", "lo-fi", "orchestral", "folk"))
    genre = GENRES[genre_name or (mood.genre if mood else _of_instruments(text) or drawn_genre)]
    given_tempo = tempo or _bpm(text)
    wished_key = _key(key or "") or _key(prompt)
    wished_mode = _mode(text)
    minor_share = mood.minor if mood and mood.minor is not None else genre.minor
    drawn_key, drawn_minor = chance.choice((0, 2, 3, 5, 7, 9, 10)), chance.random() < minor_share
    low, high = genre.tempo
    pace = mood.pace if mood else 0.5
    without = _without(text)
    parts, instrument_words = _parts(text, genre, without)
    return Brief(
        genre=genre,
        mood=mood_name,
        tempo=float(
            given_tempo or round(low + (high - low) * min(1.0, max(0.0, pace + chance.uniform(-0.15, 0.15))))
        ),
        tempo_is_fixed=given_tempo is not None,
        key=wished_key[0] if wished_key else drawn_key,
        minor=wished_key[1] if wished_key else drawn_minor if wished_mode is None else wished_mode,
        energy=mood.energy if mood else 0.6,
        parts=parts,
        without=without,
        understood=tuple(word for word in (genre_word, mood_word, *instrument_words) if word),
    )


def _bpm(text: str) -> int | None:
    hit = _BPM.search(text)
    return int(hit[1]) if hit and 40 <= int(hit[1]) <= 220 else None


def _key(text: str) -> tuple[int, bool] | None:
    """Pitch class and whether it is minor, of "C# minor", "Bb major", "f-moll", "H-Dur" and the like."""
    if hit := _KEY.search(text):
        shift = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}.get((hit[2] or "").casefold(), 0)
        return (_LETTERS[hit[1]] + shift) % 12, hit[3].casefold() in _MINOR
    if hit := _GERMAN_KEY.search(text):
        letter = hit[1].upper()
        shift = {"is": 1, "s": -1, "es": -1}.get(hit[2] or "", -1 if letter == "B" else 0)
        return (_LETTERS["B" if letter == "H" else letter] + shift) % 12, hit[3].casefold() in _MINOR
    return None


def _mode(text: str) -> bool | None:
    """Whether a prompt that names no tonic asks for minor, or for major."""
    hit = _MODE.search(text)
    return None if hit is None else hit[0] in _MINOR


def _without(text: str) -> frozenset[str]:
    """Parts (`drums`, `bass`, `melody`) and instruments that the prompt does not want."""
    wanted_not = set()
    for word, meaning in {**PART_WORDS, **{name: name for name in INSTRUMENT_WORDS}}.items():
        before = "|".join(map(re.escape, WITHOUT))
        behind = "|".join(map(re.escape, WITHOUT_BEHIND))
        if re.search(rf"(?:(?<!\w)(?:{before})\s*{re.escape(word)})|{re.escape(word)}\w*(?:{behind})", text):
            wanted_not.add(meaning)
    return frozenset(wanted_not)


def _of_instruments(text: str) -> str | None:
    """The style that the first instrument alone suggests."""
    programs = [program for _, _, (program, _) in _found(text, INSTRUMENT_WORDS)]
    return GENRE_OF_PROGRAM.get(programs[0]) if programs else None


def _parts(text: str, genre: Genre, without: frozenset[str]) -> tuple[dict[str, int], list[str]]:
    """Who plays what: wished instruments take over the parts that suit them, in the order of the prompt."""
    parts = dict(genre.parts)
    words: list[str] = []
    taken: set[str] = set()
    for _, word, (program, roles) in _found(text, INSTRUMENT_WORDS):
        free = [role for role in roles if role not in taken]
        if word in without or not free:
            continue
        parts[free[0]] = program
        taken.add(free[0])
        words.append(word)
    return parts, words


def _first(text: str, words: dict[str, str]) -> tuple[str | None, str | None]:
    """The meaning of the word that stands first and the word itself; of two at one place the longer wins."""
    found = _found(text, words)
    return (found[0][2], found[0][1]) if found else (None, None)


def _found(text: str, words: Mapping[str, T]) -> list[tuple[int, str, T]]:
    """Known words with their places, in the order of the text; what stands inside a longer one is left out."""
    spans = []
    for word, meaning in words.items():
        at = text.find(word) if _is_unspaced(word) else _word_at(text, word)
        if at >= 0:
            spans.append((at, at + len(word), word, meaning))
    spans.sort(key=lambda span: (span[0], -span[1]))
    found: list[tuple[int, str, T]] = []
    end = -1
    for first, last, word, meaning in spans:
        if last > end:
            found.append((first, word, meaning))
            end = last
    return found


def _word_at(text: str, word: str) -> int:
    """Where a word begins so, or -1."""
    hit = re.search(rf"(?<!\w){re.escape(word)}", f"{text} ")
    return hit.start() if hit else -1


def _is_unspaced(word: str) -> bool:
    """Chinese and Japanese write words without spaces between them."""
    return any("\u3040" <= letter <= "\u9fff" for letter in word)
