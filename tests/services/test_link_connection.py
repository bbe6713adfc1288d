"""Secrets of connections as they are stored."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag

from vermilion.services.link_connection import seal, unseal

SECRET = {"token": "a secret of the customer's"}


def gateway(key: int = 1) -> Any:
    """As much of a gateway as sealing needs."""
    return SimpleNamespace(signing_key=bytes([key]) * 32)


def row(id_: Any, secret: bytes | None) -> Any:
    """As much of a connection as unsealing needs."""
    return SimpleNamespace(id=id_, secret=secret)


def test_a_secret_comes_back_and_is_stored_unreadable() -> None:
    """What is stored does not contain the secret, and is never twice the same."""
    id_ = uuid4()
    first, second = seal(gateway(), id_, SECRET), seal(gateway(), id_, SECRET)

    assert b"customer" not in first
    assert first != second
    assert SECRET == unseal(gateway(), row(id_, first))
    assert {} == unseal(gateway(), row(id_, None))


@pytest.mark.parametrize("other", ["connection", "key"])
def test_a_secret_belongs_to_its_connection_and_its_gateway(other: str) -> None:
    """Moved to another connection, or read with another master key, it cannot be opened."""
    id_ = uuid4()
    sealed = seal(gateway(), id_, SECRET)
    with pytest.raises(InvalidTag):
        unseal(gateway(2 if other == "key" else 1), row(uuid4() if other == "connection" else id_, sealed))
