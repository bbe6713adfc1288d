"""Labels: the scalars of tasks' metadata, each kept as a number that an index finds tasks by."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

LABEL_CHARACTERS_MAX = 500  #: of name and value together; longer ones are kept but cannot be searched by


def labels_of(account_id: str, metadata: str) -> set[str]:
    """The labels of a task with this metadata, a JSON object; each as PostgreSQL writes it."""
    found = set()
    for name, value in msgspec.json.decode(metadata).items():
        text = value if type(value) is str else _text(value)
        if text is not None and len(name) + len(text) <= LABEL_CHARACTERS_MAX:
            found.add(_told(account_id, name, text))
    return found


def label(account_id: str, name: str, value: str) -> int:
    """The label of an account's tasks whose metadata has `value` under `name`.

    Two may share a number, so whoever finds a task by it looks at the metadata as well. Migrations compute the same.
    """
    digest = hashlib.sha256(f"{account_id}\x1f{name}\x1f{value}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@lru_cache(maxsize=65_536)
def _told(account_id: str, name: str, value: str) -> str:
    return str(label(account_id, name, value))


def _text(value: Any) -> str | None:
    """A number or boolean as PostgreSQL's `->>` tells it; None for everything else."""
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None
