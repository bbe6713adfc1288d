"""The gateway's master key: given, or kept in a file that only its owner may read; the same for every node."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from vermilion.storage.database import Database

KEY_BYTES = 32
FINGERPRINT_PURPOSE = b"vermilion master key fingerprint v1"


class MasterKeyMismatch(Exception):
    """This database belongs to a gateway with another master key."""


def read_master_key(given: str | None, data_dir: Path) -> bytes:
    """The key given in hex, or the one in data_dir/secret.key, which is made if it is missing."""
    if given is not None:
        return bytes.fromhex(given)
    path = data_dir / "secret.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return bytes.fromhex(path.read_text().strip())
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return bytes.fromhex(path.read_text().strip())


async def claim_database(database: Database, key: bytes) -> None:
    """Tie a new database to this key. Raises MasterKeyMismatch if it was tied to another one."""
    fingerprint = hashlib.sha256(FINGERPRINT_PURPOSE + key).digest()
    await database.execute(
        "INSERT INTO master_key (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING", fingerprint
    )
    if await database.fetchval("SELECT fingerprint FROM master_key") != fingerprint:
        raise MasterKeyMismatch(
            "This database was made with another master key; links, webhook signatures and stored secrets would "
            "break. Give every node the same VERMILION_SECRET_KEY: the content of secret.key in the first node's "
            "data folder."
        )
