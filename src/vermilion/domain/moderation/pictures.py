"""What is done about a picture that the guard may find unsafe; pure."""

from __future__ import annotations

from typing import Literal

from vermilion.domain.moderation.word_filter import Act

MediaCheck = Literal["off", "flag", "block"]


def judge(policy: MediaCheck, score: float, score_min: float) -> Act | None:
    """Refuse the picture, let it pass and have a person look, or nothing."""
    return Act(policy) if policy != "off" and score >= score_min else None
