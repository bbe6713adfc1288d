"""Issue, rotate and revoke API keys; a secret is shown once and stored only as a hash."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.keys import (
    CUSTOMER_SCOPES,
    SCOPES,
    SECRET_BYTES,
    format_secret,
    hash_secret,
    shown_prefix,
)
from vermilion.errors import Conflict, FieldProblem, Forbidden, InvalidRequest
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.storage import accounts, audit, connections
from vermilion.storage.accounts import Bearer, KeyRow


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new key may do. Without scopes it gets every customer scope."""

    name: str
    scopes: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    cap_units: int | None = None
    cap_window: Literal["never", "day", "week", "month"] = "never"
    connection_id: Annotated[
        UUID | None,
        Meta(description="A connection of the account: the key's tasks run there and nowhere else."),
    ] = None


class IssuedKey(msgspec.Struct, frozen=True):
    """A key row with its secret, this once."""

    row: KeyRow
    secret: str


async def issue_key(gateway: Gateway, actor: Bearer, account_id: UUID, asked: KeyRequest) -> IssuedKey:
    """A new key. Raises InvalidRequest naming wrong fields, Forbidden for scopes the actor lacks, NotFound."""
    scopes = list(asked.scopes if asked.scopes is not None else CUSTOMER_SCOPES)
    _check(gateway, asked, scopes)
    await _check_scopes(gateway, actor, account_id, scopes)
    await _check_connection(gateway, account_id, asked.connection_id)
    secret = format_secret(secrets.token_bytes(SECRET_BYTES))
    row = await accounts.create_key(
        gateway.database,
        new_id(),
        account_id,
        name=asked.name,
        prefix=shown_prefix(secret),
        secret_hash=hash_secret(secret),
        scopes=scopes,
        models=None if asked.models is None else list(asked.models),
        expires_at=asked.expires_at,
        cap_units=asked.cap_units,
        cap_window=asked.cap_window,
        connection_id=asked.connection_id,
    )
    await audit.note(gateway.database, actor.account.id, "key.create", row.id, account_id=str(account_id))
    return IssuedKey(row, secret)


async def rotate_key(
    gateway: Gateway, actor: Bearer, key_id: UUID, *, account_id: UUID | None, grace_s: float
) -> IssuedKey:
    """A new secret with the same powers; the old key goes on working for `grace_s`. Raises NotFound, Conflict."""
    old = await accounts.read_key(gateway.database, key_id, account_id)
    if old.revoked_at is not None:
        raise Conflict("A revoked key cannot be rotated; make a new one.")
    asked = KeyRequest(
        name=old.name,
        scopes=tuple(old.scopes),
        models=None if old.models is None else tuple(old.models),
        expires_at=old.expires_at,
        cap_units=old.cap_units,
        cap_window=old.cap_window,  # type: ignore[arg-type]  # the column is checked to be one of them
        connection_id=old.connection_id,
    )
    issued = await issue_key(gateway, actor, old.account_id, asked)
    await accounts.revoke_key(gateway.database, key_id, account_id, grace_s=grace_s)
    return issued


async def revoke_key(gateway: Gateway, actor: Bearer, key_id: UUID, *, account_id: UUID | None) -> KeyRow:
    """End a key at once, on every node. Raises NotFound."""
    row = await accounts.revoke_key(gateway.database, key_id, account_id)
    await audit.note(gateway.database, actor.account.id, "key.revoke", key_id)
    return row


def _check(gateway: Gateway, asked: KeyRequest, scopes: list[str]) -> None:
    problems = []
    if not asked.name.strip() or len(asked.name) > 200 or "\0" in asked.name:
        problems.append(FieldProblem("/name", "must have 1 to 200 characters"))
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        problems.append(
            FieldProblem("/scopes", f"no such scope: {', '.join(unknown)}; there are: {', '.join(SCOPES)}")
        )
    if unknown := [model for model in asked.models or () if model not in gateway.catalogue.models]:
        problems.append(FieldProblem("/models", f"not in the catalogue: {', '.join(unknown)}"))
    if asked.cap_units is not None and not 0 <= asked.cap_units < 2**62:
        problems.append(FieldProblem("/cap_units", "must not be negative, nor beyond 2^62"))
    if problems:
        raise InvalidRequest(problems=tuple(problems))


async def _check_connection(gateway: Gateway, account_id: UUID, connection_id: UUID | None) -> None:
    """An operator's key may be bound to any of the gateway's own connections, too."""
    if connection_id is None:
        return
    row = await connections.read_one(gateway.database, connection_id)
    account = await accounts.read_account(gateway.database, account_id)
    if row is None or (
        row.account_id != account_id and not (row.account_id is None and account.role == "operator")
    ):
        raise InvalidRequest(
            problems=(FieldProblem("/connection_id", "this account has no such connection"),)
        )


async def _check_scopes(gateway: Gateway, actor: Bearer, account_id: UUID, scopes: list[str]) -> None:
    if "operator" in actor.key.scopes:
        account = await accounts.read_account(gateway.database, account_id)
        if "operator" in scopes and account.role != "operator":
            raise Forbidden("Only operator accounts may have keys with the scope 'operator'.")
        return
    if lacking := [scope for scope in scopes if scope not in actor.key.scopes]:
        raise Forbidden(f"A key cannot give scopes that it lacks: {', '.join(lacking)}.")
