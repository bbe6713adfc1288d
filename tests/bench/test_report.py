from __future__ import annotations

from bench.report import Goal, median_with_range


def test_a_goal_is_judged_by_its_median():
    """One lucky or unlucky round does not decide."""
    assert Goal("ratio", [1.0, 11.0, 12.0], at_least=10).is_met
    assert not Goal("ratio", [1.0, 9.0, 30.0], at_least=10).is_met
    assert Goal("tail", [2.0, 2.5, 9.0], at_most=3).is_met


def test_figures_show_their_range():
    """A median is never printed without the spread it came from."""
    assert median_with_range([3.0, 1.0, 2.0]) == "2.0 (1.0-3.0)"
