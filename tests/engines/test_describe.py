"""Pictures in words: what is said is what was measured, and pictures made here say themselves what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from tests.engines.conftest import RunEngine
from tests.engines.pictures import UNUSUAL, broken, lying, sample, saved

from vermilion.engines.composer.engine import compose
from vermilion.engines.contract import EngineRefused
from vermilion.engines.describe.colours import NAMES
from vermilion.engines.describe.engine import describe


def told(run_engine: RunEngine, path: Path) -> dict[str, Any]:
    result = run_engine(describe, image=path)
    assert () == result.files
    return result.facts


def names(facts: dict[str, Any]) -> list[str]:
    return [colour["name"] for colour in facts["palette"]]


def noted(folder: Path, picture: Image.Image, **notes: str) -> Path:
    """A picture with text in its PNG."""
    note = PngInfo()
    for name, text in notes.items():
        note.add_text(name, text)
    return saved(folder, picture, pnginfo=note)


def landscape(size: tuple[int, int] = (600, 400), horizon: int = 240) -> Image.Image:
    picture = Image.new("RGB", size, (120, 190, 240))
    ImageDraw.Draw(picture).rectangle((0, horizon, *size), fill=(40, 120, 50))
    return picture


def test_a_photograph_of_a_person(run_engine: RunEngine, photograph: Path) -> None:
    """The subject, its orange suit and its place are found, and said in four different prompts."""
    facts = told(run_engine, photograph)
    assert 0.3 < facts["subject"]["share"] < 0.7
    assert {"terracotta", "rust", "orange"} & set(facts["subject"]["colours"])
    assert 4 == len(set(facts["prompts"]))
    assert all(prompt.endswith("--ar 1:1") for prompt in facts["prompts"])
    assert facts["prompts"][0].startswith("One clear subject in")
    assert "512 by 512 pixels" in facts["description"]


def test_faces_are_found_wherever_they_are(run_engine: RunEngine, photograph: Path, tmp_path: Path) -> None:
    """Each with its box in pixels of the picture, counted in words; a landscape and a plain surface have none."""
    with Image.open(photograph) as one:
        pair = Image.new("RGB", (1400, 512), "white")
        pair.paste(one, (0, 0))
        pair.paste(one.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (800, 0))
    facts = told(run_engine, saved(tmp_path, pair))
    left, right = sorted(face["box"] for face in facts["faces"])
    assert 226 == pytest.approx(left[0] + left[2] / 2, abs=20)
    assert 800 + 512 - 226 == pytest.approx(right[0] + right[2] / 2, abs=20)
    assert 115 == pytest.approx(left[1] + left[3] / 2, abs=25)
    assert "two faces" in facts["prompts"][0]
    assert "Two faces." in facts["description"]
    alone = told(run_engine, photograph)
    assert (1, True) == (len(alone["faces"]), "One face." in alone["description"])
    for empty in (landscape(), Image.new("RGB", (300, 200), "navy")):
        facts = told(run_engine, saved(tmp_path, empty))
        assert ([], False) == (facts["faces"], " face" in facts["description"])


def test_every_word_of_colour_is_of_a_colour_that_is_there(run_engine: RunEngine, tmp_path: Path) -> None:
    """Sky and meadow are named with their shares, and no prompt names another colour."""
    facts = told(run_engine, saved(tmp_path, landscape()))
    assert ["sky blue", "green"] == names(facts)
    assert [0.6, 0.4] == pytest.approx([colour["share"] for colour in facts["palette"]], abs=0.03)
    others = set(NAMES) - {"sky blue", "green", "blue"}
    assert not [name for name in others if f" {name} " in f" {' '.join(facts['prompts'])} ".replace(",", " ")]


@pytest.mark.parametrize(("at", "word"), [(100, "high"), (200, "in the middle"), (300, "low")])
def test_a_horizon_is_found(run_engine: RunEngine, tmp_path: Path, at: int, word: str) -> None:
    """Its height is measured and said; a picture without one has none."""
    facts = told(run_engine, saved(tmp_path, landscape(horizon=at)))
    assert at / 400 == pytest.approx(facts["horizon"], abs=0.02)
    assert "horizon line" in facts["prompts"][2]
    assert word in facts["prompts"][2]
    assert told(run_engine, saved(tmp_path, landscape().rotate(90, expand=True)))["horizon"] is None


@pytest.mark.parametrize(
    ("centre", "place"), [((150, 200), "left"), ((450, 200), "right"), ((300, 200), "in the centre")]
)
def test_where_a_subject_is(
    run_engine: RunEngine, tmp_path: Path, centre: tuple[int, int], place: str
) -> None:
    """A dark disc on white is found where it stands."""
    picture = Image.new("RGB", (600, 400), "white")
    across, down = centre
    ImageDraw.Draw(picture).ellipse((across - 80, down - 80, across + 80, down + 80), fill=(150, 20, 40))
    facts = told(run_engine, saved(tmp_path, picture))
    assert place in facts["subject"]["place"]
    assert across / 600 == pytest.approx(facts["subject"]["centre"][0], abs=0.03)
    assert "crimson" in facts["subject"]["colours"]


def test_a_picture_without_a_subject_has_none(run_engine: RunEngine, tmp_path: Path) -> None:
    """It is said, not made up."""
    facts = told(run_engine, saved(tmp_path, Image.new("RGB", (300, 200), "navy")))
    assert facts["subject"] is None
    assert "No single subject" in facts["description"]


def test_light_and_tone(run_engine: RunEngine, tmp_path: Path) -> None:
    """Dark, bright, lighter to one side, colourless: each is said of the picture that is so, and of no other."""
    slope = Image.linear_gradient("L").rotate(90).convert("RGB")
    assert "lighter towards the right" in told(run_engine, saved(tmp_path, slope))["description"].lower()
    dark = told(run_engine, saved(tmp_path, Image.new("RGB", (64, 64), (12, 10, 20))))
    assert "Dark" in dark["description"]
    bright = told(run_engine, saved(tmp_path, Image.new("RGB", (64, 64), (249, 249, 248))))
    assert "Bright" in bright["description"]
    assert "almost without colour" in bright["prompts"][1]
    assert (
        "vivid" in told(run_engine, saved(tmp_path, Image.new("RGB", (64, 64), (240, 20, 20))))["prompts"][1]
    )


def test_a_picture_made_here_tells_what_it_was_made_from(run_engine: RunEngine) -> None:
    """A composer's picture: its prompt opens each prompt; seed, method and what it shows are among the facts."""
    wish = {"prompt": "two foxes in a snowy forest at dawn.", "size": 256, "seed": 77}
    [file] = run_engine(compose, wish).files
    facts = told(run_engine, file.path)
    made = facts["made_here"]
    assert ("two foxes in a snowy forest at dawn.", 77) == (made["prompt"], made["seed"])
    assert {"fox": 2} == made["shows"]["things"]
    assert all(prompt.startswith("two foxes in a snowy forest at dawn") for prompt in facts["prompts"])


