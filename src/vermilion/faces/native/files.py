"""An account's files: store, list and delete them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.faces.native.account_wire import UploadView, upload_view
from vermilion.faces.native.wire import Limit, Page
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.files import receive_file
from vermilion.services.delete_media import delete_media, delete_task_media
from vermilion.services.store_media import store_file, work_folder
from vermilion.storage import assets


class NameQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is called, where no form says it."""

    name: Annotated[str, Meta(max_length=1000)] | None = None


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files to list: uploads, outputs of tasks, or inputs that were fetched from URLs."""

    kind: Literal["upload", "output", "input"] | None = None
    cursor: UUID | None = None
    limit: Limit = 50


class Deleted(msgspec.Struct, frozen=True):
    """How many files are gone, with every copy and thumbnail of them."""

    deleted: int


async def upload(call: Call) -> Answer:
    """Store a file, sent as the body or as `file` of a form; its type is found by looking at it."""
    query: NameQuery = call.query
    async with work_folder(call.gateway) as folder:
        path = folder / "upload"
        received = await receive_file(call, path, bytes_max=call.bearer.plan.upload_bytes_max)
        row = await store_file(call.gateway, call.bearer, path, name=received.name or query.name)
    return json_answer(upload_view(call.gateway, row, call.origin), 201)


async def list_files(call: Call) -> Answer:
    """List the account's files, newest first."""
    query: FileQuery = call.query
    rows = await assets.read_page(
        call.gateway.database,
        call.bearer.account.id,
        kind=query.kind,
        before=query.cursor,
        limit=query.limit + 1,
    )
    page = [upload_view(call.gateway, row, call.origin) for row in rows[: query.limit]]
    return json_answer(Page(page, str(page[-1].id) if len(rows) > query.limit else None))


async def delete(call: Call) -> Answer:
    """Delete a file, its thumbnail and every copy; the task that made it forgets it."""
    await delete_media(call.gateway, call.bearer.account.id, call.id())
    return json_answer(Deleted(1))


async def delete_of_task(call: Call) -> Answer:
    """Delete what a task made, and the inputs that were fetched for it."""
    return json_answer(Deleted(await delete_task_media(call.gateway, call.bearer.account.id, call.id())))


OPERATIONS = (
    Operation(
        "POST",
        "/v1/media",
        upload,
        needs="media:write",
        summary="Upload a file",
        body_file=True,
        query=NameQuery,
        answers=UploadView,
        status=201,
        errors=(400, 413, 415),
        tag="Media",
    ),
    Operation(
        "GET",
        "/v1/media",
        list_files,
        needs="tasks:read",
        summary="List files",
        query=FileQuery,
        answers=Page[UploadView],
        tag="Media",
    ),
    Operation(
        "DELETE",
        "/v1/media/{id}",
        delete,
        needs="media:write",
        summary="Delete a file",
        answers=Deleted,
        errors=(404,),
        tag="Media",
    ),
    Operation(
        "DELETE",
        "/v1/tasks/{id}/media",
        delete_of_task,
        needs="media:write",
        summary="Delete a task's files",
        answers=Deleted,
        errors=(404,),
        tag="Media",
    ),
)
