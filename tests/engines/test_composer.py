"""The composer by its pictures: same wish, same picture; other words, other light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.engines.conftest import RunEngine

from vermilion.engines.composer.actors import SHAPES
from vermilion.engines.composer.engine import compose
from vermilion.engines.composer.lexicon import ACTORS, TERRAINS, words_of
from vermilion.engines.composer.moods import MOODS
from vermilion.engines.composer.plan import HEIGHTS, make_plan
from vermilion.engines.composer.request import Request
from vermilion.engines.composer.saving import METHOD, SOFTWARE
from vermilion.engines.contract import EngineJob, EngineRefused


def picture(run_engine: RunEngine, **params: object) -> np.ndarray:
    made = run_engine(compose, {"size": 256, **params}).files[0]
    with Image.open(made.path) as opened:
        assert (made.width, made.height) == opened.size
        return np.asarray(opened.convert("RGB"), dtype=np.float32)


def test_the_same_wish_gives_the_same_bytes(run_engine: RunEngine) -> None:
    """Prompt, seed and size decide every pixel."""
    wish = {"prompt": "a boat on the sea at sunset", "seed": 7, "size": 256}
    first, second = (run_engine(compose, wish).files[0].path.read_bytes() for _ in range(2))
    assert first == second


def test_another_seed_gives_another_picture(run_engine: RunEngine) -> None:
    """Seeds differ by much more than grain."""
    first, second = (picture(run_engine, prompt="mountains at dawn", seed=seed) for seed in (1, 2))
    assert np.abs(first - second).mean() > 5


def test_sizes_show_the_same_scene(run_engine: RunEngine) -> None:
    """A small preview is the large picture scaled down."""
    large = run_engine(compose, {"prompt": "a castle on a hill at dusk", "size": 512}).files[0].path
    with Image.open(large) as opened:
        shrunk = np.asarray(opened.convert("RGB").resize((256, 256)), dtype=np.float32)
    assert np.abs(shrunk - picture(run_engine, prompt="a castle on a hill at dusk")).mean() < 12


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
    """A pink sky is redder than a teal one."""
    pink, teal = (
        picture(run_engine, prompt=f"{name} sky over hills at day")[:120] for name in ("pink", "teal")
    )
    assert pink[..., 0].mean() > teal[..., 0].mean() + 20


def test_gradients_do_not_band(run_engine: RunEngine) -> None:
    """In a clear sky no row is one flat colour, and neighbouring rows differ by no visible step."""
    sky = picture(run_engine, prompt="clear sunset over the sea", size=512)[40:150].mean(axis=2)
    assert sky.std(axis=1).min() > 0.5
    assert np.abs(np.diff(sky.mean(axis=1))).max() < 2.5


def test_water_mirrors_the_sky(run_engine: RunEngine) -> None:
    """A lake takes its colour from the sky above it."""
    sunset, day = (
        picture(run_engine, prompt=f"a lake at {mood}", seed=3)[170:215] for mood in ("sunset", "day")
    )
    assert sunset[..., 0].mean() - sunset[..., 2].mean() > day[..., 0].mean() - day[..., 2].mean() + 20


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        ("1:1", 256, (256, 256)),
        ("16:9", 512, (512, 288)),
        ("9:16", 256, (144, 256)),
        ("4:3", 400, (400, 300)),
    ],
)
def test_the_longest_side_is_the_size(
    run_engine: RunEngine, ratio: str, size: int, expected: tuple[int, int]
) -> None:
    """Aspect ratio and size give the pixels."""
    made = run_engine(compose, {"prompt": "hills", "aspect_ratio": ratio, "size": size}).files[0]
    assert expected == (made.width, made.height)


def test_count_gives_pictures_with_following_seeds(run_engine: RunEngine) -> None:
    """The second of two pictures is the one that its own seed gives alone."""
    pair = run_engine(compose, {"prompt": "a forest", "seed": 5, "count": 2, "size": 256})
    alone = picture(run_engine, prompt="a forest", seed=6)
    with Image.open(pair.files[1].path) as second:
        assert np.array_equal(alone, np.asarray(second.convert("RGB"), dtype=np.float32))
    assert [5, 6] == [facts["seed"] for facts in pair.facts["pictures"]]


def test_pictures_say_how_they_were_made(run_engine: RunEngine) -> None:
    """The metadata names the software, prompt, seed and method, in any script."""
    made = run_engine(compose, {"prompt": "夜の海 and a moon\x01", "seed": 11, "size": 256}).files[0]
    with Image.open(made.path) as opened:
        note = opened.info
    assert (SOFTWARE, "夜の海 and a moon ", "11", METHOD) == tuple(
        note[name] for name in ("Software", "prompt", "seed", "method")
    )


def test_progress_rises_with_the_layers(tmp_path: Path) -> None:
    """Every layer of every picture is reported, never backwards."""
    seen: list[int] = []
    wish = {"prompt": "hills", "size": 256, "count": 2}
    compose(EngineJob(wish, {}, tmp_path, lambda percent, text: seen.append(percent)))
    assert sorted(seen) == seen
    assert len(seen) == 9


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"prompt": ""},
        {"prompt": " \n\t"},
        {"prompt": "x" * 10001},
        {"prompt": "x", "negative_prompt": "y" * 10001},
        {"prompt": 5},
        {"prompt": "x", "seed": -1},
        {"prompt": "x", "seed": 1.5},
        {"prompt": "x", "size": 255},
        {"prompt": "x", "size": 2049},
        {"prompt": "x", "count": 5},
        {"prompt": "x", "aspect_ratio": "7:1"},
    ],
)
def test_wishes_out_of_bounds_are_refused(run_engine: RunEngine, wrong: dict[str, object]) -> None:
    """What cannot be made is refused as the customer's to change."""
    with pytest.raises(EngineRefused):
        run_engine(compose, wrong)


