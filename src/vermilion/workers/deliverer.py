"""Sends due webhook deliveries, many at once."""

from __future__ import annotations

import asyncio

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.services.deliver_webhook import LEASE_S, deliver
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFaces
from vermilion.storage import deliveries
from vermilion.storage.deliveries import DeliveryRow

AT_ONCE = 100
LOOK_ANYWAY_S = 1.0
log = get_logger("deliverer")


class Deliverer:
    """Each delivery speaks as its face does."""

    def __init__(self, gateway: Gateway, faces: WebhookFaces) -> None:
        self._gateway = gateway
        self._faces = faces
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def delivery_due(self, _payload: str = "") -> None:
        """A delivery was written."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._woken.clear()
            try:
                took = await self._take()
            except VermilionError as away:
                log.warning("deliveries have to wait", error=str(away))
                took = 0
            if not took:
                await self._wait()

    async def _take(self) -> int:
        room = AT_ONCE - len(self._sending)
        if room <= 0:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            return 1
        due = await deliveries.take_due(self._gateway.database, limit=room, lease_s=LEASE_S)
        for delivery in due:
            sending = asyncio.create_task(self._send(delivery))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        return len(due)

    async def _send(self, delivery: DeliveryRow) -> None:
        try:
            task = await self._gateway.reads(delivery.task_id)
            if task is not None:
                face = self._faces[delivery.face]
                body = face.render(self._gateway, task, delivery)
                await deliver(self._gateway, delivery, face, body)
        except Exception:
            log.exception("a delivery failed on our side", delivery_id=str(delivery.id))

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), LOOK_ANYWAY_S)
        except TimeoutError:
            return
