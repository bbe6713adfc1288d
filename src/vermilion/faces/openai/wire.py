"""The shapes of files and batches, their ids, and the mapping of rows onto them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.storage.assets import AssetRow
from vermilion.storage.batches import BatchRow

FILE_PREFIX, BATCH_PREFIX = "file-", "batch_"
OUTPUT, ERRORS = "output", "errors"
PURPOSE_UNTOLD = "user_data"  #: of files that came through another face
STATUSES = {"running": "in_progress", "expiring": "finalizing"}  #: where they differ from our states
RESULTS_NAMES = {OUTPUT: "output.jsonl", ERRORS: "errors.jsonl"}


class Remembered(msgspec.Struct, frozen=True):
    """What the face remembers of a batch."""

    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: dict[str, str] | None = None


class ResultsFile(msgspec.Struct, frozen=True):
    """The file of what a batch made, or of what went wrong in it; it is written as it is read."""

    batch_id: UUID
    which: Literal["output", "errors"]


def file_id(asset_id: UUID) -> str:
    """How an upload is called."""
    return FILE_PREFIX + asset_id.hex


def batch_id(id_: UUID) -> str:
    """How a batch is called."""
    return BATCH_PREFIX + id_.hex


def read_file_id(text: str) -> UUID | ResultsFile:
    """What an id names: an upload, which may also be named as the native face does. Raises NotFound."""
    plain = text.removeprefix(FILE_PREFIX)
    try:
        if plain.startswith(BATCH_PREFIX):
            hexed, _, which = plain.removeprefix(BATCH_PREFIX).partition("_")
            return msgspec.convert({"batch_id": str(UUID(hexed)), "which": which}, ResultsFile, strict=False)
        return UUID(plain)
    except (ValueError, msgspec.ValidationError):
        raise no_file(text) from None


def read_batch_id(text: str) -> UUID:
    """The batch that an id names. Raises NotFound."""
    try:
        return UUID(text.removeprefix(BATCH_PREFIX))
    except ValueError:
        raise NotFound(f"There is no batch {text!r}.") from None


def no_file(text: str) -> NotFound:
    """The refusal of a file that is not there, or is somebody else's."""
    return NotFound(f"There is no file {text!r}.")


def file_view(row: AssetRow) -> dict[str, Any]:
    """An upload."""
    return {
        "id": file_id(row.id),
        "object": "file",
        "bytes": row.size_bytes,
        "created_at": seconds(row.created_at),
        "expires_at": seconds(row.expires_at),
        "filename": row.name or file_id(row.id),
        "purpose": row.purpose or PURPOSE_UNTOLD,
        "status": "processed",
        "status_details": None,
    }


def results_view(row: BatchRow, file: ResultsFile, size_bytes: int) -> dict[str, Any]:
    """What a batch made, as a file."""
    return {
        "id": results_id(row, file.which),
        "object": "file",
        "bytes": size_bytes,
        "created_at": seconds(row.ended_at or row.created_at),
        "expires_at": None,
        "filename": f"{batch_id(row.id)}_{RESULTS_NAMES[file.which]}",
        "purpose": "batch_output",
        "status": "processed",
        "status_details": None,
    }


def batch_view(row: BatchRow) -> dict[str, Any]:
    """A batch; its results are files as soon as it is over."""
    wire = remembered(row)
    ended_at = None if row.ended_at is None else seconds(row.ended_at)
    over = {f"{state}_at": ended_at if row.state == state else None for state in ENDS}
    return {
        "id": batch_id(row.id),
        "object": "batch",
        "endpoint": wire.endpoint,
        "errors": _errors(row),
        "input_file_id": wire.input_file_id,
        "completion_window": wire.completion_window,
        "status": STATUSES.get(row.state, row.state),
        "output_file_id": results_id(row, OUTPUT) if ended_at and row.completed else None,
        "error_file_id": results_id(row, ERRORS) if ended_at and row.failed + row.cancelled else None,
        "created_at": seconds(row.created_at),
        "in_progress_at": seconds(row.created_at),
        "expires_at": seconds(row.expires_at),
        "finalizing_at": ended_at if row.state == "completed" else None,
        "cancelling_at": None,
        **over,
        "request_counts": {"total": row.total, "completed": row.completed, "failed": row.failed},
        "metadata": wire.metadata,
    }


def remembered(row: BatchRow) -> Remembered:
    """What the face remembers of a batch. Raises NotFound for one that came through another face."""
    if row.wire is None:
        raise NotFound(f"There is no batch {batch_id(row.id)!r}.")
    return msgspec.json.decode(row.wire, type=Remembered)


def results_id(row: BatchRow, which: str) -> str:
    """The id of a batch's output or errors."""
    return f"{FILE_PREFIX}{batch_id(row.id)}_{which}"


def listed(views: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page of what was read one longer than the limit."""
    page = views[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(views) > limit,
    }


def seconds(at: datetime) -> int:
    """A time as the service writes it."""
    return int(at.timestamp())


def _errors(row: BatchRow) -> dict[str, Any] | None:
    """Why a batch failed as a whole."""
    if row.state != "failed":
        return None
    error = {"code": "batch_failed", "message": row.problem or "", "param": None, "line": None}
    return {"object": "list", "data": [error]}


ENDS = ("completed", "failed", "expired", "cancelled")
