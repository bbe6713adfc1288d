"""Accept a batch: every line checked and priced, the whole durable before anyone is told, nothing held yet."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

from vermilion.domain.tasks import PRIORITY_LAST
from vermilion.errors import Conflict, InvalidRequest, NotFound
from vermilion.ids import new_id
from vermilion.services.batch_lines import CheckedLines, ReadLine, check_lines, read_native
from vermilion.services.gateway import Gateway
from vermilion.storage import assets, batches
from vermilion.storage.accounts import Bearer
from vermilion.storage.batches import BatchRow, NewBatch

WINDOW_S = 24 * 3600
WINDOW_S_MAX = 7 * 24 * 3600


async def fetch_file(gateway: Gateway, bearer: Bearer, file_id: UUID, target: Path) -> None:
    """Bring an uploaded file to this machine. Raises NotFound."""
    [asset] = await assets.read_many(gateway.database, [file_id])
    if asset is None or asset.account_id != bearer.account.id:
        raise NotFound("There is no such file here.")
    await gateway.blobs.fetch_to(asset.account_id, asset.sha256, target)


async def quote_batch(
    gateway: Gateway, bearer: Bearer, path: Path, *, read_line: ReadLine = read_native
) -> CheckedLines:
    """What a file of lines would cost as a whole. Raises InvalidRequest naming every wrong line."""
    return await check_lines(gateway, bearer, path, read_line=read_line)


async def create_batch(
    gateway: Gateway,
    bearer: Bearer,
    checked: CheckedLines,
    *,
    name: str | None = None,
    priority: int | None = None,
    window_s: int = WINDOW_S,
    idempotency_key: str | None = None,
    wire: str | None = None,
) -> tuple[BatchRow, bool]:
    """The batch, and whether it is one that was made before under the same key; `wire` is what a face remembers of it.

    Raises InvalidRequest for a priority that the plan does not allow, IdempotencyMismatch.
    """
    if priority is not None and priority < bearer.plan.priority_best:
        raise InvalidRequest(f"This plan's most urgent priority is {bearer.plan.priority_best}.")
    asked = f"{name}|{priority}|{window_s}|{wire or ''}".encode()
    new = NewBatch(
        id=new_id(),
        account_id=bearer.account.id,
        key_id=bearer.key.id,
        name=name,
        priority=PRIORITY_LAST if priority is None else priority,
        quoted=checked.units,
        window_s=window_s,
        idempotency_key=idempotency_key,
        request_hash=hashlib.sha256(asked + checked.digest).digest(),
        wire=wire,
    )
    return await batches.create(gateway.database, new, checked.lines)


async def cancel_batch(gateway: Gateway, account_id: UUID, batch_id: UUID) -> BatchRow:
    """Submit nothing more of a batch, and cancel what is under way. Raises NotFound, Conflict."""
    asked = await batches.ask_cancel(gateway.database, account_id, batch_id)
    if asked is not None:
        return asked
    row = await batches.read(gateway.database, account_id, batch_id)
    if row.state in ("cancelling", "cancelled"):
        return row
    raise Conflict(f"The batch is over: it is {row.state}.")
