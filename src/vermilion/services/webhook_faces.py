"""What a face says about its webhooks: the body, whose headers prove the sender, and how patient it is.

A face offers one WebhookFace; bootstrap puts them into one registry, so that workers know no face. For example:

    WEBHOOK = WebhookFace(render_event, retry=THREE_TRIES, secret_header="x-webhook-secret")

with `render_event(gateway, task, delivery) -> bytes`, and its tasks are submitted with

    submit_task(gateway, bearer, asked, hook=TaskHook(url, face="goapi", secret=given, events=(…)))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vermilion.domain.webhooks import STANDARD, RetryPolicy
from vermilion.services.gateway import Gateway
from vermilion.storage.deliveries import DeliveryRow, DueDelivery
from vermilion.storage.tasks import TaskRow

#: Makes a body of the task as it is stored now; the gateway is there for links, the delivery for its event.
RenderTask = Callable[[Gateway, TaskRow, DeliveryRow], bytes]
#: Makes a body of a notification (`event`, `facts` as JSON, `created_at`); None if the face has no word for it.
RenderNotification = Callable[[Gateway, DueDelivery], bytes | None]


@dataclass(frozen=True, slots=True)
class WebhookFace:
    """How a face tells of tasks. Without `signed` and `secret_header` nothing proves who sends."""

    render: RenderTask
    retry: RetryPolicy = STANDARD
    signed: bool = False  #: by Standard Webhooks 1.0.0
    secret_header: str | None = None  #: where the receiver's secret is sent back as it is, if it gave one
    render_notification: RenderNotification | None = None


WebhookFaces = Mapping[str, WebhookFace]
