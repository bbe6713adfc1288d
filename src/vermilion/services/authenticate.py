"""Turn the hash of a presented secret into the bearer it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime

from vermilion.errors import AccountDisabled, Forbidden, Unauthenticated
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer


async def authenticate(gateway: Gateway, secret_hash: bytes | None) -> Bearer:
    """The active holder of a valid key, by the hash of its secret. Raises Unauthenticated or AccountDisabled."""
    if secret_hash is None:
        raise Unauthenticated
    bearer = gateway.keys.at_hand(secret_hash) or await gateway.keys.get(secret_hash)
    if bearer is None:
        raise Unauthenticated("This API key does not exist.")
    if bearer.key.revoked_at is not None:
        raise Unauthenticated("This API key has been revoked.")
    if bearer.key.expires_at is not None and bearer.key.expires_at <= datetime.now(UTC):
        raise Unauthenticated("This API key has expired.")
    if bearer.account.status != "active":
        raise AccountDisabled
    return bearer


def require_scope(bearer: Bearer, scope: str) -> None:
    """Raises Forbidden if the key lacks the scope, or asks for operator work without being an operator."""
    if scope not in bearer.key.scopes:
        raise Forbidden(f"This API key lacks the scope {scope!r}.")
    if scope == "operator" and bearer.account.role != "operator":
        raise Forbidden("Only operator accounts may do this.")
