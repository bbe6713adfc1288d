"""Receivers of webhooks that misbehave in every known way, each a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behave = Callable[["Request"], Awaitable[None]]


class Request:
    """One request as it came, and the socket to answer on."""

    def __init__(self, head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.path = head.split(" ", 2)[1]
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
        self.headers = {name.lower(): value for name, value in lines}
        self.body = body
        self.writer = writer

    def answer(self, status: int, *headers: str, body: bytes = b"") -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)


class Receiver:
    """A server that notes every request and then behaves as it is told."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.port = 0
        self.heard: list[Request] = []
        self.open = 0
        self.open_most = 0

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
        """The receiver while it listens on loopback."""
        busy: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            busy.add(task)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request = Request(head, b"", writer)
            request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
            self.heard.append(request)
            self.open += 1
            self.open_most = max(self.open, self.open_most)
            try:
                await self.behave(request)
            finally:
                self.open -= 1
            if writer.is_closing():
                return
            await writer.drain()


def answers(*statuses: int, headers: tuple[str, ...] = (), body: bytes = b"") -> Behave:
    """Answers with each status in turn, then with 200."""
    left = list(statuses)

    async def behave(request: Request) -> None:
        request.answer(left.pop(0) if left else 200, *headers, body=body)

    return behave


async def hangs(_request: Request) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def resets(request: Request) -> None:
    """Breaks the connection off as a crashed machine does."""
    sock: socket.socket = request.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.writer.transport.abort()


async def drips_its_headers(request: Request) -> None:
    """Sends a byte of its answer now and then, without an end."""
    request.writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        request.writer.write(b"x")
        await request.writer.drain()
        await asyncio.sleep(0.05)


async def drips_its_body(request: Request) -> None:
    """Accepts at once and then never comes to the end of what it says."""
    request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        request.writer.write(b"x")
        await request.writer.drain()
        await asyncio.sleep(0.05)


async def talks_nonsense(request: Request) -> None:
    """Answers, but not in HTTP."""
    request.writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
    request.writer.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
