"""Banned words as rows: the list that holds for everyone, and each account's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.moderation.word_filter import Rule
from vermilion.errors import InvalidRequest
from vermilion.storage.database import Database


class WordRow(msgspec.Struct, frozen=True):
    """A word of a list."""

    id: UUID
    word: str
    act: str
    created_at: datetime


# Add words, or change what those that are there do.
ADD = """
INSERT INTO banned_words (account_id, word, form, act)
SELECT $1, word, form, act FROM unnest($2::text[], $3::text[], $4::text[]) AS new (word, form, act)
ON CONFLICT (account_id, form) DO UPDATE SET word = excluded.word, act = excluded.act
"""

# The list that holds for everyone, and one account's own; a list may be asked for alone.
READ_RULES = """
SELECT word, act FROM banned_words WHERE account_id IS NOT DISTINCT FROM $1::uuid ORDER BY id
"""

READ_PAGE = """
SELECT id, word, act, created_at FROM banned_words
WHERE account_id IS NOT DISTINCT FROM $1::uuid AND ($2::text IS NULL OR form > $2) ORDER BY form LIMIT $3
"""


async def read_rules(database: Database, account_id: UUID | None) -> list[Rule]:
    """Every rule of one list; None is everyone's."""
    rows = await database.fetch(READ_RULES, account_id)
    return [msgspec.convert({"word": row["word"], "act": row["act"]}, Rule) for row in rows]


async def read_page(
    database: Database, account_id: UUID | None, *, after: str | None, limit: int
) -> list[WordRow]:
    """A page of one list, by the words' forms."""
    return [WordRow(*row) for row in await database.fetch(READ_PAGE, account_id, after, limit)]


async def add_words(
    database: Database, account_id: UUID | None, rules: Sequence[Rule], *, replace: bool, words_max: int
) -> None:
    """Add rules to a list, or make them the whole list. Raises InvalidRequest if it would grow too long."""
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7))", str(account_id)
        )
        if replace:
            await connection.execute(
                "DELETE FROM banned_words WHERE account_id IS NOT DISTINCT FROM $1::uuid", account_id
            )
        await connection.execute(ADD, account_id, *_columns(rules))
        held = await connection.fetchval(
            "SELECT count(*) FROM banned_words WHERE account_id IS NOT DISTINCT FROM $1::uuid", account_id
        )
        if held > words_max:
            raise InvalidRequest(f"A list may have at most {words_max} words; this would make {held}.")
        await _announce(connection, account_id)


async def remove_words(database: Database, account_id: UUID | None, forms: Sequence[str]) -> int:
    """Take words off a list; answers how many were on it."""
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "DELETE FROM banned_words WHERE account_id IS NOT DISTINCT FROM $1::uuid AND form = ANY($2::text[]) "
            "RETURNING id",
            account_id,
            list(forms),
        )
        await _announce(connection, account_id)
    return len(rows)


async def _announce(connection: Any, account_id: UUID | None) -> None:
    """Tell every node to read this list again."""
    await connection.execute("SELECT pg_notify('vermilion_words', $1)", str(account_id or ""))


def _columns(rules: Sequence[Rule]) -> tuple[list[str], list[str], list[str]]:
    by_form = {rule.form: rule for rule in rules}  # one statement cannot change a row twice
    return (
        [rule.word for rule in by_form.values()],
        list(by_form),
        [rule.act.value for rule in by_form.values()],
    )
