"""Where an account is told of itself besides its webhooks: mailboxes and chats, added by operators."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.notifications import TEST, TYPES
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.services.send_chat import chat_problem
from vermilion.storage import accounts, audit, endpoints
from vermilion.storage.accounts import Bearer
from vermilion.storage.endpoints import EndpointRow

MAILBOX = re.compile(r"mailto:[^@\s<>,;:]+@[^@\s<>,;:]+")


class NewChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mailbox (`mailto:…`) or a chat (any apprise URL) to be, and which notifications go there: all if none is named.

    Only operators add these: mail to strangers and apprise's own connections are theirs to answer for.
    """

    url: Annotated[str, Meta(max_length=2000)]
    events: Annotated[tuple[str, ...], Meta(min_length=1, max_length=50)] | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None


async def add_channel(gateway: Gateway, actor: Bearer, account_id: UUID, asked: NewChannel) -> EndpointRow:
    """A new channel of an account. Raises InvalidRequest, NotFound, Conflict."""
    await accounts.read_account(gateway.database, account_id)
    is_mail = asked.url.startswith("mailto:")
    problems = [
        FieldProblem(f"/events/{number}", f"there is no such notification; there are: {', '.join(_types())}")
        for number, type_ in enumerate(asked.events or ())
        if type_ not in _types()
    ]
    if is_mail and not MAILBOX.fullmatch(asked.url):
        problems.append(FieldProblem("/url", "must be mailto: and one address"))
    elif not is_mail and (wrong := chat_problem(asked.url)) is not None:
        problems.append(FieldProblem("/url", wrong))
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    row = await endpoints.create(
        gateway.database,
        new_id(),
        account_id,
        channel="email" if is_mail else "chat",
        face="native",
        url=asked.url,
        events=None if asked.events is None else list(asked.events),
        hears=0,
        description=asked.description,
    )
    await audit.note(gateway.database, actor.account.id, "channel.create", row.id, account_id=str(account_id))
    return row


async def remove_channel(gateway: Gateway, actor: Bearer, account_id: UUID, channel_id: UUID) -> EndpointRow:
    """Forget a channel. Raises NotFound."""
    row = await endpoints.delete(gateway.database, channel_id, account_id)
    await audit.note(
        gateway.database, actor.account.id, "channel.delete", channel_id, account_id=str(account_id)
    )
    return row


def _types() -> list[str]:
    return [type_ for type_ in TYPES if type_ != TEST]
