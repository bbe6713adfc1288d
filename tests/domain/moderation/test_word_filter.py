"""Banned words are found however they are spelled; innocent texts that look like them pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.moderation.folding import fold, fold_with_places
from vermilion.domain.moderation.word_filter import (
    TEXT_LENGTH_MAX,
    WORDS_PER_TEXT,
    Act,
    Match,
    Rule,
    WordFilter,
    problem_of,
)

WORDS = ("kill", "porn", "cocaine", "ass", "tit", "sex", "cock", "cum", "rape", "nude", "bitch", "child porn")
FILTER = WordFilter([*map(Rule, WORDS), Rule("порно"), Rule("色情"), Rule("*hentai*")])

#: What a text says, and the word that it hides.
EVASIONS = [
    ("KILL the king", "kill"),
    ("ＫＩＬＬ", "kill"),  # full width
    ("𝓀𝒾𝓁𝓁 him", "kill"),  # mathematical script
    ("𝐤𝐢𝐥𝐥", "kill"),  # mathematical bold
    ("ⓚⓘⓛⓛ", "kill"),  # circled
    ("🅺🅸🅻🅻", "kill"),  # negative squared
    ("🇰\u200b🇮\u200b🇱\u200b🇱", "kill"),  # flags' letters, held apart by zero-width spaces
    ("роrn", "porn"),  # Cyrillic р and о
    ("сосаіnе", "cocaine"),  # Cyrillic but for the n
    ("ρorn", "porn"),  # Greek rho
    ("ᴘᴏʀɴ", "porn"),  # small capitals
    ("pörn", "porn"),
    ("p\u0336o\u0336r\u0336n\u0336", "porn"),  # struck through
    ("p̴̡̛o̷͎͝r̸̨n̵͇", "porn"),  # heaped with marks
    ("po\x08rn", "porn"),  # backspace
    ("po\u200brn", "porn"),  # zero-width space
    ("po\u00adrn", "porn"),  # soft hyphen
    ("p\u2060o\u2060r\u2060n", "porn"),  # word joiner
    ("po\ufe0frn", "porn"),  # variation selector
    ("p\u202eo\u202crn", "porn"),  # direction marks
    ("p0rn", "porn"),
    ("pr0n p0rn1", "porn"),
    ("s3x7", "sex"),
    ("k1ll", "kill"),
    ("k!ll", "kill"),
    ("ki|l", "kill"),
    ("c0ca1n3", "cocaine"),
    ("a$$", "ass"),
    ("@ss", "ass"),
    ("8itch", "bitch"),
    ("k.i.l.l", "kill"),
    ("k i l l", "kill"),
    ("k  i  l  l", "kill"),
    ("k-i_l*l", "kill"),
    ("draw a s e x scene", "sex"),
    ("p 0 r n", "porn"),
    ("co.caine", "cocaine"),
    ("cocai-ne", "cocaine"),
    ("k🔪i🔪l🔪l", "kill"),
    ("fresh coooocaine", "cocaine"),
    ("kkkiiilllll", "kill"),
    ("p*rn", "porn"),
    ("b#t*h", "bitch"),
    ("porn2024", "porn"),
    ("child   porn", "child porn"),
    ("childporn", "child porn"),
    ("c h i l d p o r n", "child porn"),
    ("п о р н о", "порно"),
    ("这是色情图片", "色情"),
    ("superhentaigirl", "*hentai*"),
    ("some\nporn\there", "porn"),
]

#: Texts that no list of these words may touch.
INNOCENT = [
    "Scunthorpe",
    "a classic car",
    "a cocktail at the bar",
    "Essex and Sussex",
    "the assassin's passport",
    "a glass of grass juice",
    "bass guitar and mass choir",
    "a title for the titan",
    "the constitution of the institute",
    "a peacock on a weathercock",
    "Hitchcock's cockpit",
    "cucumber and document",
    "circumstance, accumulate, succumb",
    "a bunch of grapes, a drapery",
    "the therapist in a parapet",
    "skill, skillet and painkiller",
    "Killarney and Kilkenny",
    "a denuded hill",
    "the sextant of a sexton",
    "a sextet of unisex bathrooms",
    "popcorn and acorns",
    "Pornic in Brittany",
    "Titicaca",
    "a nutritional appetite",
    "Dick Van Dyke's Clitheroe",
    "the assembly of an embassy",
    "a harness for the lass",
    "the shitake of Matsushita",
    "Penistone and Lightwater",
    "a pen is mightier than a sword",
    "455 people at 1080p, 60 fps",
    "4K, 16:9, f/1.8, ISO 100",
    "the A55 towards Bangor",
    "mp3, h264 and x265",
    "coordinates 7.17, 5.5, 3.3",
    "cost $5 or 5€ + tax!",
    "U.S.A. and U.K. and N.A.S.A.",
    "I see a b c d on the wall",
    "he asked as soon as it sank",
    "it is as simple as a, b, c",
    "well-kept, high-class, world-class",
    "**bold** and *slanted* #hashtag",
    "Ich nehme nur die Straße in Nuder",
    "рот и сор у порога",
    "портной шьёт",
    "色彩丰富的感情",
    "カメラの包",
    "한국의 서울",
    "नमस्ते दुनिया",
    "مرحبا بالعالم",
    "soooo goooood",
    "",
]


@pytest.mark.parametrize(("text", "word"), EVASIONS)
def test_disguised_words_are_found(text: str, word: str) -> None:
    """Other alphabets, signs for letters, things between letters and stretching hide nothing."""
    found = FILTER.find(text)

    assert found is not None
    assert word == found.rule.word
    assert text[found.start : found.end] == found.found


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_lookalikes_pass(text: str) -> None:
    """A banned word inside a longer word, a number or another language is no banned word."""
    assert FILTER.find(text) is None


def test_there_are_forty_of_each() -> None:
    """The lists are as long as they are said to be."""
    assert (True, True) == (len(EVASIONS) >= 40, len(INNOCENT) >= 40)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("please do not k1ll him", "k1ll"),
        ("a ｐｏｒｎ b", "ｐｏｒｎ"),
        ("say p\u0336o\u0336r\u0336n\u0336 now", "p\u0336o\u0336r\u0336n"),
        ("xx k.i.l.l, yy", "k.i.l.l"),
        ("so kiiiillll now", "kiiiillll"),
        ("I s e x you", "s e x"),
        ("p\u00f6rn!", "p\u00f6rn"),
        ("po\u0308rn!", "po\u0308rn"),
    ],
)
def test_the_place_is_told(text: str, found: str) -> None:
    """Where a word was found is said in terms of the text as it was sent."""
    match = FILTER.find(text)

    assert match is not None
    assert (found, found) == (match.found, text[match.start : match.end])


def test_stars_open_a_word_at_its_ends() -> None:
    """`kill*` also finds longer words that begin so, and only those."""
    begins = WordFilter([Rule("kill*")])

    assert begins.find("a killer") is not None
    assert begins.find("painkill") is None
    assert begins.find("k1ller") is not None


def test_exceptions_excuse_what_lies_inside_them() -> None:
    """An allowed phrase excuses the banned words in it, and no others."""
    latin = WordFilter([Rule("cum"), Rule("cum laude", Act.ALLOW)])

    assert latin.find("He passed summa cum-laude.") is None
    assert latin.find("cum laude, then cum") is not None


def test_a_word_that_blocks_is_told_before_one_that_flags() -> None:
    """What refuses a text matters more than what is only noted."""
    both = WordFilter([Rule("blood", Act.FLAG), Rule("gore")])

    first = both.find("blood and gore")
    second = both.find("blood")
    assert first is not None
    assert second is not None
    assert ("gore", Act.BLOCK, Act.FLAG) == (first.rule.word, first.rule.act, second.rule.act)


def test_a_harmless_text_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text again is known, whatever else was asked; one that says something is looked at each time."""
    words = WordFilter([Rule("gore")])
    looked_at: list[str] = []
    look_closely = WordFilter.look_closely

    def noted(self: WordFilter, text: str, folded: str) -> Match | None:
        looked_at.append(text)
        return look_closely(self, text, folded)

    monkeypatch.setattr(WordFilter, "look_closely", noted)
    for text in ("\u201cquoted\u201d", "gore", "\u201cquoted\u201d", "gore"):
        assert ("gore" in text) == (words.find(text) is not None)

    assert ["\u201cquoted\u201d", "gore", "gore"] == looked_at


