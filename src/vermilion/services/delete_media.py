"""Delete files on their owner's request: every copy, thumbnails included."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vermilion.errors import NotFound
from vermilion.services.find_tasks import get_task
from vermilion.services.gateway import Gateway
from vermilion.services.release_bytes import release_bytes
from vermilion.storage import assets


async def delete_media(gateway: Gateway, account_id: UUID, asset_id: UUID) -> None:
    """Delete one file; the task that made it forgets it. Raises NotFound."""
    if not await delete_files(gateway, account_id, [asset_id]):
        raise NotFound("There is no such file here.")


async def delete_files(gateway: Gateway, account_id: UUID, asset_ids: Sequence[UUID]) -> int:
    """Delete those of the files that are the account's; answers how many."""
    deleted = await assets.delete_own(gateway.database, account_id, asset_ids=asset_ids)
    await release_bytes(gateway, account_id)
    return deleted


async def delete_task_media(gateway: Gateway, account_id: UUID, task_id: UUID) -> int:
    """Delete what a task made, and what was fetched for it; answers how many files. Raises NotFound."""
    await get_task(gateway, account_id, task_id)
    deleted = await assets.delete_own(gateway.database, account_id, task_id=task_id)
    await release_bytes(gateway, account_id)
    return deleted
