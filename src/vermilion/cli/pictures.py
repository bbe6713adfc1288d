"""Shows pictures in the terminal: kitty's graphics where it is spoken, else half blocks in colour, else nothing."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vermilion.cli.show import console

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.text import Text

COLUMNS_MAX = 64
ROWS_MAX = 24
KITTY_PIXELS_MAX = 800
KITTY_PIECE = 4096  #: the protocol's own limit for one escape sequence
CHECKS = ((58, 58, 58), (76, 76, 76))  #: what lies behind transparent parts


def show_pictures(files: Sequence[Path]) -> None:
    """Show pictures side by side, if stdout is a terminal that can; a file that is no picture is passed over."""
    if not _can_show():
        return
    pictures = [picture for file in files if (picture := _open(file)) is not None]
    if not pictures:
        return
    if _speaks_kitty():
        sys.stdout.write(" ".join(_kitty(picture) for picture in pictures) + "\n")
        sys.stdout.flush()
        return
    _print_side_by_side(pictures)


def half_blocks(picture: Image, *, columns: int, rows: int) -> Text:
    """The picture as text: the upper half block paints two pixels a character."""
    from rich.color import Color  # noqa: PLC0415  (slow; only needed when a picture is shown)
    from rich.style import Style  # noqa: PLC0415  (the same)
    from rich.text import Text  # noqa: PLC0415  (the same)

    small = _on_checks(_fitted(picture, columns, rows * 2))
    pixels, text = small.load(), Text(no_wrap=True, end="")
    assert pixels is not None  # a picture in memory has pixels
    for y in range(0, small.height - 1, 2):
        for x in range(small.width):
            upper, lower = (Color.from_rgb(*_rgb(pixels[x, row])) for row in (y, y + 1))
            text.append("▀", Style(color=upper, bgcolor=lower))
        text.append("\n")
    return text


def _can_show() -> bool:
    out = console()
    return out.is_terminal and not out.no_color and out.color_system in {"truecolor", "256"}


def _speaks_kitty() -> bool:
    return "kitty" in os.environ.get("TERM", "") or os.environ.get("TERM") == "xterm-ghostty"


def _open(file: Path) -> Image | None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (slow; only needed when a picture is shown)

    try:
        return Image.open(file).convert("RGBA")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None


def _print_side_by_side(pictures: list[Image]) -> None:
    from rich.columns import Columns  # noqa: PLC0415  (slow; only needed when a picture is shown)

    out = console()
    columns = min(COLUMNS_MAX, (out.width - 2 * len(pictures)) // len(pictures))
    rows = min(ROWS_MAX, max(4, out.height - 8))
    out.print(
        Columns([half_blocks(picture, columns=columns, rows=rows) for picture in pictures], padding=(0, 2))
    )


def _kitty(picture: Image) -> str:
    picture.thumbnail((KITTY_PIXELS_MAX, KITTY_PIXELS_MAX))
    content = io.BytesIO()
    picture.save(content, "PNG")
    encoded = base64.b64encode(content.getvalue()).decode()
    pieces = [encoded[start : start + KITTY_PIECE] for start in range(0, len(encoded), KITTY_PIECE)]
    first = f"a=T,f=100,r={ROWS_MAX},"
    return "".join(
        f"\x1b_G{first if number == 0 else ''}m={int(number < len(pieces) - 1)};{piece}\x1b\\"
        for number, piece in enumerate(pieces)
    )


def _fitted(picture: Image, width: int, height: int) -> Image:
    scale = min(width / picture.width, height / picture.height)
    return picture.resize(
        (max(1, round(picture.width * scale)), max(2, round(picture.height * scale / 2) * 2))
    )


def _on_checks(picture: Image) -> Image:
    from PIL import Image  # noqa: PLC0415  (slow; only needed when a picture is shown)

    ground = Image.new("RGBA", picture.size)
    ground.putdata(
        [(*CHECKS[(x // 2 + y // 2) % 2], 255) for y in range(picture.height) for x in range(picture.width)]
    )
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def _rgb(pixel: object) -> tuple[int, int, int]:
    assert isinstance(pixel, tuple)  # the picture is RGB
    return pixel[0], pixel[1], pixel[2]
