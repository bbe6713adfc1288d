"""Upscaling of a real photograph, and of pictures that are unusual or broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.engines.conftest import RunEngine
from tests.engines.pictures import UNUSUAL, animation, broken, colour_at, difference, lying, sample, saved

from vermilion.engines import esrgan, span
from vermilion.engines.contract import EngineJob, EngineRefused
from vermilion.engines.upscale import upscale


def large(run_engine: RunEngine, path: Path, scale: int = 2, **wish: str) -> Image.Image:
    made = run_engine(upscale, {"scale": scale, **wish}, image=path).files[0]
    with Image.open(made.path) as opened:
        opened.load()
    assert ("PNG", (made.width, made.height)) == (opened.format, opened.size)
    return opened


@pytest.mark.parametrize("scale", [2, 4])
def test_the_picture_is_the_same_only_larger(run_engine: RunEngine, tmp_path: Path, scale: int) -> None:
    """Scaled down again it is the given picture, and it is nearer to the true large one than a plain resize."""
    true = sample(256)
    small = true.resize((256 // scale, 256 // scale), Image.Resampling.BICUBIC)
    made = large(run_engine, saved(tmp_path, small), scale)
    assert (256, 256) == made.size
    assert difference(small, made.resize(small.size, Image.Resampling.BOX)) < 4
    assert difference(true, made) < difference(true, small.resize(true.size, Image.Resampling.BICUBIC))


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small tiles and a single large one give the same picture."""
    picture = sample(150)
    whole = span.enlarged(picture, 2, lambda share: None)
    monkeypatch.setitem(span._NETWORKS, 2, replace(span._NETWORKS[2], tile_pixels=40))
    shares: list[float] = []
    tiled = span.enlarged(picture, 2, shares.append)
    apart = np.abs(np.asarray(whole).astype(int) - np.asarray(tiled))
    assert (16, 1.0) == (len(shares), shares[-1])
    assert sorted(shares) == shares
    assert 6 > apart.max()


def test_progress_follows_the_tiles(tmp_path: Path) -> None:
    """A picture of six tiles reports between the first and the last of them."""
    seen: list[int] = []
    path = saved(tmp_path, Image.new("RGB", (500, 300), "teal"))
    upscale(EngineJob({"scale": 2}, {"image": path}, tmp_path, lambda percent, text: seen.append(percent)))
    assert [1, 17, 32, 47, 62, 77, 92, 93] == seen


def test_transparency_is_kept(run_engine: RunEngine, tmp_path: Path) -> None:
    """Clear stays clear and solid solid; a picture without transparency gets no alpha channel."""
    picture = sample(64, "RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 64))
    alpha = np.asarray(large(run_engine, saved(tmp_path, picture)).getchannel("A"))
    assert (0, 255) == (alpha[:, :60].max(), alpha[:, 68:].min())
    assert "RGB" == large(run_engine, saved(tmp_path, sample(64))).mode


def test_orientation_is_honoured(run_engine: RunEngine, tmp_path: Path) -> None:
    """A photograph lying on its side comes back upright."""
    made = large(run_engine, lying(tmp_path, 80, 40))
    assert (80, 160) == made.size
    assert colour_at(made, 40, 10)[0] > 200
    assert colour_at(made, 40, 120)[0] < 60


@pytest.mark.parametrize(("mode", "kind"), UNUSUAL)
def test_unusual_modes_work(run_engine: RunEngine, tmp_path: Path, mode: str, kind: str) -> None:
    """Whatever a PNG, JPEG or GIF may hold is enlarged, in its own colours and brightness."""
    given = saved(tmp_path, sample(64, mode), kind)
    made = large(run_engine, given)
    assert (128, 128) == made.size
    if mode != "1":
        reference = sample(64) if mode in ("CMYK", "P") else sample(64, "L")
        assert difference(reference, made.resize((64, 64), Image.Resampling.BOX)) < 14


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (20_000, 3)])
def test_tiny_and_narrow_pictures_give_a_result(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int]
) -> None:
    """A single pixel is a picture, and so is a line of 20,000; a plain colour stays what it was."""
    made = large(run_engine, saved(tmp_path, Image.new("RGB", size, (200, 40, 90))))
    assert (size[0] * 2, size[1] * 2) == made.size
    assert difference(made, Image.new("RGB", made.size, (200, 40, 90))) < 4


