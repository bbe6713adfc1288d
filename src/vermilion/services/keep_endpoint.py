"""Add, change, rotate, try and remove the endpoints at which an account hears of its tasks and of itself."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain import notifications as words
from vermilion.domain.notifications import Notification
from vermilion.domain.webhooks import ENDS, STEPS, hears
from vermilion.egress.errors import EgressRefused
from vermilion.egress.guard import check_url
from vermilion.errors import Conflict, FieldProblem, InvalidRequest
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_secret import endpoint_secret
from vermilion.storage import audit, endpoints, notifications
from vermilion.storage.accounts import Bearer
from vermilion.storage.endpoints import EndpointRow
from vermilion.storage.tellings import Listener

EVENTS = (*STEPS, *ENDS, *(type_ for type_ in words.TYPES if type_ != words.TEST))
OVERLAP_S_DEFAULT = 86_400.0
Description = Annotated[str, Meta(max_length=500)]
Events = Annotated[
    tuple[str, ...],
    Meta(
        min_length=1,
        max_length=len(EVENTS),
        description="Which events to tell; without it all but task.staged, task.started and task.progress.",
    ),
]


class NewEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver of webhooks to be; `format` is the face whose bodies it gets."""

    url: Annotated[str, Meta(max_length=2000)]
    events: Events | None = None
    description: Description | None = None
    format: Literal["native", "goapi"] = "native"


class EndpointChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; `enabled: true` switches an endpoint on again that was switched off."""

    url: Annotated[str, Meta(max_length=2000)] | msgspec.UnsetType = msgspec.UNSET
    events: Events | msgspec.UnsetType | None = msgspec.UNSET
    description: Description | msgspec.UnsetType | None = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


async def add_endpoint(gateway: Gateway, actor: Bearer, asked: NewEndpoint) -> EndpointRow:
    """A new receiver of webhooks, told of everything from now on. Raises InvalidRequest, Conflict."""
    problems = [*_url_problems(gateway, asked.url), *_event_problems(asked.events)]
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    row = await endpoints.create(
        gateway.database,
        new_id(),
        actor.account.id,
        channel="webhook",
        face=asked.format,
        url=asked.url,
        events=_listed(asked.events),
        hears=hears(asked.events),
        description=asked.description,
    )
    await audit.note(gateway.database, actor.account.id, "endpoint.create", row.id, url=row.url)
    return row


async def change_endpoint(
    gateway: Gateway, actor: Bearer, endpoint_id: UUID, asked: EndpointChange
) -> EndpointRow:
    """The endpoint as it is to be. Raises InvalidRequest, NotFound."""
    row = await endpoints.read_one(gateway.database, endpoint_id, actor.account.id)
    url = row.url if asked.url is msgspec.UNSET else asked.url
    events = row.events if asked.events is msgspec.UNSET else _listed(asked.events)
    problems = [*_url_problems(gateway, url), *_event_problems(events)]
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    wanted = msgspec.structs.replace(
        row,
        url=url,
        events=events,
        description=row.description if asked.description is msgspec.UNSET else asked.description,
        state=row.state if asked.enabled is msgspec.UNSET else "on" if asked.enabled else "off",
    )
    changed = await endpoints.change(
        gateway.database, wanted, hears=hears(events), reason="switched off by its owner"
    )
    await audit.note(
        gateway.database, actor.account.id, "endpoint.change", row.id, url=url, state=changed.state
    )
    return changed


async def rotate_secret(
    gateway: Gateway, actor: Bearer, endpoint_id: UUID, *, overlap_s: float
) -> EndpointRow:
    """A new secret. For `overlap_s` the old one signs too, so that receivers can change over. Raises NotFound."""
    row = await endpoints.rotate(gateway.database, endpoint_id, actor.account.id, overlap_s=overlap_s)
    await audit.note(gateway.database, actor.account.id, "endpoint.rotate", endpoint_id, overlap_s=overlap_s)
    return row


async def reveal_secret(gateway: Gateway, actor: Bearer, endpoint_id: UUID) -> tuple[EndpointRow, str]:
    """The endpoint and the secret that signs its deliveries; who saw it is noted. Raises NotFound."""
    row = await endpoints.read_one(gateway.database, endpoint_id, actor.account.id)
    await audit.note(gateway.database, actor.account.id, "endpoint.reveal", endpoint_id)
    return row, endpoint_secret(gateway, row.id, row.secret_version)


async def remove_endpoint(gateway: Gateway, actor: Bearer, endpoint_id: UUID) -> None:
    """Forget an endpoint; what is still due to it is given up. Raises NotFound."""
    await endpoints.delete(gateway.database, endpoint_id, actor.account.id)
    await audit.note(gateway.database, actor.account.id, "endpoint.delete", endpoint_id)


async def send_test(gateway: Gateway, actor: Bearer, endpoint_id: UUID) -> UUID:
    """Send a test message to this endpoint alone; answers the delivery's id. Raises NotFound, Conflict."""
    row = await endpoints.read_one(gateway.database, endpoint_id, actor.account.id)
    if row.state != "on":
        raise Conflict("This endpoint is switched off; switch it on first.")
    test = Notification(words.TEST, {"account": actor.account.name}, actor.account.id)
    listener = Listener(row.id, row.account_id, row.channel, row.face, row.url, row.events)
    return await notifications.tell_one(gateway.database, test, listener)


def _listed(events: tuple[str, ...] | list[str] | None) -> list[str] | None:
    return None if events is None else list(dict.fromkeys(events))


def _url_problems(gateway: Gateway, url: str) -> list[FieldProblem]:
    try:
        check_url(url, allow=gateway.settings.egress_allow)
    except EgressRefused as refused:
        return [FieldProblem("/url", str(refused))]
    return []


def _event_problems(events: tuple[str, ...] | list[str] | None) -> list[FieldProblem]:
    return [
        FieldProblem(f"/events/{number}", f"there is no such event; there are: {', '.join(EVENTS)}")
        for number, event in enumerate(events or ())
        if event not in EVENTS
    ]
