"""From what a prompt asks for to a scene. Pure: the same reading and seed always give the same scene."""

from __future__ import annotations

import random
from typing import get_args

from vermilion.engines.composer.prompt.reading import Reading
from vermilion.engines.composer.scene.cast import cast
from vermilion.engines.composer.scene.graph import Camera, Land, Scatter, Scene, Time
from vermilion.engines.composer.scene.sizes import home_of, standing

_FAR: frozenset[Land] = frozenset({"mountains", "hills", "city", "forest"})
_SOLE: frozenset[Land] = frozenset({"space", "moon", "underwater", "room"})
_COMMON: tuple[tuple[Land, ...], ...] = (
    ("hills", "meadow"), ("mountains", "meadow"), ("mountains", "lake"), ("hills", "lake"), ("forest",),
    ("hills", "sea"), ("mountains", "forest"),
)  # fmt: skip
_TIMES: tuple[Time, ...] = ("day", "day", "golden", "golden", "sunset", "sunset", "dawn")
_OF_MOOD: dict[str, tuple[Time, ...]] = {
    "gloomy": ("storm", "dusk", "night"), "dreamy": ("dusk", "sunset", "aurora"), "calm": ("dawn", "golden"),
    "happy": ("day", "golden"), "hot": ("golden", "sunset"), "cold": ("dawn", "dusk"),
}  # fmt: skip
_SUN_HEIGHT: dict[Time, tuple[float, float]] = {
    "dawn": (0.46, 0.54), "day": (0.12, 0.22), "golden": (0.34, 0.44), "sunset": (0.46, 0.55), "dusk": (0.6, 0.64),
    "night": (0.12, 0.24), "aurora": (0.16, 0.2), "storm": (0.1, 0.2),
}  # fmt: skip
_SCATTERS: dict[Land, tuple[tuple[tuple[str, ...], float, float], ...]] = {
    "meadow": ((("1F333", "1F332"), 5, 0.3), (("1F33C", "1F337", "1F33B"), 16, 0.055), (("1F33F",), 8, 0.05)),
    "hills": ((("1F333", "1F332", "1F332"), 7, 0.28), (("1F33C",), 8, 0.05)),
    "mountains": ((("1F332",), 9, 0.26), (("1FAA8",), 2, 0.09)),
    "lake": ((("1F332", "1F333"), 4, 0.26), (("1F33E",), 6, 0.12)),
    "beach": ((("1F334",), 3, 0.42), (("1F41A",), 4, 0.045), (("1FAA8",), 3, 0.1)),
    "forest": ((("1F332", "1F333", "1F332"), 16, 0.46), (("1F344",), 5, 0.06), (("1F33F",), 14, 0.06)),
    "desert": ((("1F335",), 6, 0.2), (("1FAA8",), 5, 0.09)),
    "snow": ((("1F332",), 10, 0.34), (("1FAA8",), 3, 0.1)),
    "underwater": ((("1FAB8",), 7, 0.17), (("1F33F",), 6, 0.15), (("1FAA8",), 4, 0.12)),
    "moon": ((("1FAA8",), 9, 0.09),),
    "city": ((("1F333",), 3, 0.26),),
}  # fmt: skip


def stage(reading: Reading, seed: int, aspect: float) -> Scene:
    """The scene of a reading, seen by a camera of this shape."""
    dice = random.Random(f"{reading.text}|{seed}")  # noqa: S311 - the picture must be the same again
    lands = _with_shore(_lands(reading, dice), reading)
    time = _time(reading, lands, dice)
    weather = _weather(reading, lands, dice)
    scene = Scene(
        prompt=reading.text,
        negative=reading.unwanted,
        seed=seed,
        time=time,
        lands=lands,
        camera=Camera(0.0, 0.0, aspect, 1.0),
        width=aspect,
        sun=(aspect * dice.uniform(0.2, 0.8), dice.uniform(*_SUN_HEIGHT[time])),
        weather=weather,
        cloudiness=_cloudiness(reading, time, dice),
        tint=reading.tint,
        mood=reading.moods[0] if reading.moods else "",
        style=reading.style,
        palette_shift=round(dice.uniform(-1, 1), 3) if reading.unknown else 0.0,
        sky_seed=dice.getrandbits(31),
        land_seed=dice.getrandbits(31),
        scatters=_scatters(reading, lands, dice),
    )
    return cast(scene, reading.mentions, dice)


