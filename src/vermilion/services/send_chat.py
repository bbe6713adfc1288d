"""Send a notification to what apprise reaches: Slack, Telegram, Teams, Matrix and many more."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from vermilion.domain.notifications import sentence
from vermilion.services.deliver_webhook import over, tried_again, untried
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import Attempt, DueDelivery

MISSING = "apprise is not installed here; install vermilion[chat]"
THREADS = 4


class ChatSender:
    """apprise blocks while it sends, so it has threads of its own, which a service that hangs may fill."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chat")

    async def __call__(self, gateway: Gateway, delivery: DueDelivery, face: WebhookFace) -> Attempt:
        """Try once."""
        if not delivery.endpoint_on:
            return untried(delivery, "given_up", "the channel was removed or switched off")
        loop = asyncio.get_running_loop()
        started = loop.time()
        url = delivery.endpoint_url or delivery.url
        text = sentence(delivery.event, msgspec.json.decode(delivery.facts or "{}"))
        try:
            sent = await loop.run_in_executor(
                self._threads, _notify, url, f"Vermilion: {delivery.event}", text
            )
        except ModuleNotFoundError:
            return untried(delivery, "given_up", MISSING)
        latency_ms = round((loop.time() - started) * 1000)
        if sent:
            return over(delivery, "delivered", latency_ms=latency_ms)
        return tried_again(delivery, face, error="the service did not take it", latency_ms=latency_ms)

    def close(self) -> None:
        """Stop the threads without waiting for what hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def chat_problem(url: str) -> str | None:
    """What is wrong with the address of a chat, if anything."""
    try:
        apprise: Any = importlib.import_module("apprise")
    except ModuleNotFoundError:
        return MISSING
    return (
        None if apprise.Apprise.instantiate(url) is not None else "apprise knows no service of this address"
    )


def _notify(url: str, title: str, body: str) -> bool:
    apprise: Any = importlib.import_module("apprise")
    sender = apprise.Apprise()
    sender.add(url)
    return bool(sender.notify(title=title, body=body))
