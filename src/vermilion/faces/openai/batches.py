"""Batches: the requests of an uploaded file, each as a task, carried out in portions beside other work."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.openai.lines import Endpoints
from vermilion.faces.openai.wire import (
    Remembered,
    ResultsFile,
    batch_view,
    listed,
    no_file,
    read_batch_id,
    read_file_id,
    remembered,
)
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery
from vermilion.services.batch_lines import CheckedLines, check_lines, openai_reader
from vermilion.services.create_batch import WINDOW_S_MAX, cancel_batch, create_batch, fetch_file
from vermilion.services.store_media import work_folder
from vermilion.storage import batches

HOURS = re.compile(r"([1-9]\d{0,3})h")


class BatchRequest(msgspec.Struct, frozen=True):
    """A batch to make; unknown fields are left alone, as the service does."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    ) = None


class BatchQuery(msgspec.Struct, frozen=True):
    """Which batches to list."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    after: str | None = None


class Batches:
    """The operations on batches, for these endpoints."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def operations(self) -> tuple[Operation, ...]:
        """All of them."""
        write, read_ = "tasks:write", "tasks:read"
        return (
            _operation("POST", "/v1/batches", self.create, write, "Make a batch", body=BatchRequest),
            _operation("GET", "/v1/batches", history, read_, "List batches", query=BatchQuery),
            _operation("GET", "/v1/batches/{id}", read, read_, "Read a batch"),
            _operation("POST", "/v1/batches/{id}/cancel", cancel, write, "Cancel a batch"),
        )

    async def create(self, call: Call) -> Answer:
        """Check every line, then make the batch; if a line is wrong, nothing is accepted."""
        asked: BatchRequest = call.body
        window_s = _window_s(asked.completion_window)
        checked = await self._checked(call, asked)
        wire = Remembered(asked.endpoint, asked.input_file_id, asked.completion_window, asked.metadata)
        row, _ = await create_batch(
            call.gateway,
            call.bearer,
            checked,
            window_s=window_s,
            idempotency_key=call.header(b"idempotency-key"),
            wire=msgspec.json.encode(wire).decode(),
        )
        return json_answer(batch_view(row))

    async def _checked(self, call: Call, asked: BatchRequest) -> CheckedLines:
        endpoint = self._endpoints.get(asked.endpoint)
        if endpoint is None:
            detail = f"must be one of: {', '.join(self._endpoints)}"
            raise InvalidRequest(problems=(FieldProblem("/endpoint", detail),))
        named = read_file_id(asked.input_file_id)
        if isinstance(named, ResultsFile):
            raise no_file(asked.input_file_id)
        read_line = openai_reader({asked.endpoint: partial(endpoint.ask, call.gateway.catalogue)})
        async with work_folder(call.gateway) as folder:
            path = folder / "batch"
            await fetch_file(call.gateway, call.bearer, named, path)
            return await check_lines(call.gateway, call.bearer, path, read_line=read_line)


async def history(call: Call) -> Answer:
    """List batches, newest first."""
    query: BatchQuery = call.query
    rows = await batches.read_page(
        call.gateway.database,
        call.bearer.account.id,
        before=read_batch_id(query.after) if query.after else None,
        limit=query.limit + 1,
        with_wire=True,
    )
    return json_answer(listed([batch_view(row) for row in rows], query.limit))


async def read(call: Call) -> Answer:
    """Read a batch."""
    id_ = read_batch_id(call.path["id"])
    return json_answer(batch_view(await batches.read(call.gateway.database, call.bearer.account.id, id_)))


async def cancel(call: Call) -> Answer:
    """Cancel a batch: nothing more is begun, and what is under way is stopped where it can be."""
    id_, account_id = read_batch_id(call.path["id"]), call.bearer.account.id
    remembered(await batches.read(call.gateway.database, account_id, id_))
    return json_answer(batch_view(await cancel_batch(call.gateway, account_id, id_)))


def _window_s(text: str) -> int:
    hours = HOURS.fullmatch(text)
    if hours is None or int(hours[1]) * 3600 > WINDOW_S_MAX:
        detail = f"must be hours, from 1h to {WINDOW_S_MAX // 3600}h"
        raise InvalidRequest(problems=(FieldProblem("/completion_window", detail),))
    return int(hours[1]) * 3600


def _operation(method: str, path: str, handler: Any, needs: str, summary: str, **more: Any) -> Operation:
    more.setdefault("query", AnyQuery)
    return Operation(method, path, handler, needs, summary, tag="OpenAI", **more)
