"""Accounts, plans and API keys as rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from vermilion.errors import Conflict, NotFound
from vermilion.storage.database import Database

PLAN_COLUMNS = """
    id, name, concurrency_total, concurrency_family, weight, requests_per_minute, upload_bytes_max, retention_days,
    priority_best, quota_units, quota_period, media_bytes_max, error_tasks_max, error_penalty, rules, created_at
"""
ACCOUNT_COLUMNS = """
    a.id, a.name, a.email, a.role, a.status, a.plan_id, a.created_at, a.service_mode, a.failover, a.updated_at
"""
KEY_COLUMNS = """
    k.id, k.account_id, k.name, k.prefix, k.scopes, k.models, k.expires_at, k.revoked_at, k.cap_units, k.cap_window,
    k.cap_used, k.cap_window_start, k.created_at, k.connection_id
"""


class PlanRow(msgspec.Struct, frozen=True):
    """What accounts of this plan may do."""

    id: str
    name: str
    concurrency_total: int
    concurrency_family: str  #: JSON: family to limit
    weight: int
    requests_per_minute: int
    upload_bytes_max: int
    retention_days: int
    priority_best: int
    quota_units: int
    quota_period: str
    media_bytes_max: int | None = None  #: of all stored files
    error_tasks_max: int | None = None  #: a day that may fail by the customer's fault
    error_penalty: str = "block"
    rules: str = "{}"  #: JSON: what `domain.plan_rules` reads
    created_at: datetime | None = None


class AccountRow(msgspec.Struct, frozen=True):
    """A customer or an operator."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    plan_id: str
    created_at: datetime
    service_mode: str  #: whose connections its tasks use unless they say
    failover: list[
        str
    ]  #: families whose private tasks may use everyone's connections when there is no own one
    updated_at: datetime


class KeyRow(msgspec.Struct, frozen=True):
    """An API key without its secret, which is stored only as a hash."""

    id: UUID
    account_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    models: list[str] | None
    expires_at: datetime | None
    revoked_at: datetime | None
    cap_units: int | None
    cap_window: str
    cap_used: int
    cap_window_start: datetime
    created_at: datetime
    connection_id: UUID | None = None  #: the one connection that it works on


class Bearer(msgspec.Struct, frozen=True):
    """Everything about the holder of a key that a request needs."""

    key: KeyRow
    account: AccountRow
    plan: PlanRow


# An account with its wallet.
CREATE_ACCOUNT = """
WITH made AS (
    INSERT INTO accounts (id, name, email, role, plan_id) VALUES ($1, $2, $3, $4, $5) RETURNING id
)
INSERT INTO wallets (account_id) SELECT id FROM made
"""

