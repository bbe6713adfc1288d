"""Words met before that hide nothing, whatever they stand beside.

A text of nothing else needs no closer look, and most texts are that. A word is what stands between blanks, so:

- A banned word lies inside one of them, in each reading but one: spaced letters (`f u n`) join words, and a
  text that has them is never said to be harmless.
- A phrase has its longest part inside one of them, so a word with such a part is not harmless.
- How a word is read depends on the rest of the text in two ways. Digits and signs beside letters anywhere have
  all of them read as letters, so each word is looked at in all these readings. A stretched letter (`sooo`)
  anywhere has all runs of letters shortened, so a word with one in any reading is not harmless.
- A number is harmless unless a part of a phrase can be read in it, or a stretched letter. There are too many to learn.
- A star hides letters of its own word only; words with one are not harmless.
- Exceptions take findings away and never add one, so they do not matter here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import filterfalse, islice
from string import ascii_lowercase

import ahocorasick_rs
import msgspec

from vermilion.domain.moderation.readings import (
    LETTERS_OF_DIGITS,
    Reading,
    edges_hold,
    has_spaced_letters,
    is_convincing,
    readings_in_any_company,
    readings_of_number,
)

KNOWN_MAX = 50_000  #: words; beyond that all are forgotten and learned again
LEARNED_AT_ONCE = 16  #: about so many new words of a text are kept
CHECKED_MAX = 150  #: words that are looked at in one text
CHECKED_LENGTH_MAX = 2_000  #: characters of them
LENGTH_MAX = 40  #: characters of a word that is kept
NUMBERS_MARKS = ".,:;()"  #: around a number
_STRETCHED = [letter * 3 for letter in ascii_lowercase]


class Part(msgspec.Struct, frozen=True):
    """What a text must have inside one word to say something banned: the banned word, or a part of a phrase."""

    form: str
    open_left: bool  #: it may be a part of a longer word there
    open_right: bool
    whole: bool  #: it is all that is banned

    @property
    def may_be_digits(self) -> bool:
        """Whether it may lie in a number. What is read out of digits alone is no whole banned word."""
        return self.form.isdigit() or (not self.whole and LETTERS_OF_DIGITS.issuperset(self.form))


class HarmlessWords:
    """Learns from the texts that it is asked about; safe to ask from several threads."""

    def __init__(self, parts: Iterable[Part], *, known_max: int = KNOWN_MAX) -> None:
        self._parts = list(parts)
        forms = [*(part.form for part in self._parts), *_STRETCHED]
        self._found = ahocorasick_rs.AhoCorasick(forms).find_matches_as_indexes
        in_digits = [*(part.form for part in self._parts if part.may_be_digits), *_STRETCHED]
        self._found_in_digits = ahocorasick_rs.AhoCorasick(in_digits).find_matches_as_indexes
        self._known_max = known_max
        self._harmless: set[str] = set()
        self._doubtful: set[str] = set()

    def __len__(self) -> int:
        """How many words are known to be harmless."""
        return len(self._harmless)

    def make_up(self, text: str) -> bool:
        """Whether a lower-case ASCII text is made of harmless words, so that nothing is found in it.

        Blanks of every kind part its words. False says nothing about it.
        """
        words = text.split()
        return not has_spaced_letters(text) and (self._harmless.issuperset(words) or self._learn(words))

    def _learn(self, words: list[str]) -> bool:
        """Whether the new words of a text are harmless too. The first one that is not ends the search.

        That takes less time than a closer look, and of a long text only some words are learned, for the next one.
        """
        unknown = filterfalse(self._harmless.__contains__, words)
        new = list(islice(filterfalse(self._is_harmless_number, unknown), LEARNED_AT_ONCE + 1))
        if not new:
            return True
        are_all = len(new) <= LEARNED_AT_ONCE
        checked = new if are_all or len(words) > CHECKED_MAX else words
        text = " ".join(checked)
        if len(text) > CHECKED_LENGTH_MAX or not (self._doubtful.isdisjoint(checked) and text.isprintable()):
            return False
        doubtful = next(self._doubtful_words(text), None)
        if doubtful is not None:
            self._doubtful = self._with(self._doubtful, [doubtful])
            return False
        self._harmless = self._with(self._harmless, new)
        return are_all or checked is words

    def _is_harmless_number(self, word: str) -> bool:
        digits = word.strip(NUMBERS_MARKS)
        return digits.isdigit() and not self._found_in_digits(" ".join(readings_of_number(digits)))

    def _with(self, known: set[str], new: list[str]) -> set[str]:
        """The known words and the new ones that are not too long to keep."""
        if len(known) + len(new) > self._known_max:
            known = set()
        known.update([word for word in new if len(word) <= LENGTH_MAX])
        return known

    def _doubtful_words(self, text: str) -> Iterator[str]:
        """The words that something banned may lie in; `text` has them with single blanks between them."""
        if "*" in text or "#" in text:
            yield from (word for word in text.split() if "*" in word or "#" in word)
        for reading in readings_in_any_company(text):
            for number, first, last in self._found(reading.text, overlapping=True):
                start, end = reading.places[first], reading.places[last - 1] + 1
                part = self._parts[number] if number < len(self._parts) else None
                if part is None or _may_be_meant(part, reading, text, start, end):
                    yield _word_at(text, start)


def _may_be_meant(part: Part, reading: Reading, text: str, start: int, end: int) -> bool:
    left, right = edges_hold(text, start, end)
    if not ((left or part.open_left) and (right or part.open_right)):
        return False
    return not (part.whole and reading.disguised) or is_convincing(text[start:end])


def _word_at(text: str, place: int) -> str:
    start = text.rfind(" ", 0, place) + 1
    return text[start:].partition(" ")[0]
