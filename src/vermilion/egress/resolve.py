"""Names to checked addresses: aiohttp connects to what this answers and to nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from vermilion.egress.errors import AddressRefused
from vermilion.egress.guard import Network, is_allowed

Lookup = Callable[[str], Awaitable[list[str]]]
SocketAddress = tuple[int, int, int, str, tuple[Any, ...]]

# Customers choose these names, so dead name servers may fill these threads, but never the process's own.
LOOKUP_THREADS = 8


class SystemLookup:
    """The machine's own resolver, in threads of its own. Raises OSError for a name that does not resolve.

    Lookups of one name at the same time are one, so that a dead name server holds one thread for each of its names.
    """

    def __init__(self, threads: int = LOOKUP_THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="egress-lookup")
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str) -> list[str]:
        """The addresses of a host in the system's order of preference."""
        found = self._under_way.get(host)
        if found is None:
            found = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
            self._under_way[host] = found
            found.add_done_callback(lambda done: self._ended(host, done))
        return await asyncio.shield(found)  # whoever gives up waiting does not end it for the others

    def _ended(self, host: str, done: asyncio.Future[list[str]]) -> None:
        del self._under_way[host]
        if not done.cancelled():
            done.exception()  # if nobody waits any more, nobody misses it

    def close(self) -> None:
        """Stop the threads without waiting for lookups under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedResolver(AbstractResolver):
    """Keeps only the allowed addresses of a name; AddressRefused if none is left."""

    def __init__(self, lookup: Lookup, *, allow: tuple[Network, ...]) -> None:
        self._lookup = lookup
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """One entry for each allowed address of the host."""
        found = [ip_address(text) for text in await self._lookup(host)]
        allowed = [address for address in found if is_allowed(address, self._allow)]
        if not allowed:
            raise AddressRefused if found else OSError(f"no address for {host}")
        return [_result(host, str(address), port) for address in allowed]

    async def close(self) -> None:
        """Nothing to close; the lookup belongs to whoever made it."""


def checked_socket(info: SocketAddress, *, allow: tuple[Network, ...]) -> socket.socket:
    """A socket for exactly this address; the last check before a packet leaves, names and literals alike."""
    family, kind, protocol, _, address = info
    if not is_allowed(ip_address(address[0]), allow):
        raise AddressRefused
    return socket.socket(family, kind, protocol)


def _look_up(host: str) -> list[str]:
    rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
