"""The connection pool, migrations, and how foreign database errors become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncpg
import asyncpg.pool
from pogo_core.util import migrate

from vermilion.errors import InvalidRequest, ServiceUnavailable
from vermilion.logs import get_logger

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x5EED_CAFE  #: any constant that every node shares
CONFLICT_TRIES = 5
AT_HAND_SHARE = 4  #: one in so many connections may be kept at hand
#: Statements are prepared once and planned once: planning the set-based ones takes longer than running them.
#: Planned on small tables, a scan would stay chosen while they grow, so here everything goes through an index.
SESSION = {
    "application_name": "vermilion",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
log = get_logger("database")
#: Where a test asks for them, the seconds that each statement of the request at hand took.
STATEMENTS: ContextVar[list[float] | None] = ContextVar("statements", default=None)
Answer = TypeVar("Answer")

#: Errors that say "the same transaction may well succeed now".
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
#: Errors that say "the server is not there at the moment".
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what is left of a connection that died in the middle of an operation
    asyncpg.QueryCanceledError,
    ConnectionError,
    OSError,
)


class Database:
    """One PostgreSQL, reached through a pool."""

    def __init__(self, dsn: str, *, connections_max: int = 12, traced: bool = False) -> None:
        self.dsn = dsn
        self._traced = traced
        self._connections_max = connections_max
        self._pool: asyncpg.Pool[Any] | None = None
        self._at_hand: list[Any] = []  # connections that are not given back to the pool between two uses

    async def open(self, *, wait_s: float = 15.0) -> None:
        """Connect, waiting for a server that is just starting, and bring the schema up to date."""
        self._pool = await self._connect(wait_s)
        await self._migrate()

    async def close(self) -> None:
        """Give the connections back; what still runs is cut after a moment."""
        if self._pool is None:
            return
        self._at_hand, at_hand = [], self._at_hand
        for connection in at_hand:
            await self._pool.release(connection)
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except (TimeoutError, *AWAY):
            self._pool.terminate()

    @property
    def pool(self) -> asyncpg.Pool[Any]:
        """The open pool."""
        if self._pool is None:
            raise ServiceUnavailable("The database is not open yet.")
        return self._pool

    def connection(self) -> Lent:
        """A connection for the block, with errors of the server turned into ours."""
        return Lent(self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection in a transaction that commits when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows of one statement."""
        async with self.connection() as connection:
            rows: list[Any] = await connection.fetch(sql, *arguments)
        return rows

    async def fetchrow(self, sql: str, *arguments: Any) -> Any | None:
        """The first row of one statement, or None."""
        async with self.connection() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        """The first field of the first row of one statement."""
        async with self.connection() as connection:
            return await connection.fetchval(sql, *arguments)

    async def ping(self) -> None:
        """Come back from the server. Raises ServiceUnavailable if it cannot be reached."""
        await self.fetchval("SELECT 1")

    async def server_version(self) -> str:
        """The server's version, as it says it: `18.6`."""
        return str(await self.fetchval("SHOW server_version"))

    async def execute(self, sql: str, *arguments: Any) -> str:
        """Run one statement for its effect; answers PostgreSQL's command tag."""
        async with self.connection() as connection:
            return str(await connection.execute(sql, *arguments))

    async def take(self) -> Any:
        """A connection of those at hand, or of the pool, which takes a tenth of a millisecond to lend one."""
        while self._at_hand:
            connection = self._at_hand.pop()
            if not connection.is_closed():
                return connection
            await self.pool.release(connection)
        return await self.pool.acquire()

    async def put_back(self, connection: Any) -> None:
        """Keep a connection that was taken at hand, or give it back to the pool."""
        if len(self._at_hand) < self._connections_max // AT_HAND_SHARE and not connection.is_closed():
            self._at_hand.append(connection)
        else:
            await self.pool.release(connection)

    async def _connect(self, wait_s: float) -> asyncpg.Pool[Any]:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + wait_s
        while True:
            try:
                return await asyncpg.create_pool(
                    self.dsn,
                    min_size=2,
                    max_size=self._connections_max,
                    command_timeout=60,
                    reset=_leave_as_it_is,
                    init=_trace if self._traced else None,
                    server_settings=SESSION,
                )
            except AWAY as away:
                if clock() > give_up_at:
                    raise ServiceUnavailable(f"PostgreSQL does not answer: {away}") from away
                await asyncio.sleep(0.2)

    async def _migrate(self) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            try:
                await migrate.apply(
                    cast("asyncpg.Connection[Any]", connection), MIGRATIONS, schema_name="public", logger=log
                )
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)


class Lent:
    """The block of a connection: a class, as a generator would take a tenth of a short statement's time."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Any:
        with translated():
            self._connection = await self._database.take()
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        with translated():
            if error is not None:  # the pool sees to a connection that was left in the middle of something
                await self._database.pool.release(self._connection)
                raise error
            await self._database.put_back(self._connection)


async def _trace(connection: Any) -> None:
    """Note the time of each statement for the request that asks it."""

    def note(asked: Any) -> None:
        statements = STATEMENTS.get()
        if statements is not None:
            statements.append(asked.elapsed)

    connection.add_query_logger(note)


async def _leave_as_it_is(_connection: Any) -> None:
    """Nothing to reset between uses: no statement here changes a session; asyncpg's default costs a round trip."""


class translated:  # noqa: N801  (reads as a word: `with translated():`)
    """Turns what the database refuses into our errors: bad values into 422, an absent server into 503."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, asyncpg.DataError):
            raise InvalidRequest(f"A value cannot be stored: {error}") from error
        if isinstance(error, AWAY):
            raise ServiceUnavailable("The database is away for a moment; try again.") from error


async def retry_conflicts(run: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run a transaction again when PostgreSQL chose it as the victim of a deadlock."""
    for attempt in range(1, CONFLICT_TRIES + 1):
        try:
            return await run()
        except CONFLICTS:
            if attempt == CONFLICT_TRIES:
                raise
            await asyncio.sleep(0.01 * attempt)
    raise AssertionError("unreachable")
