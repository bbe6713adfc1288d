"""Sign people in to the dashboard: passwords checked slowly, guessing slowed down, sessions that can be ended."""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from dataclasses import dataclass

import argon2

from vermilion.errors import RateLimited, Unauthenticated
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.storage import members
from vermilion.storage.members import MemberRow, SignedIn

SESSION_S = 30 * 86_400.0
TOKEN_BYTES = 32  #: 256 bits, so that SHA-256 is enough to store
FREE_FAILURES_BY_EMAIL = 5
FREE_FAILURES_BY_ADDRESS = 30
_hasher = argon2.PasswordHasher()
#: Checked when nobody has the e-mail, so that an unknown one takes as long as a wrong password.
_NOBODY = _hasher.hash(secrets.token_urlsafe())


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a sign-in comes from."""

    agent: str
    address: str


async def sign_in(gateway: Gateway, email: str, password: str, visitor: Visitor) -> str:
    """The token of a new session. Raises Unauthenticated, or RateLimited with `retry_after_s` after many failures."""
    subjects = {
        f"email {email.strip().lower()}": FREE_FAILURES_BY_EMAIL,
        f"address {visitor.address}": FREE_FAILURES_BY_ADDRESS,
    }
    wait_s = await members.locked_for_s(gateway.database, list(subjects))
    if wait_s > 0:
        raise RateLimited(
            f"Too many failed sign-ins. Try again in {math.ceil(wait_s)} seconds.", retry_after_s=wait_s
        )
    found = await members.find_member(gateway.database, email.strip())
    member, hash_ = found or (None, None)
    if not await asyncio.to_thread(_matches, hash_ or _NOBODY, password) or member is None:
        for subject, free in subjects.items():
            await members.note_failure(gateway.database, subject, free_failures=free)
        raise Unauthenticated("The e-mail or the password is wrong.")
    for subject in subjects:
        await members.forget_failures(gateway.database, subject)
    return await open_session(gateway, member, visitor)


async def open_session(gateway: Gateway, member: MemberRow, visitor: Visitor) -> str:
    """The token of a new session of a member who has proved who they are."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await members.create_session(
        gateway.database,
        new_id(),
        member.id,
        hash_token(token),
        agent=visitor.agent[:300],
        address=visitor.address,
        ttl_s=SESSION_S,
    )
    return token


async def who_is_signed_in(gateway: Gateway, token: str | None) -> SignedIn | None:
    """The live session of a token, or None."""
    return await members.read_session(gateway.database, hash_token(token)) if token else None


async def change_password(gateway: Gateway, signed_in: SignedIn, old: str, new: str) -> None:
    """Change the password and end the member's other sessions. Raises Unauthenticated for a wrong old one."""
    found = await members.find_member(gateway.database, signed_in.member.email)
    hash_ = found[1] if found else None
    if hash_ is not None and not await asyncio.to_thread(_matches, hash_, old):
        raise Unauthenticated("The old password is wrong.")
    await members.set_password(
        gateway.database,
        signed_in.member.id,
        await hash_password(new),
        keep=signed_in.session.id,
    )


async def hash_password(password: str) -> str:
    """Argon2id with the library's current parameters."""
    return await asyncio.to_thread(_hasher.hash, password)


def hash_token(token: str) -> bytes:
    """What is stored of session tokens and one-time links."""
    return hashlib.sha256(token.encode()).digest()


def _matches(hash_: str, password: str) -> bool:
    try:
        return _hasher.verify(hash_, password)
    except argon2.exceptions.VerificationError:
        return False
