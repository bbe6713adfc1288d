"""Resizing and converting: formats, sizes, animations, metadata, colour profiles, and files that are broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from tests.engines.conftest import RunEngine
from tests.engines.pictures import UNUSUAL, animation, broken, colour_at, difference, lying, sample, saved

from vermilion.engines import convert as engine
from vermilion.engines.contract import EngineRefused
from vermilion.engines.convert import convert
from vermilion.engines.sniff import content_type_of

FORMATS = ["png", "jpeg", "webp", "avif"]


def converted(run_engine: RunEngine, path: Path, kind: str = "png", **params: Any) -> Image.Image:
    made = run_engine(convert, {"format": kind, **params}, image=path).files[0]
    with Image.open(made.path) as opened:
        opened.load()
    assert (made.content_type, (made.width, made.height)) == (content_type_of(made.path), opened.size)
    assert f"image/{kind}" == made.content_type
    return opened


@pytest.mark.parametrize("kind", FORMATS)
def test_the_picture_stays_the_same(run_engine: RunEngine, tmp_path: Path, kind: str) -> None:
    """In every format it looks as before; in PNG it is so to the pixel."""
    given = sample(96)
    apart = difference(given, converted(run_engine, saved(tmp_path, given), kind))
    assert apart == 0 if kind == "png" else apart < 5


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ({}, (120, 80)),
        ({"width": 60}, (60, 40)),
        ({"height": 160}, (240, 160)),
        ({"width": 60, "height": 60}, (60, 40)),
        ({"width": 60, "height": 60, "fit": "cover"}, (60, 60)),
        ({"width": 60, "height": 60, "fit": "stretch"}, (60, 60)),
        ({"width": 1, "height": 1}, (1, 1)),
        ({"width": 30, "fit": "cover"}, (30, 20)),
    ],
)
def test_sizes(run_engine: RunEngine, tmp_path: Path, wish: dict[str, Any], size: tuple[int, int]) -> None:
    """One side keeps the shape; both are a frame to fit into, to fill, or to be stretched to."""
    path = saved(tmp_path, Image.new("RGB", (120, 80), "teal"))
    assert size == converted(run_engine, path, **wish).size


def test_cover_cuts_and_stretch_does_not(run_engine: RunEngine, tmp_path: Path) -> None:
    """The ends of a wide picture are lost in the one and pressed together in the other."""
    wide = Image.new("RGB", (120, 40), "white")
    wide.paste("red", (0, 0, 30, 40))
    path = saved(tmp_path, wide)
    covering = converted(run_engine, path, width=40, height=40, fit="cover")
    stretched = converted(run_engine, path, width=40, height=40, fit="stretch")
    assert ([255, 255, 255], [255, 0, 0]) == (colour_at(covering, 2, 20), colour_at(stretched, 2, 20))


def test_quality_makes_files_smaller(run_engine: RunEngine, photograph: Path) -> None:
    """The fact in the result is the size of the file."""
    sizes = [
        run_engine(convert, {"format": "jpeg", "quality": quality}, image=photograph).facts["size_bytes"]
        for quality in (20, 60, 95)
    ]
    assert sorted(sizes) == sizes
    assert 3 * sizes[0] < sizes[2]


@pytest.mark.parametrize("kind", FORMATS)
def test_metadata_is_gone_and_the_picture_upright(run_engine: RunEngine, tmp_path: Path, kind: str) -> None:
    """Nothing of the camera is left in the file, and it needs no turning any more."""
    made = run_engine(convert, {"format": kind}, image=lying(tmp_path, 80, 40)).files[0]
    assert b"secret camera" not in made.path.read_bytes()
    with Image.open(made.path) as opened:
        assert ((40, 80), {}) == (opened.size, dict(opened.getexif()))
        assert colour_at(opened, 20, 4)[0] > 200


def test_texts_of_a_png_are_gone(run_engine: RunEngine, tmp_path: Path) -> None:
    """Prompts and comments do not travel on."""
    note = PngInfo()
    note.add_text("prompt", "a secret wish")
    path = saved(tmp_path, sample(16), "PNG", pnginfo=note, dpi=(300, 300))
    assert {} == converted(run_engine, path).info


def test_colours_of_another_profile_look_the_same(run_engine: RunEngine, tmp_path: Path) -> None:
    """The profile is worked in before it is thrown away: here it says that red is blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    red, green, blue = sample(48).split()
    given = Image.merge("RGB", (blue, green, red))
    made = converted(run_engine, saved(tmp_path, given, icc_profile=swapped))
    assert "icc_profile" not in made.info
    assert difference(sample(48), made) < 4


