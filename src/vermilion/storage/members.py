"""People who sign in, their sessions, their one-time links, and how often signing in failed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from vermilion.errors import Conflict, NotFound
from vermilion.storage.accounts import ACCOUNT_COLUMNS, PLAN_COLUMNS, AccountRow, PlanRow
from vermilion.storage.database import Database

MEMBER_COLUMNS = "m.id, m.account_id, m.email, m.name, m.role, m.settings, m.created_at, m.seen_at"
SESSION_COLUMNS = "s.id, s.agent, s.address, s.created_at, s.seen_at, s.expires_at"
_PLAN_COLUMNS = ", ".join("p." + column.strip() for column in PLAN_COLUMNS.split(","))


class MemberRow(msgspec.Struct, frozen=True):
    """A person who may sign in for an account; `settings` is JSON: theme, zone, density, shortcuts."""

    id: UUID
    account_id: UUID
    email: str
    name: str
    role: str
    settings: str
    created_at: datetime
    seen_at: datetime | None


class SessionRow(msgspec.Struct, frozen=True):
    """One signed-in browser."""

    id: UUID
    agent: str
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class SignedIn(msgspec.Struct, frozen=True):
    """A live session with its person and the account whose pages it shows.

    `account` is the member's own, unless an operator views a customer's: then `viewing` is true.
    """

    session: SessionRow
    member: MemberRow
    account: AccountRow
    plan: PlanRow
    home_role: str
    viewing: bool


# Add a member.
CREATE_MEMBER = "INSERT INTO members (id, account_id, email, name, role) VALUES ($1, $2, $3, $4, $5)"

# The live session with this token; the time it was last seen is kept to the minute.
READ_SESSION = f"""
WITH touched AS (
    UPDATE sessions SET seen_at = now() WHERE token_hash = $1 AND seen_at < now() - interval '1 minute'
)
SELECT {SESSION_COLUMNS}, {MEMBER_COLUMNS}, {ACCOUNT_COLUMNS}, {_PLAN_COLUMNS}, home.role AS home_role,
       s.views_id IS NOT NULL AS viewing
