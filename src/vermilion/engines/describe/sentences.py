"""Measurements in plain English: one description, and four prompts that look at different sides of a picture."""

from __future__ import annotations

from collections.abc import Sequence

from vermilion.engines.describe.colours import Colour
from vermilion.engines.describe.measure import Measured, Subject

_MUCH_SHARPER = 1.8
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
_WORDS_CHARACTERS_MAX = 80  #: of a picture's own words that a sentence repeats


def prompts(seen: Measured, *, told: str | None, faces: int = 0, words: Sequence[str] = ()) -> list[str]:
    """Four prompts: the subject, the colours, the build, the light.

    `told` is the prompt that a picture came with, `words` what is written in it; the first prompt repeats them,
    and the number of `faces`.
    """
    opening = told.strip().rstrip(".") if told else None
    in_colours = f"{_kind(seen)} in {_list([colour.name for colour in seen.colours[:4]])}"
    parts = [
        [
            opening or _what(seen),
            _where(seen),
            _faces(faces),
            _behind(seen),
            _written(words, "with the words"),
        ],
        [opening or in_colours, _tone(seen), _colourfulness(seen)],
        [
            opening or f"{_kind(seen)} in {_format(seen)} format",
            _where(seen),
            _build(seen),
            _focus(seen),
            _texture(seen),
        ],
        [opening or f"{_mood(seen)} {_kind(seen, article=False)}", _light(seen), _tone(seen), _texture(seen)],
    ]
    return [f"{_joined(part)} --ar {seen.ratio}" for part in parts]


def description(seen: Measured, *, faces: int = 0, words: Sequence[str] = ()) -> str:
    """What a person reads."""
    sentences = [
        f"{_kind(seen)} in {_format(seen)} format, {seen.width} by {seen.height} pixels",
        _joined([_what(seen), _where(seen)]) if seen.subject else "No single subject stands out",
        _faces(faces).capitalize(),
        _written(words, "It says"),
        f"The main colours are {_list([_share(colour) for colour in seen.colours])}",
        _joined([_light(seen), _tone(seen), _build(seen), _focus(seen), _texture(seen)]).capitalize(),
    ]
    return ". ".join(sentence for sentence in sentences if sentence) + "."


def place(subject: Subject) -> str:
    """Where a subject is."""
    if subject.share > 0.75:
        return "filling the frame"
    if subject.share > 0.5:
        return "filling most of the frame"
    across = "left" if subject.across < 0.4 else "right" if subject.across > 0.6 else ""
    down = "upper" if subject.down < 0.38 else "lower" if subject.down > 0.64 else ""
    if not across and not down:
        return "in the centre"
    if not across:
        return f"in the {down} half"
    return f"in the {down} {across}" if down else f"on the {across}"


def _kind(seen: Measured, *, article: bool = True) -> str:
    kind = "flat graphic with plain surfaces" if seen.flatness > 0.75 else "picture"
    return f"A {kind}" if article else kind


def _format(seen: Measured) -> str:
    shape = seen.width / seen.height
    if 0.95 < shape < 1.05:
        return "square"
    if shape > 2.2:
        return "panoramic"
    return "landscape" if shape > 1 else "portrait"


def _what(seen: Measured) -> str:
    if seen.subject is None:
        return f"A view without a single subject, in {_list([colour.name for colour in seen.colours[:3]])}"
    return f"One clear subject in {_list([colour.name for colour in seen.subject.colours[:3]])}"


def _where(seen: Measured) -> str:
    if seen.subject is None:
        return ""
    if seen.subject.share > 0.5:
        return place(seen.subject)
    size = f"taking up about {max(5, round(seen.subject.share * 20) * 5)} % of the picture"
    return f"{place(seen.subject)}, {size}"


def _behind(seen: Measured) -> str:
    if seen.subject is None or not seen.surroundings:
        return ""
    return f"against {_list([colour.name for colour in seen.surroundings[:3]])}"


def _written(words: Sequence[str], opening: str) -> str:
    """The first lines in quotes, and no marks that a prompt would take for its own."""
    plain = " / ".join(
        line.strip().replace('"', "'").replace("—", "-").replace("--", "-") for line in words if line.strip()
    )
    shown = plain if len(plain) <= _WORDS_CHARACTERS_MAX else plain[:_WORDS_CHARACTERS_MAX].rstrip() + "…"
    return f'{opening} "{shown}"' if shown else ""


def _faces(count: int) -> str:
    if not count:
        return ""
    return "one face" if count == 1 else f"{_NUMBERS.get(count, count)} faces"


def _build(seen: Measured) -> str:
    parts = []
    if seen.horizon is not None:
        height = "high" if seen.horizon < 0.4 else "low" if seen.horizon > 0.6 else "level"
        parts.append(f"a {height} horizon line" if height != "level" else "a horizon line in the middle")
    if seen.symmetry > 0.8:
        parts.append("left and right mirroring each other")
    return _joined(parts)


def _focus(seen: Measured) -> str:
    if seen.subject is not None and seen.subject.sharper > _MUCH_SHARPER:
        return "the surroundings softer than the subject"
    return ""


def _light(seen: Measured) -> str:
    level = "dark" if seen.brightness < 0.3 else "bright" if seen.brightness > 0.7 else "evenly lit"
    across = "right" if seen.light_from_right > 0.08 else "left" if seen.light_from_right < -0.08 else ""
    down = "top" if seen.light_from_above > 0.08 else "bottom" if seen.light_from_above < -0.08 else ""
    if not across and not down:
        return level
    side = f"{down} {across}".strip()
    return f"{level}, lighter towards the {side}" if level != "evenly lit" else f"lighter towards the {side}"


def _tone(seen: Measured) -> str:
    contrast = (
        "strong contrast"
        if seen.contrast > 0.75
        else "little contrast"
        if seen.contrast < 0.3
        else "moderate contrast"
    )
    warmth = "warm colours" if seen.warmth > 0.3 else "cool colours" if seen.warmth < -0.2 else ""
    return f"{contrast}, {warmth}" if warmth else contrast


def _colourfulness(seen: Measured) -> str:
    if seen.saturation < 0.06:
        return "almost without colour"
    return "muted" if seen.saturation < 0.25 else "vivid" if seen.saturation > 0.6 else ""


def _mood(seen: Measured) -> str:
    """Words for how it looks that follow from levels alone."""
    tone = "dark" if seen.brightness < 0.3 else "light" if seen.brightness > 0.7 else ""
    colour = _colourfulness(seen)
    words = [word for word in (tone, colour if " " not in colour else "colourless") if word]
    return f"A {', '.join(words)}" if words else "A"


def _texture(seen: Measured) -> str:
    return (
        "full of fine detail"
        if seen.detail > 0.6
        else "smooth, with little detail"
        if seen.detail < 0.2
        else ""
    )


def _share(colour: Colour) -> str:
    return f"{colour.name} ({max(1, round(colour.share * 100))} %)"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(part for part in parts if part)
