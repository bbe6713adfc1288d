"""What every page says to the browser about what it may load and keep."""

from __future__ import annotations

from urllib.parse import urlsplit

REPORTS_PATH = "/csp-reports"

#: Nothing inline, nothing from other hosts; htmx's policy is the only one that may make HTML from text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'{sign_in}; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx; "
    f"report-uri {REPORTS_PATH}; report-to csp"
)


def page_headers(*, oidc_issuer: str = "", secret: bool = False) -> dict[str, str]:
    """The headers of a page; one that shows a secret is never stored."""
    return {
        "content-security-policy": POLICY.format(sign_in=_origin_of(oidc_issuer)),
        "reporting-endpoints": f'csp="{REPORTS_PATH}"',
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cache-control": "no-store" if secret else "private, no-cache",
        "vary": "cookie, hx-request-type",
    }


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f" {parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""
