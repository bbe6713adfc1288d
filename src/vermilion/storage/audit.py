"""What operators did, to whom, and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from vermilion.ids import new_id
from vermilion.storage.database import Database


async def note(database: Database, actor_id: UUID, act: str, subject_id: object, **facts: Any) -> None:
    """Write one act down."""
    await database.execute(
        "INSERT INTO audit (id, actor_id, act, subject_id, facts) VALUES ($1, $2, $3, $4, $5)",
        new_id(),
        actor_id,
        act,
        str(subject_id),
        msgspec.json.encode(facts).decode(),
    )


async def read_page(
    database: Database,
    *,
    act: str | None = None,
    subject_id: str | None = None,
    before: UUID | None,
    limit: int,
) -> list[Any]:
    """A page of acts, newest first: of one kind, on one subject, or all."""
    arguments: list[object] = [limit]
    wanted = ["true"]
    for condition, value in (("act =", act), ("subject_id =", subject_id), ("id <", before)):
        if value is not None:
            arguments.append(value)
            wanted.append(f"{condition} ${len(arguments)}")
    return await database.fetch(
        "SELECT id, actor_id, act, subject_id, facts, at FROM audit "
        f"WHERE {' AND '.join(wanted)} ORDER BY id DESC LIMIT $1",
        *arguments,
    )
