"""Midjourney's prompt parameters and buttons."""

from __future__ import annotations

from typing import Any

import pytest

from vermilion.domain.midjourney.buttons import GRID, buttons_of, find_button
from vermilion.domain.midjourney.prompts import completed, prompt_fault, read_prompt
from vermilion.errors import InvalidRequest


def picture(width: int, height: int, *, grid: bool = False) -> dict[str, Any]:
    """The output of a task that made a picture."""
    return {"grid": grid, "assets": [{"content_type": "image/png", "width": width, "height": height}]}


def test_a_prompt_is_links_words_and_parameters() -> None:
    """Links stand first, parameters last, short names mean their long ones."""
    prompt = read_prompt("https://a.example/x.png a red fox --ar 16:9 --s 250 —fast --no snow, ice")

    assert ("https://a.example/x.png",) == prompt.links
    assert "a red fox" == prompt.words
    assert {"ar": "16:9", "stylize": "250", "fast": "", "no": "snow, ice"} == prompt.parameters
    assert ("fast", "16:9") == (prompt.mode, prompt.aspect_ratio)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a fox", None),
        ("a fox --niji 6 --style raw --chaos 20 --iw 1.5 --seed 4294967295 --tile --q .5 --v 6.1 --p", None),
        ("a well-made fox -- or two", None),
        ("a fox --wings", "Unrecognized Param: --wings"),
        ("a fox --ar wide", "Invalid Param Value: --ar wide"),
        ("a fox --ar 0:3", "Invalid Param Value: --ar 0:3"),
        ("a fox --chaos 101", "Invalid Param Value: --chaos 101"),
        ("a fox --tile please", "Invalid Param Value: --tile please"),
        ("a fox --seed", "Invalid Param Value: --seed"),
        ("--ar 1:1", "Prompt is required."),
        ("https://a.example/x.png", None),
    ],
)
def test_wrong_parameters_are_named(text: str, fault: str | None) -> None:
    """The first wrong parameter is told in the words that clients know."""
    assert fault == prompt_fault(read_prompt(text))


def test_fields_win_over_parameters() -> None:
    """What the prompt says fills fields that are not given."""
    given = {"prompt": "https://a.example/x.png a fox --ar 16:9 --turbo", "process_mode": "relax"}
    expected = {"aspect_ratio": "16:9", "image": "https://a.example/x.png", **given}

    assert expected == completed(given)


def test_the_check_of_parameters_can_be_skipped() -> None:
    """A wrong parameter is refused unless the input says otherwise."""
    with pytest.raises(InvalidRequest, match="Unrecognized Param: --wings"):
        completed({"prompt": "a fox --wings"})
    assert "prompt" in completed({"prompt": "a fox --wings", "skip_prompt_check": True})


def test_a_grid_has_the_buttons_of_a_grid() -> None:
    """Four to take out, one to go again, four to vary."""
    labels = [button.label for button in buttons_of(picture(1028, 1028, grid=True))]

    assert ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"] == labels


def test_make_square_is_for_pictures_that_are_none() -> None:
    """A square picture has every button of one picture but Make Square."""
    square = [button.label for button in buttons_of(picture(1024, 1024))]
    wide = [button.label for button in buttons_of(picture(1024, 576))]

    assert ["Make Square"] == [label for label in wide if label not in square]
    assert [
        "Upscale (Subtle)",
        "Upscale (Creative)",
        "Vary (Subtle)",
        "Vary (Strong)",
        "Vary (Region)",
    ] == wide[:5]
    assert ["⬅️", "➡️", "⬆️", "⬇️"] == wide[-4:]


def test_words_have_no_buttons() -> None:
    """Only pictures can be followed up by pressing."""
    assert () == buttons_of({"text": "a fox", "assets": []})
    assert () == buttons_of(None)


@pytest.mark.parametrize("button", GRID)
def test_a_button_is_found_by_every_name(button: Any) -> None:
    """Label, action and id name the same button."""
    grid = picture(1028, 1028, grid=True)
    names = (button.label, button.action, button.id_on("0190"))

    assert [button] * 3 == [find_button(name, grid, "0190") for name in names]


def test_only_buttons_that_are_there_can_be_pressed() -> None:
    """A grid cannot be panned, one picture has no second tile, and arrows are the same with and without variant."""
    assert None is find_button("⬅️", picture(1028, 1028, grid=True), "0190")
    assert None is find_button("U2", picture(1024, 576), "0190")
    assert find_button("⬅", picture(1024, 576), "0190") is find_button("⬅️", picture(1024, 576), "0190")