@pytest.mark.parametrize(
    "notes",
    [
        {"Software": "Other program", "prompt": "elsewhere"},
        {"prompt": "elsewhere"},
        {"Software": "Vermilion composer", "scene": "{" * 5000},
    ],
)
def test_other_notes_are_not_taken_for_ours(
    run_engine: RunEngine, tmp_path: Path, notes: dict[str, str]
) -> None:
    """What another program wrote is passed over, and a scene that makes no sense does no harm."""
    facts = told(run_engine, noted(tmp_path, landscape(), **notes))
    assert "made_here" not in facts
    assert "elsewhere" not in " ".join(facts["prompts"])


@pytest.mark.parametrize(("mode", "kind"), UNUSUAL)
def test_unusual_modes_are_described(run_engine: RunEngine, tmp_path: Path, mode: str, kind: str) -> None:
    """Whatever a picture file may hold."""
    assert 4 == len(told(run_engine, saved(tmp_path, sample(96, mode), kind))["prompts"])


@pytest.mark.parametrize(
    ("size", "ratio"), [((1, 1), "1:1"), ((300, 2), "3:1"), ((20_000, 3), "3:1"), ((1600, 900), "16:9")]
)
def test_any_size_is_described(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int], ratio: str
) -> None:
    """From a single pixel to a line of 20,000."""
    facts = told(run_engine, saved(tmp_path, Image.new("RGB", size, (216, 32, 42))))
    assert (["red"], ratio) == (names(facts), facts["aspect_ratio"])


def test_the_picture_is_described_upright(run_engine: RunEngine, tmp_path: Path) -> None:
    """As its viewer sees it."""
    facts = told(run_engine, lying(tmp_path, 80, 40))
    assert (40, 80) == (facts["width"], facts["height"])


def test_broken_files_are_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """Each of them is the customer's mistake."""
    for path in broken(tmp_path).values():
        with pytest.raises(EngineRefused):
            run_engine(describe, image=path)
