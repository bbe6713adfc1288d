"""The 26 styles of the network. It came without names; these say what each one looks like."""

from __future__ import annotations

#: In the order of the network's style weights.
STYLES = (
    "golden-wash",
    "bold-brush",
    "pale-pastel",
    "wild-strokes",
    "summer-poster",
    "oil-portrait",
    "moonlit-pebbles",
    "primary-colours",
    "colour-pencil",
    "scattered-tiles",
    "umber-sketch",
    "sepia-engraving",
    "impressionist",
    "green-woodcut",
    "frost-wash",
    "stained-glass",
    "twilight-crayon",
    "woven-ribbons",
    "carved-wood",
    "starry-night",
    "red-ember",
    "cut-paper",
    "slate-comic",
    "misty-dusk",
    "wave-print",
    "dark-impasto",
)