def test_a_profile_that_makes_no_sense_is_passed_over(run_engine: RunEngine, tmp_path: Path) -> None:
    """Neither a profile for other colours than the picture's nor plain noise changes anything."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"no profile at all"):
        path = saved(tmp_path, sample(48), icc_profile=profile)
        assert 0 == difference(sample(48), converted(run_engine, path))


@pytest.mark.parametrize("kind", ["png", "webp", "avif"])
@pytest.mark.parametrize("given", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animations_stay_animations(run_engine: RunEngine, tmp_path: Path, given: str, kind: str) -> None:
    """Frames, their order and their times are kept, at the new size."""
    result = run_engine(convert, {"format": kind, "width": 24}, image=animation(tmp_path, given))
    assert 3 == result.facts["frames"]
    with Image.open(result.files[0].path) as opened:
        assert ((24, 24), 3) == (opened.size, getattr(opened, "n_frames", 1))
        for number, strongest in enumerate((0, 1, 2)):
            opened.seek(number)
            colour = colour_at(opened, 12, 12)
            assert strongest == int(np.argmax(colour))
            assert 120 == opened.info["duration"]


def test_jpeg_takes_the_first_frame(run_engine: RunEngine, tmp_path: Path) -> None:
    """A format without animation gives a still."""
    red, green, _ = colour_at(converted(run_engine, animation(tmp_path, "GIF"), "jpeg"), 20, 20)
    assert red > 200
    assert green < 60


def test_animations_have_a_bound(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many pixels over all frames are refused, and the refusal says what to ask for instead."""
    monkeypatch.setattr(engine, "FRAMES_PIXELS_MAX", 48 * 48 * 2)
    path = animation(tmp_path, "GIF")
    with pytest.raises(EngineRefused, match="smaller size") as refused:
        run_engine(convert, {"format": "webp"}, image=path)
    assert "animation_too_large" == refused.value.code
    assert (24, 24) == converted(run_engine, path, "webp", width=24).size


def test_transparency(run_engine: RunEngine, tmp_path: Path) -> None:
    """It is kept where the format can, and white on JPEG."""
    picture = Image.new("RGBA", (32, 32), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 16, 32))
    path = saved(tmp_path, picture)
    for kind in ("png", "webp", "avif"):
        alpha = converted(run_engine, path, kind).getchannel("A")
        assert (0, 255) == (alpha.getpixel((4, 16)), alpha.getpixel((28, 16)))
    assert min(colour_at(converted(run_engine, path, "jpeg"), 4, 16)) > 240


@pytest.mark.parametrize(("mode", "given"), UNUSUAL)
@pytest.mark.parametrize("kind", FORMATS)
def test_unusual_modes_work(run_engine: RunEngine, tmp_path: Path, mode: str, given: str, kind: str) -> None:
    """Whatever a PNG, JPEG or GIF may hold is converted, in its own colours and brightness."""
    made = converted(run_engine, saved(tmp_path, sample(64, mode), given), kind)
    reference = sample(64) if mode in ("CMYK", "P") else sample(64, "1" if mode == "1" else "L")
    assert difference(reference, made) < 14


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (16_383, 2)])
def test_tiny_and_narrow_pictures_give_a_result(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int], kind: str
) -> None:
    """A single pixel is a picture, and so is the longest line that every format holds."""
    assert size == converted(run_engine, saved(tmp_path, Image.new("RGB", size, "teal")), kind).size


def test_pictures_too_large_for_the_formats(run_engine: RunEngine, tmp_path: Path) -> None:
    """20,000 pixels across are refused by name of the bound, and welcome at a smaller size."""
    path = saved(tmp_path, Image.new("RGB", (20_000, 10), "teal"))
    with pytest.raises(EngineRefused, match="16383"):
        run_engine(convert, {"format": "png"}, image=path)
    assert (2000, 1) == converted(run_engine, path, width=2000).size
    with pytest.raises(EngineRefused, match="40 megapixels"):
        run_engine(convert, {"format": "png", "width": 16_000}, image=saved(tmp_path, sample(16)))


def test_broken_files_are_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """Each of them is the customer's mistake."""
    for path in broken(tmp_path).values():
        with pytest.raises(EngineRefused):
            run_engine(convert, {"format": "png"}, image=path)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"format": "bmp"},
        {"format": "png", "width": 0},
        {"format": "png", "fit": "crop"},
        {"format": "png", "quality": 101},
    ],
)
def test_wrong_parameters_are_refused(
    run_engine: RunEngine, photograph: Path, params: dict[str, Any]
) -> None:
    """The refusal says which one."""
    with pytest.raises(EngineRefused, match=list(params)[-1] if params else "format"):
        run_engine(convert, params, image=photograph)
