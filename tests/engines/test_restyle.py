"""Style transfer on a real photograph, and on pictures that are unusual or broken."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.engines.conftest import RunEngine
from tests.engines.pictures import UNUSUAL, animation, broken, difference, lying, sample, saved

from vermilion import catalog
from vermilion.engines import restyle as engine
from vermilion.engines.contract import EngineRefused
from vermilion.engines.restyle import restyle
from vermilion.engines.styles import STYLES


def painted(run_engine: RunEngine, path: Path, *, like: Path | None = None, **params: Any) -> Image.Image:
    files = {"image": path} | ({"style_image": like} if like else {})
    made = run_engine(restyle, params, **files).files[0]
    with Image.open(made.path) as opened:
        opened.load()
    assert ("PNG", (made.width, made.height)) == (opened.format, opened.size)
    return opened


def shape_of(picture: Image.Image) -> np.ndarray:
    """The coarse layout of light and dark, without its mean."""
    coarse = np.asarray(picture.convert("L").resize((16, 16), Image.Resampling.BOX), dtype=np.float32)
    return coarse.ravel() - coarse.mean()


def test_every_style_is_another_painting_of_the_same_scene(run_engine: RunEngine, tmp_path: Path) -> None:
    """No two styles look alike, none is the photograph, and in most of them the scene can still be made out."""
    given = sample(192)
    path = saved(tmp_path, given)
    made = {style: painted(run_engine, path, style=style) for style in STYLES}
    pairs = [(a, b) for a in STYLES for b in STYLES if a < b]
    alike = [np.corrcoef(shape_of(given), shape_of(picture))[0, 1] for picture in made.values()]
    assert 26 == len(made)
    assert 10 < min(difference(made[a], made[b]) for a, b in pairs)
    assert 10 < min(difference(given, picture) for picture in made.values())
    assert 0.6 < np.median(alike)


def test_the_names_say_what_is_seen(run_engine: RunEngine, tmp_path: Path) -> None:
    """Starry night is blue, red ember is red, and frost is light."""
    path = saved(tmp_path, sample(160))
    night, ember, frost = (
        np.asarray(painted(run_engine, path, style=style)).mean(axis=(0, 1))
        for style in ("starry-night", "red-ember", "frost-wash")
    )
    assert night[2] > night[0]
    assert ember[0] > 2 * ember[2]
    assert frost.min() > 120


def test_the_catalogue_knows_every_style() -> None:
    """The form offers the styles that the engine has, in its order."""
    text = (Path(catalog.__file__).parent / "restyle.toml").read_text()
    assert list(STYLES) == tomllib.loads(text)["offers"][0]["input"]["properties"]["style"]["enum"]


def test_a_style_picture_goes_before_the_named_style(run_engine: RunEngine, tmp_path: Path) -> None:
    """Its colours come through, and the size is that of the picture."""
    path = saved(tmp_path, sample(300).resize((300, 200)))
    greens = np.random.default_rng(3).integers((20, 140, 20), (110, 230, 110), (128, 128, 3))
    like = saved(tmp_path, Image.fromarray(greens.astype(np.uint8)))
    made = painted(run_engine, path, like=like, style="red-ember")
    red, green, blue = np.asarray(made).mean(axis=(0, 1))
    assert (300, 200) == made.size
    assert green > red
    assert green > blue
    assert "style picture" == made.info["style"]


def test_strength_goes_from_the_picture_to_the_style(run_engine: RunEngine, tmp_path: Path) -> None:
    """At 0 the picture is what it was; half is halfway."""
    given = sample(96)
    path = saved(tmp_path, given)
    none, half, full = (painted(run_engine, path, strength=strength) for strength in (0, 0.5, 1.0))
    assert 0 == difference(given, none)
    assert difference(given, full) == pytest.approx(2 * difference(given, half), rel=0.02)


def test_large_pictures_keep_their_size_up_to_a_bound(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the network paints smaller is enlarged again; over the bound it comes back smaller, in its shape."""
    monkeypatch.setattr(engine, "_PAINTED_PIXELS", 100 * 100)
    monkeypatch.setattr(engine, "PIXELS_MAX", 200 * 200)
    assert (180, 90) == painted(run_engine, saved(tmp_path, sample(180).resize((180, 90)))).size
    assert (282, 141) == painted(run_engine, saved(tmp_path, sample(400).resize((400, 200)))).size


def test_transparency_and_orientation_are_kept(run_engine: RunEngine, tmp_path: Path) -> None:
    """Clear parts stay clear, and a photograph lying on its side comes back upright."""
    picture = sample(64, "RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 64))
    alpha = np.asarray(painted(run_engine, saved(tmp_path, picture)).getchannel("A"))
    assert (0, 255) == (alpha[:, :32].max(), alpha[:, 32:].min())
    assert (40, 80) == painted(run_engine, lying(tmp_path, 80, 40)).size


@pytest.mark.parametrize(("mode", "kind"), UNUSUAL)
def test_unusual_modes_work(run_engine: RunEngine, tmp_path: Path, mode: str, kind: str) -> None:
    """Whatever a PNG, JPEG or GIF may hold is painted, and may be a style picture."""
    path = saved(tmp_path, sample(64, mode), kind)
    assert (64, 64) == painted(run_engine, path, like=path).size


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (20_000, 3)])
@pytest.mark.parametrize("by_example", [False, True])
def test_tiny_and_narrow_pictures_give_a_result(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int], by_example: bool
) -> None:
    """A single pixel is a picture, and so is a line of 20,000."""
    path = saved(tmp_path, Image.new("RGB", size, "teal"))
    assert size == painted(run_engine, path, like=path if by_example else None).size


def test_the_first_frame_of_an_animation_is_taken(run_engine: RunEngine, tmp_path: Path) -> None:
    """An animated picture gives one still."""
    assert (48, 48) == painted(run_engine, animation(tmp_path, "WEBP")).size


@pytest.mark.parametrize("name", ["image", "style_image"])
def test_broken_files_are_refused(run_engine: RunEngine, tmp_path: Path, name: str) -> None:
    """Each of them is the customer's mistake, as the picture and as the style."""
    good = saved(tmp_path, sample(16))
    for path in broken(tmp_path).values():
        with pytest.raises(EngineRefused):
            run_engine(restyle, **{"image": good, name: path})


@pytest.mark.parametrize("params", [{"style": "cubist"}, {"strength": 1.5}, {"strength": -1}, {"style": 7}])
def test_wrong_parameters_are_refused(
    run_engine: RunEngine, photograph: Path, params: dict[str, Any]
) -> None:
    """The refusal says which one."""
    with pytest.raises(EngineRefused, match=next(iter(params))):
        run_engine(restyle, params, image=photograph)


def test_a_picture_is_required(run_engine: RunEngine, photograph: Path) -> None:
    """A style picture alone is not enough."""
    with pytest.raises(EngineRefused, match="no image"):
        run_engine(restyle, style_image=photograph)
