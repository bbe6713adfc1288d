"""Look for banned words in what a customer wrote, before anything is held or passed on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.moderation.word_filter import Act, Match, WordFilter
from vermilion.errors import BannedWord, FieldProblem
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.services.penalties import check_errors, note_error
from vermilion.storage import reviews
from vermilion.storage.accounts import Bearer
from vermilion.storage.idempotency import is_known
from vermilion.storage.reviews import TextFinding

Filters = tuple[WordFilter, WordFilter]  #: everyone's and the account's own
LONG_TEXT = 20_000  #: characters; longer ones are read beside the event loop
TEXT_KEPT_MAX = 4_000  #: characters of a text that a review shows


class Finding(msgspec.Struct, frozen=True):
    """A word found in a text, and whose list it is on."""

    match: Match
    of_account: bool
    pointer: str = ""
    text: str = ""


async def find_banned(gateway: Gateway, account_id: UUID, text: str) -> Finding | None:
    """What everyone's list or the account's own finds in a text; what blocks comes before what flags."""
    return await _find_in(await gateway.words.both(account_id), text)


async def check_texts(
    gateway: Gateway,
    bearer: Bearer,
    offer: Offer,
    task_input: dict[str, Any],
    *,
    task_id: UUID,
    idempotency_key: str | None = None,
) -> None:
    """Let the texts of an input pass, noting those that an operator should see. Raises BannedWord, TooManyErrors.

    The repeat of a submission that was accepted before a word was banned passes.
    """
    await check_errors(gateway, bearer, idempotency_key=idempotency_key)
    account_id = bearer.account.id
    filters = gateway.words.at_hand(account_id) or await gateway.words.both(account_id)
    found = await _first_finding(filters, offer.texts(task_input))
    if found is None:
        return
    if idempotency_key is not None and await is_known(gateway.database, account_id, idempotency_key):
        return
    text_hash = hashlib.sha256(found.text.encode("utf-8", "replace")).digest()
    decided = await reviews.decision_of(gateway.database, account_id, text_hash)
    refused = decided == "denied" or (decided is None and found.match.rule.act is Act.BLOCK)
    note = _note(bearer, offer, found, text_hash=text_hash, refused=refused, task_id=task_id)
    await reviews.note_text(gateway.database, note)
    if refused:
        await note_error(gateway, bearer)
        raise banned(found)


def banned(found: Finding) -> BannedWord:
    """The refusal of a text."""
    match = found.match
    word = match.rule.word
    return BannedWord(
        f"The text contains the banned word {word!r}.",
        problems=(FieldProblem(found.pointer, f"contains the banned word {word!r}, as {match.found!r}"),),
        word=word,
        found=match.found,
        start=match.start,
        end=match.end,
    )


async def _first_finding(filters: Filters, texts: Iterable[tuple[str, str]]) -> Finding | None:
    flagged = None
    for pointer, text in texts:
        found = _find(filters, text) if len(text) <= LONG_TEXT else await _find_in(filters, text)
        if found is None:
            continue
        found = msgspec.structs.replace(found, pointer=pointer, text=text)
        if found.match.rule.act is Act.BLOCK:
            return found
        flagged = flagged or found
    return flagged


async def _find_in(filters: Filters, text: str) -> Finding | None:
    return await asyncio.to_thread(_find, filters, text) if len(text) > LONG_TEXT else _find(filters, text)


def _find(filters: Filters, text: str) -> Finding | None:
    flagged = None
    for words in filters:
        if (match := words.find(text)) is not None:
            found = Finding(match, of_account=words is filters[1])
            if match.rule.act is Act.BLOCK:
                return found
            flagged = flagged or found
    return flagged


def _note(
    bearer: Bearer, offer: Offer, found: Finding, *, text_hash: bytes, refused: bool, task_id: UUID
) -> TextFinding:
    start = max(0, found.match.start - TEXT_KEPT_MAX // 2)
    return TextFinding(
        id=new_id(),
        account_id=bearer.account.id,
        act=(Act.BLOCK if refused else Act.FLAG).value,
        task_id=None if refused else task_id,
        model=offer.model,
        task_type=offer.task_type,
        pointer=found.pointer,
        text=_storable(found.text[start : start + TEXT_KEPT_MAX]),
        text_hash=text_hash,
        rule=found.match.rule.word,
        found=_storable(found.match.found),
    )


def _storable(text: str) -> str:
    return text.replace("\0", "")
