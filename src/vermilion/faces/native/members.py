"""What operators do about the people who sign in to the dashboard: invite them, and let them in again."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.faces.native.admin import admin_operation
from vermilion.faces.native.wire import Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call
from vermilion.services.member_links import invite_member, renew_link
from vermilion.storage import members
from vermilion.storage.members import MemberRow


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who shall sign in for an account: owners act, viewers look."""

    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)]
    name: Annotated[str, Meta(pattern=r"\S", max_length=200)]
    role: Literal["owner", "viewer"] = "owner"


class MemberView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person who may sign in. `link` is in the answer that made it only; it sets a password, once."""

    id: UUID
    account_id: UUID
    email: str
    name: str
    role: str
    created_at: Time
    seen_at: Time | None = None
    link: str | None = None


async def invite(call: Call) -> Answer:
    """Invite somebody to an account."""
    asked: Invitation = call.body
    member, path = await invite_member(
        call.gateway, call.bearer, call.id(), email=asked.email, name=asked.name, role=asked.role
    )
    return json_answer(_view(member, call.origin + path), 201)


async def renew(call: Call) -> Answer:
    """A new one-time link for a member; the old one stops working."""
    path = await renew_link(call.gateway, call.bearer, call.id())
    member = await members.read_member(call.gateway.database, call.id())
    return json_answer(_view(member, call.origin + path), 201)


async def list_members(call: Call) -> Answer:
    """Everybody who may sign in for an account."""
    rows = await members.read_members(call.gateway.database, call.id())
    return json_answer(Page([_view(row) for row in rows], None))


def _view(row: MemberRow, link: str | None = None) -> MemberView:
    return MemberView(
        row.id, row.account_id, row.email, row.name, row.role, row.created_at, row.seen_at, link
    )


OPERATIONS = (
    admin_operation(
        "POST",
        "/accounts/{id}/members",
        invite,
        "Invite somebody to the dashboard",
        MemberView,
        201,
        body=Invitation,
        errors=(404, 409),
    ),
    admin_operation(
        "GET", "/accounts/{id}/members", list_members, "List who may sign in", Page[MemberView], errors=(404,)
    ),
    admin_operation(
        "POST", "/members/{id}/link", renew, "Make a new one-time link", MemberView, 201, errors=(404,)
    ),
)
