"""Find the key in a request, its holder, and count the request against the holder's rate."""

from __future__ import annotations

from collections.abc import Callable

from vermilion.domain.keys import hash_secret
from vermilion.http.asgi import Headers, Scope, header
from vermilion.http.limits import RequestLimits
from vermilion.services.authenticate import authenticate, require_scope
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer

SECRET_CHARACTERS_MAX = 512
FindSecret = Callable[[Scope], str | None]


def presented_secret(scope: Scope) -> str | None:
    """The secret in `Authorization: Bearer …` or `x-api-key`."""
    authorization = header(scope, b"authorization")
    if authorization is not None and authorization[:7].lower() == "bearer ":
        secret: str | None = authorization[7:].strip()
    else:
        secret = header(scope, b"x-api-key")
    return secret if secret is None or len(secret) <= SECRET_CHARACTERS_MAX else None


class Doorkeeper:
    """Lets bearers in: a valid key, the scope, and a free place in the rate."""

    def __init__(self, gateway: Gateway, find_secret: FindSecret = presented_secret) -> None:
        self._gateway = gateway
        self._limits = RequestLimits()
        self._find_secret = find_secret

    def looking(self, find_secret: FindSecret) -> Doorkeeper:
        """The same one with the same rates, who finds the secret elsewhere."""
        other = Doorkeeper(self._gateway, find_secret)
        other._limits = self._limits
        return other

    async def admit(self, scope: Scope, needed: str) -> tuple[Bearer, Headers]:
        """The bearer and the rate headers. Raises Unauthenticated, Forbidden or RateLimited."""
        bearer = await authenticate(self._gateway, self._secret_hash(scope))
        require_scope(bearer, needed)
        return bearer, self._limits.take(bearer)

    def _secret_hash(self, scope: Scope) -> bytes | None:
        """The hash of the secret, worked out once for all requests with the same head."""
        notes = scope.get("head_notes", {})
        if "secret_hash" not in notes:
            secret = self._find_secret(scope)
            notes["secret_hash"] = hash_secret(secret) if secret else None
        secret_hash: bytes | None = notes["secret_hash"]
        return secret_hash
