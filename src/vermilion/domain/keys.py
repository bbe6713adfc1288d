"""API keys: what they look like, what they may do, and how a secret becomes a hash."""

from __future__ import annotations

import base64
import hashlib

PREFIX = "vmk_"
PREFIX_SHOWN = 12  #: characters of a key that lists may show
SECRET_BYTES = 32  #: 256 bits

#: Every scope and what it allows.
SCOPES = {
    "tasks:read": "see tasks, the catalogue and quotes",
    "tasks:write": "submit and cancel tasks",
    "media:write": "upload files",
    "wallet:read": "see the wallet and its entries",
    "keys:write": "make, rotate and revoke keys of the account",
    "words:write": "see and change the account's banned words",
    "account:write": "change the account's webhook endpoints, notifications and budget",
    "operator": "everything under /admin; only for operator accounts",
}
CUSTOMER_SCOPES = tuple(scope for scope in SCOPES if scope != "operator")


def format_secret(random_bytes: bytes) -> str:
    """An API key made of SECRET_BYTES random bytes; shown once and never stored."""
    return PREFIX + base64.urlsafe_b64encode(random_bytes).rstrip(b"=").decode()


def hash_secret(secret: str) -> bytes:
    """What is stored of a key: SHA-256 suffices, since the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def shown_prefix(secret: str) -> str:
    """The part of a key by which a person recognises it; never more than a third of it."""
    return secret[: min(PREFIX_SHOWN, len(secret) // 3)]