def test_the_first_frame_of_an_animation_is_taken(run_engine: RunEngine, tmp_path: Path) -> None:
    """An animated picture gives one still."""
    red, green, _ = colour_at(large(run_engine, animation(tmp_path, "GIF")), 20, 20)
    assert red > 200
    assert green < 60


@pytest.mark.parametrize(
    ("scale", "quality", "size"),
    [(2, "standard", (3001, 2000)), (4, "standard", (20_000, 113)), (2, "high", (20_000, 31))],
)
def test_what_would_take_too_long_is_refused(
    run_engine: RunEngine, tmp_path: Path, scale: int, quality: str, size: tuple[int, int]
) -> None:
    """The refusal names the bound."""
    path = saved(tmp_path, Image.new("1", size))
    with pytest.raises(EngineRefused, match="megapixels at most"):
        run_engine(upscale, {"scale": scale, "quality": quality}, image=path)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_high_quality_is_the_same_picture_with_crisper_edges(
    run_engine: RunEngine, tmp_path: Path, scale: int
) -> None:
    """Scaled down again it is the given picture; its finest detail is stronger than that of the standard."""
    small = sample(72)
    given = saved(tmp_path, small)
    fine, plain = large(run_engine, given, scale, quality="high"), large(run_engine, given, scale)
    assert (72 * scale, 72 * scale) == fine.size
    assert difference(small, fine.resize(small.size, Image.Resampling.BOX)) < 9
    assert crispness(fine) > crispness(plain)


@pytest.mark.slow
def test_tiles_of_high_quality_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four tiles and a single large one give nearly the same picture, along the seam as elsewhere."""
    picture = sample(96)
    monkeypatch.setattr(esrgan, "_NETWORK", replace(esrgan._NETWORK, tile_pixels=96))
    whole = esrgan.imagined(picture, 4, lambda share: None)
    monkeypatch.setattr(esrgan, "_NETWORK", replace(esrgan._NETWORK, tile_pixels=48))
    apart = np.abs(
        np.asarray(whole).astype(int) - np.asarray(esrgan.imagined(picture, 4, lambda share: None))
    )
    assert 3 > apart[:, 184:200].mean()
    assert 3 > apart.mean()


def crispness(picture: Image.Image) -> float:
    """The mean step from one pixel to the next."""
    return float(np.abs(np.diff(np.asarray(picture.convert("L"), dtype=np.float32), axis=1)).mean())


def test_broken_files_are_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """Each of them is the customer's mistake, and none is decoded beyond its bounds."""
    for path in broken(tmp_path).values():
        with pytest.raises(EngineRefused):
            run_engine(upscale, image=path)


@pytest.mark.parametrize("params", [{"scale": 3}, {"scale": "2"}, {"scale": 0}])
def test_other_scales_are_refused(run_engine: RunEngine, photograph: Path, params: dict[str, object]) -> None:
    """Two and four are what the networks know."""
    with pytest.raises(EngineRefused, match="scale"):
        run_engine(upscale, params, image=photograph)


def test_the_file_says_how_it_was_made(run_engine: RunEngine, tmp_path: Path) -> None:
    """The method is in the file and in the facts."""
    result = run_engine(upscale, {"scale": 4}, image=saved(tmp_path, sample(16)))
    with Image.open(result.files[0].path) as opened:
        assert ("Vermilion upscaler", result.facts["method"]) == (
            opened.info["Software"],
            opened.info["method"],
        )
    assert {"method": "SPAN (spanx4_ch48)", "scale": 4, "quality": "standard"} == result.facts
