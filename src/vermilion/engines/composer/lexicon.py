"""The words of the composer: from a prompt's text to the names of things that it can draw."""

from __future__ import annotations

import re

TERRAINS: dict[str, tuple[str, ...]] = {
    "mountains": (
        "mountain",
        "peak",
        "alps",
        "alpine",
        "summit",
        "himalaya",
        "everest",
        "fjord",
        "cliff",
        "glacier",
        "volcano",
        "valley",
    ),
    "hills": (
        "hill",
        "meadow",
        "countryside",
        "field",
        "grass",
        "farm",
        "prairie",
        "pasture",
        "garden",
        "vineyard",
        "tuscany",
        "village",
        "shire",
        "park",
        "flower",
        "steppe",
        "plain",
    ),
    "forest": ("forest", "wood", "woodland", "jungle", "pine", "taiga", "redwood", "grove"),
    "city": (
        "city",
        "skyline",
        "skyscraper",
        "downtown",
        "metropolis",
        "tokyo",
        "manhattan",
        "york",
        "town",
        "street",
        "urban",
        "building",
        "paris",
        "london",
        "cyberpunk",
        "cityscape",
    ),
    "desert": ("desert", "dune", "sahara", "sand", "oasis", "camel", "savanna", "mars", "egypt", "pyramid"),
    "canyon": ("canyon", "mesa", "badland", "butte", "arizona", "western"),
    "snowfield": (
        "snow",
        "snowy",
        "tundra",
        "arctic",
        "antarctica",
        "polar",
        "iceberg",
        "winter",
        "christmas",
        "borealis",
        "aurora",
    ),
    "sea": (
        "sea",
        "ocean",
        "beach",
        "coast",
        "shore",
        "island",
        "wave",
        "harbor",
        "harbour",
        "lagoon",
        "surf",
        "bay",
        "tropical",
        "marine",
        "sailing",
        "lighthouse",
        "seaside",
        "ship",
        "boat",
        "sailboat",
        "whale",
    ),
    "lake": ("lake", "river", "pond", "reflection", "fjord", "canal", "loch", "venice"),
}
"""In order of distance: what is named last lies nearest."""

WEATHER: dict[str, tuple[str, ...]] = {
    "rain": ("rain", "rainy", "storm", "stormy", "thunderstorm", "downpour", "drizzle", "tempest"),
    "snowfall": ("snowfall", "snowing", "blizzard", "snowstorm", "christmas", "snowflake"),
    "fog": ("fog", "foggy", "mist", "misty", "haze", "hazy", "smoke"),
    "clouds": ("cloud", "cloudy", "overcast", "storm", "dramatic"),
    "clear": ("clear", "cloudless"),
    "aurora": ("aurora", "borealis", "northern"),
    "rainbow": ("rainbow",),
    "milkyway": ("galaxy", "milky", "nebula", "starry", "cosmic", "universe", "star"),
    "flowers": ("flower", "poppy", "tulip", "lavender", "blossom", "wildflower", "spring", "garden", "rose"),
    "autumn": ("autumn", "fall", "october", "november", "foliage"),
    "fireflies": ("firefly", "fairy", "magical", "enchanted", "magic", "lantern"),
}

ACTORS: dict[str, tuple[str, ...]] = {
    "house": ("house", "cottage", "cabin", "hut", "home", "village", "farm", "barn", "chalet", "farmhouse"),
    "castle": ("castle", "fortress", "palace", "kingdom", "fantasy", "citadel"),
    "lighthouse": ("lighthouse",),
    "windmill": ("windmill", "mill"),
    "tower": ("tower", "pagoda", "temple", "shrine"),
    "boat": ("boat", "sailboat", "sail", "sailing", "yacht", "ship", "regatta", "fisherman"),
    "balloon": ("balloon", "airship"),
    "rocket": ("rocket", "spaceship", "spacecraft"),
    "birds": ("bird", "seagull", "gull", "crow", "swallow", "geese", "goose", "eagle", "raven", "flock"),
    "oak": ("tree", "oak", "maple", "cherry", "sakura", "apple", "willow", "baobab"),
    "pine": ("pine", "fir", "spruce", "christmas"),
    "palm": ("palm", "tropical", "oasis", "island", "coconut", "hawaii", "caribbean"),
    "cactus": ("cactus", "saguaro", "arizona", "western"),
    "person": (
        "person",
        "man",
        "woman",
        "girl",
        "boy",
        "traveler",
        "traveller",
        "wanderer",
        "hiker",
        "child",
        "astronaut",
        "knight",
        "samurai",
        "wizard",
        "couple",
        "people",
        "monk",
        "figure",
    ),
    "cat": ("cat", "kitten"),
    "fox": ("fox", "vixen"),
    "deer": ("deer", "stag", "elk", "moose", "reindeer"),
    "whale": ("whale", "dolphin"),
}

TINTS: dict[str, str] = {
    "pink": "#f29ab8",
    "rose": "#ee8fa5",
    "red": "#d9503f",
    "crimson": "#b8323f",
    "orange": "#f59a4a",
    "peach": "#ffc4a0",
    "yellow": "#f6d365",
    "teal": "#3f9c9c",
    "turquoise": "#45b8b0",
    "cyan": "#55c5d8",
    "green": "#6fa86a",
    "emerald": "#2f9a70",
    "blue": "#4f86c6",
    "indigo": "#4a4a9c",
    "purple": "#7d58a8",
    "violet": "#8a63b8",
    "lavender": "#b7a0d8",
    "magenta": "#c8509c",
    "sepia": "#b8935f",
}

LAND_TINTS = (TINTS["green"], TINTS["emerald"])

_WORD = re.compile(r"[^\W\d_]+")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, in lower case, each also in the singular."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        found.extend(dict.fromkeys((word, _singular(word))))
    return tuple(found)


def named(words: tuple[str, ...], table: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The entries of a table that the words name, in the table's order."""
    spoken = set(words)
    return tuple(name for name, synonyms in table.items() if spoken.intersection(synonyms))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
