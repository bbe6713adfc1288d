"""Webhook endpoints and deliveries over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.errors import NotFound
from vermilion.faces.native.webhooks_wire import (
    AttemptView,
    DeliveryView,
    EndpointView,
    WholeDeliveryView,
    delivery_view,
    endpoint_view,
    whole_delivery_view,
)
from vermilion.faces.native.wire import Limit, Page
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.services.keep_endpoint import (
    OVERLAP_S_DEFAULT,
    EndpointChange,
    NewEndpoint,
    add_endpoint,
    change_endpoint,
    remove_endpoint,
    reveal_secret,
    rotate_secret,
    send_test,
)
from vermilion.services.replay_deliveries import Replay, replay_one, replay_range
from vermilion.services.webhook_secret import endpoint_secret
from vermilion.storage import deliveries, endpoints
from vermilion.storage.endpoints import EndpointRow

OVERLAP_S_MAX = 30 * 86_400


class DeliveryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of deliveries, of one task, endpoint or state if it is named."""

    task_id: UUID | None = None
    endpoint_id: UUID | None = None
    state: Literal["due", "delivered", "given_up", "skipped"] | None = None
    cursor: UUID | None = None
    limit: Limit = 50


class SecretRotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old secret goes on signing beside the new one."""

    overlap_s: Annotated[float, Meta(ge=0, le=OVERLAP_S_MAX)] = OVERLAP_S_DEFAULT


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries are due again; at most 10,000 at once, the oldest first."""

    replayed: int


async def create_endpoint(call: Call) -> Answer:
    """Add a receiver of this account's events; the secret that signs them is in this answer."""
    row = await add_endpoint(call.gateway, call.bearer, call.body)
    return json_answer(_with_secret(call, row), 201)


async def list_endpoints(call: Call) -> Answer:
    """The account's endpoints, the newest first."""
    rows = await endpoints.read_all(call.gateway.database, call.bearer.account.id)
    return json_answer(Page([endpoint_view(row) for row in rows if row.channel == "webhook"], None))


async def read_endpoint(call: Call) -> Answer:
    """One endpoint."""
    return json_answer(endpoint_view(await _own(call)))


async def update_endpoint(call: Call) -> Answer:
    """Change an endpoint's address, events or description, or switch it on and off."""
    await _own(call)
    return json_answer(endpoint_view(await change_endpoint(call.gateway, call.bearer, call.id(), call.body)))


async def delete_endpoint(call: Call) -> Answer:
    """Remove an endpoint; what is still due to it is given up."""
    row = await _own(call)
    await remove_endpoint(call.gateway, call.bearer, row.id)
    return json_answer(endpoint_view(row))


async def rotate(call: Call) -> Answer:
    """Make a new secret. During the overlap every delivery carries the signatures of both."""
    rotation: SecretRotation = call.body
    row = await rotate_secret(call.gateway, call.bearer, call.id(), overlap_s=rotation.overlap_s)
    return json_answer(_with_secret(call, row), 201)


async def secret(call: Call) -> Answer:
    """The endpoint with its secret, for keys that may change the account; who looks is noted in the audit log."""
    await _own(call)
    row, shown = await reveal_secret(call.gateway, call.bearer, call.id())
    return json_answer(endpoint_view(row, shown))


async def test(call: Call) -> Answer:
    """Send a `webhook.test` message to this endpoint, whatever events it asked for."""
    await _own(call)
    delivery_id = await send_test(call.gateway, call.bearer, call.id())
    row = await deliveries.read_one(call.gateway.database, delivery_id, call.bearer.account.id)
    assert row is not None  # just written
    return json_answer(delivery_view(row), 201)


async def list_deliveries(call: Call) -> Answer:
    """The account's webhook deliveries, newest first."""
    query: DeliveryQuery = call.query
    rows = await deliveries.read_page(
        call.gateway.database,
        call.bearer.account.id,
        task_id=query.task_id,
        endpoint_id=query.endpoint_id,
        state=query.state,
        before=query.cursor,
        limit=query.limit + 1,
    )
    cursor = str(rows[query.limit - 1].id) if len(rows) > query.limit else None
    return json_answer(Page([delivery_view(row) for row in rows[: query.limit]], cursor))


