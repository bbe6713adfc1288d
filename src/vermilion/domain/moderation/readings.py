"""The ways in which a folded text can be read: as written, without what was put between its letters,
with digits and signs as letters, and with stretched letters shortened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from string import ascii_lowercase

import ahocorasick_rs

#: Signs of scripts whose vowels are no letters to `\\w`, but parts of words all the same.
_VOWEL_SIGNS = (
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd\u0f71-\u0fbc\u102b-\u109d\u17b6-\u17d3\u3099\u309a"
)
_LETTER = f"(?:[^\\W_]|[{_VOWEL_SIGNS}])"  #: a letter or a digit
_IS_LETTER = re.compile(_LETTER)
_BETWEEN = f"(?:(?![{_VOWEL_SIGNS}])[\\W_])"
_SEPARATORS = re.compile(f"{_BETWEEN}+")
_ASCII_SEPARATORS = re.compile("[^a-z0-9]+")
_BLANKS = re.compile("  +")
#: Single letters with something between them, as in `k i l l`.
_SPACED = re.compile(f"(?<!{_LETTER}){_LETTER}(?:{_BETWEEN}{{1,3}}{_LETTER}(?!{_LETTER})){{2,}}")
_ASCII_SPACED = re.compile("(?<![a-z0-9])[a-z0-9](?:[^a-z0-9]{1,3}[a-z0-9](?![a-z0-9])){2,}")
#: Whether there are any, asked of the kinds of characters. `  ? ?` is ` {1,3}` in half of the time.
_KINDS_SPACED = re.compile(b" a  ? ?a  ? ?a ")
_STRETCHED = re.compile(r"([^\W\d_])\1\1")
#: The same questions about ASCII text, asked of every prompt, in a fifth of the time.
_ASCII_STRETCHED = ahocorasick_rs.AhoCorasick([letter * 3 for letter in ascii_lowercase])
_KINDS = bytes(ord("a" if chr(code).isalnum() else " ") for code in range(128)).ljust(256)
_DIGIT_KINDS = bytes(ord("0") if chr(code).isdigit() else _KINDS[code] for code in range(256))
_ASCII_WORDS = {code: chr(code) if chr(code).isalnum() else " " for code in range(128)}
RUN = re.compile(r"([^\W\d_])\1+")
_ASCII_RUN = re.compile(r"([a-z])\1+")

_DIGITS = {"4": "a", "8": "b", "3": "e", "6": "g", "9": "g", "0": "o", "5": "s", "7": "t", "2": "z"}
_SIGNS = {"@": "a", "€": "e", "$": "s", "+": "t", "†": "t", "¥": "y", "¢": "c", "£": "l"}
_MIXED = re.compile("[a-z][0-9]|[0-9][a-z]")  #: a digit beside a letter
_SIGNED = re.compile("[@$€+†¥¢£!|]")
_NO_DISGUISE = bytes(code for code in range(128) if not chr(code).isdigit() and not _SIGNED.match(chr(code)))
#: Signs where they cannot be letters: `!` and `|` at an end, amounts of money and sums.
_LOOSE = re.compile(
    r"[!|](?![a-z0-9@$])|(?<![a-z0-9@$!|])\+|(?<![a-z0-9@$!|+])[€¥¢£†](?![a-z])|(?<![a-z0-9@$])\$(?![a-z$])"
)
_REAL = re.compile(r"[^\W\d_]|[@$!|€+†¥¢£]")
REAL_MIN = 2  #: a word read out of digits needs so many letters or signs: 455 is a number


class Reading:
    """A text to look for words in; `places` lead back into the folded text, worked out when first asked for."""

    __slots__ = ("_find_places", "_places", "disguised", "shortened", "text")

    def __init__(
        self,
        text: str,
        find_places: Callable[[], Sequence[int]],
        *,
        disguised: bool = False,
        shortened: bool = False,
    ) -> None:
        self.text = text
        self.disguised = disguised  #: digits and signs were read as letters
        self.shortened = shortened  #: every run of a letter became one
        self._find_places = find_places
        self._places: Sequence[int] | None = None

    @property
    def places(self) -> Sequence[int]:
        """For each character, where in the folded text it stands."""
        if self._places is None:
            self._places = self._find_places()
        return self._places


class _Tight(dict[int, str | None]):
    """A table for `str.translate` that takes out everything but letters, digits and blanks."""

    def __init__(self, letters: dict[str, str]) -> None:
        super().__init__({ord(sign): letter for sign, letter in letters.items()})

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = kept = character if _IS_LETTER.match(character) else " " if character.isspace() else None
        return kept


_PLAIN = _Tight({})
_DIGITS_READ = {upright: _Tight(_DIGITS | {"1": upright}) for upright in "il"}
LETTERS_OF_DIGITS = {*_DIGITS.values(), *_DIGITS_READ}
_SIGNS_READ = {upright: _Tight(_DIGITS | _SIGNS | dict.fromkeys("1!|", upright)) for upright in _DIGITS_READ}


def readings(folded: str) -> Iterator[Reading]:
    """Every reading of a folded text, the most usual one first."""
    written = Reading(folded, lambda: range(len(folded)))
    plain = _plain(written)
    yield plain
    whole = _closed_up(written) if _is_spaced(folded, plain.text) else written
    tight = _translated(whole, _PLAIN)
    tight_stretched = _is_stretched(tight.text)
    stretched = tight_stretched and _is_stretched(folded)  # what is stretched as written is so when tight
    undone = [tight] if tight.text != folded else []
    for reading in chain(undone, _disguised(whole, tight)):
        yield reading
        if stretched or (tight_stretched if reading is tight else _is_stretched(reading.text)):
            yield _shortened(reading)
    if stretched:
        yield _shortened(plain)


def readings_in_any_company(words: str) -> Iterator[Reading]:
    """All that ASCII words can be read as in a text with others, unless letters are spaced or stretched in it.

    A digit beside a letter or a sign anywhere in a text has digits and signs read as letters everywhere.
    Words may have several blanks between them in these readings.
    """
    written = Reading(words, lambda: range(len(words)))
    yield Reading(words.translate(_ASCII_WORDS), lambda: written.places)
    tight = _translated(written, _PLAIN)
    if tight.text != words:
        yield tight
    if _may_be_disguised(words):
        yield from _both(tight, _DIGITS_READ, "1")
        if _SIGNED.search(words):
            yield from _both(_without_loose(written), _SIGNS_READ, "1!|")


def readings_of_number(digits: str) -> list[str]:
    """The same of a word that is all digits, without places."""
    return [digits, *(digits.translate(table) for table in _DIGITS_READ.values())]


def has_spaced_letters(text: str) -> bool:
    """Whether three single letters follow each other in an ASCII text, with a little between them, as in `f u n`."""
    return _KINDS_SPACED.search(f" {text} ".encode().translate(_KINDS)) is not None


def _plain(written: Reading) -> Reading:
    """The text with a blank for each run of separators."""
    text = written.text
    if not text.isascii():
        return _replaced(written, _SEPARATORS, " ")
    words = _single_blanks(text.translate(_ASCII_WORDS))
    return Reading(words, lambda: _places_after(written, _ASCII_SEPARATORS))


def _disguised(whole: Reading, tight: Reading) -> Iterator[Reading]:
    """The text without digits and signs in place of letters."""
    if not _may_be_disguised(whole.text):
        return
    if _is_mixed(tight.text):
        yield from _both(tight, _DIGITS_READ, "1")
    if _SIGNED.search(whole.text):
        bare = _without_loose(whole)
        if _SIGNED.search(bare.text):
            yield from _both(bare, _SIGNS_READ, "1!|")


def _may_be_disguised(text: str) -> bool:
    """Whether there are digits or signs that may stand for letters."""
    return not text.isascii() or text.encode().translate(None, _NO_DISGUISE) != b""


def _without_loose(whole: Reading) -> Reading:
    return Reading(_LOOSE.sub(" ", whole.text), lambda: whole.places)


def _is_spaced(folded: str, plain: str) -> bool:
    """The same of any text. What is spaced as written is so with single blanks."""
    if folded.isascii():
        return has_spaced_letters(folded)
    return (not plain.isascii() or has_spaced_letters(plain)) and _SPACED.search(folded) is not None


def _is_stretched(text: str) -> bool:
    """Whether a letter comes three times in a row."""
    if text.isascii():
        return bool(_ASCII_STRETCHED.find_matches_as_indexes(text))
    return _STRETCHED.search(text) is not None


def _is_mixed(text: str) -> bool:
    """Whether a digit stands beside a letter."""
    if not text.isascii():
        return _MIXED.search(text) is not None
    kinds = text.encode().translate(_DIGIT_KINDS)
    return b"a0" in kinds or b"0a" in kinds


def _both(reading: Reading, tables: dict[str, _Tight], upright: str) -> Iterator[Reading]:
    """With digits and signs as letters; what stands upright is an i or an l."""
    yield _translated(reading, tables["i"], disguised=True)
    if any(sign in reading.text for sign in upright):
        yield _translated(reading, tables["l"], disguised=True)


def edges_hold(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether a word begins at `start` and one ends before `end`; digits around a whole word do not hide it."""
    before, after = start - 1, end
    while before >= 0 and text[before].isdigit() and not text[start].isdigit():
        before -= 1
    while after < len(text) and text[after].isdigit() and not text[end - 1].isdigit():
        after += 1
    return (
        before < 0 or _apart(text[before], text[start]),
        after >= len(text) or _apart(text[after], text[end - 1]),
    )


