"""The gateway's HTTP API as the commands use it; every answer that is not a good one becomes a CommandFailed."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vermilion.cli.failures import CommandFailed, Refused, Unreachable
from vermilion.cli.where import Where

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 75  #: beyond the longest `Prefer: wait`, and several keep-alives of an event stream
PATIENCE_S_MAX = 15.0  #: a Retry-After up to this long is waited for
TRIES_MAX = 4


@asynccontextmanager
async def open_client(where: Where) -> AsyncIterator[Client]:
    """A client of the gateway at an address; it is closed after the block."""
    import aiohttp  # noqa: PLC0415  (slow; --help does without)

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
    headers = {"authorization": f"Bearer {where.key}"} if where.key else {}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        yield Client(where, session)


class Client:
    """Calls operations of the API. Raises Refused, Unreachable."""

    def __init__(self, where: Where, session: ClientSession) -> None:
        self.where = where
        self._session = session

    async def get(self, path: str, *, query: dict[str, Any] | None = None, wait_s: int | None = None) -> Any:
        """The JSON at a path; query values that are None are left out."""
        headers = {} if wait_s is None else {"prefer": f"wait={wait_s}"}
        return await self._json("GET", path, params=_without_none(query or {}), headers=headers)

    async def post(self, path: str, body: dict[str, Any] | None = None, *, once: str | None = None) -> Any:
        """The JSON answer to a POST; members that are None are left out. `once` becomes the Idempotency-Key."""
        headers = {} if once is None else {"idempotency-key": once}
        payload = {} if body is None else {"json": _without_none(body)}
        return await self._json("POST", path, headers=headers, **payload)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a PATCH."""
        return await self._json("PATCH", path, json=_without_none(body))

    async def delete(self, path: str) -> Any:
        """The JSON answer to a DELETE."""
        return await self._json("DELETE", path)

    async def upload(self, file: Path) -> Any:
        """The stored upload of a local file. Raises CommandFailed when it cannot be read."""
        content = await read_file(file)
        return await self.send("/v1/media", content, query={"name": file.name})

    async def send(
        self, path: str, content: bytes, *, query: dict[str, Any] | None = None, once: str | None = None
    ) -> Any:
        """The JSON answer to a POST of bytes."""
        headers = {"content-type": "application/octet-stream"}
        if once is not None:
            headers["idempotency-key"] = once
        return await self._json(
            "POST", path, data=content, headers=headers, params=_without_none(query or {})
        )

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> Mapping[str, str]:
        """The headers of a good answer whose body does not matter; asked once."""
        with _reachable(self.where.url):
            async with self._session.request(
                method, self._url(path), headers=headers, data=content, allow_redirects=False
            ) as response:
                if response.status >= 300:
                    raise await _refusal(response)
                return {name.lower(): value for name, value in response.headers.items()}

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """The lines of a long answer as they come."""
        with _reachable(self.where.url):
            async with self._session.get(self._url(path)) as response:
                if response.status != 200:
                    raise await _refusal(response)
                async for line in response.content:
                    yield line

    async def download(self, link: str, file: Path) -> int:
        """Save what a signed link of this gateway leads to; answers its size in bytes."""
        parts = urlsplit(link)
        with _reachable(self.where.url):
            async with self._session.get(f"{self.where.url}{parts.path}?{parts.query}") as response:
                if response.status != 200:
                    raise await _refusal(response)
                content = await response.read()
        await asyncio.to_thread(file.write_bytes, content)
        return len(content)

    async def changes(self, task_id: str, after: str | None) -> AsyncIterator[tuple[str, Any]]:
        """(event id, task) for each change of a task after an event id, to its end."""
        headers = {} if after is None else {"last-event-id": after}
        with _reachable(self.where.url):
            async with self._session.get(
                self._url(f"/v1/tasks/{task_id}/events"), headers=headers
            ) as response:
                if response.status != 200:
                    raise await _refusal(response)
                async for event in _events(response):
                    yield event

    async def is_ready(self) -> bool:
        """Whether a gateway answers here and can do its work."""
        try:
            with _reachable(self.where.url):
                async with self._session.get(self._url("/readyz"), allow_redirects=False) as response:
                    return response.status == 200 and (await response.text()).strip() == "ready"
        except CommandFailed:
            return False

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        tries_left = TRIES_MAX
        while True:
            tries_left -= 1
            with _reachable(self.where.url):
                async with self._session.request(
                    method, self._url(path), allow_redirects=False, **options
                ) as response:
                    if response.status < 300:
                        return await _decoded(response)
                    wait_s = _patience_s(response) if tries_left else None
                    if wait_s is None:
                        raise await _refusal(response)
            await asyncio.sleep(wait_s)

    def _url(self, path: str) -> str:
        return self.where.url + path


async def read_file(file: Path) -> bytes:
    """What is in a file of this machine. Raises CommandFailed when it cannot be read."""
    try:
        return await asyncio.to_thread(file.read_bytes)
    except OSError as broken:
        raise CommandFailed(f"Cannot read {file}: {broken.strerror}.") from None


class _reachable:  # noqa: N801  (reads as a statement: with _reachable(url))
    """Turns what the network does into Unreachable."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        import aiohttp  # noqa: PLC0415  (loaded by now)

        if isinstance(error, aiohttp.InvalidURL):
            raise Unreachable(self._url, "this is not an address") from None
        if isinstance(error, TimeoutError):
            raise Unreachable(self._url, "it does not answer in time") from None
        if isinstance(error, aiohttp.ClientConnectorError):
            raise Unreachable(self._url, _reason(error.os_error)) from None
        if isinstance(error, aiohttp.ClientError):
            raise Unreachable(self._url, "it broke off the connection") from None


def _reason(error: OSError) -> str:
    """Why there is no connection: asyncio's own text says that it was called, not what was the matter."""
    known = {errno.ECONNREFUSED: "nothing listens there", errno.EHOSTUNREACH: "no route to it"}
    return known.get(error.errno or 0) or error.strerror or "the name is not known"


async def _events(response: ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """The events of a stream in the one form that the gateway sends: `id`, `event` and one `data` line each."""
    event_id = ""
    async for raw in response.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "id":
            event_id = value
        elif name == "data":
            yield event_id, json.loads(value)


async def _decoded(response: ClientResponse) -> Any:
    try:
        return await response.json(content_type=None)
    except ValueError:
        raise _stranger(response) from None


async def _refusal(response: ClientResponse) -> CommandFailed:
    try:
        problem = await response.json(content_type=None)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "code" not in problem:
        return _stranger(response)
    return Refused(response.status, problem)


def _stranger(response: ClientResponse) -> CommandFailed:
    answered = f"HTTP status {response.status}, {response.content_type}"
    if response.status >= 500:
        return CommandFailed(
            f"The server at {response.url.origin()} failed ({answered}).", fix="read its log"
        )
    return CommandFailed(
        f"What answers at {response.url.origin()} is not a Vermilion gateway ({answered}).",
        fix="check --url and VERMILION_URL",
    )


def _patience_s(response: ClientResponse) -> float | None:
    """Seconds to wait before asking again, for refusals that prove that nothing was started."""
    after = response.headers.get("retry-after", "")
    if response.status not in {429, 503} or not after.isdigit():
        return None
    return float(after) if float(after) <= PATIENCE_S_MAX else None


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
