"""A customer and a deliverer at work in the test's own process, so that a test can bend its network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import standardwebhooks
import uuid_utils.compat as uuids
from tests.support.patience import PATIENCE_S

from vermilion.domain.notifications import Notification
from vermilion.domain.webhooks import STANDARD, RetryPolicy, hears
from vermilion.egress.client import GuardedClient
from vermilion.faces.native.webhook import render_event, render_notification
from vermilion.hooks import WEBHOOK_FACES, channels
from vermilion.services.gateway import Gateway
from vermilion.services.send_chat import ChatSender
from vermilion.services.webhook_faces import WebhookFace
from vermilion.services.webhook_secret import endpoint_secret
from vermilion.settings import load_settings
from vermilion.storage import accounts, deliveries, endpoints, tasks
from vermilion.storage.batching import Batcher
from vermilion.storage.database import Database
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.endpoints import EndpointRow
from vermilion.storage.notifications import notify_now
from vermilion.workers.deliverer import Deliverer

QUICK = RetryPolicy(STANDARD.waits_s, timeout_s=1.0)
HOST = "receiver.test"
LOOPBACK = "127.0.0.1"


@dataclass
class World:
    """A database with a customer, names that lead where a test says, and a deliverer at work."""

    database: Database
    gateway: Gateway
    account_id: UUID
    lookup: dict[str, list[str]] = field(default_factory=lambda: {HOST: [LOOPBACK]})

    async def endpoint(
        self, url: str, events: list[str] | None = None, *, face: str = "native"
    ) -> EndpointRow:
        """An endpoint of the customer's."""
        return await endpoints.create(
            self.database,
            uuids.uuid7(),
            self.account_id,
            channel="webhook",
            face=face,
            url=url,
            events=events,
            hears=hears(events),
            description=None,
        )

    async def tell(self, *types: str, **facts: Any) -> None:
        """Something happens that the customer should know."""
        await notify_now(
            self.database,
            *(Notification(type_, facts, self.account_id) for type_ in types or ("balance.low",)),
        )

    async def delivery(self, endpoint: EndpointRow, so: Callable[[DeliveryRow], object]) -> DeliveryRow:
        """The first delivery to an endpoint as soon as something is so of it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                page = await deliveries.read_page(
                    self.database,
                    self.account_id,
                    task_id=None,
                    endpoint_id=endpoint.id,
                    before=None,
                    limit=200,
                )
                if page and so(page[-1]):
                    return page[-1]
                await asyncio.sleep(0.02)

    async def hasten(self) -> None:
        """What would be tried again later is tried again now."""
        await self.database.execute("UPDATE deliveries SET next_attempt_at = now() WHERE state = 'due'")

    async def wait_s(self, delivery: DeliveryRow) -> float:
        """In how many seconds a delivery is to be tried again."""
        return float(
            await self.database.fetchval(
                "SELECT extract(epoch FROM next_attempt_at - now()) FROM deliveries WHERE id = $1",
                delivery.id,
            )
        )

    def verify(self, endpoint: EndpointRow, request: Any) -> Any:
        """The event in a request, if the standard's own library vouches for it."""
        secret = endpoint_secret(self.gateway, endpoint.id, endpoint.secret_version)
        return standardwebhooks.Webhook(secret).verify(request.body, request.headers)


@asynccontextmanager
async def delivering(
    database: Database, *, email: str = "c@localhost", role: str = "customer", **settings: Any
) -> AsyncIterator[World]:
    """A customer, and a deliverer that may reach loopback under the names of a test."""
    account_id = uuid4()
    await accounts.save_plan(database, accounts.PlanRow("p", "P", 10, "{}", 1, 1000, 1000, 1, 5, 0, "month"))
    await accounts.create_account(database, account_id, name="C", email=email, role=role, plan_id="p")
    lookup = {HOST: [LOOPBACK]}

    async def look_up(host: str) -> list[str]:
        return lookup[host]

    async with GuardedClient((ip_network("127.0.0.0/8"),), lookup=look_up) as egress:
        gateway = cast(
            "Gateway",
            SimpleNamespace(
                settings=load_settings({}, **settings),
                database=database,
                signing_key=b"k" * 32,
                webhook_egress=egress,
                reads=Batcher(lambda ids: tasks.read_many(database, ids)),
                attempts=Batcher(lambda attempts: deliveries.note(database, attempts)),
            ),
        )
        native = WebhookFace(render_event, retry=QUICK, signed=True, render_notification=render_notification)
        chats = ChatSender()
        deliverer = Deliverer(gateway, {**WEBHOOK_FACES, "native": native}, channels(chats))
        working = asyncio.create_task(deliverer.run())
        yield World(database, gateway, account_id, lookup)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        chats.close()
