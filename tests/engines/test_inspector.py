"""What an upload is, found from its bytes; bad files are refused, never half accepted."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from tests.engines.conftest import RunEngine

from vermilion.engines.contract import EngineRefused
from vermilion.engines.inspector import inspect_file


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def given(tmp_path: Path, content: bytes, name: str = "given.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refusal(run_engine: RunEngine, path: Path) -> str:
    with pytest.raises(EngineRefused) as refused:
        run_engine(inspect_file, file=path)
    return refused.value.code


PHOTO = Image.radial_gradient("L").convert("RGB").resize((900, 600))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_pictures_are_known_by_their_bytes(run_engine: RunEngine, tmp_path: Path, kind: str) -> None:
    """Type and size are found whatever the file is called, and a small WebP shows it."""
    result = run_engine(inspect_file, file=given(tmp_path, encoded(PHOTO, kind)))
    assert {"content_type": f"image/{kind.lower()}", "width": 900, "height": 600} == result.facts
    thumbnail = result.files[0]
    assert ("image/webp", 512, 341) == (thumbnail.content_type, thumbnail.width, thumbnail.height)
    with Image.open(thumbnail.path) as opened:
        assert ("WEBP", (512, 341)) == (opened.format, opened.size)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": [1, 2]}', "application/json"),
        ("plain words, größer\n".encode(), "text/plain"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    ],
)
def test_other_files_are_known_by_their_bytes(
    run_engine: RunEngine, tmp_path: Path, content: bytes, expected: str
) -> None:
    """The closed list of accepted types, each with nothing but its name."""
    result = run_engine(inspect_file, file=given(tmp_path, content, "given.png"))
    assert ((), {"content_type": expected}) == (result.files, result.facts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF\x02\x01\x01" + b"\0" * 60,
        b"MZ\x90\0" + b"\0" * 60,
        b"PK\x03\x04" + b"\0" * 60,
        b"\x1aE\xdf\xa3\x93B\x82\x88matroska",
        b"RIFF\0\0\0\0AVI LIST",
        b"BM" + b"\0" * 60,
        b"II*\0" + b"\0" * 60,
        b"caf\xe9 in latin-1",
        b"a\0b",
    ],
)
def test_everything_else_is_refused(run_engine: RunEngine, tmp_path: Path, content: bytes) -> None:
    """A type that is not on the list is not accepted under any name."""
    assert "unsupported_media" == refusal(run_engine, given(tmp_path, content, "given.png"))


def test_deeply_nested_json_is_only_text(run_engine: RunEngine, tmp_path: Path) -> None:
    """What cannot be parsed as JSON within bounds is not called JSON."""
    result = run_engine(inspect_file, file=given(tmp_path, b"[" * 200_000))
    assert "text/plain" == result.facts["content_type"]
    assert json.loads("[]") == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_truncated_pictures_are_refused(run_engine: RunEngine, tmp_path: Path, kind: str) -> None:
    """A picture whose end is missing is not accepted as a grey half."""
    content = encoded(PHOTO, kind)
    assert refusal(run_engine, given(tmp_path, content[: len(content) // 2])).endswith("_picture")


def png_header(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("size", [(8000, 5001), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_by_their_header(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int]
) -> None:
    """More than 40 megapixels are refused before a single one is decoded."""
    assert refusal(run_engine, given(tmp_path, png_header(*size))) in ("picture_too_large", "damaged_picture")


def test_animations_are_counted_and_timed(run_engine: RunEngine, tmp_path: Path) -> None:
    """Frames and duration come from the file."""
    frames = [Image.new("RGB", (40, 30), (at * 20, 0, 90)) for at in range(5)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=120)
    facts = run_engine(inspect_file, file=given(tmp_path, content)).facts
    assert (5, 0.6, 40, 30) == tuple(facts[name] for name in ("frames", "duration_s", "width", "height"))


def test_endless_animations_are_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """More than 300 frames are too many."""
    frames = [Image.new("L", (2, 2), at % 251) for at in range(301)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20)
    assert "too_many_frames" == refusal(run_engine, given(tmp_path, content))


def test_orientation_turns_size_and_thumbnail(run_engine: RunEngine, tmp_path: Path) -> None:
    """Width and height are what a person sees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    result = run_engine(inspect_file, file=given(tmp_path, encoded(PHOTO, "JPEG", exif=exif)))
    assert (600, 900) == (result.facts["width"], result.facts["height"])
    assert (341, 512) == (result.files[0].width, result.files[0].height)


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_jpeg_modes_and_single_pixels_work(run_engine: RunEngine, tmp_path: Path, mode: str) -> None:
    """The smallest picture of each mode has facts and a thumbnail of one pixel."""
    result = run_engine(inspect_file, file=given(tmp_path, encoded(Image.new(mode, (1, 1)), "JPEG")))
    assert (1, 1) == (result.facts["width"], result.files[0].height)


@pytest.mark.parametrize("size", [(20_000, 3), (1, 9000)])
def test_the_narrowest_pictures_have_a_thumbnail(
    run_engine: RunEngine, tmp_path: Path, size: tuple[int, int]
) -> None:
    """A side that would vanish stays one pixel."""
    result = run_engine(inspect_file, file=given(tmp_path, encoded(Image.new("RGB", size), "PNG")))
    assert {512, 1} == {result.files[0].width, result.files[0].height}


def test_transparency_survives_in_the_thumbnail(run_engine: RunEngine, tmp_path: Path) -> None:
    """A cut-out's thumbnail is cut out, too."""
    clear = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
    made = run_engine(inspect_file, file=given(tmp_path, encoded(clear, "PNG"))).files[0]
    with Image.open(made.path) as opened:
        assert "RGBA" == opened.mode


def test_no_file_is_refused(run_engine: RunEngine) -> None:
    """The file is required."""
    with pytest.raises(EngineRefused, match="no file"):
        run_engine(inspect_file)


def glb(description: object, *, length: int | None = None) -> bytes:
    """A binary glTF with this description and nothing else."""
    text = description if isinstance(description, bytes) else json.dumps(description).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIIII", b"glTF", 2, length or 20 + len(text), len(text), 0x4E4F534A) + text


def test_models_are_counted(run_engine: RunEngine, tmp_path: Path) -> None:
    """A 3-D model tells how many meshes, nodes and materials it has."""
    model = glb(
        {"asset": {"version": "2.0"}, "meshes": [{}, {}], "nodes": [{}], "buffers": [{"byteLength": 4}]}
    )
    facts = run_engine(inspect_file, file=given(tmp_path, model)).facts
    assert {"content_type": "model/gltf-binary", "meshes": 2, "nodes": 1, "materials": 0} == facts


@pytest.mark.parametrize(
    "model",
    [
        b"glTF\x02\0\0\0\x0c\0\0\0",
        glb({"asset": {}}, length=10_000),
        glb(b"not json"),
        glb(b"[" * 100_000),
        glb([]),
        glb({"meshes": []}),
        glb({"asset": {}, "meshes": 7}),
        glb({"asset": {}, "images": [{"uri": "https://example.org/a.png"}]}),
        glb({"asset": {}, "buffers": [{"uri": "../../etc/passwd"}]}),
        glb({"asset": {}, "nodes": [0] * 100_001}),
    ],
)
def test_broken_models_are_refused(run_engine: RunEngine, tmp_path: Path, model: bytes) -> None:
    """A model that is cut short, makes no sense, is endless or names further files is not accepted."""
    assert refusal(run_engine, given(tmp_path, model)).endswith(("_model", "_media", "model_too_large"))
