"""The read pack, as it is installed: text in pictures, and what describing a picture makes of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image, ImageDraw, ImageFont
from tests.support.packs import CACHE, INSTALL_TIMEOUT_S, Engines

from vermilion.domain.outcomes import Progress, Succeeded
from vermilion.engines.weights import sample_path
from vermilion.providers.local.adapter import LocalAdapter
from vermilion.providers.protocol import AdapterContext, ConnectionFacts, Job

PACKS = ("read",)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALL_TIMEOUT_S),
    pytest.mark.asyncio(loop_scope="module"),
]
PLACES = {"Fresh bread": (30, 20), "open 7-18": (240, 120), "Invoice No. 2026-1187": (30, 220)}


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    """Three lines of text at known places."""
    picture = Image.new("RGB", (480, 280), "white")
    for text, place in PLACES.items():
        ImageDraw.Draw(picture).text(place, text, fill="navy", font=ImageFont.load_default(32))
    path = tmp_path / "sign.png"
    picture.save(path)
    return path


async def test_lines_are_read_with_their_places(engines: Engines, sign: Path) -> None:
    """From top to bottom, letter by letter, each box around its text."""
    facts = (await engines.run("read", {}, image=sign)).facts
    assert list(PLACES) == [line["text"] for line in facts["lines"]]
    assert "\n".join(PLACES) == facts["text"]
    assert (480, 280) == (facts["width"], facts["height"])
    for line in facts["lines"]:
        (left, top), _, (right, bottom), _ = line["box"]
        x, y = PLACES[line["text"]]
        assert abs(left - x) < 15
        assert top < y + 20 < bottom
        assert right > x + 100
        assert 0.9 < line["confidence"] <= 1


async def test_a_slanted_line_has_slanted_corners(engines: Engines, tmp_path: Path) -> None:
    """The box turns with its text."""
    picture = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(picture).text((60, 130), "slanted words", fill="black", font=ImageFont.load_default(40))
    picture.rotate(20, fillcolor="white").save(tmp_path / "slanted.png")
    [line] = (await engines.run("read", {}, image=tmp_path / "slanted.png")).facts["lines"]
    (_, left_y), (_, right_y), _, _ = line["box"]
    assert "slanted words" == line["text"]
    assert left_y - right_y > 50


async def test_a_banner_is_read(engines: Engines, tmp_path: Path) -> None:
    """A long and narrow picture neither takes all memory nor moves its boxes."""
    picture = Image.new("RGB", (1500, 40), "black")
    ImageDraw.Draw(picture).text((900, 2), "Closing sale", fill="white", font=ImageFont.load_default(28))
    picture.save(tmp_path / "banner.png")
    [line] = (await engines.run("read", {}, image=tmp_path / "banner.png")).facts["lines"]
    assert ("Closing sale", True) == (line["text"], abs(line["box"][0][0] - 900) < 20)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
async def test_pictures_of_every_mode_are_read(
    engines: Engines, sign: Path, tmp_path: Path, mode: str
) -> None:
    """Grey, palette, transparent, for print."""
    path = tmp_path / "picture"
    with Image.open(sign) as picture:
        picture.convert(mode).save(path, "JPEG" if mode == "CMYK" else "PNG")
    assert "\n".join(PLACES) == (await engines.run("read", {}, image=path)).facts["text"]


@pytest.mark.parametrize("size", [(1, 1), (1, 16_000), (600, 9), (64, 64)])
async def test_pictures_without_text_have_no_lines(
    engines: Engines, tmp_path: Path, size: tuple[int, int]
) -> None:
    """However small or narrow they are."""
    Image.new("RGB", size, "teal").save(tmp_path / "plain.png")
    facts = (await engines.run("read", {}, image=tmp_path / "plain.png")).facts
    assert ("", []) == (facts["text"], facts["lines"])


async def test_what_is_no_picture_is_not_read(engines: Engines, noise: Path, tmp_path: Path) -> None:
    """Noise and a picture cut short are refused."""
    cut = tmp_path / "cut.png"
    cut.write_bytes(sample_path("astronaut.png").read_bytes()[:5000])
    for path in (noise, cut):
        assert await engines.refusal("read", {}, image=path)


async def test_descriptions_repeat_what_is_written_where_it_can_be_read(
    engines: Engines, sign: Path, tmp_path: Path
) -> None:
    """Without the pack they say nothing of words; with it, in a fact, a sentence and the first prompt."""
    woken: asyncio.Queue[UUID] = asyncio.Queue()
    adapter = LocalAdapter(AdapterContext(woken.put_nowait, tmp_path / "data", {"workers": 1}))
    try:
        before = await described(adapter, woken, sign)
        (tmp_path / "data" / "packs").symlink_to(CACHE / "packs", target_is_directory=True)
        after = await described(adapter, woken, sign)
    finally:
        await adapter.close()
    said = '"Fresh bread / open 7-18 / Invoice No. 2026-1187"'
    assert ("words" in before, list(PLACES)) == (False, after["words"])
    assert f"It says {said}." in after["description"]
    assert [True, False, False, False] == [said in prompt for prompt in after["prompts"]]
    assert before["palette"] == after["palette"]


async def described(adapter: LocalAdapter, woken: asyncio.Queue[UUID], path: Path) -> dict[str, Any]:
    """The facts of a description, as the provider tells them."""
    connection = ConnectionFacts(id=uuid4(), provider="local", name="here")
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    job = Job(uuid4(), "describe", "describe", {}, connection, deadline, {"image": path})
    await adapter.submit(job)
    answer: Any = Progress(0)
    while isinstance(answer, Progress):
        await woken.get()
        answer = await adapter.check(job, str(job.task_id))
    assert isinstance(answer, Succeeded), answer
    return dict(answer.facts)
