"""From words to a plan: what is in the scene and where, before a single pixel is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vermilion.engines.composer.lexicon import ACTORS, LAND_TINTS, TERRAINS, TINTS, WEATHER, named, words_of
from vermilion.engines.composer.moods import MOODS, Mood
from vermilion.engines.composer.request import Request

HOURS = frozenset({"dawn", "sunset", "golden", "dusk", "night", "aurora", "neon", "cosmic"})
FLYING = frozenset({"balloon", "rocket", "birds"})
AFLOAT = frozenset({"boat", "whale"})
CROWDS = {"oak": 3, "pine": 6, "palm": 3, "cactus": 4, "house": 3, "balloon": 3, "boat": 2, "birds": 1}
HEIGHTS = {"castle": 0.2, "lighthouse": 0.24, "windmill": 0.17, "tower": 0.2, "oak": 0.17, "pine": 0.19, "palm": 0.2,
           "house": 0.095, "boat": 0.15, "balloon": 0.17, "rocket": 0.17, "birds": 0.12, "person": 0.085,
           "cat": 0.07, "deer": 0.12, "fox": 0.085, "whale": 0.08, "cactus": 0.1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Actor:
    """One thing in the scene: its foot (or middle, if it flies) at x, y and its height, all in picture heights."""

    kind: str
    x: float
    y: float
    height: float
    flipped: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The scene. `key` seeds every detail; `light` is where the sun or moon stands."""

    key: str
    mood: Mood
    terrains: tuple[str, ...]
    weather: frozenset[str]
    tint: str | None
    horizon: float
    light: tuple[float, float]
    actors: tuple[Actor, ...]

    @property
    def water(self) -> bool:
        """Whether the ground in front of the horizon is water."""
        return bool({"sea", "lake"}.intersection(self.terrains))

    @property
    def sky_tint(self) -> str | None:
        """The colour asked for, unless it is one that land has and skies have not."""
        return None if self.tint in LAND_TINTS else self.tint

    @property
    def snowy(self) -> bool:
        """Whether the ground is white."""
        white = self.mood.name in ("winter", "aurora") or "snowfall" in self.weather
        return white or "snowfield" in self.terrains


def make_plan(request: Request, number: int = 0) -> Plan:
    """The plan of the request's picture `number`; the same request always gives the same plans."""
    key = f"{request.prompt}|{request.seed + number}|{request.aspect_ratio}|{request.negative_prompt or ''}"
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big"))
    unwanted = set(words_of(request.negative_prompt or ""))
    words = tuple(word for word in words_of(request.prompt) if word not in unwanted)
    width, height = request.pixels
    aspect = width / height
    mood = _mood(words, rng)
    terrains = _terrains(words, rng)
    horizon = _horizon(terrains, aspect, rng)
    light = _light(mood, horizon, aspect, rng)
    return Plan(
        key=key,
        mood=mood,
        terrains=terrains,
        weather=frozenset(named(words, WEATHER)),
        tint=next((TINTS[word] for word in words if word in TINTS), None),
        horizon=horizon,
        light=light,
        actors=_actors(words, terrains, horizon, light, aspect, rng),
    )


def _mood(words: tuple[str, ...], rng: np.random.Generator) -> Mood:
    """The mood that most words speak of, those of an hour twice; by chance a fair one if none."""
    weights = [2 if mood.name in HOURS else 1 for mood in MOODS]
    scores = [
        weight * len(set(words).intersection(mood.words)) for mood, weight in zip(MOODS, weights, strict=True)
    ]
    firsts = [min((at for at, word in enumerate(words) if word in mood.words), default=999) for mood in MOODS]
    best = min(range(len(MOODS)), key=lambda at: (-scores[at], firsts[at]))
    return MOODS[best] if scores[best] else MOODS[int(rng.integers(0, 5))]


