"""Link a connection to an account, and change what its owner may change of it."""

from __future__ import annotations

import secrets
from datetime import time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta

from vermilion.domain.connections import read_hour
from vermilion.errors import FieldProblem, Forbidden, InvalidRequest
from vermilion.ids import new_id
from vermilion.providers.manifest import provider_ids, read_manifest
from vermilion.services.find_connection import find_connection
from vermilion.services.gateway import Gateway
from vermilion.storage import accounts, audit, connections
from vermilion.storage.accounts import Bearer
from vermilion.storage.connections import ConnectionRow

OPTIONS_BYTES_MAX = 16_384
PURPOSE = b"vermilion connection secrets v1"
NONCE_BYTES = 12
Hour = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Name = Annotated[str, Meta(pattern=r"\S", max_length=100)]


class RestHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of every day, in UTC, in which the connection begins nothing; they may run over midnight."""

    start: Hour
    end: Hour


class NewConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection to make. `secret` is what the provider takes: kept encrypted, and never shown again."""

    provider: str
    name: Name
    secret: dict[str, str] | None = None
    options: dict[str, Any] = {}
    concurrency_max: Annotated[int, Meta(ge=1, le=1_000)] = 3


class ConnectionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a connection; what is left out stays. Null ends the resting hours."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    rest_hours: RestHours | msgspec.UnsetType | None = msgspec.UNSET
    job_mode: Literal["fast", "relax", "turbo"] | msgspec.UnsetType = msgspec.UNSET


async def link_connection(
    gateway: Gateway, actor: Bearer, account_id: UUID, asked: NewConnection
) -> ConnectionRow:
    """A connection that works for this account alone. Engines of this machine can only be lent by an operator.

    Raises InvalidRequest naming wrong fields, Forbidden, NotFound for an unknown account, Conflict for a name in use.
    """
    _check(asked, by_operator="operator" in actor.key.scopes)
    await accounts.read_account(gateway.database, account_id)
    id_ = new_id()
    row = await connections.create(
        gateway.database,
        id_,
        account_id,
        provider=asked.provider,
        name=asked.name,
        bases=gateway.catalogue.queues_of(asked.provider),
        options=_options(asked.options),
        secret=None if asked.secret is None else seal(gateway, id_, asked.secret),
        concurrency_max=asked.concurrency_max,
    )
    await audit.note(gateway.database, actor.account.id, "connection.link", id_, account_id=str(account_id))
    return row


async def change_connection(
    gateway: Gateway, actor: Bearer, connection_id: UUID, asked: ConnectionChange, *, owner_id: UUID | None
) -> ConnectionRow:
    """The connection with these habits. Raises NotFound, Conflict for a name in use."""
    row = await find_connection(gateway, connection_id, owner_id)
    start, end = _hours(row, asked)
    options = msgspec.json.decode(row.options)
    if asked.job_mode is not msgspec.UNSET:
        options["job_mode"] = asked.job_mode
    changed = await connections.set_habits(
        gateway.database,
        connection_id,
        rest_from=start,
        rest_to=end,
        options=_options(options),
        name=row.name if asked.name is msgspec.UNSET else asked.name,
    )
    await audit.note(gateway.database, actor.account.id, "connection.change", connection_id)
    return changed or row


def seal(gateway: Gateway, connection_id: UUID, secret: dict[str, str]) -> bytes:
    """A secret as it is stored: AES-GCM, bound to its connection."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key(gateway)).encrypt(nonce, msgspec.json.encode(secret), connection_id.bytes)


def unseal(gateway: Gateway, row: ConnectionRow) -> dict[str, str]:
    """The secret of a connection, for its adapter alone; empty if it has none."""
    if row.secret is None:
        return {}
    nonce, sealed = row.secret[:NONCE_BYTES], row.secret[NONCE_BYTES:]
    opened = AESGCM(_key(gateway)).decrypt(nonce, sealed, row.id.bytes)
    return msgspec.json.decode(opened, type=dict[str, str])


def _key(gateway: Gateway) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(gateway.signing_key)


def _check(asked: NewConnection, *, by_operator: bool) -> None:
    if asked.provider not in provider_ids():
        there_are = ", ".join(provider_ids())
        raise InvalidRequest(
            problems=(FieldProblem("/provider", f"there is no such provider; there are: {there_are}"),)
        )
    takes_secret = read_manifest(asked.provider).auth != "none"
    if not takes_secret and not by_operator:
        raise Forbidden("Only an operator can lend an account the engines of this gateway.")
    if takes_secret != bool(asked.secret):
        detail = "is required by this provider" if takes_secret else "is not taken by this provider"
        raise InvalidRequest(problems=(FieldProblem("/secret", detail),))


def _options(options: dict[str, Any]) -> str:
    encoded = msgspec.json.encode(options)
    if len(encoded) > OPTIONS_BYTES_MAX or b"\\u0000" in encoded:
        detail = f"must be at most {OPTIONS_BYTES_MAX} bytes of JSON without NUL characters"
        raise InvalidRequest(problems=(FieldProblem("/options", detail),))
    return encoded.decode()


def _hours(row: ConnectionRow, asked: ConnectionChange) -> tuple[time | None, time | None]:
    if asked.rest_hours is msgspec.UNSET:
        return row.rest_from, row.rest_to
    if asked.rest_hours is None:
        return None, None
    return read_hour(asked.rest_hours.start), read_hour(asked.rest_hours.end)


def linkable_providers() -> dict[str, str]:
    """Names of the providers that take a credential, by their ids: what a customer can link."""
    manifests = (read_manifest(id_) for id_ in provider_ids())
    return {manifest.id: manifest.name for manifest in manifests if manifest.auth != "none"}
