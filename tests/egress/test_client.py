"""The guarded client against real servers on loopback: what it fetches, refuses and gives up on."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import inspect
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import client_exceptions, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vermilion.egress import errors
from vermilion.egress.client import GuardedClient, Limits
from vermilion.egress.errors import (
    AddressRefused,
    AnswerBroken,
    AnswerRefused,
    ConnectFailed,
    EgressError,
    EgressFailed,
    EgressRefused,
    HostUnknown,
    StatusFailed,
    TlsFailed,
    TooSlow,
)
from vermilion.egress.resolve import CheckedResolver, SystemLookup, checked_socket

LOOPBACK = (ip_network("127.0.0.0/8"),)
UNHURRIED = Limits(timeout_s=30)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that give every request to one handler; answers their http:// origin."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler) -> str:
            return await stack.enter_async_context(_served(handler))

        yield start


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    """A client that may reach loopback, and is patient enough for a busy machine."""
    async with GuardedClient(LOOPBACK, limits=UNHURRIED) as opened:
        yield opened


async def test_fetch(client: GuardedClient, serve: Serve, tmp_path: Path) -> None:
    """A file arrives whole, with its claimed type and size, from exactly the path that was asked for."""
    seen: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        return web.Response(body=b"x" * 700_000, content_type="image/png")

    url = f"{await serve(answer)}/a%2Fb%7e?s=1%2B2%7E"
    for _ in range(2):
        fetched = await client.fetch(url, size_bytes_max=700_000, target=tmp_path / "file")

    assert ("image/png", 700_000, url) == (fetched.content_type, fetched.size_bytes, fetched.final_url)
    assert b"x" * 700_000 == fetched.path.read_bytes()
    assert [tmp_path / "file"] == list(tmp_path.iterdir())
    assert ["/a%2Fb%7e?s=1%2B2%7E"] * 2 == [request.raw_path for request in seen]
    assert ["identity"] * 2 == [request.headers["Accept-Encoding"] for request in seen]


async def test_cookies_are_forgotten(serve: Serve, tmp_path: Path) -> None:
    """What one customer's fetch was handed is never shown on another's."""
    seen: list[dict[str, str]] = []

    async def lookup(host: str) -> list[str]:
        return ["127.0.0.1"]

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(dict(request.cookies))
        return web.Response(headers={"Set-Cookie": "session=1"})

    port = (await serve(answer)).rpartition(":")[2]
    async with GuardedClient(LOOPBACK, lookup=lookup) as forgetful:
        for _ in range(2):
            url = f"http://cookies.example:{port}/"
            await forgetful.fetch(url, size_bytes_max=9, target=tmp_path / "file")

    assert [{}, {}] == seen


async def test_loopback_is_refused_by_default(serve: Serve, tmp_path: Path) -> None:
    """Without an allow-list neither a literal nor a name reaches a local server."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response()

    port = (await serve(answer)).rpartition(":")[2]
    async with GuardedClient() as strict:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            with pytest.raises(AddressRefused):
                await strict.fetch(f"http://{host}:{port}/", size_bytes_max=9, target=tmp_path / "file")
            with pytest.raises(AddressRefused):
                await strict.post(f"http://{host}:{port}/", body=b"", headers={})

    assert [] == seen