FROM sessions s JOIN members m ON m.id = s.member_id JOIN accounts home ON home.id = m.account_id
JOIN accounts a ON a.id = coalesce(s.views_id, m.account_id) JOIN plans p ON p.id = a.plan_id
WHERE s.token_hash = $1 AND s.expires_at > now() AND home.status = 'active'
"""

# Open a session.
CREATE_SESSION = """
INSERT INTO sessions (id, member_id, token_hash, agent, address, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 second')
"""

# Use a one-time link up and set its member's password; every older session of theirs ends.
USE_LINK = f"""
WITH used AS (
    DELETE FROM member_links WHERE token_hash = $1 AND expires_at > now() RETURNING member_id
), ended AS (
    DELETE FROM sessions USING used WHERE sessions.member_id = used.member_id
)
UPDATE members m SET password_hash = $2 FROM used WHERE m.id = used.member_id RETURNING {MEMBER_COLUMNS}
"""

# One more failure of a subject; from the sixth on each locks it for twice as long, up to an hour.
NOTE_FAILURE = """
INSERT INTO sign_in_failures (subject, failures, locked_until) VALUES ($1, 1, now())
ON CONFLICT (subject) DO UPDATE SET at = now(),
    failures = CASE WHEN sign_in_failures.at < now() - interval '1 day' THEN 1 ELSE sign_in_failures.failures + 1 END,
    locked_until = now() + CASE WHEN sign_in_failures.failures < $2 THEN interval '0'
        ELSE least(2 ^ least(sign_in_failures.failures - $2, 12), 3600) * interval '1 second' END
"""


async def create_member(
    database: Database, member_id: UUID, account_id: UUID, *, email: str, name: str, role: str
) -> MemberRow:
    """A new member without a password. Raises Conflict if the e-mail is taken, NotFound for an unknown account."""
    try:
        await database.execute(CREATE_MEMBER, member_id, account_id, email, name, role)
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(f"Somebody with the e-mail {email!r} signs in here already.") from taken
    except asyncpg.ForeignKeyViolationError as unknown:
        raise NotFound("This account does not exist.") from unknown
    return await read_member(database, member_id)


async def read_member(database: Database, member_id: UUID) -> MemberRow:
    """One member. Raises NotFound."""
    row = await database.fetchrow(f"SELECT {MEMBER_COLUMNS} FROM members m WHERE id = $1", member_id)
    if row is None:
        raise NotFound("There is no such member.")
    return MemberRow(*row)


async def read_members(database: Database, account_id: UUID) -> list[MemberRow]:
    """Everybody who may sign in for an account, in the order in which they joined."""
    rows = await database.fetch(
        f"SELECT {MEMBER_COLUMNS} FROM members m WHERE account_id = $1 ORDER BY id LIMIT 200", account_id
    )
    return [MemberRow(*row) for row in rows]


async def find_member(database: Database, email: str) -> tuple[MemberRow, str | None] | None:
    """The member with this e-mail and the hash of their password, or None."""
    row = await database.fetchrow(
        f"SELECT {MEMBER_COLUMNS}, m.password_hash FROM members m WHERE lower(email) = lower($1)", email
    )
    return (MemberRow(*tuple(row)[:-1]), row["password_hash"]) if row else None


async def find_by_identity(database: Database, identity: str) -> MemberRow | None:
    """The member who signed in before with this OpenID Connect identity, or None."""
    row = await database.fetchrow(f"SELECT {MEMBER_COLUMNS} FROM members m WHERE identity = $1", identity)
    return MemberRow(*row) if row else None


async def set_identity(database: Database, member_id: UUID, identity: str) -> None:
    """Tie a member to an OpenID Connect identity."""
    await database.execute("UPDATE members SET identity = $2 WHERE id = $1", member_id, identity)


async def set_password(database: Database, member_id: UUID, password_hash: str, *, keep: UUID) -> None:
    """Change a member's password; every session of theirs ends but the one to `keep`."""
    await database.execute(
        "WITH ended AS (DELETE FROM sessions WHERE member_id = $1 AND id <> $3) "
        "UPDATE members SET password_hash = $2 WHERE id = $1",
        member_id,
        password_hash,
        keep,
    )


async def save_settings(database: Database, member_id: UUID, settings: str) -> None:
    """Keep a member's own settings (JSON object), added to those that are there."""
    await database.execute(
        "UPDATE members SET settings = settings || $2::jsonb WHERE id = $1", member_id, settings
    )


async def create_session(
    database: Database,
    session_id: UUID,
    member_id: UUID,
    token_hash: bytes,
    *,
    agent: str,
    address: str,
    ttl_s: float,
) -> None:
    """Open a session."""
    await database.execute(CREATE_SESSION, session_id, member_id, token_hash, agent, address, ttl_s)
    await database.execute("UPDATE members SET seen_at = now() WHERE id = $1", member_id)


async def read_session(database: Database, token_hash: bytes) -> SignedIn | None:
    """Who holds the session token with this hash, or None."""
    row = await database.fetchrow(READ_SESSION, token_hash)
    if row is None:
        return None
    fields = tuple(row)
    return SignedIn(
        SessionRow(*fields[:6]),
        MemberRow(*fields[6:14]),
        AccountRow(*fields[14:24]),
        PlanRow(*fields[24:-2]),
        fields[-2],
        fields[-1],
    )


async def read_sessions(database: Database, member_id: UUID) -> list[SessionRow]:
    """A member's live sessions, newest first."""
    rows = await database.fetch(
        f"SELECT {SESSION_COLUMNS} FROM sessions s WHERE member_id = $1 AND expires_at > now() "
        "ORDER BY id DESC LIMIT 100",
        member_id,
    )
    return [SessionRow(*row) for row in rows]


async def end_session(database: Database, member_id: UUID, session_id: UUID) -> None:
    """End one session of a member's; nothing if it has ended."""
    await database.execute("DELETE FROM sessions WHERE member_id = $1 AND id = $2", member_id, session_id)


async def set_view(database: Database, session_id: UUID, account_id: UUID | None) -> None:
    """Let a session show another account's pages, or its own again."""
    await database.execute("UPDATE sessions SET views_id = $2 WHERE id = $1", session_id, account_id)


async def create_link(database: Database, token_hash: bytes, member_id: UUID, *, ttl_s: float) -> None:
    """A one-time link by which a member sets a password; older ones of theirs stop working."""
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM member_links WHERE member_id = $1", member_id)
        await connection.execute(
            "INSERT INTO member_links (token_hash, member_id, expires_at) "
            "VALUES ($1, $2, now() + $3 * interval '1 second')",
            token_hash,
            member_id,
            ttl_s,
        )


async def read_link(database: Database, token_hash: bytes) -> MemberRow | None:
    """Whose live one-time link this is, or None."""
    row = await database.fetchrow(
        f"SELECT {MEMBER_COLUMNS} FROM member_links l JOIN members m ON m.id = l.member_id "
        "WHERE l.token_hash = $1 AND l.expires_at > now()",
        token_hash,
    )
    return MemberRow(*row) if row else None


async def use_link(database: Database, token_hash: bytes, password_hash: str) -> MemberRow | None:
    """Set the password of a link's member; None if the link has been used or has expired."""
    row = await database.fetchrow(USE_LINK, token_hash, password_hash)
    return MemberRow(*row) if row else None


async def note_failure(database: Database, subject: str, *, free_failures: int) -> None:
    """Count a failed sign-in; beyond the free ones each locks the subject for longer."""
    await database.execute(NOTE_FAILURE, subject, free_failures)


async def locked_for_s(database: Database, subjects: list[str]) -> float:
    """Seconds until the last of these subjects may try again; 0 if they may now."""
    seconds = await database.fetchval(
        "SELECT max(extract(epoch FROM locked_until - now())) FROM sign_in_failures WHERE subject = ANY($1::text[])",
        subjects,
    )
    return max(0.0, float(seconds or 0))


async def forget_failures(database: Database, subject: str) -> None:
    """A sign-in went well."""
    await database.execute("DELETE FROM sign_in_failures WHERE subject = $1", subject)


async def sweep(database: Database) -> None:
    """Remove sessions, links and failure counts that no longer matter."""
    await database.execute("DELETE FROM sessions WHERE expires_at < now()")
    await database.execute("DELETE FROM member_links WHERE expires_at < now()")
    await database.execute("DELETE FROM sign_in_failures WHERE at < now() - interval '1 day'")
