"""The plain peer: the service most teams would write with FastAPI, pydantic and SQLAlchemy on asyncpg.

One transaction a request: key and account, idempotency record if a key came, wallet `FOR UPDATE`, balance
check and update, task, hold, two ledger entries, commit. It does the same durable work and keeps seven
indexes on the rows it writes (the gateway keeps more). It is a fair opponent: SQLAlchemy's Core, because the
same service on its ORM reached only about half; statements built once; no foreign keys; a pool of 32.
Nothing in it is slow on purpose; if you can make it faster in its own style, do.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping, bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from uuid_utils.compat import uuid7

from bench.plain_schema import (
    accounts,
    api_keys,
    holds,
    idempotency_records,
    ledger_entries,
    metadata,
    tasks,
    wallets,
)

POOL_CONNECTIONS = 32
PRICES_UNITS = {("echo", "echo"): 1000}
OPENING_BALANCE_UNITS = 10**15

FIND_ACCOUNT = (
    select(accounts.c.id, accounts.c.disabled)
    .join(api_keys, api_keys.c.account_id == accounts.c.id)
    .where(api_keys.c.key_sha256 == bindparam("digest"), api_keys.c.revoked_at.is_(None))
)
FIND_EARLIER = select(idempotency_records.c.body_sha256, idempotency_records.c.task_id).where(
    idempotency_records.c.account_id == bindparam("account_id"), idempotency_records.c.key == bindparam("key")
)
LOCK_WALLET = (
    select(wallets.c.available, wallets.c.held)
    .where(wallets.c.account_id == bindparam("account_id"))
    .with_for_update()
)
UPDATE_WALLET = (
    update(wallets)
    .where(wallets.c.account_id == bindparam("of_account"))
    .values(available=bindparam("now_available"), held=bindparam("now_held"))
)
FIND_TASK = select(tasks).where(
    tasks.c.id == bindparam("task_id"), tasks.c.account_id == bindparam("account_id")
)
INSERT_TASK = insert(tasks)
INSERT_HOLD = insert(holds)
INSERT_ENTRIES = insert(ledger_entries)
INSERT_RECORD = insert(idempotency_records)


class TaskIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str
    task_type: str
    input: dict[str, Any]
    webhook: dict[str, Any] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    priority: int = 0
    deadline_s: int | None = None
    service_mode: str | None = None
    parent_id: UUID | None = None


class Usage(BaseModel):
    held: int
    charged: int
    released: int


class TaskOut(BaseModel):
    id: UUID
    model: str
    task_type: str
    status: str
    progress: int
    input: dict[str, Any]
    output: dict[str, Any] | None
    usage: Usage
    error: dict[str, Any] | None
    metadata: dict[str, Any]
    parent_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


TASK_FIELDS = [name for name in TaskOut.model_fields if name != "usage"]


async def connection_of(request: Request) -> AsyncIterator[AsyncConnection]:
    async with request.app.state.engine.connect() as connection:
        yield connection


Connection = Annotated[AsyncConnection, Depends(connection_of)]


async def account_of(connection: Connection, authorization: Annotated[str, Header()]) -> UUID:
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    account = (await connection.execute(FIND_ACCOUNT, {"digest": digest})).first()
    if account is None or account.disabled:
        raise HTTPException(401, "unknown key")
    account_id: UUID = account.id
    return account_id


AccountId = Annotated[UUID, Depends(account_of)]


async def submit_task(
    body: TaskIn,
    request: Request,
    connection: Connection,
    account_id: AccountId,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> TaskOut:
    units = PRICES_UNITS.get((body.model, body.task_type))
    if units is None:
        raise HTTPException(422, "unknown model or task type")
    record = None
    if idempotency_key is not None:
        digest = hashlib.sha256(await request.body()).digest()
        record = {"account_id": account_id, "key": idempotency_key, "body_sha256": digest}
        earlier = await _earlier_answer(connection, record)
        if earlier is not None:
            return earlier
    await _take_from_wallet(connection, account_id, units)
    task = _new_task(body, account_id, units)
    await connection.execute(INSERT_TASK, task)
    await connection.execute(INSERT_HOLD, _hold_of(task))
    await connection.execute(INSERT_ENTRIES, _entries_of(task))
    if record is not None:
        await connection.execute(INSERT_RECORD, record | {"task_id": task["id"]})
    await connection.commit()
    return _task_out(task)


async def read_task(task_id: UUID, connection: Connection, account_id: AccountId) -> TaskOut:
    return await _find_task(connection, task_id, account_id)


def create_app(dsn: str) -> FastAPI:
    """The service on the server behind `dsn`; `prepare` must have made its tables."""
    engine = _engine(dsn)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.engine = engine
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.post("/v1/tasks", status_code=201)(submit_task)
    app.get("/v1/tasks/{task_id}")(read_task)
    return app


async def prepare(dsn: str, keys: list[str]) -> None:
    """Make schema `plain` anew, with one funded account for each key."""
    engine = _engine(dsn)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA IF EXISTS plain CASCADE"))
        await connection.execute(text("CREATE SCHEMA plain"))
        await connection.run_sync(metadata.create_all)
        for key in keys:
            account_id = uuid7()
            digest = hashlib.sha256(key.encode()).digest()
            balance = {"account_id": account_id, "available": OPENING_BALANCE_UNITS}
            await connection.execute(insert(accounts), {"id": account_id, "name": "benchmark"})
            await connection.execute(
                insert(api_keys), {"id": uuid7(), "account_id": account_id, "key_sha256": digest}
            )
            await connection.execute(insert(wallets), balance)
    await engine.dispose()


def main() -> None:
    """Serve on a loopback port, on the same server software as the gateway."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True)
    args = parser.parse_args()
    uvicorn.run(
        create_app(args.dsn),
        host="127.0.0.1",
        port=args.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


def _engine(dsn: str) -> AsyncEngine:
    """asyncpg reads the DSN itself, because SQLAlchemy's URLs spell socket directories differently."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(dsn),
        pool_size=POOL_CONNECTIONS,
        max_overflow=0,
    )


async def _earlier_answer(connection: AsyncConnection, record: dict[str, Any]) -> TaskOut | None:
    key = {"account_id": record["account_id"], "key": record["key"]}
    earlier = (await connection.execute(FIND_EARLIER, key)).first()
    if earlier is None:
        return None
    if earlier.body_sha256 != record["body_sha256"]:
        raise HTTPException(422, "this idempotency key came with another body")
    return await _find_task(connection, earlier.task_id, record["account_id"])


async def _take_from_wallet(connection: AsyncConnection, account_id: UUID, units: int) -> None:
    wallet = (await connection.execute(LOCK_WALLET, {"account_id": account_id})).one()
    if wallet.available < units:
        raise HTTPException(402, "not enough units")
    after = {"now_available": wallet.available - units, "now_held": wallet.held + units}
    await connection.execute(UPDATE_WALLET, after | {"of_account": account_id})


async def _find_task(connection: AsyncConnection, task_id: UUID, account_id: UUID) -> TaskOut:
    found = await connection.execute(FIND_TASK, {"task_id": task_id, "account_id": account_id})
    task = found.mappings().first()
    if task is None:
        raise HTTPException(404, "no such task")
    return _task_out(task)


def _new_task(body: TaskIn, account_id: UUID, units: int) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "account_id": account_id,
        "model": body.model,
        "task_type": body.task_type,
        "status": "pending",
        "progress": 0,
        "input": body.input,
        "output": None,
        "error": None,
        "metadata": body.metadata,
        "parent_id": body.parent_id,
        "held": units,
        "charged": 0,
        "released": 0,
        "created_at": datetime.now(UTC),
        "started_at": None,
        "ended_at": None,
    }


def _hold_of(task: dict[str, Any]) -> dict[str, Any]:
    return {
        "task_id": task["id"],
        "account_id": task["account_id"],
        "units": task["held"],
        "state": "open",
        "created_at": task["created_at"],
    }


def _entries_of(task: dict[str, Any]) -> list[dict[str, Any]]:
    entry = {key: task[key] for key in ("account_id", "created_at")} | {
        "task_id": task["id"],
        "reason": "hold",
    }
    return [
        entry | {"side": "available", "units": -task["held"]},
        entry | {"side": "held", "units": task["held"]},
    ]


def _task_out(task: dict[str, Any] | RowMapping) -> TaskOut:
    usage = Usage(held=task["held"], charged=task["charged"], released=task["released"])
    return TaskOut(usage=usage, **{name: task[name] for name in TASK_FIELDS})


if __name__ == "__main__":
    main()
