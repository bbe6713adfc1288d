"""What the service's webhooks say: the task as it is read, and account notifications in its words."""

from __future__ import annotations

import time

import msgspec

from vermilion.domain.webhooks import THREE_TRIES
from vermilion.faces.goapi.notifications import render_notification
from vermilion.faces.goapi.wire import task_data
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.tasks import TaskRow


def render_event(gateway: Gateway, task: TaskRow, _delivery: DeliveryRow) -> bytes:
    """`{timestamp, data}`; the receiver knows a repeat by its timestamp and task."""
    data = task_data(gateway, task, gateway.settings.origin)
    return msgspec.json.encode({"timestamp": int(time.time()), "data": data})


WEBHOOK = WebhookFace(
    render_event,
    retry=THREE_TRIES,
    secret_header="x-webhook-secret",  # noqa: S106  (the header's name)
    render_notification=render_notification,
)
