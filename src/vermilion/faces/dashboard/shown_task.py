"""A task as pages show it: its row with the parts that templates ask for, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.tasks import ACTIVE, ENDED, Status, TaskError
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.assets import AssetRow
from vermilion.storage.tasks import TaskRow

#: Input fields that say what a task is about, most telling first.
SUBJECT_FIELDS = (
    "prompt",
    "text",
    "gpt_description_prompt",
    "style_prompt",
    "lyrics",
    "title",
    "gen_text",
    "input",
)
SUBJECT_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class ShownFile:
    """An output file with links that work for a day."""

    id: UUID
    url: str
    thumbnail_url: str | None
    content_type: str
    size_bytes: int
    width: int | None
    height: int | None
    duration_s: float | None
    expires_at: datetime

    @property
    def kind(self) -> str:
        """`image`, `video`, `audio`, or `file` for what a browser cannot show."""
        kind = self.content_type.partition("/")[0]
        return kind if kind in ("image", "video", "audio") else "file"


def shown_file(gateway: Gateway, row: AssetRow) -> ShownFile:
    """A stored file as pages show it."""
    url = media_path(gateway, row.id, row.expires_at)
    return ShownFile(
        id=row.id,
        url=url,
        thumbnail_url=url.replace("?", "/thumbnail?", 1) if row.thumb_sha256 else None,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        width=row.width,
        height=row.height,
        duration_s=row.duration_s,
        expires_at=row.expires_at,
    )


def subject_of(task_input: Mapping[str, Any]) -> str | None:
    """What an input is about in its customer's own words, if there are any."""
    given = (task_input.get(name) for name in SUBJECT_FIELDS)
    said = (value.strip() for value in given if isinstance(value, str))
    return next((words[:SUBJECT_CHARACTERS_MAX] for words in said if words), None)


@dataclass(frozen=True)
class ShownTask:
    """One task on a page."""

    gateway: Gateway
    row: TaskRow

    @property
    def id(self) -> UUID:
        """The task's id."""
        return self.row.id

    @cached_property
    def input(self) -> dict[str, Any]:
        """What was asked for."""
        return msgspec.json.decode(self.row.input, type=dict[str, Any])

    @cached_property
    def output(self) -> dict[str, Any]:
        """What came of it; empty until the end."""
        return msgspec.json.decode(self.row.output, type=dict[str, Any]) if self.row.output else {}

    @property
    def subject(self) -> str:
        """What the task is about, in the customer's own words if there are any."""
        return subject_of(self.input) or self.title

    @property
    def title(self) -> str:
        """The offer's title, or its name once the catalogue has lost it."""
        offer = self.gateway.catalogue.offers.get((self.row.model, self.row.task_type))
        return offer.title if offer else f"{self.row.model} {self.row.task_type}"

    @property
    def kind(self) -> str:
        """The kind of its output: image, video, audio, model, text or data."""
        offer = self.gateway.catalogue.offers.get((self.row.model, self.row.task_type))
        return offer.output if offer else "data"

    @cached_property
    def files(self) -> tuple[ShownFile, ...]:
        """Its output files that are still kept."""
        now = datetime.now(UTC)
        shown = (self._file(asset) for asset in self.output.get("assets", ()))
        return tuple(file for file in shown if file.expires_at > now)

    @property
    def thumbnail_url(self) -> str | None:
        """A small picture of the first output that has one."""
        return next((file.thumbnail_url for file in self.files if file.thumbnail_url), None)

    @cached_property
    def error(self) -> TaskError | None:
        """Why it failed."""
        return msgspec.json.decode(self.row.error, type=TaskError, strict=False) if self.row.error else None

    @property
    def follow_ups(self) -> list[Offer]:
        """Offers that can go on from this task."""
        offers = self.gateway.catalogue.listed
        return [o for o in offers if o.family == self.row.family and self.row.task_type in o.follows]

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.row.status in ACTIVE

    @property
    def waits(self) -> bool:
        """Whether it can be cancelled at once and for nothing."""
        return self.row.status in (Status.STAGED, Status.PENDING)

    @property
    def given_back(self) -> int:
        """Units of the hold that went back to the wallet."""
        return self.row.held - (self.row.charged or 0) if self.row.status in ENDED else 0

    @property
    def took_s(self) -> float | None:
        """Seconds from acceptance to the end, or until now while it runs; None while it waits."""
        if self.row.started_at is None:
            return None
        until = self.row.ended_at or datetime.now(UTC)
        return max(0.0, (until - self.row.created_at).total_seconds())

    def _file(self, asset: dict[str, Any]) -> ShownFile:
        expires_at = datetime.fromisoformat(asset["expires_at"])
        url = media_path(self.gateway, UUID(asset["id"]), expires_at)
        return ShownFile(
            id=UUID(asset["id"]),
            url=url,
            thumbnail_url=url.replace("?", "/thumbnail?", 1) if asset["has_thumbnail"] else None,
            content_type=asset["content_type"],
            size_bytes=asset["size_bytes"],
            width=asset["width"],
            height=asset["height"],
            duration_s=asset["duration_s"],
            expires_at=expires_at,
        )
