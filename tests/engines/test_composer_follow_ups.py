"""Follow-ups of the composer: what stays, what changes, what comes out, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.engines.pictures import UNUSUAL, animation, broken, lying, sample, saved

from vermilion.engines.composer.art import things
from vermilion.engines.composer.engine import compose
from vermilion.engines.composer.wishes import read
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult

Run = Callable[..., EngineResult]
Pixels = npt.NDArray[np.float32]
ON_SCENES = ("variation", "reroll", "remix", "seed")
ON_PICTURES = ("upscale", "zoom-out", "pan", "make-square", "inpaint", "outpaint", "image-to-image", "video")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Calls an operation with a parent's facts and files, as the local provider does."""
    calls = iter(range(1000))

    def call(
        operation: str, parent: EngineResult | None = None, files: dict[str, Path] | None = None, **wish: Any
    ) -> EngineResult:
        out_dir = tmp_path / f"out-{next(calls)}"
        out_dir.mkdir()
        given = dict(files or {})
        if parent is not None:
            wish["parent"] = {**parent.facts, **parent.kept}
            given |= {f"parent/{number}": file.path for number, file in enumerate(parent.files)}
        params = {"operation": operation, "seed": 3, **wish}
        return compose(EngineJob(params, given, out_dir, lambda percent, text: None))

    return call


@pytest.fixture
def parent(run: Run) -> EngineResult:
    """A fox and a house in a meadow, 256 pixels square."""
    return run("text-to-image", prompt="a fox and a house in a meadow at day", size=256)


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """White in the lower left quarter."""
    picture = Image.new("L", (64, 64))
    picture.paste(255, (4, 32, 30, 62))
    return saved(tmp_path, picture)


def pixels(result: EngineResult, number: int = 0) -> Pixels:
    with Image.open(result.files[number].path) as opened:
        return np.asarray(opened.convert("RGB"), dtype=np.float32)


def sizes(result: EngineResult) -> list[tuple[int | None, int | None]]:
    return [(file.width, file.height) for file in result.files]


def cast(result: EngineResult) -> dict[str, int]:
    shown: dict[str, int] = result.facts["pictures"][0]["shows"]["things"]
    return shown


def test_a_subtle_variation_is_nearer_than_a_strong_one(run: Run, parent: EngineResult) -> None:
    """Both differ from the parent and show the same things."""
    subtle, strong = (run("variation", parent, strength=how, seed=9) for how in ("subtle", "strong"))
    away = [np.abs(pixels(one) - pixels(parent)).mean() for one in (subtle, strong)]
    assert 3 < away[0] < away[1]
    assert cast(parent) == cast(subtle) == cast(strong)


def test_a_reroll_and_a_variation_make_grids(run: Run, parent: EngineResult) -> None:
    """Four tiles and the grid, as large as the parent each."""
    for operation in ("variation", "reroll"):
        made = run(operation, parent, grid=True)
        assert [(516, 516), *[(256, 256)] * 4] == sizes(made)
        assert 4 == len({one["seed"] for one in made.facts["pictures"]})


def test_a_tile_is_named_by_its_number(run: Run) -> None:
    """Follow-ups of a grid work on the tile, not on the grid."""
    grid = run("text-to-image", prompt="a cat", size=256, grid=True)
    third = run("upscale", grid, index=3)
    small = np.asarray(
        Image.open(third.files[0].path).resize((256, 256), Image.Resampling.LANCZOS), dtype=np.float32
    )
    assert np.abs(small - pixels(grid, 3)).mean() < 4
    assert grid.facts["pictures"][2]["seed"] == run("seed", grid, index=3).facts["seed"]
    with pytest.raises(EngineRefused, match="no number 4"):
        run("upscale", run("text-to-image", prompt="a cat", size=256), index=4)


def test_a_remix_follows_the_new_words(run: Run, parent: EngineResult) -> None:
    """Another animal at night in the same place."""
    made = run("remix", parent, prompt="a bear and a house in a meadow at night", strength="subtle")
    assert {"bear": 1, "house": 1} == cast(made)
    assert pixels(made).mean() < 0.7 * pixels(parent).mean()


@pytest.mark.parametrize(("scale", "mode"), [(2, "subtle"), (4, "subtle"), (2, "creative"), (4, "creative")])
def test_upscales_show_the_same_larger(run: Run, parent: EngineResult, scale: int, mode: str) -> None:
    """Scaled down again, it is the parent."""
    made = run("upscale", parent, scale=scale, mode=mode)
    assert [(256 * scale, 256 * scale)] == sizes(made)
    small = np.asarray(
        Image.open(made.files[0].path).resize((256, 256), Image.Resampling.BOX), dtype=np.float32
    )
    assert np.abs(small - pixels(parent)).mean() < 8


