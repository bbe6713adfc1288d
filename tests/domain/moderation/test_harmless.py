"""Words known to be harmless save the closer look, and never change what is found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vermilion.domain.moderation.folding import fold
from vermilion.domain.moderation.harmless import HarmlessWords, Part
from vermilion.domain.moderation.word_filter import WORDS_PER_TEXT, Act, Match, Rule, WordFilter, problem_of

#: Rules, a text that they say nothing about, and one of (nearly) the same words that has a finding.
TOGETHER = {
    "spaced letters make a word": (["fun"], "f a man u n", "a man f u n"),
    "separators count as blanks between spaced letters": (["fun"], "f - man u - n", "man f - u - n"),
    "single letters at the ends of longer words": (["s a b"], "the cat's hat a bag", "the cat's a b"),
    "the parts of a phrase": (["child porn"], "a child and corn", "a child porn"),
    "a phrase whose parts are held apart by a sign alone": (["red hen"], "red and hen", "red - hen"),
    "a phrase that may begin inside a word": (["*ilder porn"], "wilder corn", "wilder porn"),
    "a phrase that may end inside a word": (["porn wilde*"], "corn wildest", "porn wildest"),
    "a phrase with a part of digits, which are read as letters beside others": (
        ["go ass"],
        "go 455",
        "go 455 p0rn",
    ),
    "runs of letters, which are shortened beside a stretched one": (["god"], "good", "sooo good"),
    "a stretch that comes about by reading digits": (["god"], "good so0n", "good so0on"),
    "signs read as letters because of a sign elsewhere": (["go ball"], "go ba!! now", "go ba!l now"),
}


@pytest.mark.parametrize(("words", "harmless", "harmful"), TOGETHER.values(), ids=TOGETHER)
def test_what_words_say_together_is_found(words: list[str], harmless: str, harmful: str) -> None:
    """A text is no harmless one because its words were met in harmless texts."""
    words_filter = WordFilter(map(Rule, words))
    for text in (harmless, *harmful.split(), *harmless.split(), harmless):
        assert words_filter.find(text) == found_closely(words_filter, text)
    assert found_closely(words_filter, harmful) is not None
    assert words_filter.find(harmful) == found_closely(words_filter, harmful)


_NO_RUNS = {
    code: f"{chr(code)}u" for code in b"0123456789abcdef"
}  # digits in a row would read as stretched letters


def found_closely(words: WordFilter, text: str) -> Match | None:
    """What is found without asking whether the words of the text are known."""
    return words.look_closely(text, fold(text))


def known(text: str, *words: str) -> bool:
    """Whether a text passes without a closer look where these words are banned."""
    parts = [Part(word.strip("*"), word.startswith("*"), word.endswith("*"), whole=True) for word in words]
    return HarmlessWords(parts).make_up(text)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a lighthouse keeper's kitchen at dawn, 35 mm (a classic)", True),
        ("two lines\nand\ta tab", True),
        ("", True),
        ("kill", False),
        ("k.1-l!", False),
        ("ki-ll", False),
        ("skill", True),
        ("4k, h264, a 1920s car!", True),
        ("u.s.a", False),
        ("u. s. a.", False),
        ("x - y - z", False),
        ("it's a b", False),
        ("a    b    c", True),
        ("sooo", False),
        ("so0o", False),
        ("**bold**", False),
        ("#tag", False),
        ("ki\x08ll", False),
        ("dir\x08ty", False),
    ],
)
def test_only_what_can_hide_nothing_is_harmless(text: str, harmless: bool) -> None:
    """Spaced letters, stretched ones, stars and marks that fold away always get a closer look."""
    assert harmless == known(text, "kill", "ass")


def test_a_word_that_may_be_a_part_of_longer_ones_is_looked_for_inside() -> None:
    """Where a rule is open, longer words are not harmless."""
    assert [False, False, True, True] == [
        known("skill", "*kill"),
        known("skilled", "*kill*"),
        known("skilled", "*kill"),
        known("skilled", "kill*"),
    ]


def test_an_excused_word_is_not_harmless() -> None:
    """What passes because of an exception is found where nothing excuses it."""
    words_filter = WordFilter([Rule("cum"), Rule("cum laude", Act.ALLOW)])

    assert words_filter.find("summa cum laude") is None
    assert words_filter.find("laude cum summa") is not None


def test_more_words_than_may_be_known_are_forgotten() -> None:
    """However many words come by, no more than so many are kept, and answers stay right."""
    words = HarmlessWords([Part("kill", open_left=False, open_right=False, whole=True)], known_max=100)

    for number in range(0, 3000, 10):
        text = " ".join(hex(each).translate(_NO_RUNS) for each in range(number, number + 10))
        assert words.make_up(text)
        assert words.make_up(text)
        assert not words.make_up(f"{text} kill")
        assert 10 <= len(words) <= 100


def test_few_words_of_a_text_are_learned_and_no_long_ones() -> None:
    """A text of many new words, or of very long ones, is looked at without remembering all of it."""
    words = HarmlessWords([])

    assert words.make_up("abcd" * 11)
    assert len(words) == 0
    assert words.make_up(" ".join(chr(first) + chr(second) for first in b"abcdef" for second in b"uvwxyz"))
    assert 0 < len(words) < 36


def test_numbers_are_harmless_without_being_learned() -> None:
    """There are too many to know each; one in which something can be read gets a closer look."""
    parts = [
        Part("ass", open_left=False, open_right=False, whole=True),
        Part("tits", open_left=False, open_right=False, whole=False),
        Part("1488", open_left=False, open_right=False, whole=True),
    ]
    words = HarmlessWords(parts)
    harmless = ("2026", "(35).", "455", "100")
    doubtful = ("7175", "(7175)", "1488,", "1000", "5551")

    assert [True] * len(harmless) == [words.make_up(text) for text in harmless]
    assert [False] * len(doubtful) == [words.make_up(text) for text in doubtful]
    assert 0 == len(words)


def test_a_long_text_is_learned_a_part_at_a_time() -> None:
    """Of very many new words a few are learned whenever they come by, until the whole text is known."""
    words = HarmlessWords([])
    text = " ".join(f"{chr(first)}{chr(second)}e" for first in b"abcdfghijk" for second in b"lmnopqrstuvwxyz")

    learned = [len(words) for _ in range(20) if not words.make_up(f"{text} {text}")]

    assert (True, True) == (len(learned) > 1, learned == sorted(set(learned)))
    assert words.make_up(f"{text} {text}")
    assert not words.make_up("bc" * 2_000)


#: Letters with what may stand for each, runs and separators among it.
_SPELLINGS = {
    "s": ["s", "s", "s", "5", "$", "ss", "s-"],
    "o": ["o", "o", "o", "0", "oo", "o0o", "o."],
    "l": ["l", "l", "l", "1", "!", "|", "ll", "*"],
}
_PIECES = st.sampled_from(["s", "lo", "os", "sol", "loo", "ssl", "lol", "solo", "50", "o1"])
_RULES = st.builds(
    lambda left, words, right, act: Rule(f"{left}{' '.join(words)}{right}", act),
    st.sampled_from(["", "", "*"]),
    st.lists(_PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "*"]),
    st.sampled_from([Act.BLOCK, Act.BLOCK, Act.FLAG, Act.ALLOW]),
).filter(lambda rule: problem_of(rule.word) is None)
_AROUND = ["", "", "", "", "", "s", "o", "5", "0", "!", "-", ".", "+", ",", "#", "\x08"]
_LOOSE = st.sampled_from(
    [
        *"asol15!-&",
        "",
        "k.",
        "(a",
        "i,",
        "o's",
        "sss",
        "o0o",
        "l1x",
        "\u00f6",
        "\u2019s",
        "50$o",
        "505",
        "(0150),",
        "1000",
    ]
)
_BLANKS = st.sampled_from([*[" "] * 6, "  ", "   ", "\n", " - ", "\x08 "])


def _spelled(piece: str) -> st.SearchStrategy[str]:
    """The piece with some of its letters disguised and something around it."""
    letters = st.tuples(*(st.sampled_from(_SPELLINGS.get(letter, [letter])) for letter in piece)).map("".join)
    return st.builds("{}{}{}".format, st.sampled_from(_AROUND), letters, st.sampled_from(_AROUND))


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[Rule], list[str]]:
    """Rules, and texts made of few words over and over: pieces of the rules, spelled somehow, and tricky ones."""
    rules = draw(st.lists(_RULES, min_size=1, max_size=2))
    pieces = [piece for rule in rules for piece in rule.word.strip("*").split()]
    spelled = st.sampled_from(pieces).flatmap(_spelled)
    words = draw(st.lists(spelled | spelled | _LOOSE, min_size=2, max_size=6))
    parts = st.tuples(st.sampled_from(words), _BLANKS).map("".join)
    texts = draw(st.lists(st.lists(parts, min_size=1, max_size=5).map("".join), min_size=2, max_size=8))
    spaced = draw(st.tuples(st.sampled_from(words), st.sampled_from([" ", "  ", " - ", "    "])))
    letters = spaced[1].join("".join(pieces))
    return rules, [*words, *letters.split(), *texts, f"{spaced[0]} {letters}"]


@given(_histories())
@settings(max_examples=150, deadline=None)
def test_what_was_learned_changes_no_answer(history: tuple[list[Rule], list[str]]) -> None:
    """A filter that has learned from many texts answers as one that looks closely at each."""
    rules, texts = history
    for known_max in (20, 3 * WORDS_PER_TEXT):
        learned = WordFilter(rules, known_max=known_max)
        for text in (*texts, *reversed(texts)):
            assert found_closely(learned, text) == learned.find(text), text
