"""Background removal on a real photograph, and on pictures that are unusual or broken."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.engines.conftest import RunEngine

from vermilion.engines.contract import EngineRefused, EngineUnavailable
from vermilion.engines.cutout.still import cut_out
from vermilion.engines.weights import weights_path


def alpha_of(run_engine: RunEngine, path: Path) -> np.ndarray:
    made = run_engine(cut_out, image=path).files[0]
    with Image.open(made.path) as opened:
        assert ("RGBA", (made.width, made.height)) == (opened.mode, opened.size)
        return np.asarray(opened.getchannel("A"), dtype=np.float32) / 255


def saved(tmp_path: Path, picture: Image.Image, kind: str, **options: object) -> Path:
    path = tmp_path / "given"
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    path.write_bytes(buffer.getvalue())
    return path


def test_the_subject_stays_and_the_background_goes(run_engine: RunEngine, photograph: Path) -> None:
    """Face and suit are opaque, the corners behind are transparent, and the edge between is soft."""
    alpha = alpha_of(run_engine, photograph)
    assert (512, 512) == alpha.shape
    assert alpha[60:160, 190:270].mean() > 0.97
    assert alpha[330:450, 120:260].mean() > 0.97
    assert alpha[:120, :100].mean() < 0.03
    assert alpha[:200, 400:].mean() < 0.05
    assert 0.005 < ((alpha > 0.1) & (alpha < 0.9)).mean() < 0.12


def test_colours_of_the_subject_are_kept(run_engine: RunEngine, photograph: Path) -> None:
    """Only the alpha channel is new."""
    made = run_engine(cut_out, image=photograph).files[0]
    with Image.open(made.path) as cut, Image.open(photograph) as given:
        assert np.array_equal(np.asarray(given.convert("RGB")), np.asarray(cut.convert("RGB")))


def test_orientation_is_honoured(run_engine: RunEngine, photograph: Path, tmp_path: Path) -> None:
    """A photograph lying on its side by its EXIF data comes back upright."""
    with Image.open(photograph) as given:
        lying = given.convert("RGB").resize((300, 400)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = alpha_of(run_engine, saved(tmp_path, lying, "JPEG", exif=exif, quality=95))
    assert (400, 300) == alpha.shape
    assert alpha[60:110, 115:155].mean() > 0.9
    assert alpha[:80, :50].mean() < 0.1


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("CMYK", "JPEG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("LA", "PNG"),
        ("I;16", "PNG"),
        ("1", "PNG"),
    ],
)
def test_unusual_modes_work(
    run_engine: RunEngine, photograph: Path, tmp_path: Path, mode: str, kind: str
) -> None:
    """Whatever a PNG, JPEG or GIF may hold is cut out like any other picture."""
    with Image.open(photograph) as given:
        grey = given.convert("L").resize((160, 160))
        colour = given.convert("RGB").resize((160, 160))
    if mode == "I;16":
        deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        path = saved(tmp_path, deep, kind)
    else:
        path = saved(tmp_path, (grey if mode in ("L", "LA", "1") else colour).convert(mode), kind)
    alpha = alpha_of(run_engine, path)
    assert (160, 160) == alpha.shape
    if mode != "1":
        assert alpha[20:50, 60:84].mean() > 0.7


def test_the_first_frame_of_an_animation_is_taken(
    run_engine: RunEngine, photograph: Path, tmp_path: Path
) -> None:
    """An animated picture gives one still cut-out."""
    with Image.open(photograph) as given:
        frames = [given.convert("RGB").resize((120, 120)), Image.new("RGB", (120, 120), "red")]
    path = saved(tmp_path, frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)
    assert alpha_of(run_engine, path)[15:38, 45:63].mean() > 0.7


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 3)])
def test_tiny_and_narrow_pictures_give_a_result(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int]
) -> None:
    """A single pixel is a picture, too."""
    assert size[::-1] == alpha_of(run_engine, saved(tmp_path, Image.new("RGB", size, "teal"), "PNG")).shape


def test_transparent_parts_stay_transparent(run_engine: RunEngine, photograph: Path, tmp_path: Path) -> None:
    """The mask never brings back what was cut away before."""
    with Image.open(photograph) as given:
        holed = given.convert("RGBA")
    holed.paste((0, 0, 0, 0), (200, 80, 240, 120))
    assert 0 == alpha_of(run_engine, saved(tmp_path, holed, "PNG"))[85:115, 205:235].max()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"<svg/>"])
def test_what_is_no_picture_is_refused(run_engine: RunEngine, tmp_path: Path, content: bytes) -> None:
    """Other files are the customer's mistake."""
    path = tmp_path / "given.png"
    path.write_bytes(content)
    with pytest.raises(EngineRefused):
        run_engine(cut_out, image=path)


def test_no_picture_at_all_is_refused(run_engine: RunEngine) -> None:
    """The file is required."""
    with pytest.raises(EngineRefused, match="no image"):
        run_engine(cut_out)


def test_missing_or_altered_weights_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The operator reads what to run, and an altered file is never loaded."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(EngineUnavailable, match="make setup"):
        weights_path("u2netp.onnx")
    altered = tmp_path / "share" / "vermilion" / "weights" / "u2netp.onnx"
    altered.parent.mkdir(parents=True)
    altered.write_bytes(b"other")
    with pytest.raises(EngineUnavailable, match="make setup"):
        weights_path("u2netp.onnx")
