"""Notifications by e-mail and chat: sent by real servers' rules, tried again like webhooks, each as one message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
import uuid_utils.compat as uuids
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from tests.support.deliveries import World, delivering
from tests.support.patience import PATIENCE_S
from tests.support.receivers import Receiver, answers
from tests.support.server import free_port

from vermilion.storage import connections, deliveries, endpoints
from vermilion.storage.database import Database
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.notifications import read_page, set_reads_mail

pytestmark = pytest.mark.slow


class Mailbox:
    """What an SMTP server takes in; the next answers may be refusals."""

    def __init__(self) -> None:
        self.messages: list[Message[Any, Any]] = []
        self.refusals: list[str] = []

    async def handle_RCPT(  # noqa: N802  (named by aiosmtpd)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (the same)
        self.messages.append(BytesParser(EmailMessage, policy=default).parsebytes(envelope.content))
        return "250 taken"


@asynccontextmanager
async def mail_server(mailbox: Mailbox) -> AsyncIterator[int]:
    """A real SMTP server on loopback; yields its port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=(port := free_port()))
    await asyncio.to_thread(controller.start)
    try:
        yield port
    finally:
        await asyncio.to_thread(controller.stop)


@asynccontextmanager
async def mailing(database: Database, mailbox: Mailbox) -> AsyncIterator[World]:
    """A customer at example.com and a mail server that takes their mail."""
    async with (
        mail_server(mailbox) as port,
        delivering(
            database,
            email="ada@example.com",
            smtp_url=SecretStr(f"smtp://127.0.0.1:{port}"),
            mail_from="Vermilion <gateway@example.org>",
        ) as world,
    ):
        yield world


async def only_delivery(world: World, state: str) -> DeliveryRow:
    """The account's only delivery once it is in this state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await deliveries.read_page(
                world.database, world.account_id, task_id=None, before=None, limit=10
            )
            if [row.state for row in rows] == [state] and rows[0].attempts:
                return rows[0]
            await asyncio.sleep(0.02)


async def test_the_accounts_address_gets_a_mail(database: Database) -> None:
    """One message in plain words, from the operator's address, that no autoresponder answers."""
    mailbox = Mailbox()
    async with mailing(database, mailbox) as world:
        await world.tell("balance.low", available=12_000_000, mark=50_000_000)
        told = await only_delivery(world, "delivered")

        assert ("email", "mailto:ada@example.com", 250) == (told.channel, told.url, told.last_status)
        [message] = mailbox.messages
        assert ("ada@example.com", "Vermilion <gateway@example.org>") == (message["To"], message["From"])
        assert "Vermilion: balance.low" == message["Subject"]
        assert f"<{told.id}@example.org>" == message["Message-ID"]
        assert "auto-generated" == message["Auto-Submitted"]
        text = message.get_content()  # type: ignore[attr-defined]  # it is parsed as an EmailMessage
        assert "The balance of your account is down to $1.20, below your mark of $5.00." in text


async def test_a_busy_mail_server_is_asked_again(database: Database) -> None:
    """4xx is tried again under the same message id."""
    mailbox = Mailbox()
    mailbox.refusals = ["451 come back later"]
    async with mailing(database, mailbox) as world:
        await world.tell()
        waiting = await only_delivery(world, "due")
        async with asyncio.timeout(PATIENCE_S):
            while not waiting.last_error:
                waiting = await only_delivery(world, "due")
        assert 451 == waiting.last_status
        await world.hasten()
        told = await only_delivery(world, "delivered")
        assert 2 == told.attempts
        assert 1 == len(mailbox.messages)


async def test_an_address_that_is_refused_is_given_up(database: Database) -> None:
    """5xx for the recipient is the end."""
    mailbox = Mailbox()
    mailbox.refusals = ["550 no such mailbox"]
    async with mailing(database, mailbox) as world:
        await world.tell()
        lost = await only_delivery(world, "given_up")
        assert (550, "the mail server refuses it: 550") == (lost.last_status, lost.last_error)


async def test_a_mail_server_that_is_away_is_tried_again(database: Database) -> None:
    """The message waits."""
    async with delivering(
        database, email="ada@example.com", smtp_url=SecretStr("smtp://127.0.0.1:9")
    ) as world:
        await world.tell()
        async with asyncio.timeout(PATIENCE_S):
            while not (waiting := await only_delivery(world, "due")).last_error:
                await asyncio.sleep(0.02)
        assert waiting.last_error is not None
        assert "cannot be reached" in waiting.last_error


async def test_without_a_mail_server_the_delivery_says_so(database: Database) -> None:
    """It is given up at once, with what the operator has to set."""
    async with delivering(database, email="ada@example.com") as world:
        await world.tell()
        lost = await only_delivery(world, "given_up")
        assert "VERMILION_SMTP_URL" in str(lost.last_error)


