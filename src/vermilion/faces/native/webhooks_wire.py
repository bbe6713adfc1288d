"""The shapes of webhook endpoints, deliveries and attempts, and the mapping of rows onto them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from vermilion.faces.native.wire import Time
from vermilion.storage.deliveries import AttemptRow, DeliveryRow
from vermilion.storage.endpoints import EndpointRow


class EndpointView(msgspec.Struct, frozen=True):
    """A receiver of webhooks; `secret` is there only where it was made or asked for."""

    id: UUID
    url: str
    events: list[str] | None
    description: str | None
    format: str
    enabled: bool
    disabled_reason: str | None
    failing_since: Time | None
    secret_overlap_until: Time | None
    created_at: Time
    secret: str | msgspec.UnsetType = msgspec.UNSET


class DeliveryView(msgspec.Struct, frozen=True):
    """One message to one receiver, and how its tries went; `state` is due, delivered, given_up or skipped."""

    id: UUID
    task_id: UUID | None
    endpoint_id: UUID | None
    notification_id: UUID | None
    channel: str
    event: str
    url: str
    format: str
    state: str
    attempts: int
    next_attempt_at: Time | None
    last_status: int | None
    last_error: str | None
    created_at: Time


class AttemptView(msgspec.Struct, frozen=True):
    """One try: `answer` is the first bytes of what the receiver answered."""

    number: int
    at: Time
    status: int | None
    latency_ms: int
    error: str | None
    answer: str | None

    @classmethod
    def of(cls, row: AttemptRow) -> AttemptView:
        """A logged try."""
        return cls(row.number, row.at, row.status, row.latency_ms, row.error, row.answer)


class WholeDeliveryView(DeliveryView, frozen=True):
    """A delivery with its attempts."""

    attempt_log: list[AttemptView]


def endpoint_view(row: EndpointRow, secret: str | None = None) -> EndpointView:
    """An endpoint, with its secret where it is to be shown."""
    return EndpointView(
        row.id,
        row.url,
        row.events,
        row.description,
        row.face,
        row.state == "on",
        row.state_reason,
        row.failing_since,
        row.secret_overlap_until,
        row.created_at,
        msgspec.UNSET if secret is None else secret,
    )


def delivery_view(row: DeliveryRow) -> DeliveryView:
    """A delivery without its secret."""
    return DeliveryView(**_fields(row))


def whole_delivery_view(row: DeliveryRow, attempts: list[AttemptView]) -> WholeDeliveryView:
    """A delivery with its attempts, the first one first."""
    return WholeDeliveryView(**_fields(row), attempt_log=attempts)


def _fields(row: DeliveryRow) -> dict[str, Any]:
    return {
        name: getattr(row, "face" if name == "format" else name) for name in DeliveryView.__struct_fields__
    }
