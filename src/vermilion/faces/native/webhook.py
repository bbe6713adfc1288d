"""What native webhooks say, signed as Standard Webhooks 1.0.0 say."""

from __future__ import annotations

from vermilion.faces.native.wire import task_event
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.tasks import TaskRow


def render_event(gateway: Gateway, task: TaskRow, delivery: DeliveryRow) -> bytes:
    """`{type, timestamp, data}`, where data is the task as the API shows it."""
    return task_event(gateway, task, delivery.event, gateway.settings.origin)


WEBHOOK = WebhookFace(render_event, signed=True)
