"""What is played: notes in time, the parts that play them, and the sections that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Note:
    """One note. Times are in steps, four a beat; `loudness` is 0 to 1."""

    start: float
    length: float
    key: int
    loudness: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its chord and what the section asks for. `number` counts within the section."""

    start: int
    section: str
    number: int
    bars: int  #: in the section
    energy: float
    degree: int
    following: int  #: the degree of the next bar


@dataclass(slots=True)
class Score:
    """The whole piece."""

    steps_per_bar: int
    bars: list[Bar]
    parts: dict[str, list[Note]] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How long it is."""
        return len(self.bars) * self.steps_per_bar
