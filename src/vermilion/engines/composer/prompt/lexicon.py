"""Which words mean what: the vocabulary of scenes, and the things of the art file, in nine languages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from vermilion.engines.composer.art import LANGUAGES, phrases, things

Meaning = tuple[str, str]  #: what kind of word, and which one of its kind
WORDS_MAX = 4  #: of one phrase
_ENDINGS = {
    "en": ("'s", "ies", "es", "s"),
    "de": ("ern", "en", "er", "es", "em", "e", "n", "s"),
    "fr": ("es", "e", "s", "x"),
    "es": ("es", "as", "os", "a", "o", "s", "ito", "ita"),
    "pt": ("ões", "es", "as", "os", "a", "o", "s"),
    "it": ("e", "i", "o", "a"),
    "ru": ("ами", "ями", "ого", "ему", "ах", "ях", "ов", "ев", "ом", "ем", "ой", "ей", "ою", "ый", "ая", "ое", "ые",
           "а", "я", "о", "е", "и", "ы", "у", "ю", "ь", "й"),
}  # fmt: skip
#: Faces whose whole body there is as well.
BODIES = {
    "1F436": "1F415", "1F431": "1F408", "1F434": "1F40E", "1F430": "1F407", "1F42F": "1F405", "1F42E": "1F404",
    "1F437": "1F416", "1F435": "1F412", "1F42D": "1F401", "1F432": "1F409", "1F414": "1F413", "1F466": "1F6B6",
    "1F468": "1F9CD-200D-2642", "1F469": "1F9CD-200D-2640", "1F9D1": "1F9CD", "1F698": "1F697", "1F696": "1F695",
}  # fmt: skip
_ALWAYS_SEVERAL = frozenset(
    {"1F4DA", "1F352", "1F347", "1F45F", "1F456"}
)  #: books, cherries, grapes, shoes, jeans
_UNMARKED = str.maketrans("äöü", "aou")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々ー]")


def is_wide(text: str) -> bool:
    """Whether this is written without spaces between words."""
    return bool(_WIDE.match(text))


@lru_cache(1)
def vocabulary() -> Mapping[str, Meaning]:
    """The meaning of each word that sets a scene or names a thing specially."""
    text = files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8")
    found: dict[str, Meaning] = {}
    for kind, entries in tomllib.loads(text).items():
        for name, words in entries.items():
            for word in words.casefold().split():
                if kind != "languages":
                    found.setdefault(word.replace("-", " "), (kind, name))
    return found


@lru_cache(1)
def tells() -> Mapping[str, frozenset[str]]:
    """Small words by which a language is known."""
    text = files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return {name: frozenset(words.split()) for name, words in tomllib.loads(text)["languages"].items()}


def meaning(phrase: str, languages: tuple[str, ...]) -> Meaning | None:
    """What a phrase means; `languages` says which to believe first."""
    for form in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es")):
        known = vocabulary().get(form)
        if known is not None and (form == phrase or (known[0] == "things" and len(form) > 2)):
            return known
    for language in languages:
        code = phrases(language).get(phrase)
        if code is not None:
            return "things", BODIES.get(code, code)
    if is_wide(phrase) or " " in phrase:
        return None
    return _inflected(phrase, languages)


def languages_of(words: list[str]) -> tuple[str, ...]:
    """All languages, those first whose words these are."""
    text = "".join(words)
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja", "zh", "en"
    if _WIDE.search(text):
        return "zh", "ja", "en"
    if re.search(r"[\u0400-\u04ff]", text):
        return "ru", "en"
    scores = {language: sum(word in small for word in words) for language, small in tells().items()}
    latin = [language for language in LANGUAGES if language not in ("ru", "zh", "ja")]
    return tuple(sorted(latin, key=lambda language: -scores.get(language, 0)))


def is_plural(word: str, code: str, *, german: bool) -> bool:
    """Whether the word names several of what it names: another word for the same thing is its beginning."""
    if not word[-1:].isalpha() or is_wide(word) or " " in word or code in _ALWAYS_SEVERAL:
        return False
    same = [other for other, known in vocabulary().items() if known == ("things", code)]
    same += [phrase for language in ("en", "de") for phrase, one in phrases(language).items() if one == code]
    bare = word.translate(_UNMARKED)
    for other in same:
        plain = other.translate(_UNMARKED)
        if bare != plain and bare.startswith(plain):
            return bare[len(plain) :] in (("e", "en", "n", "er", "s") if german else ("s", "es"))
        if other != word and len(other) == len(word) and other[:-1] == word[:-1] and word[-1] in "iыи":
            return True
    return word.endswith("ies")


def emoji_meaning(cluster: str) -> Meaning | None:
    """What an emoji shows, whatever its skin tone; None when it is no thing and no light."""
    plain = "".join(mark for mark in cluster if ord(mark) not in (0xFE0F, *range(0x1F3FB, 0x1F400)))
    if plain in vocabulary():
        return vocabulary()[plain]
    code = "-".join(f"{ord(mark):X}" for mark in plain).lstrip("0")
    for one in (code, code.partition("-")[0]):
        if one in things():
            return "things", BODIES.get(one, one)
    return None


def _inflected(word: str, languages: tuple[str, ...]) -> Meaning | None:
    """A word whose stem is that of a known one."""
    for language in languages:
        stem = _stem(word, language)
        if len(stem) >= 3 and (found := _stems(language).get(stem)) is not None:
            return found
    return None


@lru_cache(len(LANGUAGES))
def _stems(language: str) -> Mapping[str, Meaning]:
    found: dict[str, Meaning] = {}
    for phrase, known in vocabulary().items():
        if " " not in phrase and known[0] in ("land", "time", "weather", "things", "colour", "size"):
            found.setdefault(_stem(phrase, language), known)
    for phrase, code in phrases(language).items():
        if " " not in phrase:
            found.setdefault(_stem(phrase, language), ("things", BODIES.get(code, code)))
    return found


def _stem(word: str, language: str) -> str:
    if language == "de":
        word = word.translate(_UNMARKED)
    for ending in _ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
