"""API keys: recognisable, unguessable, stored only as a hash."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.keys import (
    CUSTOMER_SCOPES,
    PREFIX,
    SECRET_BYTES,
    format_secret,
    hash_secret,
    shown_prefix,
)

SECRETS = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)


@given(SECRETS, SECRETS)
def test_a_secret_keeps_every_bit(one: bytes, other: bytes) -> None:
    """Different random bytes are different keys, in characters that need no quoting."""
    assert (one == other) == (format_secret(one) == format_secret(other))
    assert format_secret(one).startswith(PREFIX)
    assert format_secret(one).replace("_", "").replace("-", "").isalnum()
    assert len(format_secret(one)) == len(PREFIX) + 43


@given(SECRETS)
def test_only_a_hash_is_kept(random_bytes: bytes) -> None:
    """What is stored is SHA-256 of the key, so a stored key stays valid for ever."""
    secret = format_secret(random_bytes)

    assert hashlib.sha256(secret.encode()).digest() == hash_secret(secret)


@given(st.text(max_size=60))
def test_what_lists_show_is_at_most_a_third(secret: str) -> None:
    """Even a short key given by an operator is not shown in a list."""
    shown = shown_prefix(secret)

    assert secret.startswith(shown)
    assert len(shown) * 3 <= len(secret)
    assert len(shown) <= 12


def test_customers_are_not_operators() -> None:
    """A key made without scopes gets every customer scope and no operator scope."""
    assert "operator" not in CUSTOMER_SCOPES
    assert "tasks:write" in CUSTOMER_SCOPES
