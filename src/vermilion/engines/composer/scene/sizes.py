"""How large things are, and where they are at home."""

from __future__ import annotations

from vermilion.engines.composer.art import things
from vermilion.engines.composer.scene.graph import Land, Place

#: By subgroup of emojibase: height at nearness 0.75, and where such things are.
_GROUPS: dict[int, tuple[float, Place]] = {
    11: (0.3, "ground"), 14: (0.16, "air"), 23: (0.36, "ground"), 24: (0.36, "ground"), 25: (0.4, "ground"),
    26: (0.4, "ground"), 27: (0.36, "ground"), 28: (0.36, "ground"), 34: (0.3, "ground"), 35: (0.26, "ground"),
    36: (0.18, "ground"), 37: (0.24, "ground"), 38: (0.22, "water"), 39: (0.13, "ground"), 40: (0.16, "ground"),
    41: (0.2, "ground"), 42: (0.17, "ground"), 43: (0.17, "ground"), 44: (0.18, "ground"), 45: (0.18, "ground"),
    46: (0.18, "ground"), 47: (0.2, "ground"), 48: (0.18, "ground"), 50: (0.4, "ground"), 51: (0.46, "ground"),
    52: (0.46, "ground"), 53: (0.42, "ground"), 54: (0.28, "ground"), 55: (0.34, "float"), 56: (0.24, "air"),
    59: (0.15, "air"), 60: (0.22, "ground"), 61: (0.2, "ground"), 62: (0.16, "ground"), 63: (0.18, "ground"),
}  # fmt: skip
_BY_CODE: dict[str, tuple[float, Place]] = {
    "1F418": (0.46, "ground"), "1F9A3": (0.5, "ground"), "1F992": (0.58, "ground"), "1F40E": (0.42, "ground"),
    "1F42A": (0.44, "ground"), "1F42B": (0.44, "ground"), "1F404": (0.36, "ground"), "1F402": (0.36, "ground"),
    "1F43B": (0.42, "ground"), "1F981": (0.4, "ground"), "1F405": (0.32, "ground"), "1F401": (0.14, "ground"),
    "1F400": (0.14, "ground"), "1F43F": (0.2, "ground"), "1F994": (0.16, "ground"), "1F407": (0.22, "ground"),
    "1F409": (0.44, "air"), "1F995": (0.56, "ground"), "1F996": (0.54, "ground"), "1F987": (0.16, "air"),
    "1F985": (0.24, "air"), "1F54A": (0.18, "air"), "1F426": (0.14, "air"), "1F98B": (0.13, "air"),
    "1F41D": (0.1, "air"), "1F99F": (0.08, "air"), "1FAB0": (0.08, "air"), "1F433": (0.34, "float"),
    "1F40B": (0.34, "float"), "1F42C": (0.26, "float"), "1F988": (0.26, "float"), "1F980": (0.15, "ground"),
    "1F99E": (0.18, "ground"), "1F41A": (0.14, "ground"), "1F9AA": (0.14, "ground"), "1FAB8": (0.26, "ground"),
    "1F9AD": (0.24, "ground"), "1F986": (0.18, "float"), "1F9A2": (0.26, "float"), "1F333": (0.5, "ground"),
    "1F332": (0.52, "ground"), "1F334": (0.52, "ground"), "1F384": (0.46, "ground"), "1F335": (0.34, "ground"),
    "1F33B": (0.26, "ground"), "1F344": (0.2, "ground"), "1F3F0": (0.56, "ground"), "1F5FC": (0.62, "ground"),
    "1F5FD": (0.6, "ground"), "1F3E2": (0.56, "ground"), "1F3A1": (0.54, "ground"), "26FA": (0.3, "ground"),
    "26F2": (0.3, "ground"), "1FAA8": (0.2, "ground"), "1F6D6": (0.34, "ground"), "26F5": (0.42, "float"),
    "1F6A2": (0.4, "float"), "1F6F3": (0.42, "float"), "1F680": (0.34, "air"), "1F6F8": (0.24, "air"),
    "1FA90": (0.26, "air"), "1F388": (0.3, "air"), "1FA82": (0.28, "air"), "1F681": (0.22, "air"),
    "2708": (0.22, "air"), "1F6E9": (0.2, "air"), "1F6F0": (0.2, "air"), "1F682": (0.34, "ground"),
    "1F68C": (0.32, "ground"), "1F6B2": (0.26, "ground"), "1F3CD": (0.26, "ground"), "1F9DA": (0.3, "air"),
    "1F9DA-200D-2640": (0.3, "air"), "1F9DA-200D-2642": (0.3, "air"), "1F9DC": (0.34, "float"),
    "1F9DC-200D-2640": (0.34, "float"), "1F9DC-200D-2642": (0.34, "float"), "1F47B": (0.3, "ground"),
    "26C4": (0.36, "ground"), "2603": (0.36, "ground"), "1F525": (0.22, "ground"), "2B50": (0.12, "air"),
    "1F31F": (0.12, "air"), "2604": (0.2, "air"), "1FABF": (0.24, "ground"), "1F427": (0.3, "ground"),
    "1F9A9": (0.38, "ground"), "1F30B": (0.5, "ground"), "1F6F6": (0.16, "float"), "1F6A4": (0.22, "float"),
    "1F6E5": (0.28, "float"), "26F4": (0.36, "float"), "1F3B9": (0.26, "ground"), "1F6A3": (0.26, "float"),
    "1F319": (0.2, "air"), "1FAB6": (0.12, "air"), "1F3EE": (0.2, "air"), "1F9DE": (0.4, "ground"),
    "LIGHTHOUSE": (0.6, "ground"), "1FABD": (0.2, "air"), "1FABC": (0.26, "water"), "1F419": (0.28, "water"),
}  # fmt: skip
_TIMES = {"tiny": 0.45, "small": 0.7, "": 1.0, "big": 1.3, "huge": 1.7}
#: Where things are at home, for prompts that name no land.
_HOMES: tuple[tuple[set[str], tuple[Land, ...]], ...] = (
    ({"1F427", "26C4", "2603", "1F43B-200D-2744", "1F9AD", "1F6F7", "26F7", "1F9CA", "1F3BF"}, ("mountains", "snow")),
    ({"1F42A", "1F42B", "1F335", "1F982"}, ("desert",)),
    ({"1F6F8", "1FA90", "1F6F0", "2604", "1F320"}, ("space",)),
    ({"1F9D1-200D-1F680", "1F469-200D-1F680", "1F468-200D-1F680"}, ("moon",)),
    ({"1F98A", "1F43B", "1F43A", "1F98C", "1F344", "1F43F", "1F994", "1F989", "1F9DA", "1F9DA-200D-2640", "1F9DD"},
     ("forest",)),
    ({"1F334", "1F965", "1F3C4", "1F41A", "1F980", "1F459", "LIGHTHOUSE"},
     ("sea", "beach")),
)  # fmt: skip


def standing(code: str) -> tuple[float, Place]:
    """The height of a thing, and whether it stands, flies, swims or floats."""
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    thing = things().get(code)
    return _GROUPS.get(thing.subgroup, (0.19, "ground")) if thing else (0.19, "ground")


def times(size: str) -> float:
    """What a word such as `tiny` makes of a size."""
    return _TIMES.get(size, 1.0)


def home_of(codes: list[str]) -> tuple[Land, ...]:
    """The land in which these things would be expected; empty when they say nothing."""
    for members, lands in _HOMES:
        if members.intersection(codes):
            return lands
    groups = [things()[code].subgroup for code in codes if code in things()]
    if not groups:
        return ()
    if any(standing(code)[1] == "float" for code in codes):
        return ("sea",)
    if groups[0] == 38:
        return ("underwater",)
    if groups[0] in (42, 43, 44, 45, 46, 47, 48, *range(63, 80), 81):
        return ("room",)
    return ("city",) if groups[0] == 54 else ()


def is_building(code: str) -> bool:
    """Whether it stands in the middle distance."""
    thing = things().get(code)
    return thing is not None and thing.subgroup in (50, 51, 52, 53) and code != "1FAA8"