@pytest.mark.parametrize("factor", [1.5, 2.0, 3.3])
def test_zooming_out_keeps_the_picture_in_the_middle(run: Run, parent: EngineResult, factor: float) -> None:
    """As many pixels, and the parent is found where it has to be."""
    made = run("zoom-out", parent, factor=factor)
    assert [(256, 256)] == sizes(made)
    side = round(256 / factor)
    start = (256 - side) // 2
    inner = pixels(made)[start : start + side, start : start + side]
    with Image.open(parent.files[0].path) as opened:
        small = np.asarray(opened.convert("RGB").resize((side, side), Image.Resampling.BOX), dtype=np.float32)
    assert np.abs(inner - small).mean() < 16
    assert np.corrcoef(inner.mean(axis=-1).ravel(), small.mean(axis=-1).ravel())[0, 1] > 0.85


@pytest.mark.parametrize(
    ("direction", "size", "corner"),
    [
        ("left", (384, 256), (128, 0)),
        ("right", (384, 256), (0, 0)),
        ("up", (256, 384), (0, 128)),
        ("down", (256, 384), (0, 0)),
    ],
)
def test_pans_add_one_side(
    run: Run, parent: EngineResult, direction: str, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """Half as much again on the side that was named, and the rest as it was."""
    made = run("pan", parent, direction=direction)
    assert [size] == sizes(made)
    inner = pixels(made)[corner[1] : corner[1] + 256, corner[0] : corner[0] + 256]
    assert np.abs(inner - pixels(parent)).mean() < 16


def test_words_of_a_pan_stand_in_what_is_new(run: Run, parent: EngineResult) -> None:
    """The newcomer is on the added side."""
    made = run("pan", parent, direction="right", prompt="a rabbit")
    newcomer = next(
        one for one in made.kept["pictures"][0]["scene"]["actors"] if things()[one["art"]].label == "rabbit"
    )
    assert newcomer["x"] > 1.0


def test_make_square_adds_no_more_than_is_missing(run: Run) -> None:
    """Wide and high pictures become square, a square stays as it is."""
    wide = run("text-to-image", prompt="hills", size=320, aspect_ratio="16:9")
    assert [(320, 320)] == sizes(run("make-square", wide))
    square = run("make-square", run("make-square", wide))
    assert [(320, 320)] == sizes(square)


def test_inpainting_changes_the_region_alone(run: Run, mask: Path) -> None:
    """On a scene and on a photograph, what the mask leaves black stays as it was."""
    parent = run("text-to-image", prompt="a mountain lake", size=256)
    photograph = run("image-to-image", files={"image": mask}, size=256)
    for before in (parent, photograph):
        made = run("inpaint", before, {"mask": mask}, prompt="a penguin")
        changed = np.abs(pixels(made) - pixels(before)).max(axis=-1)
        assert changed[140:240, 30:110].mean() > 12
        assert 0 == changed[:100].max() == changed[:, 150:].max()
    assert {"penguin": 1} == cast(run("inpaint", parent, {"mask": mask}, prompt="a penguin"))


def test_who_stands_in_the_region_goes(run: Run, parent: EngineResult, tmp_path: Path) -> None:
    """Without words the land goes on where the mask is white."""
    white = saved(tmp_path, Image.new("L", (8, 8), 255))
    assert {} == cast(run("inpaint", parent, {"mask": white}))


def test_outpainting_counts_pixels(run: Run, parent: EngineResult, tmp_path: Path) -> None:
    """Of a scene and of any picture, whose old part stays exactly."""
    assert [(316, 286)] == sizes(run("outpaint", parent, left=60, bottom=30))
    path = saved(tmp_path, sample(120))
    made = run("outpaint", files={"image": path}, left=10, top=20, right=30)
    assert [(160, 140)] == sizes(made)
    assert np.array_equal(pixels(made)[20:140, 10:130], np.asarray(sample(120), dtype=np.float32))


def test_blends_join_scenes(run: Run, parent: EngineResult) -> None:
    """Pictures of the composer bring their scenes in their files."""
    other = run("text-to-image", prompt="two penguins in the snow at night", size=256)
    made = run("blend", files={"images/0": parent.files[0].path, "images/1": other.files[0].path}, size=256)
    assert {"fox": 1, "house": 1, "penguin": 2} == {
        name: cast(made)[name] for name in ("fox", "house", "penguin")
    }
    assert [(256, 256)] == sizes(made)


def test_blends_join_any_pictures(run: Run, parent: EngineResult, photograph: Path) -> None:
    """Left and right keep their own colours."""
    made = run(
        "blend",
        files={"images/0": parent.files[0].path, "images/1": photograph},
        size=256,
        aspect_ratio="3:2",
    )
    assert [(256, 171)] == sizes(made)
    assert {} == made.facts["pictures"][0]["shows"]
    with pytest.raises(EngineRefused):
        run("blend", files={"images/0": photograph})


@pytest.mark.parametrize("keep", ["subject", "structure", "colours"])
def test_pictures_guide_pictures(run: Run, photograph: Path, keep: str) -> None:
    """What is kept is found again: the face, the whole, or the mean colour."""
    made = run(
        "image-to-image",
        files={"image": photograph},
        prompt="a moonlit forest with an owl",
        keep=keep,
        size=256,
    )
    with Image.open(photograph) as opened:
        before = np.asarray(opened.convert("RGB").resize((256, 256)), dtype=np.float32)
    after = pixels(made)
    assert np.abs(after - before).mean() > 5
    if keep == "structure":
        assert np.abs(after - before)[:, :100].mean() < 4
    if keep == "colours":
        assert np.abs(after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))).max() < 60


