"""The secrets that sign an account's webhooks: derived from the gateway's key, so that none has to be stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

from vermilion.services.gateway import Gateway

PURPOSE = b"vermilion webhook secret v1"
PURPOSE_OF_ENDPOINT = b"vermilion endpoint secret v1"


def webhook_secret(gateway: Gateway, account_id: UUID) -> str:
    """`whsec_…`, always the same for an account, for tasks whose own webhook names none (Standard Webhooks 1.0.0)."""
    return _derived(gateway, PURPOSE + account_id.bytes)


def endpoint_secret(gateway: Gateway, endpoint_id: UUID, version: int) -> str:
    """`whsec_…` of an endpoint; every rotation is a new version."""
    return _derived(gateway, PURPOSE_OF_ENDPOINT + endpoint_id.bytes + version.to_bytes(4))


def _derived(gateway: Gateway, purpose: bytes) -> str:
    digest = hmac.digest(gateway.signing_key, purpose, hashlib.sha256)
    return "whsec_" + base64.b64encode(digest).decode()