def is_convincing(original: str) -> bool:
    """Whether digits and signs that were read as letters are a disguise, and not just a number."""
    return len(_REAL.findall(original)) >= REAL_MIN


def normal(word: str) -> str:
    """A folded word or phrase as it is looked for: its separators are single blanks."""
    return _separators(word).sub(" ", word).strip()


def has_no_blanks(character: str) -> bool:
    """Whether the character's script writes words without blanks between them."""
    return character > "\u0dff" and (
        "\u2e80" <= character <= "\u9fff"
        or "\u0e00" <= character <= "\u0eff"
        or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff"
        or "\uac00" <= character <= "\ud7af"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _apart(neighbour: str, edge: str) -> bool:
    """Whether two characters beside each other belong to different words, for all we can know."""
    return not _IS_LETTER.match(neighbour) or has_no_blanks(neighbour) or has_no_blanks(edge)


def _separators(text: str) -> re.Pattern[str]:
    return _ASCII_SEPARATORS if text.isascii() else _SEPARATORS


def _translated(source: Reading, table: _Tight, *, disguised: bool = False) -> Reading:
    text = source.text.translate(table)

    def places() -> Sequence[int]:
        if len(text) == len(source.text):  # nothing was left out
            return source.places
        kept = zip(source.text, source.places, strict=True)
        return [place for character, place in kept if table[ord(character)] is not None]

    reading = Reading(text, places, disguised=disguised)
    if "  " not in text:
        return reading
    return Reading(_single_blanks(text), lambda: _places_after(reading, _BLANKS), disguised=disguised)


def _closed_up(source: Reading) -> Reading:
    """The reading with every run of single letters as a word."""
    spaced = _ASCII_SPACED if source.text.isascii() else _SPACED
    gone = {
        at
        for found in spaced.finditer(source.text)
        for at in range(*found.span())
        if not _IS_LETTER.match(source.text[at])
    }
    text = "".join(character for at, character in enumerate(source.text) if at not in gone)
    return Reading(text, lambda: [place for at, place in enumerate(source.places) if at not in gone])


def _shortened(source: Reading) -> Reading:
    return _replaced(source, _ASCII_RUN if source.text.isascii() else RUN, None, shortened=True)


def _replaced(
    source: Reading, pattern: re.Pattern[str], replacement: str | None, *, shortened: bool = False
) -> Reading:
    """The reading with one character for each match: this one, or None for the match's own first."""
    text = pattern.sub(r"\1" if replacement is None else replacement, source.text)
    return Reading(
        text, lambda: _places_after(source, pattern), disguised=source.disguised, shortened=shortened
    )


def _places_after(source: Reading, pattern: re.Pattern[str]) -> list[int]:
    """The places once each match has become one character."""
    found: list[int] = []
    last = 0
    for match in pattern.finditer(source.text):
        found.extend(source.places[last : match.start() + 1])
        last = match.end()
    return [*found, *source.places[last:]]


def _single_blanks(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text
