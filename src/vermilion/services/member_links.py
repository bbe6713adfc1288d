"""One-time links by which people set a password: the first operator's claim, invitations, resets."""

from __future__ import annotations

import secrets
from uuid import UUID

from vermilion.errors import FieldProblem, InvalidRequest, NotFound
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.services.open_account import OPERATOR_EMAIL
from vermilion.services.sign_in import TOKEN_BYTES, Visitor, hash_password, hash_token, open_session
from vermilion.storage import accounts, audit, members
from vermilion.storage.accounts import Bearer
from vermilion.storage.members import MemberRow

LINK_S = 7 * 86_400.0
PASSWORD_CHARACTERS_MIN = 10
PASSWORD_CHARACTERS_MAX = 1_000
CLAIM_PATH = "/claim/"


async def invite_member(
    gateway: Gateway, actor: Bearer, account_id: UUID, *, email: str, name: str, role: str
) -> tuple[MemberRow, str]:
    """A new member of an account and the path of their one-time link. Raises Conflict, NotFound."""
    member = await members.create_member(
        gateway.database, new_id(), account_id, email=email, name=name, role=role
    )
    await audit.note(gateway.database, actor.account.id, "member.invite", member.id, email=email, role=role)
    return member, await _new_link(gateway, member.id)


async def renew_link(gateway: Gateway, actor: Bearer, member_id: UUID) -> str:
    """The path of a new one-time link for a member who lost their password or their invitation."""
    member = await members.read_member(gateway.database, member_id)
    await audit.note(gateway.database, actor.account.id, "member.link", member.id, email=member.email)
    return await _new_link(gateway, member.id)


async def claim_operator(gateway: Gateway) -> str | None:
    """The path of the link that claims the operator's sign-in, while nobody has claimed it; else None."""
    operator = await accounts.find_account(gateway.database, OPERATOR_EMAIL)
    if operator is None:
        return None
    found = await members.find_member(gateway.database, OPERATOR_EMAIL)
    if found is not None and found[0].seen_at is not None:
        return None
    member = found[0] if found else await _first_member(gateway, operator.id)
    return await _new_link(gateway, member.id)


async def use_link(gateway: Gateway, token: str, password: str, visitor: Visitor) -> str:
    """Set the password of the link's member and sign them in; answers the session's token.

    Raises NotFound for a link that is used or expired, InvalidRequest for a password that is too short or too long.
    """
    check_password(password)
    member = await members.use_link(gateway.database, hash_token(token), await hash_password(password))
    if member is None:
        raise NotFound("This link has been used or has expired; ask for a new one.")
    await audit.note(gateway.database, member.account_id, "member.claim", member.id)
    return await open_session(gateway, member, visitor)


def check_password(password: str) -> None:
    """Raises InvalidRequest unless the password has a length that is worth having."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise InvalidRequest(
            problems=(FieldProblem("/password", f"must have at least {PASSWORD_CHARACTERS_MIN} characters"),)
        )


async def _first_member(gateway: Gateway, account_id: UUID) -> MemberRow:
    return await members.create_member(
        gateway.database, new_id(), account_id, email=OPERATOR_EMAIL, name="Operator", role="owner"
    )


async def _new_link(gateway: Gateway, member_id: UUID) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await members.create_link(gateway.database, hash_token(token), member_id, ttl_s=LINK_S)
    return CLAIM_PATH + token
