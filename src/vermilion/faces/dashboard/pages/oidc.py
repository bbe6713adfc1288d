"""Sign in through the operator's OpenID Connect issuer: there and back."""

from __future__ import annotations

import msgspec
from starlette.responses import RedirectResponse, Response

from vermilion.errors import Unauthenticated
from vermilion.faces.dashboard.pages.sign_in import own_path, signed_in
from vermilion.faces.dashboard.visit import Visit
from vermilion.services import oidc_sign_in
from vermilion.services.oidc_sign_in import Flow

FLOW_COOKIE = "vermilion_oidc"
FLOW_S = 600
BACK = "/sign-in/oidc/back"


async def begin(visit: Visit) -> Response:
    """Send the browser to the issuer."""
    address, flow = await oidc_sign_in.begin(
        visit.gateway, redirect=visit.origin + BACK, next_path=own_path(visit.query("next"))
    )
    response = RedirectResponse(address, status_code=303)
    visit.remember(response, FLOW_COOKIE, msgspec.json.encode(flow).hex(), max_age_s=FLOW_S)
    return response


async def back(visit: Visit) -> Response:
    """The browser comes back with a code; whoever was invited is signed in."""
    try:
        flow = msgspec.json.decode(bytes.fromhex(visit.request.cookies.get(FLOW_COOKIE, "")), type=Flow)
    except (ValueError, msgspec.DecodeError):
        raise Unauthenticated(
            "This sign-in has taken too long, or was begun elsewhere; start again."
        ) from None
    token = await oidc_sign_in.finish(
        visit.gateway,
        flow,
        state=visit.query("state"),
        code=visit.query("code"),
        redirect=visit.origin + BACK,
        visitor=visit.visitor,
    )
    response = signed_in(visit, token, flow.next_path)
    response.delete_cookie(FLOW_COOKIE)
    return response
