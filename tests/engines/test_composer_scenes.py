"""Scenes are plain data: the same words and seed stage the same scene, and follow-ups change no more than they say."""

from __future__ import annotations

import msgspec
import pytest

from vermilion.engines.composer.art import things
from vermilion.engines.composer.prompt.reading import read_prompt
from vermilion.engines.composer.scene.cast import width_of
from vermilion.engines.composer.scene.edits import blended, cleared, remixed, seen_by, varied, with_things_in
from vermilion.engines.composer.scene.graph import Actor, Camera, Scene
from vermilion.engines.composer.scene.staging import stage


def scene(prompt: str, seed: int = 5, aspect: float = 1.0, negative: str = "") -> Scene:
    return stage(read_prompt(prompt, negative), seed, aspect)


def named(scene: Scene, label: str) -> list[Actor]:
    return [actor for actor in scene.actors if things()[actor.art].label == label]


def test_a_scene_survives_json() -> None:
    """What is kept for follow-ups is the whole scene."""
    made = scene("two red cats under a tree in the rain at night --style cut-paper")
    assert made == msgspec.json.decode(msgspec.json.encode(made), type=Scene)


def test_words_and_seed_decide_the_scene() -> None:
    """The same twice; another seed arranges it differently."""
    assert scene("three cats on a hill") == scene("three cats on a hill")
    assert scene("three cats on a hill") != scene("three cats on a hill", 6)


@pytest.mark.parametrize("seed", range(6))
def test_counts_and_places_are_kept(seed: int) -> None:
    """Everyone who was asked for is there, inside the frame."""
    for prompt, label, count in (("five ducks on a lake", "duck", 5), ("three cats and a dog", "cat", 3)):
        made = scene(prompt, seed, 1.5)
        assert count == len(named(made, label))
        for actor in made.actors:
            assert 0 <= actor.x - width_of(actor) / 2 + 0.02
            assert actor.x + width_of(actor) / 2 <= 1.52
            assert 0 < actor.y <= 1


@pytest.mark.parametrize("seed", range(6))
def test_relations_are_seen(seed: int) -> None:
    """On, above, under, beside, behind and in front of are what they say."""
    on = scene("a cat on a horse", seed)
    cat, horse = named(on, "cat")[0], named(on, "horse")[0]
    assert cat.y < horse.y - 0.5 * horse.height
    assert abs(cat.x - horse.x) < width_of(horse) / 2
    above = scene("a dragon above a castle", seed)
    dragon, castle = named(above, "dragon")[0], named(above, "castle")[0]
    assert dragon.y < castle.y - castle.height * 0.7
    behind = scene("a cow behind a dog", seed)
    assert named(behind, "cow")[0].y < named(behind, "dog")[0].y
    front = scene("a rabbit in front of a house", seed)
    assert named(front, "rabbit")[0].y > named(front, "house")[0].y
    assert named(front, "rabbit")[0].front > named(front, "house")[0].front
    beside = scene("a cat beside a car", seed)
    cat, car = (
        named(beside, "cat")[0],
        named(beside, "red car" if named(beside, "red car") else "automobile")[0],
    )
    assert abs(cat.x - car.x) > 0.3 * (width_of(cat) + width_of(car))


def test_sizes_are_seen() -> None:
    """A huge cat is larger than a tiny one."""
    huge, tiny = (named(scene(f"a {size} cat"), "cat")[0].height for size in ("huge", "tiny"))
    assert huge > 2 * tiny


def test_things_are_at_home() -> None:
    """Without a named land, fish swim, penguins stand on snow and camels in the desert."""
    lands = [
        scene(prompt).lands[-1]
        for prompt in ("a tropical fish", "a penguin", "a camel", "a rocket near a planet")
    ]
    assert ["underwater", "snow", "desert"] == lands[:3]
    assert scene("a cat by the sea").lands[-1] == "beach"


def test_unwanted_things_are_not_strewn_either() -> None:
    """`No trees` clears them from the land."""
    strewn = [art for one in scene("a meadow", negative="trees").scatters for art in one.art]
    assert not {"1F333", "1F332"} & set(strewn)


def test_a_variation_keeps_the_cast() -> None:
    """Subtle: the same things, about where they were, under another sky."""
    before = scene("a fox and a rabbit in a meadow")
    after = varied(before, 9)
    assert [one.art for one in before.actors] == [one.art for one in after.actors]
    assert all(abs(a.x - b.x) < 0.05 for a, b in zip(before.actors, after.actors, strict=True))
    assert before.sky_seed != after.sky_seed
    assert after == varied(before, 9)


def test_a_remix_changes_what_the_words_change() -> None:
    """Who is named again stays in place, a newcomer takes the place of who left, the light follows the words."""
    before = scene("a fox and a castle in the mountains at day")
    after = remixed(before, read_prompt("a bear and a castle in the mountains at night"), 3)
    assert named(before, "castle") == named(after, "castle")
    assert named(before, "fox")[0].x == named(after, "bear")[0].x
    assert ("night", before.lands, before.camera) == (after.time, after.lands, after.camera)


def test_another_window_shows_the_same_world() -> None:
    """Zoom and pan change the camera and nothing else."""
    before = scene("a lighthouse by the sea")
    after = seen_by(before, Camera(-0.5, -0.5, 2.0, 2.0))
    assert before == msgspec.structs.replace(after, camera=before.camera)


def test_a_region_is_cleared_and_filled() -> None:
    """Who stood there goes, who is named comes, within the region."""
    before = scene("a cat and a dog in a meadow")
    [cat] = named(before, "cat")
    after = cleared(before, [(0.0, 0.5, 0.4, 1.0)], [cat])
    after = with_things_in(after, read_prompt("a penguin").mentions, (0.1, 0.5, 0.4, 0.95), 3)
    assert ([], 1) == (named(after, "cat"), len(named(after, "dog")))
    [penguin] = named(after, "penguin")
    assert 0.1 < penguin.x < 0.4
    assert penguin.height < 0.45


def test_a_blend_has_the_things_of_all() -> None:
    """Land of the first, light of the second."""
    one, other = scene("a fox in a meadow at day"), scene("two penguins in the snow at night")
    both = blended([one, other], Camera(0, 0, 1.5, 1.0), 4)
    assert {"fox", "penguin"} == {things()[actor.art].label for actor in both.actors}
    assert (one.lands[-1], other.time) == (both.lands[-1], both.time)