async def test_whoever_wants_no_mail_gets_none(database: Database) -> None:
    """Nor do placeholder addresses of this machine."""
    async with delivering(database, email="ada@example.com") as world:
        await set_reads_mail(database, world.account_id, False)
        await world.tell()
    async with database.connection() as connection:
        assert 0 == await connection.fetchval("SELECT count(*) FROM deliveries")
        assert 1 == await connection.fetchval("SELECT count(*) FROM notifications")


async def test_a_chat_hears_what_apprise_carries(database: Database) -> None:
    """Through a real request of apprise to a real server; one that fails is tried again."""
    async with Receiver(answers(500)).listening() as chat, delivering(database) as world:
        await endpoints.create(
            database,
            uuids.uuid7(),
            world.account_id,
            channel="chat",
            face="native",
            url=f"json://127.0.0.1:{chat.port}/room",
            events=None,
            hears=0,
            description=None,
        )
        await world.tell("connection.attention", provider="discord", name="one", reason="captcha")
        async with asyncio.timeout(PATIENCE_S):
            while not (await only_delivery(world, "due")).last_error:
                await asyncio.sleep(0.02)
        await world.hasten()
        await only_delivery(world, "delivered")
        assert 2 == len(chat.heard)
        assert b"The connection discord/one needs attention: captcha" in chat.heard[1].body


async def test_a_connection_in_trouble_is_told_to_operators(database: Database) -> None:
    """Once, with what stopped it, and that nothing is left to run its queue."""
    async with delivering(database, role="operator") as world:
        row = await connections.ensure(
            database, provider="discord", name="one", queues=["midjourney"], concurrency_max=1
        )
        for _ in range(2):
            await connections.note_trouble(
                database,
                row.id,
                state="attention",
                reason="a captcha waits for a person",
                code="captcha",
                rest_s=None,
            )
        rows = await read_page(database, world.account_id, before=None, limit=10)
        assert {"connection.attention", "connections.none_active"} == {one.type for one in rows}
        assert 2 == len(rows)
        [attention] = [json.loads(one.facts) for one in rows if one.type == "connection.attention"]
        assert ("one", "a captcha waits for a person") == (attention["name"], attention["reason"])


NINE = [
    ("quota.exchange_failed", {"quota_type": "mj"}, "go_api_quota_exchange_failed"),
    ("penalty.triggered", {"penalty_type": "error", "task_id": "t"}, "mj_penalty_triggered"),
    ("connection.attention", {"provider": "discord", "cause": "banned"}, "mj_bot_banned"),
    (
        "connection.attention",
        {"provider": "discord", "cause": "subscription_expired"},
        "mj_bot_subscription_expired",
    ),
    ("connections.none_active", {"queue": "midjourney"}, "no_active_mj_bot"),
    ("connection.attention", {"provider": "discord", "cause": "no_fast_hours"}, "mj_bot_no_fasthour"),
    ("connection.attention", {"provider": "openai", "reason": "401"}, "gpt_account_unavailable"),
    (
        "connection.limit_reached",
        {"provider": "openai", "limit_until": "2026-11-24T12:00+00:00"},
        "gpt_usage_limit_reached",
    ),
    ("connection.attention", {"provider": "discord", "cause": "captcha"}, "mj_bot_captcha_required"),
]


async def test_an_account_hook_in_goapis_words_hears_its_nine_types(database: Database) -> None:
    """Each as `{type, time, message, detail}`, unsigned; what that service has no word for is skipped."""
    async with Receiver(answers()).listening() as receiver, delivering(database) as world:
        hook = await world.endpoint(f"http://127.0.0.1:{receiver.port}/", face="goapi")
        for type_, facts, _ in NINE:
            await world.tell(type_, **facts)
        async with asyncio.timeout(PATIENCE_S):
            while len(receiver.heard) < len(NINE):
                await asyncio.sleep(0.02)
        bodies = {body["type"]: body for body in (json.loads(one.body) for one in receiver.heard)}
        assert {theirs for _, _, theirs in NINE} == set(bodies)
        assert all({"type", "time", "message", "detail"} == set(body) for body in bodies.values())
        assert 1_795_521_600 == bodies["gpt_usage_limit_reached"]["detail"]["limit_until"]
        assert "webhook-signature" not in receiver.heard[0].headers

        await world.tell("budget.alert")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                rows = await deliveries.read_page(
                    database, world.account_id, task_id=None, endpoint_id=hook.id, before=None, limit=1
                )
                if rows[0].state == "skipped":
                    break
                await asyncio.sleep(0.02)