@pytest.mark.parametrize("prompt", ["⁂", "12345", "a" * 4000, "ß" * 50, "\u202e\u0000", "-- ; DROP"])
def test_any_text_gives_a_picture(run_engine: RunEngine, prompt: str) -> None:
    """Words that mean nothing here still give a scene."""
    assert 20 < picture(run_engine, prompt=prompt).mean() < 240


def test_words_choose_the_scene() -> None:
    """Terrain, mood, weather and actors follow the words; unwanted ones are left out."""
    plan = make_plan(Request(prompt="Two boats on a stormy sea at night", negative_prompt="night"))
    assert ("storm", ("sea",)) == (plan.mood.name, plan.terrains)
    assert [] == [actor.kind for actor in plan.actors if actor.kind != "boat"]
    assert len(plan.actors) >= 2


def test_plurals_are_heard() -> None:
    """`Cities`, `beaches` and `foxes` name what `city`, `beach` and `fox` name."""
    spoken = set(words_of("cities beaches trees"))
    assert {"city", "beach", "tree"} <= spoken


@pytest.mark.parametrize("mood", MOODS, ids=lambda mood: mood.name)
def test_every_mood_can_be_painted(run_engine: RunEngine, mood: object) -> None:
    """No mood is all black, all white or all noise."""
    seen = picture(run_engine, prompt=f"hills {mood.words[0]}")  # type: ignore[attr-defined]
    assert 15 < seen.mean() < 235
    assert seen.std() > 8


@pytest.mark.parametrize("terrain", TERRAINS)
@pytest.mark.parametrize("ratio", ["16:9", "9:16"])
def test_every_terrain_can_be_painted(run_engine: RunEngine, terrain: str, ratio: str) -> None:
    """Each kind of land works alone and in both orientations."""
    assert 15 < picture(run_engine, prompt=terrain, aspect_ratio=ratio).mean() < 235


def test_every_actor_has_a_size_and_is_seen(run_engine: RunEngine) -> None:
    """Whatever the lexicon can name is drawn."""
    grown = {"oak", "pine", "palm"}
    assert set(ACTORS) == set(HEIGHTS) == set(SHAPES) | grown
    without = picture(run_engine, prompt="sea day")
    assert [] == [
        kind
        for kind, words in ACTORS.items()
        if np.abs(picture(run_engine, prompt=f"sea day {words[0]}") - without).max() < 20
    ]