async def read_delivery(call: Call) -> Answer:
    """One delivery with every attempt: when, the status, how long it took, and the first bytes of the answer."""
    row = await deliveries.read_one(call.gateway.database, call.id(), call.bearer.account.id)
    if row is None:
        raise NotFound("There is no such delivery.")
    attempts = await deliveries.read_attempts(call.gateway.database, row.id)
    return json_answer(whole_delivery_view(row, [AttemptView.of(attempt) for attempt in attempts]))


async def replay(call: Call) -> Answer:
    """Send a delivery again, under the same id, with its whole schedule of tries before it."""
    return json_answer(delivery_view(await replay_one(call.gateway, call.bearer.account.id, call.id())), 201)


async def replay_many(call: Call) -> Answer:
    """Send again what was written in a time; only what failed, unless `which` says otherwise."""
    asked: Replay = call.body
    return json_answer(Replayed(await replay_range(call.gateway, call.bearer.account.id, asked)))


async def _own(call: Call) -> EndpointRow:
    """The webhook endpoint that the path names. Raises NotFound."""
    row = await endpoints.read_one(call.gateway.database, call.id(), call.bearer.account.id)
    if row.channel != "webhook":
        raise NotFound("There is no such endpoint.")
    return row


def _with_secret(call: Call, row: EndpointRow) -> EndpointView:
    return endpoint_view(row, endpoint_secret(call.gateway, row.id, row.secret_version))


def _of_endpoints(method: str, tail: str, handler: object, summary: str, **more: object) -> Operation:
    """An operation on webhook endpoints, for keys that may change the account."""
    declared: dict[str, object] = {"needs": "account:write", "tag": "Webhooks", "errors": (404,), **more}
    return Operation(method, f"/v1/webhook-endpoints{tail}", handler, summary=summary, **declared)  # type: ignore[arg-type]  # each is of its field's type


OPERATIONS = (
    _of_endpoints(
        "POST",
        "",
        create_endpoint,
        "Add a webhook endpoint",
        body=NewEndpoint,
        answers=EndpointView,
        status=201,
        errors=(409,),
    ),
    _of_endpoints("GET", "", list_endpoints, "List webhook endpoints", answers=Page[EndpointView], errors=()),
    _of_endpoints("GET", "/{id}", read_endpoint, "Read a webhook endpoint", answers=EndpointView),
    _of_endpoints(
        "PATCH",
        "/{id}",
        update_endpoint,
        "Change a webhook endpoint",
        body=EndpointChange,
        answers=EndpointView,
    ),
    _of_endpoints("DELETE", "/{id}", delete_endpoint, "Remove a webhook endpoint", answers=EndpointView),
    _of_endpoints(
        "POST",
        "/{id}/rotate",
        rotate,
        "Replace an endpoint's secret",
        body=SecretRotation,
        answers=EndpointView,
        status=201,
    ),
    _of_endpoints("GET", "/{id}/secret", secret, "Reveal an endpoint's secret", answers=EndpointView),
    _of_endpoints(
        "POST", "/{id}/test", test, "Send a test event", answers=DeliveryView, status=201, errors=(404, 409)
    ),
    Operation(
        "GET",
        "/v1/webhook-deliveries",
        list_deliveries,
        needs="tasks:read",
        summary="List webhook deliveries",
        answers=Page[DeliveryView],
        query=DeliveryQuery,
        tag="Webhooks",
    ),
    # Before the paths with an id, which would take it for one.
    Operation(
        "POST",
        "/v1/webhook-deliveries/replay",
        replay_many,
        needs="tasks:write",
        summary="Send again what was missed in a time",
        body=Replay,
        answers=Replayed,
        errors=(404, 409),
        tag="Webhooks",
    ),
    Operation(
        "GET",
        "/v1/webhook-deliveries/{id}",
        read_delivery,
        needs="tasks:read",
        summary="Read a delivery with its attempts",
        answers=WholeDeliveryView,
        errors=(404,),
        tag="Webhooks",
    ),
    Operation(
        "POST",
        "/v1/webhook-deliveries/{id}/replay",
        replay,
        needs="tasks:write",
        summary="Send a delivery again",
        answers=DeliveryView,
        status=201,
        errors=(404, 409),
        tag="Webhooks",
    ),
)
