"""The composer by its pictures: same wish, same picture; other words, other light; they look as they did."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.engines.conftest import RunEngine

from vermilion.engines.composer import art
from vermilion.engines.composer.engine import compose
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.render.picture import render
from vermilion.engines.composer.saving import METHOD, SOFTWARE
from vermilion.engines.composer.scene.graph import Land, Scene, Time
from vermilion.engines.composer.scene.staging import stage
from vermilion.engines.contract import EngineJob, EngineRefused, EngineUnavailable

Pixels = npt.NDArray[np.float32]
#: Four by four mean colours of small pictures, row by row, in hexadecimal.
GOLDEN: dict[str, str] = {
    "a red fox in the snow at dawn": (
        "8c8fa98c95b48192b87a8ab2d5bbb1ddbfb5dabfb8d4bab2b6b195d48f75c7b9a8b3aa94beb5c6b88685c1b0beb1a8b8"
    ),
    "two sailboats on the sea at sunset": (
        "68416da163729a5e75644172d47168db7a6ace6971c86374d9804fef9750e1814dd2775161485f84576261446057415f"
    ),
    "ein Drache über der Burg in den Bergen": (
        "7492a98ca19d8b8e86b6ac9bc5af8ac8a37dc29881d9ac888f7c62d99286d19096c0957f6d76287c774766584e77743c"
    ),
    "a robot in a rainy city street at night": (
        "202d5439486f2b39641c294f303e63394970324372303c5e313c513c3f5e373e5e2f3e4d1e263d262e481f28411e253b"
    ),
    "三只猫在沙漠里": (
        "7e4f6b734870694374684472d36d67de7f6cd17071ce6d72c1673fcc6c40d17945cc6f438f4825914926b35a30974b28"
    ),
    "a cat in a cozy living room": (
        "5e7c787e97908c7c8882797f6876707b958dce807db47c7b8a826bb38565bb9471a593757a5c46755651775a527e5d46"
    ),
    "tropical fish underwater": (
        "53cadc56d3e754d1e558ccdd329fca399de040aace37a6d03277921d71a62874982a74995d89814e8492618f8e528483"
    ),
    "astronaut on the moon": (
        "373056402939733848572f242a1b317848584c2d3122141852444b9985906e6571443f446d6c6e706c747471766d6c6d"
    ),
    "un papillon dans la forêt --style stained-glass": (
        "9daec1a4b0c1adbac69fa8b8aab0b2b3ac9abcbbacb3b6aca19e97b7af95b6afa2aca99b9f9791a69886a49684a3998e"
    ),
}
GOLDEN_DISTANCE_MAX = 7.0  #: in steps of 255; another seed is farther away than that


def picture(run_engine: RunEngine, **params: object) -> Pixels:
    made = run_engine(compose, {"size": 256, "seed": 4, **params}).files[0]
    with Image.open(made.path) as opened:
        assert (made.width, made.height) == opened.size
        return np.asarray(opened.convert("RGB"), dtype=np.float32)


def means(pixels: Pixels) -> Pixels:
    """Mean colours of four by four fields."""
    height, width = pixels.shape[0] // 4 * 4, pixels.shape[1] // 4 * 4
    fields = pixels[:height, :width].reshape(4, height // 4, 4, width // 4, 3)
    return np.asarray(fields.mean(axis=(1, 3)), dtype=np.float32).reshape(16, 3)


def test_the_same_wish_gives_the_same_bytes(run_engine: RunEngine) -> None:
    """Prompt, seed and size decide every pixel."""
    wish = {"prompt": "a boat on the sea at sunset", "seed": 7, "size": 256}
    first, second = (run_engine(compose, wish).files[0].path.read_bytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("prompt", GOLDEN)
def test_pictures_look_as_they_did(run_engine: RunEngine, prompt: str) -> None:
    """The colours of every part of the picture are those that were looked at and found good."""
    expected = np.frombuffer(bytes.fromhex(GOLDEN[prompt]), dtype=np.uint8).reshape(16, 3)
    assert np.abs(means(picture(run_engine, prompt=prompt)) - expected).mean() < GOLDEN_DISTANCE_MAX


def test_another_seed_gives_another_picture(run_engine: RunEngine) -> None:
    """Seeds differ by much more than grain."""
    first, second = (picture(run_engine, prompt="mountains at dawn", seed=seed) for seed in (1, 2))
    assert np.abs(first - second).mean() > 5


def test_sizes_show_the_same_scene(run_engine: RunEngine) -> None:
    """A small preview is the large picture scaled down."""
    large = (
        run_engine(compose, {"prompt": "a castle on a hill at dusk", "size": 640, "seed": 4}).files[0].path
    )
    with Image.open(large) as opened:
        shrunk = np.asarray(opened.convert("RGB").resize((256, 256)), dtype=np.float32)
    assert np.abs(shrunk - picture(run_engine, prompt="a castle on a hill at dusk")).mean() < 8


def test_moods_change_the_light(run_engine: RunEngine) -> None:
    """Night is darker than day and bluer than sunset, whose horizon is warm."""
    sky = {
        mood: picture(run_engine, prompt=f"hills, {mood}")[:120].mean(axis=(0, 1))
        for mood in ("day", "night", "sunset")
    }
    assert sky["night"].mean() < 0.5 * sky["day"].mean()
    assert sky["day"][2] > sky["day"][0]
    assert sky["sunset"][0] > sky["sunset"][2]
    assert sky["night"][2] > 1.3 * sky["night"][0]


def test_colours_of_the_prompt_tint_the_sky(run_engine: RunEngine) -> None:
    """A pink evening is redder than a teal one."""
    pink, teal = (picture(run_engine, prompt=f"hills, {name} sunset")[:120] for name in ("pink", "teal"))
    assert pink[..., 0].mean() > teal[..., 0].mean() + 20


def test_things_have_their_colours() -> None:
    """The same car in blue and in red differs where it is, and as its colours do; the rest is the same."""
    scene = stage(read_prompt("a car in a desert at day"), 4, 1.0)
    blue, red = (
        np.asarray(render(_painted(scene, name), (256, 256), lambda share, text: None), dtype=np.float32)
        for name in ("blue", "red")
    )
    apart = np.abs(blue - red).max(axis=-1) > 60
    assert 0.01 < apart.mean() < 0.3
    assert blue[apart][:, 2].mean() > red[apart][:, 2].mean() + 50


def _painted(scene: Scene, colour: str) -> Scene:
    return msgspec.structs.replace(
        scene, actors=tuple(msgspec.structs.replace(actor, colour=colour) for actor in scene.actors)
    )


def test_gradients_do_not_band(run_engine: RunEngine) -> None:
    """Neighbouring rows of a clear sky differ by no visible step, and none is one flat colour."""
    sky = picture(run_engine, prompt="sea at sunset", size=512)[40:120].mean(axis=2)
    assert sky.std(axis=1).min() > 0.5
    assert np.abs(np.diff(sky.mean(axis=1))).max() < 2.5


def test_a_style_repaints_the_picture(run_engine: RunEngine) -> None:
    """The style network changes strokes and colours, and the scene stays recognisable."""
    plain, styled = (
        picture(run_engine, prompt="a ship on the sea", style=style) for style in (None, "wave-print")
    )
    assert np.abs(plain - styled).mean() > 12
    strokes = [np.abs(np.diff(one.mean(axis=-1), axis=1)).mean() for one in (plain, styled)]
    assert strokes[1] > 1.3 * strokes[0]


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        ("1:1", 256, (256, 256)),
        ("16:9", 512, (512, 288)),
        ("9:16", 256, (144, 256)),
        ("21:9", 420, (420, 180)),
    ],
)
def test_the_longest_side_is_the_size(
    run_engine: RunEngine, ratio: str, size: int, expected: tuple[int, int]
) -> None:
    """Aspect ratio and size give the pixels; `--ar` in the prompt says it too."""
    for wish in ({"prompt": "hills", "aspect_ratio": ratio}, {"prompt": f"hills --ar {ratio}"}):
        made = run_engine(compose, {"size": size, **wish}).files[0]
        assert expected == (made.width, made.height)


def test_count_gives_pictures_with_following_seeds(run_engine: RunEngine) -> None:
    """The second of two pictures is the one that its own seed gives alone."""
    pair = run_engine(compose, {"prompt": "a forest", "seed": 5, "count": 2, "size": 256})
    alone = picture(run_engine, prompt="a forest", seed=6)
    with Image.open(pair.files[1].path) as second:
        assert np.array_equal(alone, np.asarray(second.convert("RGB"), dtype=np.float32))
    assert [5, 6] == [facts["seed"] for facts in pair.facts["pictures"]]


def test_a_grid_shows_its_four_pictures(run_engine: RunEngine) -> None:
    """The grid comes first, then the tiles in its order."""
    made = run_engine(compose, {"prompt": "a cat", "seed": 5, "grid": True, "size": 256})
    assert 5 == len(made.files)
    with Image.open(made.files[0].path) as grid, Image.open(made.files[4].path) as last:
        corner = np.asarray(grid.convert("RGB"))[-256:, -256:]
        assert np.array_equal(corner, np.asarray(last.convert("RGB")))
    assert [1, 2, 3, 4] == [kept["asset"] for kept in made.kept["pictures"]]


def test_pictures_say_how_they_were_made(run_engine: RunEngine) -> None:
    """The metadata names software, prompt, seed, method and the scene, in any script."""
    made = run_engine(compose, {"prompt": "夜の海 and a moon\x01", "seed": 11, "size": 256}).files[0]
    with Image.open(made.path) as opened:
        note = dict(opened.info)
    told = tuple(str(note[name]) for name in ("Software", "prompt", "seed", "method"))
    assert (SOFTWARE, "夜の海 and a moon ", "11", METHOD) == told
    assert "not a diffusion model" in METHOD
    assert 11 == msgspec.json.decode(str(note["scene"]).encode(), type=Scene).seed


def test_progress_rises_and_names_the_steps(tmp_path: Path) -> None:
    """Every step of every picture is reported, never backwards."""
    seen: list[tuple[int, str | None]] = []
    wish = {"prompt": "hills", "size": 256, "count": 2}
    compose(EngineJob(wish, {}, tmp_path, lambda percent, text: seen.append((percent, text))))
    assert sorted(percent for percent, _ in seen) == [percent for percent, _ in seen]
    assert "picture 2 of 2: land" in [text for _, text in seen]


@pytest.mark.parametrize("time", get_args(Time))
@pytest.mark.parametrize("weather", ["", "rain", "snowing", "fog", "rainbow", "fireworks", "fireflies"])
def test_every_light_and_weather_can_be_painted(run_engine: RunEngine, time: str, weather: str) -> None:
    """None is all black, all white or all noise."""
    words = {"golden": "golden hour"}.get(time, time)
    seen = picture(run_engine, prompt=f"a lake, {words}, {weather}")
    assert 15 < seen.mean() < 235
    assert seen.std() > 8


@pytest.mark.parametrize("land", get_args(Land))
@pytest.mark.parametrize("ratio", ["16:9", "9:16"])
def test_every_land_can_be_painted(run_engine: RunEngine, land: str, ratio: str) -> None:
    """Each kind of land works alone and in both orientations."""
    words = {"moon": "on the moon", "space": "outer space"}.get(land, land)
    assert 8 < picture(run_engine, prompt=words, aspect_ratio=ratio).mean() < 235


@pytest.mark.parametrize(
    "prompt", ["⁂", "12345", "a" * 10_000, "ß" * 50, "\u202eabc\u0000", "قطة", "🫥", "?!"]
)
def test_any_text_gives_a_picture(run_engine: RunEngine, prompt: str) -> None:
    """Words that mean nothing here still give a scene, always the same one."""
    assert 20 < picture(run_engine, prompt=prompt).mean() < 240


def test_without_its_art_the_composer_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing or altered art file is the operator's to mend, and the message says how."""
    path = tmp_path / "share" / "vermilion" / "composer-art.zip"
    path.parent.mkdir(parents=True)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    for make in (lambda: None, lambda: path.write_bytes(b"PK")):
        make()
        art.open_archive.cache_clear()
        with pytest.raises(EngineUnavailable, match="make setup"):
            art.open_archive()
    art.open_archive.cache_clear()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"prompt": ""},
        {"prompt": " \n\t"},
        {"prompt": "x" * 10_001},
        {"prompt": "x", "negative_prompt": "y" * 10_001},
        {"prompt": 5},
        {"prompt": "x", "seed": -1},
        {"prompt": "x", "seed": 1.5},
        {"prompt": "x", "size": 255},
        {"prompt": "x", "size": 2049},
        {"prompt": "x", "count": 5},
        {"prompt": "x", "aspect_ratio": "7:1"},
        {"prompt": "x", "style": "cubist"},
        {"prompt": "x", "operation": "sculpt"},
    ],
)
def test_wishes_out_of_bounds_are_refused(run_engine: RunEngine, wrong: dict[str, object]) -> None:
    """What cannot be made is refused as the customer's to change."""
    with pytest.raises(EngineRefused):
        run_engine(compose, wrong)
