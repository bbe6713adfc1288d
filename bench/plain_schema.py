"""The tables of the plain peer, in a schema of their own; seven indexes are written for each task."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="plain")
moment = DateTime(timezone=True)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False, index=True),
    Column("key_sha256", LargeBinary, nullable=False, unique=True),
    Column("revoked_at", moment),
)
wallets = Table(
    "wallets",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, default=0),
)
idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("task_id", Uuid, nullable=False),
)
tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", BigInteger, nullable=False),
    Column("input", JSONB, nullable=False),
    Column("output", JSONB),
    Column("error", JSONB),
    Column("metadata", JSONB, nullable=False),
    Column("parent_id", Uuid),
    Column("held", BigInteger, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("started_at", moment),
    Column("ended_at", moment),
    Index("tasks_by_account", "account_id", "created_at"),
    Index("tasks_waiting", "created_at", postgresql_where=text("status = 'pending'")),
)
holds = Table(
    "holds",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", moment, nullable=False),
)
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("task_id", Uuid, nullable=False),
    Column("side", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("created_at", moment, nullable=False),
    UniqueConstraint("task_id", "side", "reason"),
    Index("ledger_entries_by_account", "account_id", "id"),
)
