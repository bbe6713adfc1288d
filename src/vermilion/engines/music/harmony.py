"""Scales, chords and the way from one chord to the next."""

from __future__ import annotations

from vermilion.engines.music.words import Brief

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
#: Where the dominant of a minor key leads back to its tonic by a half step.
_LEADING = frozenset({"classical", "waltz", "jazz", "bossa nova", "latin", "orchestral", "march"})


def scale(brief: Brief) -> tuple[int, ...]:
    """The seven pitch classes of the key, from its tonic."""
    return tuple((brief.key + step) % 12 for step in (_MINOR if brief.minor else _MAJOR))


def chord(brief: Brief, degree: int, *, size: int | None = None) -> tuple[int, ...]:
    """The pitch classes of the chord on a degree, from its root: three, or four where the genre likes sevenths."""
    count = size or (4 if brief.genre.sevenths else 3)
    tones = [scale(brief)[(degree - 1 + 2 * third) % 7] for third in range(count)]
    if brief.minor and degree == 5 and brief.genre.name in _LEADING:
        tones[1] = (brief.key + 11) % 12
    if brief.genre.name == "blues" and count == 4:
        tones[3] = (tones[0] + 10) % 12  # Every chord of a blues is a dominant.
    return tuple(tones)


def voiced(
    tones: tuple[int, ...], previous: tuple[int, ...], *, low: int = 55, high: int = 74
) -> tuple[int, ...]:
    """The chord within a range, each voice near to where it was."""
    inversions = [_stacked(tones[at:] + tones[:at], low) for at in range(len(tones))]
    inversions += [tuple(key + 12 for key in keys) for keys in inversions]
    fitting = [keys for keys in inversions if keys[-1] <= high] or inversions[:1]
    middle = previous or ((low + high) // 2,)
    return min(fitting, key=lambda keys: (_distance(keys, middle), keys))


def near(tone: int, key: int) -> int:
    """The key of this pitch class that is nearest to `key`."""
    return min(
        (key + step for step in range(-6, 7) if (key + step) % 12 == tone), key=lambda one: abs(one - key)
    )


def ladder(brief: Brief, low: int, high: int) -> list[int]:
    """All keys of the scale within a range."""
    tones = scale(brief)
    return [key for key in range(low, high + 1) if key % 12 in tones]


def _stacked(tones: tuple[int, ...], low: int) -> tuple[int, ...]:
    keys: list[int] = []
    for tone in tones:
        least = keys[-1] + 1 if keys else low
        keys.append(least + (tone - least) % 12)
    return tuple(keys)


def _distance(keys: tuple[int, ...], others: tuple[int, ...]) -> int:
    return sum(min(abs(key - other) for other in others) for key in keys)