CREATE_KEY = """
INSERT INTO api_keys (id, account_id, name, prefix, secret_hash, scopes, models, expires_at, cap_units, cap_window,
                      connection_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

# The holder of a key, by the hash of its secret.
READ_BEARER = f"""
SELECT {KEY_COLUMNS}, {ACCOUNT_COLUMNS}, {", ".join("p." + column.strip() for column in PLAN_COLUMNS.split(","))}
FROM api_keys k JOIN accounts a ON a.id = k.account_id JOIN plans p ON p.id = a.plan_id WHERE k.secret_hash = $1
"""

UPSERT_PLAN = f"""
INSERT INTO plans ({PLAN_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, now())
ON CONFLICT (id) DO UPDATE SET name = $2, concurrency_total = $3, concurrency_family = $4, weight = $5,
    requests_per_minute = $6, upload_bytes_max = $7, retention_days = $8, priority_best = $9, quota_units = $10,
    quota_period = $11, media_bytes_max = $12, error_tasks_max = $13, error_penalty = $14, rules = $15
RETURNING {PLAN_COLUMNS}
"""


async def create_account(
    database: Database, account_id: UUID, *, name: str, email: str, role: str, plan_id: str
) -> AccountRow:
    """A new account with an empty wallet. Raises Conflict if the e-mail is taken, NotFound for an unknown plan."""
    try:
        await database.execute(CREATE_ACCOUNT, account_id, name, email, role, plan_id)
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(f"An account with the e-mail {email!r} exists already.") from taken
    except asyncpg.ForeignKeyViolationError as unknown:
        raise NotFound(f"There is no plan {plan_id!r}; GET /admin/v1/plans lists them.") from unknown
    return await read_account(database, account_id)


async def read_account(database: Database, account_id: UUID) -> AccountRow:
    """One account. Raises NotFound."""
    row = await database.fetchrow(f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE id = $1", account_id)
    if row is None:
        raise NotFound("This account does not exist.")
    return AccountRow(*row)


async def find_account(database: Database, email: str) -> AccountRow | None:
    """The account with this e-mail, or None."""
    row = await database.fetchrow(
        f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE lower(email) = lower($1)", email
    )
    return AccountRow(*row) if row else None


async def read_accounts(database: Database, *, after: UUID | None, limit: int) -> list[AccountRow]:
    """A page of accounts, newest first."""
    rows = await database.fetch(
        f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        after,
        limit,
    )
    return [AccountRow(*row) for row in rows]


async def change_account(
    database: Database, account_id: UUID, *, status: str | None = None, plan_id: str | None = None
) -> AccountRow:
    """Disable, enable or move an account to another plan; every node forgets what it cached of its keys."""
    try:
        row = await database.fetchrow(
            "UPDATE accounts a SET status = coalesce($2, status), plan_id = coalesce($3, plan_id), "
            "quota_until = CASE WHEN $3 <> plan_id THEN NULL ELSE quota_until END, updated_at = now() "
            f"WHERE id = $1 RETURNING {ACCOUNT_COLUMNS}",
            account_id,
            status,
            plan_id,
        )
    except asyncpg.ForeignKeyViolationError as unknown:
        raise NotFound(f"There is no plan {plan_id!r}; GET /admin/v1/plans lists them.") from unknown
    if row is None:
        raise NotFound("This account does not exist.")
    await announce_keys(database)
    return AccountRow(*row)


async def announce_keys(database: Database) -> None:
    """Tell every node to read keys again."""
    await database.execute("SELECT pg_notify('vermilion_key', '')")


async def create_key(
    database: Database,
    key_id: UUID,
    account_id: UUID,
    *,
    name: str,
    prefix: str,
    secret_hash: bytes,
    scopes: list[str],
    models: list[str] | None = None,
    expires_at: datetime | None = None,
    cap_units: int | None = None,
    cap_window: str = "never",
    connection_id: UUID | None = None,
) -> KeyRow:
    """A new key. Raises NotFound for an account that does not exist, Conflict for a secret that is in use."""
    try:
        await database.execute(
            CREATE_KEY,
            key_id,
            account_id,
            name,
            prefix,
            secret_hash,
            scopes,
            models,
            expires_at,
            cap_units,
            cap_window,
            connection_id,
        )
    except asyncpg.ForeignKeyViolationError as unknown:
        raise NotFound("This account does not exist.") from unknown
    except asyncpg.UniqueViolationError as taken:
        raise Conflict("This key is in use already.") from taken
    return await read_key(database, key_id)


async def read_key(database: Database, key_id: UUID, account_id: UUID | None = None) -> KeyRow:
    """One key, of this account if one is given. Raises NotFound."""
    row = await database.fetchrow(
        f"SELECT {KEY_COLUMNS} FROM api_keys k WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2)",
        key_id,
        account_id,
    )
    if row is None:
        raise NotFound("There is no such API key.")
    return KeyRow(*row)


async def read_keys(database: Database, account_id: UUID) -> list[KeyRow]:
    """Every key of an account, newest first."""
    rows = await database.fetch(
        f"SELECT {KEY_COLUMNS} FROM api_keys k WHERE account_id = $1 ORDER BY id DESC LIMIT 1000", account_id
    )
    return [KeyRow(*row) for row in rows]


async def revoke_key(
    database: Database, key_id: UUID, account_id: UUID | None, *, grace_s: float = 0
) -> KeyRow:
    """End a key now, or after a grace while its replacement is rolled out. Raises NotFound."""
    row = await database.fetchrow(
        "UPDATE api_keys k SET "
        "revoked_at = CASE WHEN $3::float8 = 0 THEN coalesce(revoked_at, now()) ELSE revoked_at END, "
        "expires_at = CASE WHEN $3::float8 = 0 THEN expires_at "
        "ELSE least(expires_at, now() + $3::float8 * interval '1 second') END "
        f"WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2) RETURNING {KEY_COLUMNS}",
        key_id,
        account_id,
        grace_s,
    )
    if row is None:
        raise NotFound("There is no such API key.")
    await announce_keys(database)
    return KeyRow(*row)


async def read_bearer(database: Database, secret_hash: bytes) -> Bearer | None:
    """Whoever holds the secret with this hash, or None."""
    row = await database.fetchrow(READ_BEARER, secret_hash)
    if row is None:
        return None
    fields = tuple(row)
    account_at = len(KeyRow.__struct_fields__)
    plan_at = account_at + len(AccountRow.__struct_fields__)
    return Bearer(
        KeyRow(*fields[:account_at]), AccountRow(*fields[account_at:plan_at]), PlanRow(*fields[plan_at:])
    )


async def read_bearer_of_key(database: Database, key_id: UUID) -> Bearer | None:
    """Whoever holds the key with this id, or None."""
    secret_hash = await database.fetchval("SELECT secret_hash FROM api_keys WHERE id = $1", key_id)
    return None if secret_hash is None else await read_bearer(database, secret_hash)


async def save_plan(database: Database, plan: PlanRow) -> PlanRow:
    """Make or change a plan; running tasks keep the places they have."""
    row = await database.fetchrow(UPSERT_PLAN, *msgspec.structs.astuple(plan)[:-1])
    await announce_keys(database)
    assert row is not None  # INSERT … RETURNING always answers
    return PlanRow(*row)


async def read_plans(database: Database) -> list[PlanRow]:
    """Every plan."""
    return [
        PlanRow(*row)
        for row in await database.fetch(f"SELECT {PLAN_COLUMNS} FROM plans ORDER BY id LIMIT 1000")
    ]
