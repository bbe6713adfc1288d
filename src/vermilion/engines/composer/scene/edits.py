"""Scene to scene: what every follow-up does. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import msgspec

from vermilion.engines.composer.prompt.reading import Mention, Reading
from vermilion.engines.composer.scene.cast import cast
from vermilion.engines.composer.scene.graph import HORIZON, Actor, Camera, Scene
from vermilion.engines.composer.scene.sizes import standing, times
from vermilion.engines.composer.scene.staging import stage

Box = tuple[float, float, float, float]  #: left, top, right, bottom in the world


def varied(scene: Scene, seed: int) -> Scene:
    """The same things in about the same places, under another sky."""
    dice = random.Random(f"variation|{seed}")  # noqa: S311 - the picture must be the same again
    moved = tuple(
        msgspec.structs.replace(
            actor,
            x=actor.x + dice.uniform(-0.035, 0.035),
            y=actor.y + (dice.uniform(-0.012, 0.012) if actor.place != "air" else dice.uniform(-0.03, 0.03)),
            height=actor.height * dice.uniform(0.94, 1.07),
            flipped=actor.flipped != (dice.random() < 0.25),
        )
        for actor in scene.actors
    )
    if any(actor.front for actor in scene.actors):  # Who sits on somebody must not slide off.
        moved = scene.actors
    sun = scene.sun[0] + dice.uniform(-0.12, 0.12) * scene.width, scene.sun[1]
    cloudiness = min(1.0, max(0.1, scene.cloudiness + dice.uniform(-0.15, 0.15)))
    return msgspec.structs.replace(
        scene, seed=seed, actors=moved, sun=sun, cloudiness=cloudiness, sky_seed=dice.getrandbits(31)
    )


def seen_by(scene: Scene, camera: Camera) -> Scene:
    """The same world through another window."""
    return msgspec.structs.replace(scene, camera=camera)


def remixed(scene: Scene, reading: Reading, seed: int) -> Scene:
    """What the words name changes: who is there, the land, the light, the weather. The rest stays where it was."""
    fresh = stage(reading, seed, scene.camera.width / scene.camera.height)
    same_land = not reading.lands or set(reading.lands) <= set(scene.lands)
    wanted = {one.art: one for one in reading.mentions}
    staying = [
        msgspec.structs.replace(actor, colour=wanted[actor.art].colour)
        for actor in scene.actors
        if actor.art in wanted
    ]
    there = {actor.art for actor in staying}
    coming = tuple(one for one in reading.mentions if one.art not in there)
    replaced = _standing_in(scene, [actor for actor in scene.actors if actor.art not in wanted], coming)
    changed = msgspec.structs.replace(
        scene,
        prompt=reading.text,
        negative=reading.unwanted,
        seed=seed,
        lands=scene.lands if same_land else fresh.lands,
        scatters=scene.scatters if same_land else fresh.scatters,
        time=fresh.time if reading.times or reading.moods or reading.weather else scene.time,
        sun=fresh.sun if reading.times or reading.moods or reading.weather else scene.sun,
        weather=reading.weather or (scene.weather if not reading.times else fresh.weather),
        tint=reading.tint or (scene.tint if not reading.times else None),
        style=reading.style or scene.style,
        actors=(*staying, *replaced[0]),
    )
    dice = random.Random(f"remix|{seed}")  # noqa: S311
    return cast(changed, replaced[1], dice)


def _standing_in(
    scene: Scene, leaving: list[Actor], coming: Sequence[Mention]
) -> tuple[list[Actor], tuple[Mention, ...]]:
    """Newcomers take the places of those who leave, where both stand alike; who is left over is still to be placed."""
    placed, waiting = [], []
    for mention in coming:
        height, place = standing(mention.art)
        alike = {place} if place in ("ground", "float") else {"air", "water"}
        spot = next((actor for actor in leaving if actor.place in alike), None)
        if spot is None or mention.count > 1:
            waiting.append(msgspec.structs.replace(mention, relation="", to=None))
            continue
        leaving.remove(spot)
        usual = standing(spot.art)[0]
        size = spot.height * height * times(mention.size) / usual
        placed.append(
            msgspec.structs.replace(
                spot,
                art=mention.art,
                height=min(0.8, size),
                colour=mention.colour,
                name=mention.word,
                tilt=0.0,
            )
        )
    return placed, tuple(waiting)


def with_things_in(scene: Scene, mentions: Sequence[Mention], box: Box, seed: int) -> Scene:
    """The scene with these things inside a region, as large as it allows."""
    dice = random.Random(f"region|{seed}")  # noqa: S311
    left, top, right, bottom = box
    total = sum(one.count for one in mentions)
    added: list[Actor] = []
    for mention in mentions:
        for _ in range(mention.count):
            height, place = standing(mention.art)
            high = min(height * times(mention.size) * 1.2, (bottom - top) * 0.96)
            if place in ("ground", "float") and bottom < HORIZON + 0.04:
                place = "air"
            x = (
                left
                + (right - left) * (len(added) + 0.5) / total
                + dice.uniform(-0.1, 0.1) * (right - left) / total
            )
            foot = (top + bottom) / 2 if place in ("air", "water") else bottom - (bottom - top) * 0.03
            added.append(
                Actor(art=mention.art, x=round(x, 4), y=round(foot, 4), height=round(high, 4), place=place,
                      colour=mention.colour, name=mention.word, front=1)
            )  # fmt: skip
    return msgspec.structs.replace(scene, actors=(*scene.actors, *added))


def cleared(scene: Scene, boxes: Sequence[Box], gone: Sequence[Actor]) -> Scene:
    """The scene without these actors, and without strewn things in the regions."""
    return msgspec.structs.replace(
        scene,
        actors=tuple(actor for actor in scene.actors if actor not in gone),
        cleared=(*scene.cleared, *boxes)[-16:],
    )


def blended(scenes: Sequence[Scene], camera: Camera, seed: int) -> Scene:
    """The land of the first, the light of the second, and the things of all."""
    first, second = scenes[0], scenes[1 if len(scenes) > 1 else 0]
    mentions: dict[str, Mention] = {}
    for scene in scenes:
        counts = Counter(actor.art for actor in scene.actors)
        for actor in scene.actors:
            count = min(4, max(counts[actor.art], mentions[actor.art].count if actor.art in mentions else 1))
            mentions[actor.art] = Mention(art=actor.art, word=actor.name, count=count, colour=actor.colour)
    dice = random.Random(f"blend|{seed}")  # noqa: S311
    lands = first.lands
    far = next((land for land in second.lands if land in ("mountains", "city", "forest", "hills")), None)
    if far and far not in lands and lands[-1] in ("meadow", "snow", "lake", "sea", "desert", "beach"):
        lands = (far, *lands)
    mixed = msgspec.structs.replace(
        first,
        prompt=" + ".join(dict.fromkeys(scene.prompt for scene in scenes)),
        seed=seed, camera=camera, width=camera.width, lands=lands, time=second.time,
        sun=(min(second.sun[0] / second.width, 1.0) * camera.width, second.sun[1]),
        weather=tuple(dict.fromkeys((*first.weather, *second.weather))),
        tint=first.tint or second.tint, style=first.style or second.style, sky_seed=second.sky_seed, actors=(),
        scatters=tuple(dict.fromkeys((*first.scatters, *second.scatters[:1]))), cleared=(),
    )  # fmt: skip
    return cast(mixed, list(mentions.values())[:8], dice)