def test_a_style_picture_gives_its_style(run: Run, photograph: Path, tmp_path: Path) -> None:
    """Two style pictures paint the same photograph differently."""
    styles = [
        saved(tmp_path, Image.effect_noise((64, 64), 90)),
        saved(tmp_path, Image.new("RGB", (64, 64), "orange")),
    ]
    one, other = (
        run("image-to-image", files={"image": photograph, "style_image": style}, size=256) for style in styles
    )
    assert np.abs(pixels(one) - pixels(other)).mean() > 8


@pytest.mark.parametrize(("codec", "name"), [("vp9", "vp9"), ("av1", "libdav1d")])
def test_films_move(run: Run, parent: EngineResult, codec: str, name: str) -> None:
    """As long and as large as asked, in the asked codec, and the last frame is not the first."""
    made = run("video", parent, seconds=3, fps=16, size=256, codec=codec, motion="right")
    with av.open(str(made.files[0].path)) as film:
        frames = [frame.to_ndarray(format="rgb24").astype(np.float32) for frame in film.decode(video=0)]
        assert (name, 48) == (film.streams.video[0].codec.name, len(frames))
    assert (256, 256) == (frames[0].shape[1], frames[0].shape[0])
    assert np.abs(frames[0] - frames[-1]).mean() > 3
    assert np.abs(frames[24] - frames[25]).mean() < 6


def test_any_picture_can_be_filmed(run: Run, photograph: Path) -> None:
    """Its main thing moves before what is behind it."""
    made = run("video", files={"image": photograph}, seconds=3, fps=16, size=256, motion="orbit")
    assert 2 == made.facts["layers"]


@pytest.mark.parametrize("operation", ON_PICTURES)
def test_files_that_are_no_pictures_are_refused(run: Run, tmp_path: Path, mask: Path, operation: str) -> None:
    """Truncated, lying about its type, a bomb: a refusal each."""
    for path in broken(tmp_path).values():
        with pytest.raises(EngineRefused):
            run(
                operation,
                files={"image": path, "mask": mask},
                direction="left",
                left=10,
                prompt="a cat",
                scale=4,
            )


@pytest.mark.parametrize("operation", ["outpaint", "image-to-image", "inpaint", "upscale"])
def test_unusual_pictures_are_taken(run: Run, tmp_path: Path, operation: str) -> None:
    """CMYK, grey, palette, 16 bits, animated, turned by EXIF, one pixel: a result each."""
    given = [saved(tmp_path, sample(48, mode), kind) for mode, kind in UNUSUAL]
    given += [
        animation(tmp_path, "GIF"),
        lying(tmp_path, 60, 40),
        saved(tmp_path, Image.new("RGB", (1, 1), "red")),
    ]
    white = saved(tmp_path, Image.new("L", (8, 8), 255))
    for path in given:
        assert run(operation, files={"image": path, "mask": white}, left=10, size=256).files


