"""Tables and verdicts on the terminal: medians with their range, and goals met or not."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any


class InvalidMeasurement(Exception):
    """Requests were refused or lost, so the figures say nothing."""


@dataclass(frozen=True)
class Goal:
    """A promise about the median of some ratios, from below or from above."""

    name: str
    values: list[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        above = self.at_least is None or self.median >= self.at_least
        return above and (self.at_most is None or self.median <= self.at_most)

    def as_data(self) -> dict[str, Any]:
        bound = {"at_least": self.at_least} if self.at_least is not None else {"at_most": self.at_most}
        return {"name": self.name, "median": self.median, "values": self.values, "met": self.is_met} | bound


def median_with_range(values: list[float], *, digits: int = 1) -> str:
    """`median (least-most)`."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def print_table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Left-aligned names, right-aligned figures."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}")
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, len(row)))]
        print("  " + "  ".join(cells))


def print_goals(goals: list[Goal]) -> None:
    """One line a goal, with its verdict."""
    for goal in goals:
        bound = f"≥ {goal.at_least:g}" if goal.at_least is not None else f"≤ {goal.at_most:g}"
        verdict = "met" if goal.is_met else "NOT MET"
        print(f"  {goal.name}: {median_with_range(goal.values, digits=2)}, goal {bound}: {verdict}")
