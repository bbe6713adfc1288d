"""Prompts are read as people mean them, in nine languages; any text gives a reading."""

from __future__ import annotations

import pytest

from vermilion.engines.composer.art import things
from vermilion.engines.composer.prompt.reading import Reading, read_prompt


def said(reading: Reading) -> list[tuple[str, int]]:
    """What is named, and how many."""
    return [(things()[one.art].label, one.count) for one in reading.mentions]


@pytest.mark.parametrize(
    ("prompt", "named", "land", "time"),
    [
        ("three cats on a hill at sunset", [("cat", 3)], "hills", "sunset"),
        ("zwei Hunde im Schnee bei Nacht", [("dog", 2)], "snow", "night"),
        ("un renard dans la forêt à l'aube", [("fox", 1)], "forest", "dawn"),
        ("dos barcos en el mar al atardecer", [("sailboat", 2)], "sea", "sunset"),
        ("um gato na praia à noite", [("cat", 1)], "beach", "night"),
        ("due pinguini sulla neve al tramonto", [("penguin", 2)], "snow", "sunset"),
        ("рыжая лиса в лесу ночью", [("fox", 1)], "forest", "night"),
        ("沙漠里的骆驼 日落", [("camel", 1)], "desert", "sunset"),
        ("3匹の猫 雪 夜", [("cat", 3)], "snow", "night"),
        ("🦊🌲🌲❄️🌙", [("fox", 1), ("evergreen tree", 2)], "snow", "night"),
    ],
)
def test_nine_languages_are_understood(
    prompt: str, named: list[tuple[str, int]], land: str, time: str
) -> None:
    """Things with their number, the land and the light are found in each language, and in emoji."""
    reading = read_prompt(prompt)
    assert (named, True, True) == (said(reading), land in reading.lands, time in reading.times)


def test_attributes_belong_to_their_things() -> None:
    """Colour and size go with the noun that they stand beside, before it or after it."""
    english = read_prompt("a tiny blue elephant and a huge red balloon").mentions
    spanish = read_prompt("un coche rojo y una casa azul").mentions
    assert [("blue", "tiny"), ("red", "huge")] == [(one.colour, one.size) for one in english]
    assert ["red", "blue"] == [one.colour for one in spanish]


@pytest.mark.parametrize(
    ("prompt", "upper", "relation"),
    [
        ("a dragon above a castle", "dragon", "above"),
        ("ein Drache über einer Burg", "dragon", "above"),
        ("un gato sobre un coche", "cat", "on"),
        ("a cat under a tree", "cat", "under"),
        ("a rabbit in front of a house", "rabbit", "front"),
        ("城の上のドラゴン", "dragon", "above"),
    ],
)
def test_relations_tie_the_first_to_the_second(prompt: str, upper: str, relation: str) -> None:
    """`A over B` places A by B, in whichever order a language says it."""
    reading = read_prompt(prompt)
    [tied] = [one for one in reading.mentions if one.to is not None]
    expected = {relation, "on"} if prompt.startswith("城") else {relation}
    assert (upper, True) == (things()[tied.art].label, tied.relation in expected)


def test_plurals_without_a_number_are_several() -> None:
    """`Penguins` are three, `a penguin` is one."""
    assert [("penguin", 3)] == said(read_prompt("penguins on ice"))
    assert [("penguin", 1)] == said(read_prompt("a penguin on ice"))


def test_flags_are_heard_and_not_shown() -> None:
    """Shape, seed, style and what to leave out, as Midjourney's users write them."""
    reading = read_prompt("a cat by the sea --ar 16:9 --seed 77 --style stained glass --no cat, rain")
    assert ((16, 9), 77, "stained-glass") == (reading.ratio, reading.seed, reading.style)
    assert ([], "a cat by the sea") == (said(reading), reading.text)


def test_what_is_unwanted_is_left_out() -> None:
    """The negative prompt removes things, land, light and weather."""
    reading = read_prompt("two boats on a stormy sea at night in the rain", "night, rain, boats")
    assert ([], ("storm",), ()) == (said(reading), reading.times, reading.weather)


def test_a_style_can_be_named_in_words() -> None:
    """`An oil painting of` chooses a painted style; an unknown `--style` changes nothing."""
    assert "oil-portrait" == read_prompt("oil painting of a ship").style
    assert read_prompt("a ship --style nonesuch").style is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\u202e\u0000", "قطة على الشاطئ", "🫥🫨", "-- ; DROP TABLE", "a" * 10_000, "cat " * 2_500),
        *("--ar 0:0", "猫" * 9_999),
    ],
)
def test_any_text_has_a_reading(text: str) -> None:
    """Nothing that can be typed breaks the reader, and it bounds what it finds."""
    reading = read_prompt(text, text)
    assert sum(one.count for one in reading.mentions) <= 8 * 14
    assert len(reading.unknown) <= 64
