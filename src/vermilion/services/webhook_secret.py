"""The secret that signs an account's webhooks when a task names none."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

from vermilion.services.gateway import Gateway

PURPOSE = b"vermilion webhook secret v1"


def webhook_secret(gateway: Gateway, account_id: UUID) -> str:
    """`whsec_…`, always the same for an account, derived from the gateway's key (Standard Webhooks 1.0.0)."""
    digest = hmac.digest(gateway.signing_key, PURPOSE + account_id.bytes, hashlib.sha256)
    return "whsec_" + base64.b64encode(digest).decode()
