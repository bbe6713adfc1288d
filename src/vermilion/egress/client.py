"""The one HTTP client for URLs that customers name: checked addresses, bounded size, bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from vermilion.egress.errors import (
    AnswerBroken,
    AnswerRefused,
    EgressRefused,
    StatusFailed,
    TooSlow,
    own_error,
)
from vermilion.egress.guard import Network, check_url
from vermilion.egress.resolve import (
    LOOKUP_THREADS,
    CheckedResolver,
    Lookup,
    SystemLookup,
    checked_socket,
)

USER_AGENT = "Vermilion"
REDIRECTS_MAX = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
FILE_STATUSES = frozenset({200, 203})
BODY_START_SIZE_BYTES = 1024
BODY_START_TIMEOUT_S = 2.0
CHUNK_SIZE_BYTES = 256 * 1024
CONNECTIONS_MAX = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one outbound call. An answer drips if a window brings fewer bytes than the minimum."""

    timeout_s: float = 120.0  #: of a whole fetch, redirects and body included
    post_timeout_s: float = 15.0  #: of a whole post
    connect_timeout_s: float = 10.0  #: name lookup, TCP and TLS of one hop
    answer_timeout_s: float = 30.0  #: connecting, sending and all headers of one hop
    drip_window_s: float = 10.0
    drip_size_bytes_min: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched whole. `content_type` is what the host claims, without parameters."""

    path: Path
    content_type: str
    size_bytes: int
    final_url: str


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """What a receiver said, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body_start: bytes
    duration_ms: int


class GuardedClient:
    """Reaches public addresses and the networks in `allow`; environment proxies are ignored.

    `tls` is for private certificate authorities. Close it when done, or use it as a context manager.
    """

    def __init__(
        self,
        allow: tuple[Network, ...] = (),
        *,
        limits: Limits | None = None,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        connections_max: int = CONNECTIONS_MAX,
        lookup_threads: int = LOOKUP_THREADS,
    ) -> None:
        self._connections_max = connections_max
        self._allow = allow
        self._limits = limits or Limits()
        self._system_lookup = SystemLookup(lookup_threads)
        self._lookup = lookup or self._system_lookup
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def fetch(
        self, url: str, *, size_bytes_max: int, target: Path, content_types: tuple[str, ...] | None = None
    ) -> Fetched:
        """Download into `target`, which appears complete or not at all; raises EgressError.

        `content_types` accepts exact types and groups such as "image/*"; None accepts all.
        """
        with _mapped():
            async with asyncio.timeout(self._limits.timeout_s), self._followed(url) as answer:
                content_type = _accepted_type(answer, content_types)
                size_bytes = await self._save(answer, target, size_bytes_max)
        return Fetched(target, content_type, size_bytes, final_url=str(answer.url))

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float | None = None
    ) -> PostAnswer:
        """Post once, follow nothing and answer with any status; raises EgressError if there was no answer."""
        clock = asyncio.get_running_loop().time
        started = clock()
        with _mapped():
            async with asyncio.timeout(timeout_s or self._limits.post_timeout_s) as total:
                async with self._asked("POST", url, body=body, headers=headers) as answer:
                    total.reschedule(None)  # answered: what follows can no longer make it fail
                    body_start = await _body_start(answer)
        duration_ms = round((clock() - started) * 1000)
        return PostAnswer(answer.status, dict(answer.headers), body_start, duration_ms)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        self._system_lookup.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @contextlib.asynccontextmanager
    async def _followed(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        for _ in range(REDIRECTS_MAX + 1):
            async with self._asked("GET", url) as answer:
                if answer.status not in REDIRECT_STATUSES:
                    yield _checked_file(answer)
                    return
                url = _next_url(answer)
        raise EgressRefused(f"The URL redirects more than {REDIRECTS_MAX} times.")

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        checked = check_url(url, allow=self._allow)
        exact = URL(checked.url, encoded=True)
        if (exact.raw_host, exact.port) != (checked.host, checked.port):
            raise EgressRefused("The URL has no valid host.")  # two readings of one URL: trust neither
        async with asyncio.timeout(self._limits.answer_timeout_s):
            answer = await self._opened().request(
                method, exact, data=body, headers=headers, allow_redirects=False
            )
        async with answer:
            yield answer

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Accept": "*/*"},
                auto_decompress=False,  # a small answer must not become a large one
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._limits.connect_timeout_s),
                trust_env=False,
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            resolver=CheckedResolver(self._lookup, allow=self._allow),
            socket_factory=partial(checked_socket, allow=self._allow),
            use_dns_cache=False,
            limit=self._connections_max,
            ssl=self._tls or True,
        )

    async def _save(self, answer: aiohttp.ClientResponse, target: Path, size_bytes_max: int) -> int:
        if (answer.content_length or 0) > size_bytes_max:
            raise _too_large(size_bytes_max)
        partial_path = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            with partial_path.open("wb") as file:
                size_bytes = await self._copy(answer, file, size_bytes_max)
            partial_path.replace(target)
        finally:
            partial_path.unlink(missing_ok=True)
        return size_bytes

    async def _copy(self, answer: aiohttp.ClientResponse, file: BinaryIO, size_bytes_max: int) -> int:
        size_bytes = 0
        async for chunk in _steady_chunks(answer, self._limits):
            size_bytes += len(chunk)
            if size_bytes > size_bytes_max:
                raise _too_large(size_bytes_max)
            await asyncio.to_thread(file.write, chunk)
        return size_bytes


async def _steady_chunks(answer: aiohttp.ClientResponse, limits: Limits) -> AsyncIterator[bytes]:
    """Chunks of the body; TooSlow as soon as a window passes without the minimum of bytes."""
    while not answer.content.at_eof():
        chunk = bytearray()
        try:
            async with asyncio.timeout(limits.drip_window_s):
                while len(chunk) < limits.drip_size_bytes_min and not answer.content.at_eof():
                    chunk += await answer.content.read(CHUNK_SIZE_BYTES)
        except TimeoutError as error:
            raise TooSlow("The host of the URL sends too slowly.") from error
        yield bytes(chunk)


async def _body_start(answer: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the body, as far as they come in good time and order."""
    start = bytearray()
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
        async with asyncio.timeout(BODY_START_TIMEOUT_S):
            while len(start) < BODY_START_SIZE_BYTES and not answer.content.at_eof():
                start += await answer.content.read(BODY_START_SIZE_BYTES - len(start))
    return bytes(start)


def _checked_file(answer: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if answer.status not in FILE_STATUSES:
        raise StatusFailed(answer.status)
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise AnswerRefused("The file behind the URL is sent compressed, which is not accepted.")
    return answer


def _next_url(answer: aiohttp.ClientResponse) -> str:
    location = answer.headers.get("Location")
    if not location:
        raise AnswerBroken("The URL redirects to nowhere.")
    try:
        return urljoin(str(answer.url), location)
    except ValueError as error:
        raise EgressRefused("The URL redirects to a malformed URL.") from error


def _accepted_type(answer: aiohttp.ClientResponse, content_types: tuple[str, ...] | None) -> str:
    content_type = answer.content_type.lower()
    groups = (content_type, content_type.partition("/")[0] + "/*")
    if content_types is not None and not any(group in content_types for group in groups):
        accepted = ", ".join(content_types)
        raise AnswerRefused(f"The URL holds {content_type[:100]}; accepted is {accepted}.")
    return content_type


def _too_large(size_bytes_max: int) -> AnswerRefused:
    return AnswerRefused(f"The file behind the URL is larger than {size_bytes_max} bytes.")


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise own_error(error) from error
