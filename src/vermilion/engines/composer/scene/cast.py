"""Puts the things that a prompt names into a scene: who is where, how large, and behind whom."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from vermilion.engines.composer.art import picture_of, things
from vermilion.engines.composer.prompt.reading import Mention
from vermilion.engines.composer.scene.graph import Actor, Place, Scene, shrink
from vermilion.engines.composer.scene.sizes import is_building, standing, times

_MAIN_FOOT = 0.88
_CROWD = {1: 1.0, 2: 0.9, 3: 0.8, 4: 0.72, 5: 0.66}
_FLOATS_ON = frozenset({"sea", "lake", "beach"})


def cast(scene: Scene, mentions: Sequence[Mention], dice: random.Random) -> Scene:
    """The scene with everything that was mentioned."""
    director = _Director(scene, dice, sum(one.count for one in mentions))
    for number in _in_order(mentions):
        director.place(number, mentions[number])
    return msgspec.structs.replace(scene, actors=(*scene.actors, *director.fitted()))


def _in_order(mentions: Sequence[Mention]) -> list[int]:
    """Those first by whom others are placed; ties that run in a circle are placed as they were named."""
    order: list[int] = []
    waiting = list(range(len(mentions)))
    while waiting:
        ready = [number for number in waiting if mentions[number].to is None or mentions[number].to in order]
        order.append((ready or waiting)[0])
        waiting.remove(order[-1])
    return order


def width_of(actor: Actor) -> float:
    """How wide a thing of this height is."""
    picture = picture_of(actor.art)
    return actor.height * picture.width / picture.height


class _Director:
    """Places one mention after another; `groups` remembers the actors of each."""

    def __init__(self, scene: Scene, dice: random.Random, total: int) -> None:
        self.scene, self.dice = scene, dice
        self.left, self.right = scene.camera.x, scene.camera.x + scene.camera.width
        self.groups: dict[int, list[Actor]] = {}
        self.crowd = _CROWD.get(total, 0.58 if total < 9 else 0.46) * min(
            1.0, 0.45 + 0.55 * scene.camera.width
        )

    def place(self, own: int, mention: Mention) -> None:
        """Everyone of a mention, next to what it is tied to."""
        height, place = standing(mention.art)
        place = self._place(mention, place)
        if self.scene.lands[-1] == "room" and height < 0.24:  # Small things indoors are looked at closely.
            height *= 1.45
        height *= (
            times(mention.size) * self.crowd * (1.25 if len(self.groups) == 0 and mention.count == 1 else 1.0)
        )
        target = self.groups[mention.to][0] if mention.to in self.groups else None
        group = self.groups[own] = []
        for number in range(mention.count):
            group.append(  # noqa: PERF401 - the next one looks where this one stands
                self._one(mention, min(height, 0.78), place, target=target, number=number)
            )

    def fitted(self) -> list[Actor]:
        """All actors, drawn together where they would stand outside of the frame."""
        everyone = [actor for _, group in sorted(self.groups.items()) for actor in group]
        return [self._inside(actor) for actor in everyone]

    def _place(self, mention: Mention, place: Place) -> Place:
        land = self.scene.lands[-1]
        if land == "space":
            return "air"
        if land == "underwater":
            return (
                "ground"
                if place == "ground" and things()[mention.art].subgroup in (38, 41, 50, 51, 52, 55, 63)
                else "water"
            )
        if place in ("float", "water"):
            return "float" if _FLOATS_ON & set(self.scene.lands) else "ground" if place == "float" else "air"
        if mention.relation == "above" and mention.to is not None:
            return "air"
        return place

    def _one(
        self, mention: Mention, height: float, place: Place, *, target: Actor | None, number: int
    ) -> Actor:
        actor = Actor(
            art=mention.art, x=0.0, y=0.0, height=height, place=place, colour=mention.colour, name=mention.word,
            flipped=self.dice.random() < 0.35,
        )  # fmt: skip
        if target is not None and mention.relation in _RELATIONS:
            return _RELATIONS[mention.relation](self, actor, target, number)
        if place == "air":
            return self._in_the_air(actor)
        if place == "water":
            return self._at(actor, self._free_x(width_of(actor)), self.dice.uniform(0.25, 0.78), scaled=False)
        return self._on_the_ground(actor, mention, number)

    def _on_the_ground(self, actor: Actor, mention: Mention, number: int) -> Actor:
        if is_building(actor.art):
            foot = 0.83 if "beach" in self.scene.lands else self.dice.uniform(0.7, 0.76)
            return self._at(actor, self._free_x(width_of(actor)), foot, scaled=False)
        if actor.place == "float":
            low = 0.8 if "beach" not in self.scene.lands else 0.72
            foot = low + (0.05 if number == 0 else self.dice.uniform(-0.13, 0.0))
        elif mention.count == 1:
            foot = _MAIN_FOOT if len(self.groups) == 1 else self.dice.uniform(0.8, 0.92)
        else:
            foot = 0.92 - 0.16 * ((number * 0.618 + 0.1) % 1.0)
        return self._at(actor, self._free_x(width_of(actor)), foot, scaled=True)

    def _in_the_air(self, actor: Actor) -> Actor:
        high, low = (0.16, 0.36) if self.scene.lands[-1] != "space" else (0.25, 0.7)
        if self.scene.lands[-1] == "space" and len(self.groups) == 1:
            high, low = 0.45, 0.55
        return self._at(
            actor, self._free_x(width_of(actor), airborne=True), self.dice.uniform(high, low), scaled=False
        )

    def _at(self, actor: Actor, x: float, y: float, *, scaled: bool) -> Actor:
        height = actor.height * (shrink(y) if scaled else 1.0)
        return msgspec.structs.replace(actor, x=round(x, 4), y=round(y, 4), height=round(height, 4))

    def _free_x(self, width: float, *, airborne: bool = False) -> float:
        """The best of some places: away from the others, and the first one off the middle by a third at most."""
        others = [
            one for group in self.groups.values() for one in group if _in_the_way(one, airborne=airborne)
        ]
        span = self.right - self.left
        edge = min(width / 2 + 0.03, span / 2)
        if not others and not airborne:
            return self.left + span * self.dice.uniform(0.4, 0.6)
        tried = [self.dice.uniform(self.left + edge, self.right - edge) for _ in range(16)]

        def room(x: float) -> float:
            return min((abs(x - one.x) - (width_of(one) + width) / 2 for one in others), default=0.0)

        return max(tried, key=lambda x: min(room(x), 0.06) - 0.04 * abs(x - self.left - span / 2))

    def _inside(self, actor: Actor) -> Actor:
        half = min(width_of(actor) / 2, (self.right - self.left) / 2)
        x = min(max(actor.x, self.left + half), self.right - half)
        y = (
            max(actor.y, actor.height / 2 + 0.02)
            if actor.place == "air"
            else max(actor.y, actor.height + 0.02)
        )
        return msgspec.structs.replace(actor, x=round(x, 4), y=round(y, 4))

    def on(self, actor: Actor, target: Actor, number: int) -> Actor:
        """Upon the other one; of two alike, beside each other on it. A flier is over it."""
        if actor.place == "air":
            return self.above(actor, target, number)
        share = 0.93 if is_building(target.art) else 0.74
        height = min(actor.height, max(0.12, target.height * (0.5 if is_building(target.art) else 0.85)))
        top = (
            target.y - target.height * share
            if target.place != "air"
            else target.y - target.height * (share - 0.5)
        )
        if top - height < 0.02:
            height = max(0.1, top - 0.02)
        shift = (number % 2 * 2 - 1) * number * height * 0.5
        return msgspec.structs.replace(
            actor,
            x=target.x + shift,
            y=round(top, 4),
            height=round(height, 4),
            place="float" if target.place == "float" else "ground",
            front=target.front + 1,
        )

    def above(self, actor: Actor, target: Actor, number: int) -> Actor:
        """In the air over the other one."""
        top = target.y - target.height * (0.5 if target.place == "air" else 1.0)
        y = max(actor.height / 2 + 0.03, top - actor.height * 0.62)
        shift = (number - 0.0) * actor.height * 0.9 * (-1) ** number + self.dice.uniform(-0.05, 0.05)
        return msgspec.structs.replace(actor, x=target.x + shift, y=round(y, 4), place="air")

    def under(self, actor: Actor, target: Actor, number: int) -> Actor:
        """Below what flies, and at the foot of what stands."""
        if target.place == "air":
            return self._at(actor, target.x, max(_MAIN_FOOT, target.y + target.height), scaled=False)
        height = min(actor.height, target.height * 0.55)
        shifted = target.x + (number - 0.2) * height * 0.9
        return msgspec.structs.replace(
            actor, x=shifted, y=min(0.97, target.y + 0.03), height=round(height, 4), front=target.front + 1
        )

    def beside(self, actor: Actor, target: Actor, number: int) -> Actor:
        """At its side, where there is more room; swimmers and fliers keep their own places."""
        if actor.place == "water":
            x = self._free_x(width_of(actor))
            return self._at(actor, x, self.dice.uniform(0.25, 0.75), scaled=False)
        if actor.place == "air" and target.place != "air":
            return self._in_the_air(actor)
        if actor.place == "float" and target.place != "float":
            return self._on_the_ground(actor, Mention(art=actor.art, word=""), number)
        foot = self.dice.uniform(-0.02, 0.03) + (
            min(0.93, target.y + 0.12) if is_building(target.art) else target.y
        )
        if is_building(actor.art):
            foot = 0.83 if "beach" in self.scene.lands else 0.74
        step = (width_of(target) + width_of(actor)) / 2 * 1.02
        spots = [
            target.x + side * (step + more * width_of(actor) * 0.95) for more in range(3) for side in (1, -1)
        ]
        return msgspec.structs.replace(actor, x=self._emptiest(spots, actor), y=round(foot, 4))

    def _emptiest(self, spots: list[float], actor: Actor) -> float:
        """The first place inside the frame that nobody has; else the one with the least crowd."""
        half = width_of(actor) / 2
        others = [one for group in self.groups.values() for one in group if one.place == actor.place]

        def crowd(x: float) -> float:
            outside = max(0.0, self.left + half - x, x + half - self.right)
            overlap = max((half + width_of(one) / 2 - abs(x - one.x) for one in others), default=0.0)
            return round(max(0.0, float(overlap)) + 1.5 * outside, 3)

        best: float = min(spots, key=crowd)
        return round(best, 4)

    def behind(self, actor: Actor, target: Actor, number: int) -> Actor:
        """Farther away and half hidden."""
        side = 1 if number % 2 == 0 else -1
        foot = max(0.66, target.y - 0.1)
        return self._at(actor, target.x + side * (0.45 + 0.4 * number) * width_of(target), foot, scaled=False)

    def front(self, actor: Actor, target: Actor, number: int) -> Actor:
        """Nearer than the other one."""
        shifted = target.x + (number - 0.3) * width_of(actor) * 0.9
        return msgspec.structs.replace(actor, x=shifted, y=min(0.96, target.y + 0.08), front=target.front + 1)


def _in_the_way(actor: Actor, *, airborne: bool) -> bool:
    """Fliers keep clear of each other and of what is tall; the others of whoever stands."""
    return actor.place == "air" or actor.y - actor.height < 0.42 if airborne else actor.place != "air"


_RELATIONS = {
    "on": _Director.on,
    "above": _Director.above,
    "under": _Director.under,
    "beside": _Director.beside,
    "behind": _Director.behind,
    "front": _Director.front,
}
