"""Text as a reader sees it: compatibility forms, lookalike letters, case, accents and invisible marks folded away.

Folding keeps separators and digits, and each folded character knows where it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import decancer_py

#: Marks that decorate a letter. Others (vowel signs, voicing marks) change it and stay.
_DECORATION = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
#: Characters that show nothing, beside those of the category Cf and the variation selectors.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_BLANK = "\u2800"  #: braille without dots
#: Scripts whose letters mean themselves, however much some of them look like Latin ones.
_OWN_SCRIPTS = frozenset(
    {"ARABIC", "BENGALI", "BOPOMOFO", "CJK", "DEVANAGARI", "ETHIOPIC", "GEORGIAN", "GUJARATI", "GURMUKHI"}
    | {
        "HANGUL",
        "HEBREW",
        "HIRAGANA",
        "KANNADA",
        "KATAKANA",
        "KATAKANA-HIRAGANA",
        "KHMER",
        "LAO",
        "MALAYALAM",
    }
    | {"MONGOLIAN", "MYANMAR", "ORIYA", "SINHALA", "SYRIAC", "TAMIL", "TELUGU", "THAANA", "THAI", "TIBETAN"}
)
#: Symbols that are letters in a frame: circled, squared, and the pairs that make flags.
_FRAMED = ("CIRCLED", "PARENTHESIZED", "SQUARED", "NEGATIVE", "REGIONAL")
_ALPHABETS = ("\u0370-\u03ff\u1f00-\u1fff", "\u0400-\u052f", "\u0531-\u0587")  # Greek, Cyrillic, Armenian
#: A whole word of one of these alphabets, also with something between its letters.
_FOREIGN = re.compile(
    "(?<!\\w)("
    + "|".join(f"[{letters}](?:[\\W_]{{1,3}}[{letters}](?!\\w))+|[{letters}]+" for letters in _ALPHABETS)
    + ")(?!\\w)"
)
#: Its letters that cannot be told from Latin ones: a word of nothing else is read as Latin.
_TWINS = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04cf\u04bb\u0475\u051d\u051b"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405\u04c0"
    "\u03bf\u03bd\u03c1\u03f2\u03f3\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0585\u0578\u057d\u0581\u0570\u0555\u054d"
)
#: Marks and vowels that belong to the character before them.
_JOINS = re.compile("[\u1160-\u11ff]")


class _Table(dict[int, str]):
    """A table for `str.translate` that is worked out as characters are met."""

    def __init__(self, *, lookalikes: bool) -> None:
        super().__init__()
        self._lookalikes = lookalikes

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code), lookalikes=self._lookalikes)
        return folded


_AS_LATIN = _Table(lookalikes=True)
_AS_ITSELF = _Table(lookalikes=False)


def fold(text: str) -> str:
    """The folded text; what looks the same is the same afterwards."""
    if text.isascii():
        return text.lower() if text.isprintable() else text.translate(_AS_LATIN)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return "".join(piece.translate(table) for piece, table in _pieces(text))


def fold_with_places(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the index in `text` that it came from."""
    if text.isascii() and text.isprintable():
        return text.lower(), range(len(text))
    composed, starts = _compose(text)
    folded: list[str] = []
    places: list[int] = []
    at = 0
    for piece, table in _pieces(composed):
        for character in piece:
            shown = character.translate(table)
            folded.append(shown)
            places.extend([starts[at]] * len(shown))
            at += 1
    return "".join(folded), places


def _compose(text: str) -> tuple[str, list[int]]:
    """The text in its composed form, and where each of its characters started."""
    composed: list[str] = []
    starts: list[int] = []
    for start, cluster in _clusters(text):
        whole = unicodedata.normalize("NFC", cluster)
        composed.append(whole)
        starts.extend([start] * len(whole))
    return "".join(composed), starts


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the marks that follow it."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not (unicodedata.combining(text[end]) or _JOINS.match(text[end])):
            yield start, text[start:end]
            start = end


def _pieces(text: str) -> Iterator[tuple[str, _Table]]:
    """The text in pieces, each with the table that folds it."""
    for number, piece in enumerate(_FOREIGN.split(text)):
        if piece:
            foreign = number % 2 == 1 and not all(letter in _TWINS for letter in piece if letter.isalpha())
            yield piece, _AS_ITSELF if foreign else _AS_LATIN


def _fold_character(character: str, *, lookalikes: bool) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or character in _INVISIBLE or _is_selector(character):
        return ""
    if character.isspace() or category[0] == "Z" or character == _BLANK:
        return " "
    if category == "Cc":
        return ""
    plain = unicodedata.normalize("NFKD", character)
    plain = unicodedata.normalize("NFC", _DECORATION.sub("", plain)).casefold()
    if plain.isascii() or not lookalikes:
        return plain
    return _as_latin(plain, category)


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _as_latin(character: str, category: str) -> str:
    """The Latin letters that this one looks like, or itself."""
    first = unicodedata.name(character[0], "").partition(" ")[0]
    if first in _OWN_SCRIPTS or (category[0] not in "LN" and first not in _FRAMED):
        return character
    seen = str(decancer_py.parse(character)).lower()
    return seen if seen.isascii() and seen.isalnum() else character
