"""How an account is told of itself, as pages show it: which notification goes where, and what was told last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vermilion.domain.notifications import TEST, TYPES, is_mailable, sentence
from vermilion.domain.webhooks import wanted
from vermilion.faces.dashboard import words
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import AccountRow
from vermilion.storage.notice_glances import Place, read_notice_glance

RECENT = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One type of notification: what it means, and whether each place hears it."""

    type: str
    meaning: str
    heard: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Notices:
    """The account's choice, the grid of types and places, and the newest notifications as (sentence, time)."""

    email: bool
    marks: str  #: the balances below which the account is told, as its form has them
    no_mail: str | None  #: why no mail reaches the account, if that is so
    places: tuple[str, ...]
    channels: tuple[Place, ...]
    lines: tuple[Line, ...]
    recent: tuple[tuple[str, datetime], ...]


async def shown_notices(gateway: Gateway, account: AccountRow) -> Notices:
    """How the account is told; one statement."""
    seen = await read_notice_glance(gateway.database, account.id, recent=RECENT)
    no_mail = _why_no_mail(gateway, account)
    mailed = seen.email and no_mail is None
    return Notices(
        seen.email,
        " ".join(words.amount(units) for units in seen.low_marks),
        no_mail,
        ("E-mail", *(place.description or place.url for place in seen.places)),
        tuple(place for place in seen.places if place.channel != "webhook"),
        tuple(
            Line(type_, meaning, (mailed, *(wanted(place.events, type_) for place in seen.places)))
            for type_, (meaning, _) in TYPES.items()
            if type_ != TEST
        ),
        tuple((sentence(told.type, told.facts), told.at) for told in seen.recent),
    )


def _why_no_mail(gateway: Gateway, account: AccountRow) -> str | None:
    if gateway.settings.smtp_url is None:
        return "This gateway has no mail server; nothing is sent by e-mail."
    return None if is_mailable(account.email) else f"No mail can arrive at {account.email}."