def _lands(reading: Reading, dice: random.Random) -> tuple[Land, ...]:
    """What is far comes first, what is stood on last."""
    named = list(reading.lands) or list(home_of([one.art for one in reading.mentions]))
    if not named:
        return dice.choice(_COMMON)
    for sole in _SOLE:
        if sole in named:
            return (sole,)
    order: list[Land] = [
        "mountains",
        "hills",
        "city",
        "forest",
        "meadow",
        "desert",
        "snow",
        "lake",
        "sea",
        "beach",
    ]
    lands = [land for land in order if land in named][:3]
    if lands == ["mountains"]:
        lands.append(dice.choice(["meadow", "lake"]))
    if lands in (["lake"], ["meadow"], ["snow"]):
        lands.insert(
            0, dice.choice(["hills", "mountains", "forest"] if lands != ["snow"] else ["mountains", "hills"])
        )
    return tuple(lands)


def _with_shore(lands: tuple[Land, ...], reading: Reading) -> tuple[Land, ...]:
    """A shore before the water for those who neither float nor fly."""
    upon = {one.art for one in reading.mentions if one.to is not None and one.relation in ("on", "above")}
    stands = any(standing(one.art)[1] == "ground" and one.art not in upon for one in reading.mentions)
    return (*lands, "beach") if lands[-1] in ("lake", "sea") and stands and "beach" not in lands else lands


def _time(reading: Reading, lands: tuple[Land, ...], dice: random.Random) -> Time:
    """Two lights at once are the later one: a `night storm` is a storm."""
    if reading.times:
        both = [time for time in get_args(Time) if time in reading.times]
        return both[-1]  # type: ignore[no-any-return] # a member of Time
    if lands[-1] in ("space", "moon"):
        return "night"
    for mood in reading.moods:
        if mood in _OF_MOOD:
            return dice.choice(_OF_MOOD[mood])
    if "fireworks" in reading.weather or "fireflies" in reading.weather:
        return "night"
    if "rain" in reading.weather:
        return dice.choice(("storm", "dusk", "day"))
    return dice.choice(_TIMES)


def _weather(reading: Reading, lands: tuple[Land, ...], dice: random.Random) -> tuple[str, ...]:
    weather = list(reading.weather)
    if "storm" in reading.times and "rain" not in weather and "snow" not in lands:
        weather.append("rain")
    if "snow" in lands and "rain" not in weather and dice.random() < 0.5 and "snowfall" not in weather:
        weather.append("snowfall")
    return tuple(weather)


def _cloudiness(reading: Reading, time: Time, dice: random.Random) -> float:
    if time == "storm":
        return 0.95
    if "clouds" in reading.weather or "rain" in reading.weather:
        return 0.75
    return round(dice.uniform(0.2, 0.55), 3)


def _scatters(reading: Reading, lands: tuple[Land, ...], dice: random.Random) -> tuple[Scatter, ...]:
    """What grows and lies about, without what the prompt does not want or names itself."""
    from vermilion.engines.composer.prompt.reading import read_prompt  # noqa: PLC0415 - read only when needed

    unwanted = {one.art for one in read_prompt(reading.unwanted).mentions} if reading.unwanted else set()
    found = []
    for land in lands:
        for art, density, height in _SCATTERS.get(land, ()):
            kept = tuple(one for one in art if one not in unwanted)
            if "lake" in lands:
                kept = tuple(one for one in kept if one != "1F41A")
            if "snow" in lands:
                kept = tuple(one for one in kept if one in {"1F332", "1FAA8"})
            if kept and not ({"1F333", "1F332"} & unwanted and {"1F333", "1F332"} & set(kept)):
                found.append(Scatter(kept, density * dice.uniform(0.6, 1.3), height, dice.getrandbits(31)))
    return tuple(found)
