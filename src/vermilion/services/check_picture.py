"""Have the guard look at a picture that is about to be kept, where the operator or the plan says so."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec

from vermilion.domain.moderation.pictures import judge
from vermilion.domain.moderation.word_filter import Act
from vermilion.errors import UnsafeMedia
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.storage import reviews
from vermilion.storage.flights import Claimed
from vermilion.storage.media_terms import MediaTerms
from vermilion.storage.reviews import PictureFinding

SEEN_TYPES = ("image/", "video/")  #: of a video, the one frame that is its thumbnail


class Arrival(msgspec.Struct, frozen=True):
    """Whose file it is, under what id it is about to be kept, and what it belongs to."""

    account_id: UUID
    asset_id: UUID
    sha256: bytes
    task: Claimed | None = None
    field: str | None = None  #: of the task's input; without one a task made it


async def check_picture(
    gateway: Gateway, arrival: Arrival, thumbnail: Path | None, *, content_type: str, terms: MediaTerms
) -> None:
    """Let a file pass, noting one that an operator should see. Raises UnsafeMedia, and ServiceUnavailable
    while the guard is away: what is to be looked at never passes unseen.
    """
    policy = terms.media_check or gateway.settings.media_check
    if policy == "off" or thumbnail is None or not content_type.startswith(SEEN_TYPES):
        return
    decided = await reviews.picture_decision(gateway.database, arrival.account_id, arrival.sha256)
    if decided == "approved":
        return
    score_min = gateway.settings.media_check_score
    score = await gateway.inspect.score(thumbnail)
    act = Act.BLOCK if decided == "denied" else judge(policy, score, score_min)
    if act is None:
        return
    await reviews.note_picture(gateway.database, _finding(arrival, act, score=score, score_min=score_min))
    if act is Act.BLOCK:
        raise UnsafeMedia


def _finding(arrival: Arrival, act: Act, *, score: float, score_min: float) -> PictureFinding:
    task = arrival.task
    return PictureFinding(
        id=new_id(),
        account_id=arrival.account_id,
        act=act.value,
        task_id=None if task is None else task.id,
        model=None if task is None else task.model,
        task_type=None if task is None else task.task_type,
        pointer=arrival.field and f"/input/{arrival.field}",
        rule=f"nsfw_score of {score_min:g} or more",
        asset_id=None if act is Act.BLOCK else arrival.asset_id,
        score=score,
        sha256=arrival.sha256,
    )
