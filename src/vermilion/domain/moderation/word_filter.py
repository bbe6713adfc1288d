"""Finds banned words in a text however they are spelled, and leaves alone what only looks like them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain

import ahocorasick_rs
import msgspec

from vermilion.domain.moderation.folding import fold, fold_with_places
from vermilion.domain.moderation.harmless import KNOWN_MAX, HarmlessWords, Part
from vermilion.domain.moderation.readings import (
    RUN,
    Reading,
    edges_hold,
    has_no_blanks,
    is_convincing,
    normal,
    readings,
)

WORD_LENGTH_MAX = 200
WORDS_PER_TEXT = 50  #: known words for each text that is known
TEXT_LENGTH_MAX = 2_000  #: characters of a text that is kept
_MASKED = re.compile(r"[\w*#]+")  #: maybe a word with letters starred out, as in `f*ck`
_MASKS = re.compile("[*#]")
MASKED_LENGTH_MIN = 4


class Act(StrEnum):
    """What a word on the list does to a text that has it."""

    BLOCK = "block"  #: the text is refused
    FLAG = "flag"  #: the text is let through, and an operator is shown it
    ALLOW = "allow"  #: an exception: words found inside it do not count


class Rule(msgspec.Struct, frozen=True):
    """One word or phrase. `*` at an end means that it may be a part of a longer word there."""

    word: str
    act: Act = Act.BLOCK

    @property
    def looked_for(self) -> str:
        """The word as it is looked for; rules with the same are the same."""
        return normal(fold(self.word.strip("*")))

    @property
    def form(self) -> str:
        """What makes it one rule and not another, whatever it does."""
        return f"{'*' * self.word.startswith('*')}{self.looked_for}{'*' * self.word.endswith('*')}"


class Match(msgspec.Struct, frozen=True):
    """A banned word in a text: `found` is how the text spells it, at [start, end)."""

    rule: Rule
    found: str
    start: int
    end: int


class WordFilter:
    """A list of rules, compiled once. It learns which words and which whole texts are harmless, at most so many."""

    def __init__(self, rules: Iterable[Rule], *, known_max: int = KNOWN_MAX) -> None:
        self.rules = tuple(rules)
        self._by_form: dict[str, Rule] = {}
        self._allowed: list[Rule] = []
        self._masked: dict[int, list[tuple[str, Rule]]] = {}
        for rule in self.rules:
            if rule.act is Act.ALLOW:
                self._allowed.append(rule)
            else:
                self._add(rule)
        forms = list(self._by_form)
        self._rules = [self._by_form[form] for form in forms]
        self._words = ahocorasick_rs.AhoCorasick(forms)
        shortened = [RUN.sub(r"\1", form) for form in forms]
        self._shortened = ahocorasick_rs.AhoCorasick(shortened)
        self._runs = [_run_lengths(form) for form in forms]
        self._harmless = HarmlessWords(
            (_part_to_find(form, rule) for form, rule in self._by_form.items()), known_max=known_max
        )
        self._harmless_texts: set[str] = set()
        self._texts_max = known_max // WORDS_PER_TEXT

    def find(self, text: str) -> Match | None:
        """A match that blocks, else one that flags, else None."""
        if not self._rules or text in self._harmless_texts:
            return None
        match = self._look(text)
        if match is None and len(text) <= TEXT_LENGTH_MAX:
            self._keep_harmless(text)
        return match

    def look_closely(self, text: str, folded: str) -> Match | None:
        """The same, whatever is known about the words of the text."""
        flagged = None
        for match in self._matches(text, folded):
            if match.rule.act is Act.BLOCK:
                return match
            flagged = flagged or match
        return flagged

    def _look(self, text: str) -> Match | None:
        lowered = text.lower() if text.isascii() else fold(text)
        if lowered.isascii() and self._harmless.make_up(lowered):
            return None
        return self.look_closely(text, fold(text) if text.isascii() else lowered)

    def _keep_harmless(self, text: str) -> None:
        """Know a text: people send theirs again, changing something else. Several threads may do so at once."""
        if len(self._harmless_texts) >= self._texts_max:
            self._harmless_texts = set()
        self._harmless_texts.add(text)

    def _add(self, rule: Rule) -> None:
        form = rule.looked_for
        self._by_form.setdefault(form, rule)
        if " " in form:  # also written together
            self._by_form.setdefault(form.replace(" ", ""), rule)
        elif len(form) >= MASKED_LENGTH_MIN and "*" not in rule.word:
            self._masked.setdefault(len(form), []).append((form, rule))

    def _spelled(self, folded: str) -> Iterator[tuple[Rule, int, int]]:
        """Where words of the list are, in whatever reading, as spans of the folded text."""
        for reading in readings(folded):
            words = self._shortened if reading.shortened else self._words
            for number, first, last in words.find_matches_as_indexes(reading.text, overlapping=True):
                start, end = reading.places[first], reading.places[last - 1] + 1
                if reading.shortened:
                    end = _end_of_run(folded, end)
                if self._is_meant(number, reading, folded, start, end):
                    yield self._rules[number], start, end

    def _is_meant(self, number: int, reading: Reading, folded: str, start: int, end: int) -> bool:
        if not self._stands_alone(self._rules[number], folded, start, end):
            return False
        if reading.disguised and not is_convincing(folded[start:end]):
            return False
        if reading.shortened:
            return _is_stretched(self._runs[number], _run_lengths(normal(folded[start:end]).replace(" ", "")))
        return True

    def _stands_alone(self, rule: Rule, text: str, start: int, end: int) -> bool:
        left, right = edges_hold(text, start, end)
        return (left or rule.word.startswith("*")) and (right or rule.word.endswith("*"))

    def _starred(self, folded: str) -> Iterator[tuple[Rule, int, int]]:
        """Words with some of their letters starred out; as many as half of them may be."""
        if not self._masked or ("*" not in folded and "#" not in folded):
            return
        for found in _MASKED.finditer(folded):
            word = found[0]
            if not 0 < 2 * len(_MASKS.findall(word)) <= len(word) or not (word[0] + word[-1]).isalnum():
                continue
            for form, rule in self._masked.get(len(word), ()):
                if all(seen in (meant, "*", "#") for seen, meant in zip(word, form, strict=True)):
                    yield rule, *found.span()

    def _matches(self, text: str, folded: str) -> Iterator[Match]:
        """What was found and no exception excuses, in terms of the text as it was sent."""
        places: Sequence[int] = ()
        excused: list[tuple[int, int]] = []
        for rule, start, end in chain(self._spelled(folded), self._starred(folded)):
            if not places:
                _, places = fold_with_places(text)
                excused = list(self._excused(folded))
            if not any(left <= start and end <= right for left, right in excused):
                left, right = places[start], places[end - 1] + 1
                yield Match(rule, text[left:right], left, right)

    def _excused(self, folded: str) -> Iterator[tuple[int, int]]:
        """The spans of exceptions; separators may differ, nothing else."""
        for rule in self._allowed:
            words = rule.looked_for.split()
            pattern = r"[\W_]+".join(re.escape(word) for word in words)
            for found in re.finditer(pattern, folded):
                if self._stands_alone(rule, folded, *found.span()):
                    yield found.span()


def problem_of(word: str) -> str | None:
    """Why this cannot be on a list, or None if it can."""
    if len(word) > WORD_LENGTH_MAX:
        return f"must have at most {WORD_LENGTH_MAX} characters"
    if "*" in word.strip("*"):
        return "may have a * only at its beginning and its end"
    form = Rule(word).looked_for
    if not form:
        return "must have a letter or a digit"
    if len(form) < 2 and not has_no_blanks(form):
        return "must have at least two letters or digits"
    return None


def _part_to_find(form: str, rule: Rule) -> Part:
    """The longest word of a form, which a text must have to have it all."""
    words = form.split(" ")
    longest = max(words, key=len)
    return Part(
        form=longest,
        open_left=rule.word.startswith("*") and longest == words[0],
        open_right=rule.word.endswith("*") and longest == words[-1],
        whole=len(words) == 1,
    )


def _end_of_run(folded: str, end: int) -> int:
    """Past the rest of the stretched letter that a span ends in."""
    while end < len(folded) and folded[end] == folded[end - 1]:
        end += 1
    return end


def _run_lengths(word: str) -> list[int]:
    """How often each letter of a word is repeated in place."""
    lengths: list[int] = []
    last = ""
    for letter in word:
        if letter == last and letter.isalpha():
            lengths[-1] += 1
        else:
            lengths.append(1)
        last = letter
    return lengths


def _is_stretched(meant: list[int], seen: list[int]) -> bool:
    """Whether every letter comes at least as often as in the word that is meant."""
    return len(meant) == len(seen) and all(a <= b for a, b in zip(meant, seen, strict=True))