@pytest.mark.parametrize(
    "operation", ["outpaint", "pan", "zoom-out", "upscale", "inpaint", "video", *ON_SCENES]
)
def test_follow_ups_of_nothing_are_refused(run: Run, mask: Path, operation: str) -> None:
    """Without a parent and without a picture there is nothing to follow up."""
    with pytest.raises(EngineRefused):
        run(operation, files={"mask": mask}, left=10, prompt="x")


def test_a_parent_whose_picture_is_gone_still_has_its_scene(run: Run, parent: EngineResult) -> None:
    """What needs the pixels is refused with a code of its own; what needs the scene goes on."""
    for file in parent.files:
        file.path.unlink()
    forgotten = EngineResult((), parent.facts, parent.kept)
    with pytest.raises(EngineRefused) as refused:
        run("upscale", forgotten)
    assert "parent_gone" == refused.value.code
    assert run("variation", forgotten).files


@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        ("upscale", {"scale": 3}),
        ("upscale", {"index": 0}),
        ("zoom-out", {"factor": 1.0}),
        ("zoom-out", {"factor": float("nan")}),
        ("pan", {"direction": "sideways"}),
        ("pan", {"amount": 7}),
        ("outpaint", {"left": -5}),
        ("outpaint", {}),
        ("video", {"seconds": 60}),
        ("video", {"codec": "h264"}),
        ("remix", {"prompt": " "}),
        ("inpaint", {}),
        ("image-to-image", {"keep": "nothing"}),
    ],
)
def test_wrong_wishes_are_refused(
    run: Run, parent: EngineResult, operation: str, wrong: dict[str, Any]
) -> None:
    """Each with a sentence."""
    with pytest.raises(EngineRefused):
        run(operation, parent, **wrong)


def test_an_empty_mask_is_refused(run: Run, parent: EngineResult, tmp_path: Path) -> None:
    """Nothing white, nothing to do."""
    black = saved(tmp_path, Image.new("L", (8, 8)))
    with pytest.raises(EngineRefused) as refused:
        run("inpaint", parent, {"mask": black})
    assert "empty_mask" == refused.value.code


def test_forged_scenes_are_only_pictures(run: Run, tmp_path: Path) -> None:
    """A customer's file that claims to bring a scene is read as a picture when the scene makes no sense."""
    for text in ("{}", "[" * 9_000, '{"version": 9}', "x" * 300_000):
        note = PngInfo()
        note.add_itxt("scene", text, zip=True)
        path = saved(tmp_path, sample(64), "PNG", pnginfo=note)
        assert run("outpaint", files={"image": path}, left=10).files


@pytest.mark.parametrize(
    "forged",
    [
        {"camera": {"x": 0, "y": 0, "width": 1e-9, "height": 1e-9}},
        {"camera": {"x": 1e300, "y": 0, "width": 1, "height": 1}},
        {"width": 1e9},
        {"lands": []},
        {"style": "../../etc/passwd"},
        {"tint": "octarine"},
        {"sun": [1e200, 0]},
        {"seed": -1},
        {"actors": [{"art": "nothing", "x": 0.5, "y": 0.8, "height": 0.3}]},
        {"actors": [{"art": "1F98A", "x": 0.5, "y": 0.8, "height": 1e6}]},
        {"actors": [{"art": "1F98A", "x": 0.5, "y": 0.8, "height": 0.3}] * 500},
        {"scatters": [[["1F332"], 1e12, 0.3, 1]]},
        {"scatters": [{"art": ["1F332"], "density": 1e12, "height": 0.3, "seed": 1}]},
    ],
)
def test_forged_scenes_out_of_bounds_are_ignored(
    run: Run, parent: EngineResult, tmp_path: Path, forged: dict[str, Any]
) -> None:
    """The picture is taken as a picture: its old part stays exactly, which no scene's repainting does."""
    note = PngInfo()
    note.add_itxt("scene", json.dumps({**parent.kept["pictures"][0]["scene"], **forged}), zip=True)
    path = saved(tmp_path, sample(64), "PNG", pnginfo=note)
    made = run("outpaint", files={"image": path}, left=10)
    assert np.array_equal(pixels(made)[:, 10:], np.asarray(sample(64), dtype=np.float32))


def test_wishes_without_values_take_the_defaults(tmp_path: Path) -> None:
    """`null` is as good as leaving a field out."""
    job = EngineJob({"prompt": "x", "style": None, "seed": None}, {}, tmp_path, lambda percent, text: None)
    assert (0, None) == (read(job).seed, read(job).style)
