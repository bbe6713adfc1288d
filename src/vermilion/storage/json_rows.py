"""Batches travel to PostgreSQL as JSON: one parameter, encoded in C, read there by `json_to_recordset`.

Arrays by column would say the same, but asyncpg looks at each of their elements in Python.
"""

from __future__ import annotations

import msgspec

NULL = msgspec.Raw(b"null")


def raw_json(text: str | None) -> msgspec.Raw:
    """JSON text as a part of a larger document, not encoded again."""
    return NULL if text is None else msgspec.Raw(text.encode())
