"""Signed, expiring links to media, as pure functions of id, time and key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import StrEnum
from uuid import UUID

PURPOSE = b"vermilion media link v1"  # keeps this key's other signatures from ever being a link, and back
KEY_SIZE_BYTES_MIN = 16


class LinkVerdict(StrEnum):
    """What a media link is worth. Nothing is said of the expiry of a link that we did not sign."""

    VALID = "valid"
    EXPIRED = "expired"  #: signed by us, but its time is over
    FORGED = "forged"  #: not signed by us, or for another asset or expiry


def sign_media(asset_id: UUID, *, expires_at: int, key: bytes) -> str:
    """The query string `expires=…&signature=…` that opens this asset until `expires_at` (Unix seconds)."""
    return f"expires={expires_at}&signature={_signature(asset_id, str(expires_at), key)}"


def check_media(asset_id: UUID, *, expires: str, signature: str, now: int, key: bytes) -> LinkVerdict:
    """Judge a link by its query values exactly as received; valid up to and including `expires`."""
    expected = _signature(asset_id, expires, key)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return LinkVerdict.FORGED
    return LinkVerdict.VALID if now <= int(expires) else LinkVerdict.EXPIRED


def _signature(asset_id: UUID, expires: str, key: bytes) -> str:
    if len(key) < KEY_SIZE_BYTES_MIN:
        raise ValueError(f"A signing key has at least {KEY_SIZE_BYTES_MIN} bytes.")
    message = b"\n".join((PURPOSE, asset_id.bytes, expires.encode("utf-8", "replace")))
    digest = hmac.digest(key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
