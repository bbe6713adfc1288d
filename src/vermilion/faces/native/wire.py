"""The native shapes, and the mapping of rows onto them; nothing here decides anything."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Catalogue, Offer
from vermilion.domain.tasks import ENDED, Submission
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.accounts import AccountRow, KeyRow, PlanRow
from vermilion.storage.assets import AssetRow
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.ledger import GrantRow, WalletRow
from vermilion.storage.tasks import TaskRow

NULL = msgspec.Raw(b"null")


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
    expires_at: datetime | None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    thumbnail_url: str | None = None


class TaskView(msgspec.Struct, frozen=True):
    """A task as its owner sees it."""

    id: UUID
    model: str
    task_type: str
    status: str
    progress: int
    progress_text: str | None
    input: msgspec.Raw
    output: msgspec.Raw | dict[str, Any] | None
    usage: Usage
    error: msgspec.Raw
    metadata: msgspec.Raw
    parent_id: UUID | None
    deadline_at: datetime
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    queue_position: int | msgspec.UnsetType = msgspec.UNSET
    submission_unknown: bool | msgspec.UnsetType = msgspec.UNSET


class Page(msgspec.Struct, frozen=True):
    """A page of a list; `next_cursor` asks for the next one and is null at the end."""

    data: list[Any]
    next_cursor: str | None


class WalletView(msgspec.Struct, frozen=True):
    """An account's money in units (10,000,000 = 1 USD)."""

    available: int
    held: int
    spent: int
    grants: list[GrantRow]


class KeyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An API key; `key` is there only in the answer that made it."""

    id: UUID
    account_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    models: list[str] | None
    expires_at: datetime | None
    revoked_at: datetime | None
    cap_units: int | None
    cap_window: str
    cap_used: int
    created_at: datetime
    key: str | None = None


class PlanView(msgspec.Struct, frozen=True):
    """What accounts of a plan may do."""

    id: str
    name: str
    concurrency_total: int
    concurrency_family: dict[str, int]
    weight: int
    requests_per_minute: int
    upload_bytes_max: int
    retention_days: int
    priority_best: int
    quota_units: int
    quota_period: str


class AccountView(msgspec.Struct, frozen=True):
    """An account and its plan; `webhook_secret` signs deliveries of tasks that name no secret of their own."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    plan: PlanView
    webhook_secret: str
    created_at: datetime


class OfferView(msgspec.Struct, frozen=True):
    """One thing that can be asked for."""

    model: str
    task_type: str
    family: str
    title: str
    description: str
    output: str
    price: Any
    deadline_s: int
    input_schema: dict[str, Any]


class UploadView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored upload; its id can stand wherever a task's input takes a file."""

    id: UUID
    url: str
    content_type: str
    size_bytes: int
    expires_at: datetime
    width: int | None = None
    height: int | None = None


class DeliveryView(msgspec.Struct, frozen=True):
    """One webhook message and how its tries went."""

    id: UUID
    task_id: UUID
    event: str
    url: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class ConnectionView(msgspec.Struct, frozen=True):
    """A connection without its secret."""

    id: UUID
    provider: str
    name: str
    queues: list[str]
    state: str
    state_reason: str | None
    concurrency_max: int
    running: int
    rests_until: datetime | None


def task_view(gateway: Gateway, row: TaskRow, origin: str) -> TaskView:
    """A task row with fresh links to its files."""
    charged = row.charged or 0
    return TaskView(
        id=row.id,
        model=row.model,
        task_type=row.task_type,
        status=row.status,
        progress=row.progress,
        progress_text=row.progress_text,
        input=_raw(row.input),
        output=_output(gateway, row.output, row, origin) if row.output is not None else {"assets": []},
        usage=Usage(row.held, charged, row.held - charged if row.status in ENDED else 0),
        error=_raw(row.error),
        metadata=_raw(row.metadata),
        parent_id=row.parent_id,
        deadline_at=row.deadline_at,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        queue_position=msgspec.UNSET if row.queue_position is None else row.queue_position,
        submission_unknown=True if row.submission == Submission.UNKNOWN else msgspec.UNSET,
    )


def task_event(gateway: Gateway, row: TaskRow, event: str, origin: str) -> bytes:
    """The body of a webhook: `{type, timestamp, data}` (Standard Webhooks 1.0.0)."""
    view = task_view(gateway, row, origin)
    return msgspec.json.encode({"type": event, "timestamp": row.ended_at or row.created_at, "data": view})


def wallet_view(row: WalletRow) -> WalletView:
    """A wallet with its grants in burn order."""
    return WalletView(row.available, row.held, row.spent, row.grants)


def key_view(row: KeyRow, secret: str | None = None) -> KeyView:
    """A key, with its secret in the answer that made it."""
    return KeyView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        prefix=row.prefix,
        scopes=row.scopes,
        models=row.models,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        cap_units=row.cap_units,
        cap_window=row.cap_window,
        cap_used=row.cap_used,
        created_at=row.created_at,
        key=secret,
    )


def plan_view(row: PlanRow) -> PlanView:
    """A plan."""
    families = msgspec.json.decode(row.concurrency_family, type=dict[str, int])
    return msgspec.convert({**msgspec.structs.asdict(row), "concurrency_family": families}, PlanView)


def account_view(row: AccountRow, plan: PlanRow, secret: str) -> AccountView:
    """An account with its plan."""
    return AccountView(
        row.id, row.name, row.email, row.role, row.status, plan_view(plan), secret, row.created_at
    )


def offer_view(offer: Offer) -> OfferView:
    """An offer with the schema that validates its input."""
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
    )


def catalogue_view(catalogue: Catalogue) -> Page:
    """Every offer."""
    return Page([offer_view(offer) for offer in catalogue.offers.values()], None)


def upload_view(gateway: Gateway, row: AssetRow, origin: str) -> UploadView:
    """An upload with a link to it."""
    return UploadView(
        id=row.id,
        url=origin + media_path(gateway, row.id, row.expires_at),
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        expires_at=row.expires_at,
        width=row.width,
        height=row.height,
    )


def delivery_view(row: DeliveryRow) -> DeliveryView:
    """A delivery without its secret."""
    return DeliveryView(
        row.id,
        row.task_id,
        row.event,
        row.url,
        row.state,
        row.attempts,
        row.next_attempt_at,
        row.last_status,
        row.last_error,
        row.created_at,
    )


def connection_view(row: ConnectionRow) -> ConnectionView:
    """A connection without its secret."""
    return ConnectionView(
        row.id,
        row.provider,
        row.name,
        row.queues,
        row.state,
        row.state_reason,
        row.concurrency_max,
        row.running,
        row.rests_until,
    )


def _raw(text: str | None) -> msgspec.Raw:
    return NULL if text is None else msgspec.Raw(text.encode())


def _output(gateway: Gateway, text: str, row: TaskRow, origin: str) -> msgspec.Raw | dict[str, Any]:
    output: dict[str, Any] = msgspec.json.decode(text)
    if not output.get("assets"):
        return _raw(text)
    return {**output, "assets": [_asset_view(gateway, asset, row, origin) for asset in output["assets"]]}


def _asset_view(gateway: Gateway, asset: dict[str, Any], row: TaskRow, origin: str) -> AssetView:
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
