"""The OpenID Connect issuer that the operator named: found by discovery, asked for tokens, believed by its keys.

OpenID Connect Core 1.0 with the authorization code flow and PKCE (RFC 7636).
"""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

TIMEOUT = aiohttp.ClientTimeout(total=10)
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
DISCOVERY = "/.well-known/openid-configuration"


class IssuerError(Exception):
    """The issuer cannot be reached, or what it says cannot be believed; the text is for a person."""


class Endpoints(msgspec.Struct, frozen=True):
    """What discovery tells."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


async def discover(issuer: str) -> Endpoints:
    """Where the issuer's endpoints are. Raises IssuerError."""
    found = msgspec.convert(await _get(issuer.rstrip("/") + DISCOVERY), Endpoints)
    if found.issuer.rstrip("/") != issuer.rstrip("/"):
        raise IssuerError("The issuer calls itself by another name than the settings do.")
    return found


async def exchange(
    endpoints: Endpoints, *, code: str, verifier: str, redirect: str, client: tuple[str, str]
) -> str:
    """The id token for an authorization code. Raises IssuerError."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": verifier,
        "client_id": client[0],
        "client_secret": client[1],
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.post(endpoints.token_endpoint, data=form) as answer,
        ):
            told = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
        raise IssuerError("The sign-in service does not answer.") from failed
    if not isinstance(told, dict) or not isinstance(told.get("id_token"), str):
        raise IssuerError("The sign-in service refused; start again.")
    return str(told["id_token"])


async def believe(endpoints: Endpoints, id_token: str, *, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of an id token that the issuer signed for us, for this very sign-in. Raises IssuerError."""
    try:
        keys = KeySet.import_key_set(await _get(endpoints.jwks_uri))
        claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": endpoints.issuer},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
    except (JoseError, ValueError, KeyError) as wrong:
        raise IssuerError("What the sign-in service says cannot be believed; start again.") from wrong
    return claims


async def _get(url: str) -> Any:
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(url) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
        raise IssuerError("The sign-in service does not answer.") from failed
