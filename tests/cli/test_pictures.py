"""Pictures in the terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from vermilion.cli.pictures import half_blocks, show_pictures


def test_half_blocks_paint_two_pixels_a_character() -> None:
    """The upper pixel is the character's colour, the lower one its ground."""
    picture = Image.new("RGB", (2, 2), "red")
    picture.paste("blue", (0, 1, 2, 2))
    text = half_blocks(picture, columns=2, rows=1)
    assert "▀▀\n" == text.plain
    styles = [span.style for span in text.spans]
    assert ["#ff0000 on #0000ff"] * 2 == [str(style) for style in styles]


def test_half_blocks_keep_the_shape() -> None:
    """A picture is never wider or higher than asked, and keeps its proportions."""
    lines = half_blocks(Image.new("RGB", (400, 200)), columns=20, rows=20).plain.splitlines()
    assert (5, 20) == (len(lines), len(lines[0]))


def test_nothing_is_shown_where_nobody_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe gets no pictures, whatever the terminal's name says."""
    monkeypatch.setitem(os.environ, "TERM", "xterm-kitty")
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    show_pictures([tmp_path / "a.png"])
    assert "" == capsys.readouterr().out
