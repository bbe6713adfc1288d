"""The shapes of tasks, their files and offers, and the mapping of rows onto them; nothing here decides anything."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.catalogue import Offer
from vermilion.domain.pricing import PriceRule
from vermilion.domain.tasks import ENDED, Status, Submission
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.tasks import TaskRow

NULL = msgspec.Raw(b"null")
NO_OUTPUT = msgspec.Raw(b'{"assets":[]}')
#: How many items a page may have.
Limit = Annotated[int, Meta(ge=1, le=200)]
Time = Annotated[datetime, Meta(tz=True)]
Item = TypeVar("Item")


class Usage(msgspec.Struct, frozen=True):
    """Units reserved for the task, and what became of them at its end: held = charged + released."""

    held: int
    charged: int
    released: int


class AssetView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An output file; `url` is a signed link that works until `expires_at` at the latest."""

    id: UUID
    url: str
    content_type: str
    size_bytes: int
    expires_at: Time | None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    thumbnail_url: str | None = None


#: What the document says of the parts of a task that are passed on as they are stored.
OBJECT = Meta(extra_json_schema={"type": "object"})
OBJECT_OR_NULL = Meta(extra_json_schema={"type": ["object", "null"]})
OUTPUT = Meta(
    description="What came of it: the files, and whatever else the offer answers, such as `text`.",
    extra_json_schema={
        "type": "object",
        "properties": {
            "assets": {
                "type": "array",
                "items": msgspec.json.schema_components([AssetView])[1]["AssetView"],
            }
        },
        "required": ["assets"],
    },
)
ERROR = Meta(
    description="Why it failed, and whose fault that was: null unless it failed.",
    extra_json_schema={
        "type": ["object", "null"],
        "properties": {name: {"type": "string"} for name in ("code", "message", "fault")},
        "required": ["code", "message", "fault"],
    },
)


class TaskView(msgspec.Struct, frozen=True):
    """A task as its owner sees it."""

    id: UUID
    model: str
    task_type: str
    status: Annotated[
        str,
        Meta(
            description="`staged` and `pending` wait, `processing` runs; the other three are ends.",
            extra_json_schema={"enum": [status.value for status in Status]},
        ),
    ]
    progress: Annotated[int, Meta(description="Percent, 0 to 100.")]
    progress_text: str | None
    input: Annotated[msgspec.Raw, OBJECT]
    output: Annotated[msgspec.Raw, OUTPUT]
    usage: Usage
    error: Annotated[msgspec.Raw, ERROR]
    metadata: Annotated[msgspec.Raw, OBJECT_OR_NULL]
    parent_id: UUID | None
    deadline_at: Time
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    queue_position: Annotated[
        int | msgspec.UnsetType, Meta(description="How many tasks go first; only while it is pending.")
    ] = msgspec.UNSET
    submission_unknown: Annotated[
        bool | msgspec.UnsetType,
        Meta(description="True if nobody knows whether the provider took the task."),
    ] = msgspec.UNSET


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list; `next_cursor` asks for the next one and is null at the end."""

    data: list[Item]
    next_cursor: str | None


class OfferView(msgspec.Struct, frozen=True):
    """One thing that can be asked for."""

    model: str
    task_type: str
    family: str
    title: str
    description: str
    output: str
    price: PriceRule
    deadline_s: int
    input_schema: dict[str, Any]
    available: Annotated[bool, Meta(description="False while no node has the engine pack that it needs.")]
    follows: Annotated[tuple[str, ...], Meta(description="Task types of the family that it follows up.")]
    parent: Annotated[
        Literal["required", "optional"] | None, Meta(description="Whether `parent_id` must be given.")
    ]
    pack: Annotated[
        str | msgspec.UnsetType, Meta(description="The engine pack that it runs on, if it needs one.")
    ] = msgspec.UNSET
    unavailable_reason: str | msgspec.UnsetType = msgspec.UNSET


def task_view(gateway: Gateway, row: TaskRow, origin: str) -> TaskView:
    """A task row with fresh links to its files."""
    charged = row.charged or 0
    return TaskView(  # by position: by name it takes six times as long
        row.id,
        row.model,
        row.task_type,
        row.status,
        row.progress,
        row.progress_text,
        _raw(row.input),
        NO_OUTPUT if row.output is None else _output(gateway, row.output, origin),
        Usage(row.held, charged, row.held - charged if row.status in ENDED else 0),
        _raw(row.error),
        _raw(row.metadata),
        row.parent_id,
        row.deadline_at,
        row.created_at,
        row.started_at,
        row.ended_at,
        msgspec.UNSET if row.queue_position is None else row.queue_position,
        True if row.submission == Submission.UNKNOWN else msgspec.UNSET,
    )


def task_event(gateway: Gateway, row: TaskRow, event: str, *, at: datetime, origin: str) -> bytes:
    """The body of a webhook: `{type, timestamp, data}` (Standard Webhooks 1.0.0)."""
    view = task_view(gateway, row, origin)
    return msgspec.json.encode({"type": event, "timestamp": at, "data": view})


def offer_view(offer: Offer, missing: str | None) -> OfferView:
    """An offer with the schema that validates its input, and why it cannot be had now, if that is so."""
    return OfferView(
        model=offer.model,
        task_type=offer.task_type,
        family=offer.family,
        title=offer.title,
        description=offer.description,
        output=offer.output,
        price=offer.price,
        deadline_s=offer.deadline_s,
        input_schema=offer.schema,
        available=missing is None,
        unavailable_reason=missing or msgspec.UNSET,
        pack=offer.pack or msgspec.UNSET,
        follows=offer.follows,
        parent=offer.parent,
    )


def catalogue_view(gateway: Gateway) -> Page[OfferView]:
    """Every offer that is listed."""
    offers = gateway.catalogue.listed
    return Page([offer_view(offer, gateway.served.missing(offer)) for offer in offers], None)


def _raw(text: str | None) -> msgspec.Raw:
    return NULL if text is None else msgspec.Raw(text.encode())


def _output(gateway: Gateway, stored: str, origin: str) -> msgspec.Raw:
    output: dict[str, Any] = msgspec.json.decode(stored)
    if not output.get("assets"):
        return _raw(stored)
    shown = {**output, "assets": [_asset_view(gateway, asset, origin) for asset in output["assets"]]}
    return msgspec.Raw(msgspec.json.encode(shown))


def _asset_view(gateway: Gateway, asset: dict[str, Any], origin: str) -> AssetView:
    expires_at = datetime.fromisoformat(asset["expires_at"])
    link = origin + media_path(gateway, UUID(asset["id"]), expires_at)
    return AssetView(
        id=UUID(asset["id"]),
        url=link,
        content_type=asset["content_type"],
        size_bytes=asset["size_bytes"],
        expires_at=expires_at,
        width=asset["width"],
        height=asset["height"],
        duration_s=asset["duration_s"],
        thumbnail_url=link.replace("?", "/thumbnail?", 1) if asset["has_thumbnail"] else None,
    )
