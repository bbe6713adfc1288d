"""What native webhooks say, signed as Standard Webhooks 1.0.0 say."""

from __future__ import annotations

import msgspec

from vermilion.domain.webhooks import ENDS
from vermilion.faces.native.wire import task_event
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import DeliveryRow, DueDelivery
from vermilion.storage.tasks import TaskRow


def render_event(gateway: Gateway, task: TaskRow, delivery: DeliveryRow) -> bytes:
    """`{type, timestamp, data}`, where data is the task as the API shows it."""
    at = task.ended_at if delivery.event in ENDS and task.ended_at is not None else delivery.created_at
    return task_event(gateway, task, delivery.event, at=at, origin=gateway.settings.origin)


def render_notification(_gateway: Gateway, delivery: DueDelivery) -> bytes:
    """The same shape, where data is what the notification says."""
    facts = msgspec.Raw((delivery.facts or "{}").encode())
    return msgspec.json.encode({"type": delivery.event, "timestamp": delivery.created_at, "data": facts})


WEBHOOK = WebhookFace(render_event, signed=True, render_notification=render_notification)
