"""How every face tells of its tasks, and what carries it; beside bootstrap, the only place that knows all faces."""

from __future__ import annotations

from collections.abc import Mapping

from vermilion.domain.webhooks import NATIVE
from vermilion.faces.goapi import webhook as goapi_webhook
from vermilion.faces.goapi.inputs import NAME as GOAPI
from vermilion.faces.imaginepro import wire as imaginepro
from vermilion.faces.linkrapi import wire as linkrapi
from vermilion.faces.mjproxy import wire as mjproxy
from vermilion.faces.native import webhook as native_webhook
from vermilion.services.deliver_webhook import Send, deliver
from vermilion.services.send_chat import ChatSender
from vermilion.services.send_mail import send_mail
from vermilion.services.webhook_faces import WebhookFaces

#: By the name that hooks carry.
WEBHOOK_FACES: WebhookFaces = {
    NATIVE: native_webhook.WEBHOOK,
    GOAPI: goapi_webhook.WEBHOOK,
    imaginepro.NAME: imaginepro.WEBHOOK,
    linkrapi.NAME: linkrapi.WEBHOOK,
    mjproxy.NAME: mjproxy.WEBHOOK,
}


def channels(chats: ChatSender) -> Mapping[str, Send]:
    """What takes a delivery to its receiver, by its channel."""
    return {"webhook": deliver, "email": send_mail, "chat": chats}