async def test_a_name_is_looked_up_once_a_connection(serve: Serve, tmp_path: Path) -> None:
    """A resolver that answers a good address first and a private one later never gets us to the latter."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def lookup(host: str) -> list[str]:
        return answers.pop(0)

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"good", headers={"Connection": "close"})

    port = (await serve(answer)).rpartition(":")[2]
    async with GuardedClient(LOOPBACK, lookup=lookup) as rebound:
        url = f"http://rebind.example:{port}/"
        fetched = await rebound.fetch(url, size_bytes_max=9, target=tmp_path / "file")
        assert 4 == fetched.size_bytes
        assert [["10.0.0.1"]] == answers
        with pytest.raises(AddressRefused):
            await rebound.fetch(url, size_bytes_max=9, target=tmp_path / "file")


async def test_only_allowed_addresses_of_a_name_are_used(serve: Serve, tmp_path: Path) -> None:
    """Of a name with good and refused addresses only the good ones are connected to."""

    async def lookup(host: str) -> list[str]:
        return ["::1", "10.0.0.1", "169.254.169.254", "127.0.0.1"]

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text=request.host)

    port = (await serve(answer)).rpartition(":")[2]
    async with GuardedClient(LOOPBACK, lookup=lookup) as mixed:
        fetched = await mixed.fetch(f"http://mixed.example:{port}/", size_bytes_max=99, target=tmp_path / "f")

    assert f"mixed.example:{port}" == fetched.path.read_text()


async def test_the_resolver_drops_refused_addresses() -> None:
    """What the connector is told holds allowed addresses only, in their order."""

    async def lookup(host: str) -> list[str]:
        return ["::1", "127.0.0.2", "10.0.0.1", "1.1.1.1"]

    found = await CheckedResolver(lookup, allow=LOOPBACK).resolve("mixed.example", 80)

    assert ["127.0.0.2", "1.1.1.1"] == [entry["host"] for entry in found]


def test_the_socket_checks_again() -> None:
    """Even if a refused address got as far as the socket, none is opened for it."""
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80))

    with pytest.raises(AddressRefused):
        checked_socket(info, allow=LOOPBACK)


async def test_redirects_are_followed_and_counted(
    client: GuardedClient, serve: Serve, tmp_path: Path
) -> None:
    """Five redirects, absolute or relative, are followed; a sixth is refused."""

    async def answer(request: web.BaseRequest) -> web.Response:
        left = int(request.path.strip("/"))
        if left == 0:
            return web.Response(text="end")
        location = f"/{left - 1}" if left % 2 else str(request.url.with_path(f"/{left - 1}"))
        return web.Response(status=(301, 302, 303, 307, 308)[left % 5], headers={"Location": location})

    origin = await serve(answer)
    fetched = await client.fetch(f"{origin}/5", size_bytes_max=9, target=tmp_path / "file")

    assert f"{origin}/0" == fetched.final_url
    with pytest.raises(EgressRefused, match="more than 5 times"):
        await client.fetch(f"{origin}/6", size_bytes_max=9, target=tmp_path / "file")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://10.0.0.1/", AddressRefused),
        ("http://169.254.169.254/latest/meta-data/", AddressRefused),
        ("//[::1]/", AddressRefused),
        ("http://private.example/", AddressRefused),
        ("file:///etc/passwd", EgressRefused),
        ("http://user@127.0.0.1/", EgressRefused),
        ("http://[broken/", EgressRefused),
        ("", AnswerBroken),
    ],
)
async def test_redirects_are_checked(
    serve: Serve, tmp_path: Path, location: str, expected: type[EgressError]
) -> None:
    """Where a redirect leads is judged like the first URL."""

    async def lookup(host: str) -> list[str]:
        return ["192.168.0.1"]

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with GuardedClient(LOOPBACK, lookup=lookup) as checked:
        with pytest.raises(expected):
            await checked.fetch(await serve(answer), size_bytes_max=9, target=tmp_path / "file")


@pytest.mark.parametrize("is_length_told", [True, False])
async def test_oversize_leaves_nothing(
    client: GuardedClient, serve: Serve, tmp_path: Path, is_length_told: bool
) -> None:
    """One byte too many is refused, announced or not, and an older target file stays as it was."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if is_length_told:
            return web.Response(body=b"x" * 1001)
        return await _streamed(request, [b"x" * 1000, b"x"])

    target = tmp_path / "file"
    target.write_bytes(b"older")
    with pytest.raises(AnswerRefused, match="larger than 1000 bytes"):
        await client.fetch(await serve(answer), size_bytes_max=1000, target=target)

    assert b"older" == target.read_bytes()
    assert [target] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("claimed", "accepted", "is_fine"),
    [
        ("image/png", ("image/png",), True),
        ("IMAGE/PNG; q=1", ("image/*",), True),
        ("text/html; charset=utf-8", ("image/*", "video/mp4"), False),
        ("image/svg+xml", ("image/png", "image/jpeg"), False),
    ],
)
async def test_content_types(
    client: GuardedClient,
    serve: Serve,
    tmp_path: Path,
    claimed: str,
    accepted: tuple[str, ...],
    is_fine: bool,
) -> None:
    """A type outside the accepted ones is refused before its body is read."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Type": claimed})

    fetch = client.fetch(
        await serve(answer), size_bytes_max=9, target=tmp_path / "file", content_types=accepted
    )
    if is_fine:
        assert 1 == (await fetch).size_bytes
    else:
        with pytest.raises(AnswerRefused, match="The URL holds"):
            await fetch


async def test_compressed_answers_are_refused(client: GuardedClient, serve: Serve, tmp_path: Path) -> None:
    """A body that is compressed although we asked for none of that is not unpacked."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})

    with pytest.raises(AnswerRefused, match="compressed"):
        await client.fetch(await serve(answer), size_bytes_max=9, target=tmp_path / "file")


