"""Files: uploads with a purpose, and what batches made, which can be read like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.errors import Conflict, FieldProblem, InvalidRequest
from vermilion.faces.openai.lines import Endpoints
from vermilion.faces.openai.results import results_lines
from vermilion.faces.openai.wire import (
    ResultsFile,
    file_id,
    file_view,
    listed,
    no_file,
    read_file_id,
    remembered,
    results_view,
)
from vermilion.http.asgi import Answer, Send, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.files import receive_file
from vermilion.services.delete_media import delete_media
from vermilion.services.store_media import store_file, work_folder
from vermilion.storage import assets, batches
from vermilion.storage.assets import AssetRow

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
LIFE_S = Annotated[int, Meta(ge=3_600, le=2_592_000)]
JSONL = "application/jsonl"


class UploadForm(msgspec.Struct, frozen=True):
    """The fields beside a file."""

    purpose: Purpose
    life_s: LIFE_S | None = msgspec.field(default=None, name="expires_after[seconds]")


class FileQuery(msgspec.Struct, frozen=True):
    """Which files to list; unknown parameters are left alone, as the service does."""

    purpose: str | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


class Files:
    """The operations on files; what a batch made is told in the words of its endpoint."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def operations(self) -> tuple[Operation, ...]:
        """All of them."""
        return (
            _operation("POST", "/v1/files", upload, "media:write", "Upload a file", body_file=True),
            _operation("GET", "/v1/files", list_files, "tasks:read", "List files", query=FileQuery),
            _operation("GET", "/v1/files/{id}", self.read, "tasks:read", "Read a file's facts"),
            _operation(
                "GET", "/v1/files/{id}/content", self.content, "tasks:read", "Read a file", streams=True
            ),
            _operation("DELETE", "/v1/files/{id}", delete, "media:write", "Delete a file"),
        )

    async def read(self, call: Call) -> Answer:
        """Read what a file is."""
        named = read_file_id(call.path["id"])
        if not isinstance(named, ResultsFile):
            return json_answer(file_view(await _own(call, named)))
        row = await batches.read(call.gateway.database, call.bearer.account.id, named.batch_id)
        size_bytes = 0
        async for lines in self._results(call, named):
            size_bytes += len(lines)
        return json_answer(results_view(row, named, size_bytes))

    async def content(self, call: Call, send: Send) -> None:
        """Read the bytes of a file."""
        named = read_file_id(call.path["id"])
        if isinstance(named, ResultsFile):
            kind, pieces = JSONL, self._results(call, named)
        else:
            row = await _own(call, named)
            kind, pieces = row.content_type, await call.gateway.blobs.read(row.account_id, row.sha256)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-disposition", b"attachment"),
            (b"cache-control", b"no-store"),
            *call.rate_headers,
        ]
        first = await anext(pieces, b"")  # what goes wrong at the beginning is still said in words
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _results(self, call: Call, file: ResultsFile) -> AsyncIterator[bytes]:
        row = await batches.read(call.gateway.database, call.bearer.account.id, file.batch_id)
        endpoint = self._endpoints[remembered(row).endpoint]
        async for lines in results_lines(call, row, endpoint, which=file.which):
            yield lines


async def upload(call: Call) -> Answer:
    """Store a file for a purpose."""
    async with work_folder(call.gateway) as folder:
        path = folder / "upload"
        received = await receive_file(call, path, bytes_max=call.bearer.plan.upload_bytes_max)
        form = _form(received.fields)
        row = await store_file(
            call.gateway, call.bearer, path, name=received.name, purpose=form.purpose, life_s=form.life_s
        )
    return json_answer(file_view(row))


async def list_files(call: Call) -> Answer:
    """List uploads."""
    query: FileQuery = call.query
    after = _upload_id(query.after) if query.after else None
    rows = await assets.read_uploads(
        call.gateway.database,
        call.bearer.account.id,
        purpose=query.purpose,
        after=after,
        oldest_first=query.order == "asc",
        limit=query.limit + 1,
    )
    return json_answer(listed([file_view(row) for row in rows], query.limit))


async def delete(call: Call) -> Answer:
    """Delete an upload with every copy of it."""
    named = read_file_id(call.path["id"])
    if isinstance(named, ResultsFile):
        await batches.read(call.gateway.database, call.bearer.account.id, named.batch_id)
        raise Conflict("This file is a part of its batch; it goes with the tasks of the batch.")
    row = await _own(call, named)
    await delete_media(call.gateway, call.bearer.account.id, row.id)
    return json_answer({"id": file_id(row.id), "object": "file", "deleted": True})


def _form(fields: dict[str, str]) -> UploadForm:
    try:
        return msgspec.convert(fields, UploadForm, strict=False)
    except msgspec.ValidationError as wrong:
        detail, _, where = str(wrong).partition(" - at `$.")
        pointer = f"/{where.rstrip('`') or 'purpose'}"
        raise InvalidRequest(problems=(FieldProblem(pointer, detail),)) from None


def _upload_id(text: str) -> UUID:
    named = read_file_id(text)
    if isinstance(named, ResultsFile):
        raise no_file(text)
    return named


async def _own(call: Call, asset_id: UUID) -> AssetRow:
    """An upload of the account. Raises NotFound."""
    [row] = await assets.read_many(call.gateway.database, [asset_id])
    if row is None or row.account_id != call.bearer.account.id or row.kind != "upload":
        raise no_file(file_id(asset_id))
    return row


def _operation(method: str, path: str, handler: Any, needs: str, summary: str, **more: Any) -> Operation:
    return Operation(method, path, handler, needs, summary, tag="OpenAI", **more)