def _terrains(words: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    found = named(words, TERRAINS)
    if found:
        return found
    choices: tuple[tuple[str, ...], ...] = (
        ("mountains",), ("hills",), ("mountains", "lake"), ("forest",), ("sea",), ("mountains", "hills"), ("desert",)
    )  # fmt: skip
    return choices[int(rng.integers(0, len(choices)))]


def _horizon(terrains: tuple[str, ...], aspect: float, rng: np.random.Generator) -> float:
    low = 0.56 if {"mountains", "city", "forest", "canyon"}.intersection(terrains) else 0.6
    return low + 0.06 * float(rng.random()) + (0.03 if aspect < 1 else 0.0)


def _light(mood: Mood, horizon: float, aspect: float, rng: np.random.Generator) -> tuple[float, float]:
    """On a third of the width rather than in the middle, which looks composed."""
    side = 0.3 if rng.random() < 0.5 else 0.7
    low, high = mood.altitude
    x = (side + 0.1 * (float(rng.random()) - 0.5)) * aspect
    return x, horizon * (1 - low - (high - low) * float(rng.random()))


def _actors(
    words: tuple[str, ...],
    terrains: tuple[str, ...],
    horizon: float,
    light: tuple[float, float],
    aspect: float,
    rng: np.random.Generator,
) -> tuple[Actor, ...]:
    water = bool({"sea", "lake"}.intersection(terrains))
    slots = _slots(light[0] / aspect, rng)
    actors: list[Actor] = []
    for kind in _cast(words, water):
        for copy in range(_copies(kind, words, rng)):
            x = (next(slots) if copy == 0 else 0.06 + 0.88 * float(rng.random())) * aspect
            actors.append(_placed(kind, x, copy, water, horizon, aspect, rng))
    return tuple(sorted(actors, key=lambda actor: (actor.kind not in FLYING, actor.y)))


def _cast(words: tuple[str, ...], water: bool) -> tuple[str, ...]:
    """Who appears: nobody sails on land, and `palm trees` are palms alone."""
    kinds = named(words, ACTORS)
    if {"palm", "pine", "cactus"}.intersection(kinds) and not set(ACTORS["oak"][1:]).intersection(words):
        kinds = tuple(kind for kind in kinds if kind != "oak")
    return tuple(kind for kind in kinds if water or kind not in AFLOAT)


def _copies(kind: str, words: tuple[str, ...], rng: np.random.Generator) -> int:
    """One when it is named in the singular, a few in the plural (a plural leaves two forms in `words`)."""
    forms = [word for word in words if word in ACTORS[kind]]
    plural = (
        any(f"{word}s" in words or f"{word[:-1]}ies" in words for word in forms)
        or "village" in words
        or ("trees" in words and kind in ("palm", "pine"))
    )
    most = CROWDS.get(kind, 1)
    return max(2, most - int(rng.integers(0, 2))) if plural and most > 1 else 1


def _placed(
    kind: str, x: float, copy: int, water: bool, horizon: float, aspect: float, rng: np.random.Generator
) -> Actor:
    """Farther means higher up and smaller; whoever swims or flies leaves the ground."""
    depth = 0.55 if copy == 0 else float(rng.random()) * 0.6
    room = 1.0 - horizon
    size = HEIGHTS[kind] * (0.75 + 1.0 * depth) * (1.2 if copy == 0 else 1.0) * min(1.0, 0.55 + 0.45 * aspect)
    flipped = bool(rng.random() < 0.5)
    if kind in FLYING:
        return Actor(kind, x, horizon * (0.24 + 0.4 * float(rng.random())), size * 1.15, flipped)
    if kind in AFLOAT:
        return Actor(kind, x, horizon + room * (0.1 + 0.4 * depth), size, flipped)
    return Actor(
        kind,
        x,
        horizon + room * ((0.84 if water else 0.26) + (0.12 if water else 0.42) * depth),
        size,
        flipped,
    )


def _slots(light_share: float, rng: np.random.Generator) -> Iterator[float]:
    """Shares of the width for the first of each kind: opposite the light first, never twice the same."""
    first = 0.68 if light_share < 0.5 else 0.32
    order = [first, 1 - first, 0.5, 0.16, 0.84, 0.42, 0.58]
    while True:
        for share in order:
            yield share + 0.05 * (float(rng.random()) - 0.5)
