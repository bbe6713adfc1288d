"""How an account is told of itself, as pages show it: which notification goes where, and what was told last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from vermilion.domain.notifications import TEST, TYPES, is_mailable, sentence
from vermilion.domain.webhooks import wanted
from vermilion.faces.dashboard import words
from vermilion.services.choose_notices import NotificationSettings, read_notices
from vermilion.services.gateway import Gateway
from vermilion.storage import endpoints, notifications
from vermilion.storage.accounts import AccountRow
from vermilion.storage.endpoints import EndpointRow

RECENT = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One type of notification: what it means, and whether each place hears it."""

    type: str
    meaning: str
    heard: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the account was told."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Notices:
    """The grid of types and places, the account's choice, and the newest notifications."""

    chosen: NotificationSettings
    no_mail: str | None  #: why no mail reaches the account, if that is so
    places: tuple[str, ...]
    channels: tuple[EndpointRow, ...]
    lines: tuple[Line, ...]
    recent: tuple[Told, ...]

    @property
    def marks(self) -> str:
        """The balances below which the account is told, as its form has them."""
        return " ".join(words.amount(units) for units in self.chosen.low_balance)


async def shown_notices(gateway: Gateway, account: AccountRow) -> Notices:
    """How the account is told. Raises NotFound."""
    account_id = account.id
    chosen = await read_notices(gateway, account_id)
    no_mail = (
        None if gateway.settings.smtp_url else "This gateway has no mail server; nothing is sent by e-mail."
    )
    if no_mail is None and not is_mailable(account.email):
        no_mail = f"No mail can arrive at {account.email}."
    rows = [row for row in await endpoints.read_all(gateway.database, account_id) if row.state == "on"]
    recent = await notifications.read_page(gateway.database, account_id, before=None, limit=RECENT)
    return Notices(
        chosen,
        no_mail,
        ("E-mail", *(row.description or row.url for row in rows)),
        tuple(row for row in rows if row.channel != "webhook"),
        tuple(
            Line(
                type_,
                meaning,
                (chosen.email and no_mail is None, *(wanted(row.events, type_) for row in rows)),
            )
            for type_, (meaning, _) in TYPES.items()
            if type_ != TEST
        ),
        tuple(Told(sentence(row.type, msgspec.json.decode(row.facts)), row.created_at) for row in recent),
    )
