"""Sends due deliveries: every receiver has a lane of its own, so that one that hangs keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.services.deliver_webhook import LEASE_S, Send, untried
from vermilion.services.gateway import Gateway
from vermilion.services.note_attempt import note_attempt
from vermilion.services.webhook_faces import WebhookFaces
from vermilion.storage import deliveries
from vermilion.storage.deliveries import Attempt, DueDelivery
from vermilion.workers.delivery_lanes import AT_ONCE, DeliveryLanes

LOOK_ANYWAY_S = 1.0
log = get_logger("deliverer")


class Deliverer:
    """Each delivery speaks as its face does and goes out through its channel."""

    def __init__(self, gateway: Gateway, faces: WebhookFaces, channels: Mapping[str, Send]) -> None:
        self._gateway = gateway
        self._faces = faces
        self._channels = channels
        self._woken = asyncio.Event()
        self._lanes = DeliveryLanes()
        self._sending: dict[UUID, asyncio.Task[None]] = {}
        self._last_of_task: dict[tuple[UUID, UUID], asyncio.Task[None]] = {}

    def delivery_due(self, payload: str = "") -> None:
        """Deliveries were written in these lanes; without a payload, in lanes that have to be found."""
        self._lanes.due(UUID(lane) for lane in payload.split(",") if lane)
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is on its way then is given back."""
        clock = asyncio.get_running_loop().time
        look_at = 0.0
        try:
            while True:
                self._woken.clear()
                try:
                    if clock() >= look_at:
                        began = clock()
                        self._lanes.due(await deliveries.find_lanes(self._gateway.database))
                        self._lanes.forget_idle()
                        look_at = clock() + max(LOOK_ANYWAY_S, 10 * (clock() - began))
                    took = await self._take()
                except VermilionError as away:
                    log.warning("deliveries have to wait", error=str(away))
                    took = 0
                if not took:
                    await self._wait(look_at - clock())
        finally:
            await self._give_back()

    async def _take(self) -> int:
        now = asyncio.get_running_loop().time()
        rooms = self._lanes.rooms(AT_ONCE - len(self._sending), now)
        if not rooms:
            return 0
        due = await deliveries.take(self._gateway.database, rooms, lease_s=LEASE_S)
        got = Counter(delivery.lane for delivery in due)
        for lane_id, asked in rooms.items():
            self._lanes.took(lane_id, asked, got[lane_id])
        for delivery in due:
            self._start(delivery)
        return len(due)

    def _start(self, delivery: DueDelivery) -> None:
        self._lanes.started(delivery.lane, delivery.account_id)
        before = None
        key = None
        if delivery.task_id is not None:
            key = (delivery.lane, delivery.task_id)
            before = self._last_of_task.get(key)
        sending = asyncio.create_task(self._send(delivery, before))
        self._sending[delivery.id] = sending
        if key is not None:
            self._last_of_task[key] = sending
        sending.add_done_callback(lambda done: self._sent(delivery, done))

    def _sent(self, delivery: DueDelivery, done: asyncio.Task[None]) -> None:
        if self._sending.get(delivery.id) is done:
            del self._sending[delivery.id]
        if delivery.task_id is not None and self._last_of_task.get((delivery.lane, delivery.task_id)) is done:
            del self._last_of_task[delivery.lane, delivery.task_id]
        self._woken.set()

    async def _send(self, delivery: DueDelivery, before: asyncio.Task[None] | None) -> None:
        """Send one, after the one before it of the same task to the same receiver."""
        well = False
        try:
            if before is not None:
                await asyncio.wait([before])
            attempt = await self._try(delivery)
            well = attempt.state == "delivered" or not attempt.tried
            await note_attempt(self._gateway, delivery, attempt)
        except VermilionError as away:
            log.warning("what came of a delivery could not be noted", error=str(away))
        except Exception:
            log.exception("a delivery failed on our side", delivery_id=str(delivery.id))
        finally:
            now = asyncio.get_running_loop().time()
            self._lanes.ended(delivery.lane, delivery.account_id, well=well, now=now)

    async def _try(self, delivery: DueDelivery) -> Attempt:
        face, send = self._faces.get(delivery.face), self._channels.get(delivery.channel)
        if face is None or send is None:
            return untried(delivery, "given_up", f"this gateway has no words for {delivery.face!r}")
        return await send(self._gateway, delivery, face)

    async def _give_back(self) -> None:
        """What is on its way is sent again by whoever comes next, at once and not only when its lease is over."""
        interrupted = list(self._sending)
        for sending in self._sending.values():
            sending.cancel()
        if interrupted:
            await deliveries.give_back(self._gateway.database, interrupted)

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(max(0.01, timeout_s)):
                await self._woken.wait()
        except TimeoutError:
            return
