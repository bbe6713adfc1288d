"""Send a notification as e-mail through the operator's SMTP server."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from vermilion.domain.notifications import sentence
from vermilion.services.deliver_webhook import over, tried_again, untried
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import Attempt, DueDelivery

SMTP_TIMEOUT_S = 20.0


async def send_mail(gateway: Gateway, delivery: DueDelivery, face: WebhookFace) -> Attempt:
    """Try once. A server that refuses the address for good ends it, anything else is tried again."""
    if not delivery.endpoint_on:
        return untried(delivery, "given_up", "the channel was removed or switched off")
    server = gateway.settings.smtp_url
    if server is None:
        return untried(delivery, "given_up", "no mail server is set; the operator sets VERMILION_SMTP_URL")
    clock = asyncio.get_running_loop().time
    started = clock()
    status, said, well = await _hand_over(server.get_secret_value(), _message(gateway, delivery))
    latency_ms = round((clock() - started) * 1000)
    if well:
        return over(delivery, "delivered", status=status, answer=said, latency_ms=latency_ms)
    if status is not None and status >= 500:
        return over(
            delivery,
            "given_up",
            error=f"the mail server refuses it: {status}",
            status=status,
            answer=said,
            latency_ms=latency_ms,
        )
    return tried_again(delivery, face, error=said, status=status, latency_ms=latency_ms)


async def _hand_over(server: str, message: EmailMessage) -> tuple[int | None, str, bool]:
    """(SMTP status, what the server said, whether it took the message)."""
    url = urlsplit(server)
    try:
        refused, said = await aiosmtplib.send(
            message,
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            timeout=SMTP_TIMEOUT_S,
        )
    except aiosmtplib.SMTPRecipientsRefused as refusal:
        [first, *_] = refusal.recipients
        return first.code, first.message, False
    except aiosmtplib.SMTPResponseException as failure:
        # What is wrong with us, such as a password, may be mended; only an address is refused for good.
        return None, f"the mail server answered {failure.code}: {failure.message}"[:500], False
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as failure:
        return None, f"the mail server cannot be reached: {failure}"[:500], False
    assert not refused  # one recipient, who would have been the exception above
    return 250, said[:500], True


def _message(gateway: Gateway, delivery: DueDelivery) -> EmailMessage:
    facts = msgspec.json.decode(delivery.facts or "{}")
    text = sentence(delivery.event, facts)
    sender = gateway.settings.mail_from
    message = EmailMessage()
    message["From"] = sender
    message["To"] = (delivery.endpoint_url or delivery.url).removeprefix("mailto:")
    message["Subject"] = f"Vermilion: {delivery.event}"
    message["Date"] = format_datetime(delivery.created_at)
    # The same at every try, so that a mailbox that got it twice shows it once.
    message["Message-ID"] = f"<{delivery.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    details = "\n".join(f"{name}: {fact}" for name, fact in facts.items())
    message.set_content(f"{text}\n\n{details}\n\n{gateway.settings.origin}\n")
    return message
