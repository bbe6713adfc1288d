"""Sign in with the operator's OpenID Connect issuer: only people who have been invited here get in."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import urlencode

import msgspec

from vermilion.egress import issuer
from vermilion.egress.issuer import IssuerError
from vermilion.errors import NotFound, ServiceUnavailable, Unauthenticated
from vermilion.services.gateway import Gateway
from vermilion.services.sign_in import Visitor, open_session
from vermilion.storage import members
from vermilion.storage.members import MemberRow


class Flow(msgspec.Struct, frozen=True):
    """What the browser keeps between going to the issuer and coming back."""

    state: str
    nonce: str
    verifier: str
    next_path: str


async def begin(gateway: Gateway, *, redirect: str, next_path: str) -> tuple[str, Flow]:
    """Where to send the browser, and what it has to bring back. Raises NotFound without an issuer,
    ServiceUnavailable if it does not answer.
    """
    settings = gateway.settings
    if not settings.oidc_issuer:
        raise NotFound("Nobody can sign in this way here.")
    try:
        endpoints = await issuer.discover(settings.oidc_issuer)
    except IssuerError as failed:
        raise ServiceUnavailable(str(failed)) from failed
    flow = Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next_path)
    challenge = (
        base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
    )
    query = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": redirect,
        "scope": "openid email",
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoints.authorization_endpoint}?{urlencode(query)}", flow


async def finish(
    gateway: Gateway, flow: Flow, *, state: str, code: str, redirect: str, visitor: Visitor
) -> str:
    """The token of a new session. Raises Unauthenticated saying what to do."""
    if not secrets.compare_digest(flow.state.encode(), state.encode()) or not code:
        raise Unauthenticated("This sign-in was not begun here, or was stopped; start again.")
    settings = gateway.settings
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else ""
    try:
        endpoints = await issuer.discover(settings.oidc_issuer)
        token = await issuer.exchange(
            endpoints,
            code=code,
            verifier=flow.verifier,
            redirect=redirect,
            client=(settings.oidc_client_id, secret),
        )
        claims = await issuer.believe(endpoints, token, client_id=settings.oidc_client_id, nonce=flow.nonce)
    except IssuerError as failed:
        raise Unauthenticated(str(failed)) from failed
    email = claims.get("email") if claims.get("email_verified") is True else None
    member = await _member(gateway, f"{endpoints.issuer} {claims['sub']}", email)
    return await open_session(gateway, member, visitor)


async def _member(gateway: Gateway, identity: str, email: object) -> MemberRow:
    """Who signed in with this identity before, or was invited with its e-mail and now signs in for the first time."""
    known = await members.find_by_identity(gateway.database, identity)
    if known is not None:
        return known
    invited = await members.find_member(gateway.database, email) if isinstance(email, str) else None
    if invited is None:
        raise Unauthenticated(
            "Nobody with this identity has been invited here; ask your operator for an invitation."
        )
    await members.set_identity(gateway.database, invited[0].id, identity)
    return invited[0]