async def test_slow_drip(serve: Serve, tmp_path: Path) -> None:
    """A body that drips is given up on after a window, however long its sender would go on."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _streamed(request, [b"x"] * 1000, pause_s=0.05)

    async with GuardedClient(LOOPBACK, limits=Limits(drip_window_s=0.3, drip_size_bytes_min=64)) as strict:
        with pytest.raises(TooSlow, match="too slowly"):
            await strict.fetch(await serve(answer), size_bytes_max=9999, target=tmp_path / "file")

    assert [] == list(tmp_path.iterdir())


async def test_a_steady_body_may_outlast_many_windows(serve: Serve, tmp_path: Path) -> None:
    """Only the pace is judged: a body of several windows that keeps it arrives."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _streamed(request, [b"x" * 100] * 24, pause_s=0.1)

    async with GuardedClient(LOOPBACK, limits=Limits(drip_window_s=1.0, drip_size_bytes_min=64)) as strict:
        fetched = await strict.fetch(await serve(answer), size_bytes_max=2400, target=tmp_path / "file")

    assert 2400 == fetched.size_bytes


async def test_silence(client: GuardedClient, serve: Serve, tmp_path: Path) -> None:
    """A server that takes the request and never answers is given up on, by fetch and post alike."""

    async def answer(request: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    url = await serve(answer)
    async with GuardedClient(LOOPBACK, limits=Limits(answer_timeout_s=0.2)) as strict:
        with pytest.raises(TooSlow):
            await strict.fetch(url, size_bytes_max=9, target=tmp_path / "file")
    with pytest.raises(TooSlow):
        await client.post(url, body=b"", headers={}, timeout_s=0.1)


async def test_total_time(serve: Serve, tmp_path: Path) -> None:
    """A body at a good pace still ends at the total limit."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _streamed(request, [b"x" * 1000] * 1000, pause_s=0.02)

    async with GuardedClient(LOOPBACK, limits=Limits(timeout_s=0.3)) as hurried:
        with pytest.raises(TooSlow):
            await hurried.fetch(await serve(answer), size_bytes_max=9**9, target=tmp_path / "file")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [204, 206, 304, 403, 404, 500])
async def test_statuses(client: GuardedClient, serve: Serve, tmp_path: Path, status: int) -> None:
    """Only a whole file is a file; the error names the status."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    with pytest.raises(StatusFailed) as caught:
        await client.fetch(await serve(answer), size_bytes_max=9, target=tmp_path / "file")

    assert status == caught.value.status


@pytest.mark.parametrize(
    "reply", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
)
async def test_broken_answers(client: GuardedClient, tmp_path: Path, reply: bytes) -> None:
    """A connection that ends early, or does not speak HTTP, is a broken answer and leaves no file."""
    async with _raw_server(reply) as port:
        with pytest.raises(AnswerBroken):
            await client.fetch(f"http://127.0.0.1:{port}/", size_bytes_max=99, target=tmp_path / "file")

    assert [] == list(tmp_path.iterdir())


async def test_nobody_there(client: GuardedClient, tmp_path: Path) -> None:
    """A closed port and an unknown name are told apart."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]

    async def lookup(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(ConnectFailed):
        await client.fetch(f"http://127.0.0.1:{port}/", size_bytes_max=9, target=tmp_path / "file")
    async with GuardedClient(LOOPBACK, lookup=lookup) as lost:
        with pytest.raises(HostUnknown):
            await lost.fetch("http://absent.example/", size_bytes_max=9, target=tmp_path / "file")


async def test_tls_is_verified(tmp_path: Path) -> None:
    """A certificate that nobody vouches for is refused, and accepted once its authority is trusted."""
    server_tls, authority = _self_signed(tmp_path)

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text="secret")

    async with _served(answer, tls=server_tls) as url, GuardedClient(LOOPBACK) as stranger:
        with pytest.raises(TlsFailed):
            await stranger.fetch(url, size_bytes_max=9, target=tmp_path / "file")
        with pytest.raises(TlsFailed):
            await stranger.post(url, body=b"", headers={})
        trusting = ssl.create_default_context(cadata=authority)
        async with GuardedClient(LOOPBACK, tls=trusting) as friend:
            assert 6 == (await friend.fetch(url, size_bytes_max=9, target=tmp_path / "file")).size_bytes


async def test_environment_proxies_are_ignored(
    client: GuardedClient, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment would connect for us, past every check."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text="direct")

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    fetched = await client.fetch(await serve(answer), size_bytes_max=9, target=tmp_path / "file")

    assert "direct" == fetched.path.read_text()


async def test_post(client: GuardedClient, serve: Serve) -> None:
    """The body and headers arrive as given; the answer carries status, headers and the first KiB."""

    async def answer(request: web.BaseRequest) -> web.Response:
        assert b"signed" == await request.read()
        return web.Response(status=500, text="y" * 5000, headers={"X-Seen": request.headers["webhook-id"]})

    url = await serve(answer)
    for _ in range(2):
        told = await client.post(url, body=b"signed", headers={"webhook-id": "msg_1"})

    assert (500, "msg_1", b"y" * 1024) == (told.status, told.headers["X-Seen"], told.body_start)
    assert 0 <= told.duration_ms < 10_000


async def test_post_unpacks_nothing(client: GuardedClient, serve: Serve) -> None:
    """The start of a compressed answer is kept as it came."""
    packed = gzip.compress(bytes(100_000))

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    told = await client.post(await serve(answer), body=b"x", headers={})

    assert packed[:1024] == told.body_start


async def test_post_does_not_follow(client: GuardedClient, serve: Serve) -> None:
    """A redirect is an answer like any other; the body is never sent elsewhere."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    told = await client.post(await serve(answer), body=b"x", headers={})

    assert (307, ["/"]) == (told.status, seen)


async def test_post_answered_with_a_stalling_body(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that said 200 has answered, even if its body never ends."""
    stop = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await reply.write(b"so far")
        await stop.wait()
        return reply

    monkeypatch.setattr("vermilion.egress.client.BODY_START_TIMEOUT_S", 1.2)
    async with GuardedClient(LOOPBACK) as patient:
        told = await patient.post(await serve(answer), body=b"x", headers={}, timeout_s=1.0)
    stop.set()

    assert (200, b"so far") == (told.status, told.body_start)


def test_every_foreign_error_has_a_meaning() -> None:
    """Each error class of aiohttp becomes one of ours, and each of ours has a sentence for the customer."""
    foreign = [kind for _, kind in inspect.getmembers(client_exceptions, inspect.isclass)]
    raisable = [kind for kind in foreign if issubclass(kind, aiohttp.ClientError)]
    own = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EgressError)]

    assert 20 < len(raisable)
    assert all(isinstance(errors.own_error(kind.__new__(kind)), EgressError) for kind in raisable)
    assert all((kind.__doc__ or "").endswith(".") for kind in own)
    assert issubclass(TooSlow, EgressFailed)


@contextlib.asynccontextmanager
async def _served(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    server = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1, handler_cancellation=True)
    await server.setup()
    try:
        site = web.TCPSite(server, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = server.addresses[0][1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await server.cleanup()


async def _streamed(
    request: web.BaseRequest, chunks: list[bytes], *, pause_s: float = 0.0
) -> web.StreamResponse:
    reply = web.StreamResponse()
    with contextlib.suppress(ConnectionError):
        await reply.prepare(request)
        for chunk in chunks:
            await reply.write(chunk)
            await asyncio.sleep(pause_s)
    return reply


@contextlib.asynccontextmanager
async def _raw_server(reply: bytes) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _self_signed(folder: Path) -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(key_pem + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, pem.decode()


async def test_lookups_of_one_name_at_once_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead name server holds one thread a name; whoever gives up waiting leaves the lookup to the others."""
    asked: list[str] = []
    answered = threading.Event()

    def look_up(host: str) -> list[str]:
        asked.append(host)
        answered.wait(10)
        return ["127.0.0.1"]

    monkeypatch.setattr("vermilion.egress.resolve._look_up", look_up)
    lookup = SystemLookup(threads=2)
    waiting = [asyncio.create_task(lookup("dead.test")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answered.set()
    assert [["127.0.0.1"]] * 4 == await asyncio.gather(*waiting[1:])
    assert ["dead.test"] == asked
    assert ["127.0.0.1"] == await lookup("dead.test")
    assert 2 == len(asked)
    lookup.close()