def test_no_more_texts_are_known_than_may_be() -> None:
    """Beyond that all are forgotten, and long ones are never kept."""
    words = WordFilter([Rule("gore")], known_max=10 * WORDS_PER_TEXT)
    for number in range(25):
        words.find(f"text number {number}")
    words.find("long " * TEXT_LENGTH_MAX)

    assert {f"text number {number}" for number in range(20, 25)} == words._harmless_texts


def test_an_empty_list_finds_nothing() -> None:
    """Without words every text passes."""
    assert WordFilter([]).find("kill porn") is None


@pytest.mark.parametrize(
    ("word", "good"),
    [
        ("kill", True),
        ("two words", True),
        ("*part*", True),
        ("死", True),
        ("a", False),
        ("", False),
        ("***", False),
        ("!!!", False),
        ("a*b", False),
        ("x" * 201, False),
    ],
)
def test_only_findable_words_are_listed(word: str, good: bool) -> None:
    """A rule needs letters to look for."""
    assert good == (problem_of(word) is None)


@given(st.text(max_size=60))
def test_places_lead_back(text: str) -> None:
    """Folding with and without places says the same, and every place is in the text."""
    folded, places = fold_with_places(text)
    assert (fold(text), len(folded)) == (folded, len(places))
    assert all(0 <= place < len(text) for place in places)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    """No text breaks the filter, and what it names is really a part of the text."""
    found = FILTER.find(text)
    assert found is None or text[found.start : found.end] == found.found


@given(st.text(alphabet="kil1!|. *_-$@а́\u200bpорrn0", max_size=40))
def test_texts_made_of_disguises_are_read(text: str) -> None:
    """The same for texts that are all disguise."""
    found = FILTER.find(text)
    assert found is None or text[found.start : found.end] == found.found


@given(st.sampled_from(WORDS), st.text(alphabet="bdfghjmwyz ", max_size=20))
def test_a_plain_word_is_always_found(word: str, around: str) -> None:
    """Whatever stands around it, a banned word between blanks is found."""
    assert FILTER.find(f"{around} {word} {around}") is not None
