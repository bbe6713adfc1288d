"""`vermilion webhooks listen`: a receiver on this machine that prints and verifies deliveries while one develops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer
from vermilion.cli.failures import CommandFailed, Refused
from vermilion.cli.show import say

if TYPE_CHECKING:
    from aiohttp import web

HINT = (
    "the gateway must be allowed to reach this machine: start it with VERMILION_EGRESS_ALLOW=127.0.0.0/8, "
    "or name an address that it reaches with --public-url"
)


async def listen(
    client: Client,
    *,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--event", metavar="EVENT", help="Only this event; may be given again.", show_default=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 0,
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the gateway reaches this receiver; else this machine.",
            show_default=False,
        ),
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Hand each delivery on, with its headers, and answer what it answers."
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Stop after so many; 0 goes on until interrupted.", min=0)] = 0,
) -> Answer:
    """Receive this account's events here: prints and verifies each, until interrupted.

    Registers a temporary endpoint and removes it at the end.
    """
    from aiohttp import web  # noqa: PLC0415  (slow; --help does without)

    receiver = _Receiver(forward, count)
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as taken:
        await runner.cleanup()
        raise CommandFailed(f"Cannot listen on port {port}: {taken.strerror}.") from None
    url = public_url or f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        async with _interruptible(receiver.done), _endpoint(client, url, events) as endpoint:
            receiver.secret = endpoint["secret"]
            say(f"Listening on {url} (endpoint {endpoint['id']}); stop with Ctrl-C.")
            await receiver.done.wait()
    finally:
        await runner.cleanup()
    unverified = receiver.heard - receiver.verified
    line = f"{receiver.heard} deliveries, {unverified} of them not verified." if unverified else ""
    return Answer(
        {"heard": receiver.heard, "verified": receiver.verified},
        lambda: say(line or f"{receiver.heard} deliveries, all verified."),
        exit_code=1 if unverified else 0,
    )


class _Receiver:
    """Takes deliveries, prints a line for each, and hands them on if asked to."""

    def __init__(self, forward: str | None, count: int) -> None:
        self._forward = forward
        self._count = count
        self.secret = ""
        self.heard = 0
        self.verified = 0
        self.done = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        from aiohttp import web  # noqa: PLC0415  (loaded by now)

        body = await request.read()
        headers = dict(request.headers)
        wrong = self._verify(body, headers)
        self.heard += 1
        self.verified += wrong is None
        status = 204 if self._forward is None else await self._hand_on(body, headers)
        say(_line(body, headers, wrong, status if self._forward else None))
        if self._count and self.heard >= self._count:
            self.done.set()
        return web.Response(status=status)

    def _verify(self, body: bytes, headers: dict[str, str]) -> str | None:
        """What is wrong with the signature, if anything."""
        import standardwebhooks  # noqa: PLC0415  (slow; --help does without)

        try:
            standardwebhooks.Webhook(self.secret).verify(body, headers)
        except standardwebhooks.WebhookVerificationError as wrong:
            return str(wrong)
        return None

    async def _hand_on(self, body: bytes, headers: dict[str, str]) -> int:
        import aiohttp  # noqa: PLC0415  (loaded by now)

        kept = {
            name: value
            for name, value in headers.items()
            if name.lower().startswith("webhook-") or name.lower() == "content-type"
        }
        assert self._forward is not None  # only called then
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self._forward, data=body, headers=kept, allow_redirects=False) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 502


@contextlib.asynccontextmanager
async def _endpoint(client: Client, url: str, events: list[str] | None) -> AsyncIterator[dict[str, Any]]:
    """A temporary endpoint at this address."""
    body = {"url": url, "events": events or None, "description": "vermilion webhooks listen"}
    try:
        made = await client.post("/v1/webhook-endpoints", body)
    except Refused as refused:
        if refused.code == "invalid_request" and "/url" in str(refused.problem.get("problems")):
            raise CommandFailed("\n".join(refused.lines()), fix=HINT) from None
        raise
    try:
        yield made
    finally:
        await client.delete(f"/v1/webhook-endpoints/{made['id']}")


@contextlib.asynccontextmanager
async def _interruptible(done: asyncio.Event) -> AsyncIterator[None]:
    """Ctrl-C and SIGTERM are how this usually ends: they ask for it, and the endpoint is still removed."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _line(body: bytes, headers: dict[str, str], wrong: str | None, status: int | None) -> str:
    try:
        event = json.loads(body)
        kind, data = event["type"], event["data"]
    except (ValueError, KeyError, TypeError):
        kind, data = "(not an event)", {}
    known = {name.lower(): value for name, value in headers.items()}
    parts = [
        known.get("webhook-id", "(no id)"),
        kind,
        *(str(data[name]) for name in ("id", "status") if name in data),
        *([f"→ {status}"] if status is not None else []),
        "✓ verified" if wrong is None else f"✗ NOT VERIFIED: {wrong}",
    ]
    return "  ".join(parts)
